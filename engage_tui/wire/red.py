"""Redundant audio (RFC 2198): each packet carries earlier ones once more, so that a single loss costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_BLOCKS = 8
"""Redundant blocks that are read from one packet."""

MAX_OFFSET = 0x3FFF
"""Timestamp units by which a redundant block may lie back: 14 bits, 341 ms at 48 kHz."""

MAX_LENGTH = 0x3FF
"""Bytes of a redundant block: 10 bits."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a packet.

    Attributes:
        age: Packets back: 0 is the packet's own content.
        offset: Timestamp units back.
        payload_type: Of the codec within.
    """

    age: int
    offset: int
    payload_type: int
    payload: bytes


def parse(data: bytes) -> list[Block]:
    """The blocks of a payload, the oldest first; empty if it is malformed."""
    heads: list[tuple[int, int, int]] = []
    at = 0
    while at < len(data) and data[at] & 0x80:
        if at + 4 > len(data) or len(heads) == MAX_BLOCKS:
            return []
        word = int.from_bytes(data[at : at + 4], "big")
        heads.append((word >> 24 & 0x7F, word >> 10 & MAX_OFFSET, word & MAX_LENGTH))
        at += 4
    if at >= len(data):
        return []
    own_type = data[at] & 0x7F
    at += 1
    blocks = []
    for number, (payload_type, offset, length) in enumerate(heads):
        if at + length > len(data):
            return []
        blocks.append(Block(len(heads) - number, offset, payload_type, data[at : at + length]))
        at += length
    return [*blocks, Block(0, 0, own_type, data[at:])]


def build(payload_type: int, earlier: Sequence[tuple[int, bytes]], payload: bytes) -> bytes:
    """A payload that carries `payload` and earlier ones.

    Args:
        payload_type: Of the codec within.
        earlier: ``(timestamp units back, payload)``, the oldest first, without holes; what the format cannot
            hold is left out, with everything older.
        payload: The packet's own content.
    """
    kept: list[tuple[int, bytes]] = []
    for offset, content in reversed(earlier):
        if not 0 < offset <= MAX_OFFSET or len(content) > MAX_LENGTH or len(kept) == MAX_BLOCKS:
            break
        kept.insert(0, (offset, content))
    heads = b"".join(
        ((0x80 | payload_type) << 24 | offset << 10 | len(content)).to_bytes(4, "big")
        for offset, content in kept
    )
    return heads + bytes((payload_type,)) + b"".join(content for _, content in kept) + payload
