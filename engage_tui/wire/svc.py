"""Layers within one stream: what VP9 (RFC 9628) and AV1 (its RTP specification) say of each packet."""

from __future__ import annotations

from typing import NamedTuple

# AV1's aggregation header: the first element continues one, the last one goes on, how many (0: all tell their size).
_CONTINUES, _GOES_ON, _COUNT, _ONE_MORE = 0x80, 0x40, 0x30, 0x10


class Place(NamedTuple):
    """A packet's place among the layers.

    Attributes:
        spatial: Its layer; 0 is the smallest.
        keyframe: A decoder can start with its picture.
        ends: It ends its layer's part of the picture.
        temporal: Its temporal layer; 0 is the slowest.
        opens: No later picture of a higher temporal layer needs one from before this.
    """

    spatial: int
    keyframe: bool
    ends: bool
    temporal: int = 0
    opens: bool = False


def parse_vp9(payload: bytes) -> Place | None:
    """Read a VP9 payload descriptor; None if it is cut short (or empty: padding)."""
    try:
        flags, at = payload[0], 1
        if flags & 0x80:  # a picture id of 7 or 15 bits
            at += 2 if payload[at] & 0x80 else 1
        layers = payload[at] if flags & 0x20 else 0
    except IndexError:
        return None
    spatial, starts, predicted = layers >> 1 & 7, flags & 0x08, flags & 0x40
    keyframe = bool(starts) and not predicted and not spatial
    return Place(spatial, keyframe, bool(flags & 0x04), layers >> 5, bool(layers & 0x10))


class Av1Layers:
    """Reads AV1's dependency descriptors; the structure that comes with a keyframe holds until the next one."""

    def __init__(self) -> None:
        self._offset = 0
        self._layers: list[tuple[int, int]] = []  # spatial and temporal, by template

    def read(self, descriptor: bytes) -> Place | None:
        """The place of the packet that carries `descriptor`; None if it is malformed or its structure unknown."""
        if len(descriptor) < 3:
            return None
        structure = len(descriptor) > 3 and bool(descriptor[3] & 0x80)
        if structure and not self._learn(descriptor):
            return None
        template = (descriptor[0] & 0x3F) - self._offset & 0x3F
        if template >= len(self._layers):
            return None
        starts, ends = descriptor[0] & 0x80, descriptor[0] & 0x40
        spatial, temporal = self._layers[template]
        return Place(spatial, structure and bool(starts) and not spatial, bool(ends), temporal)

    def _learn(self, descriptor: bytes) -> bool:
        """Read the layers of the templates: five flags, two numbers, then two bits from each to the next."""
        bits = int.from_bytes(descriptor[3:], "big")
        left = 8 * (len(descriptor) - 3) - 5

        def take(count: int) -> int:
            nonlocal left
            left -= count
            return bits >> left & (1 << count) - 1 if left >= 0 else 3

        offset, _targets = take(6), take(5)
        spatial = temporal = 0
        layers = [(0, 0)]
        while (step := take(2)) != 3 and len(layers) < 64:
            if step == 2:
                spatial, temporal = spatial + 1, 0
            temporal += step == 1
            layers.append((spatial, temporal))
        if left < 0:
            return False
        self._offset, self._layers = offset, layers
        return True


def bind_av1(payload: bytes, *, joins: bool, goes_on: bool) -> bytes:
    """Make one unit of a picture's layers, for receivers that get no descriptors.

    Without these libwebrtc takes every packet that does not continue an element of the packet before as the beginning
    of a picture, and drops the layers below. So an element of each layer but the last is said to go on in the next
    one's first packet, with nothing more.

    Args:
        payload: Of a packet, with its aggregation header.
        joins: It begins a layer, and another one precedes.
        goes_on: It ends a layer, and another one follows.
    """
    head, rest = payload[0], payload[1:]
    if goes_on:
        head |= _GOES_ON
    if joins:
        count = head & _COUNT
        if count == _COUNT:
            return payload  # four elements have no number, and no encoder begins an upper layer with three
        head |= _CONTINUES
        if count:
            head += _ONE_MORE
        rest = b"\0" + rest
    return bytes((head,)) + rest
