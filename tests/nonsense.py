"""Messages and descriptions that make no sense, or make it at the wrong time: seeded, so that each can be replayed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_NUMBERS = (0, 1, 2, 3, 7, 255, 65_536, 2**31 - 1)
_WIDE = (*_NUMBERS, 2**62)


def fill(message: Message, rng: random.Random, words: Sequence[str], depth: int = 4) -> None:
    """Set fields of a message at random, each text one of `words`."""
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.4:
            continue
        if field.is_repeated:
            _fill_repeated(message, field, rng, words, depth)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            if depth:
                inner = getattr(message, field.name)
                inner.SetInParent()
                fill(inner, rng, words, depth - 1)
        else:
            setattr(message, field.name, _value(field, rng, words))


def _fill_repeated(
    message: Message,
    field: Any,
    rng: random.Random,
    words: Sequence[str],
    depth: int,
) -> None:
    values = getattr(message, field.name)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            values.append(_value(field, rng, words))
        elif field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields
            if value.type != FieldDescriptor.TYPE_MESSAGE:
                values[_value(key, rng, words)] = _value(value, rng, words)
        elif depth:
            fill(values.add(), rng, words, depth - 1)


def _value(field: Any, rng: random.Random, words: Sequence[str]) -> object:
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return rng.choice(words)
        case FieldDescriptor.TYPE_BYTES:
            return rng.randbytes(rng.choice((0, 1, 7, 40)))
        case FieldDescriptor.TYPE_BOOL:
            return rng.random() < 0.5
        case FieldDescriptor.TYPE_ENUM:
            return rng.choice((*field.enum_type.values_by_number, 99))
        case FieldDescriptor.TYPE_FLOAT | FieldDescriptor.TYPE_DOUBLE:
            return rng.choice((0.0, 0.5, -1.0, 1e30, float("nan")))
        case FieldDescriptor.TYPE_INT64 | FieldDescriptor.TYPE_UINT64:
            return rng.choice(_WIDE)
        case _:
            return rng.choice(_NUMBERS)


def mangle(sdp: str, rng: random.Random) -> str:
    """A description with some of its lines left out, doubled, moved, cut or garbled."""
    lines = sdp.splitlines()
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(lines)) if lines else 0
        match rng.randrange(7):
            case 0:
                del lines[at : at + 1]
            case 1:
                lines[at:at] = lines[at : at + rng.choice((1, 5, 30))]
            case 2:
                other = rng.randrange(len(lines)) if lines else 0
                lines[at : at + 1], lines[other : other + 1] = (
                    lines[other : other + 1],
                    lines[at : at + 1],
                )
            case 3:
                lines[at : at + 1] = [lines[at][: rng.randrange(len(lines[at]) + 1)]]
            case 4:
                garbled = list(lines[at]) or [""]
                garbled[rng.randrange(len(garbled))] = rng.choice("0 :/=;,-aZ9\u20ac")
                lines[at : at + 1] = ["".join(garbled)]
            case 5:
                words = lines[at].split(" ")
                words[rng.randrange(len(words))] = rng.choice(("", "-1", "0", "99999999999", "x"))
                lines[at : at + 1] = [" ".join(words)]
            case _:
                lines[at:] = []
        lines = lines or ["v=0"]
    return "\r\n".join(lines) + "\r\n"
