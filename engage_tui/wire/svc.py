"""Spatial layers within one stream: what VP9 (RFC 9628) and AV1 (its RTP specification) say of each packet."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A packet's place among the layers.

    Attributes:
        spatial: Its layer; 0 is the smallest.
        keyframe: A decoder can start with its picture.
        ends: It ends its layer's part of the picture.
    """

    spatial: int
    keyframe: bool
    ends: bool


def parse_vp9(payload: bytes) -> Place | None:
    """Read a VP9 payload descriptor; None if it is cut short (or empty: padding)."""
    try:
        flags, at = payload[0], 1
        if flags & 0x80:  # a picture id of 7 or 15 bits
            at += 2 if payload[at] & 0x80 else 1
        spatial = payload[at] >> 1 & 7 if flags & 0x20 else 0
    except IndexError:
        return None
    starts, predicted = flags & 0x08, flags & 0x40
    return Place(spatial, bool(starts) and not predicted and not spatial, bool(flags & 0x04))


class Av1Layers:
    """Reads AV1's dependency descriptors; the structure that comes with a keyframe holds until the next one."""

    def __init__(self) -> None:
        self._offset = 0
        self._spatial: list[int] = []

    def read(self, descriptor: bytes) -> Place | None:
        """The place of the packet that carries `descriptor`; None if it is malformed or its structure unknown."""
        if len(descriptor) < 3:
            return None
        structure = len(descriptor) > 3 and bool(descriptor[3] & 0x80)
        if structure and not self._learn(descriptor):
            return None
        template = (descriptor[0] & 0x3F) - self._offset & 0x3F
        if template >= len(self._spatial):
            return None
        starts, ends = descriptor[0] & 0x80, descriptor[0] & 0x40
        spatial = self._spatial[template]
        return Place(spatial, structure and bool(starts) and not spatial, bool(ends))

    def _learn(self, descriptor: bytes) -> bool:
        """Read the layers of the templates: five flags, two numbers, then two bits from each to the next."""
        bits = int.from_bytes(descriptor[3:], "big")
        left = 8 * (len(descriptor) - 3) - 5

        def take(count: int) -> int:
            nonlocal left
            left -= count
            return bits >> left & (1 << count) - 1 if left >= 0 else 3

        offset, _targets = take(6), take(5)
        spatial, layers = 0, [0]
        while (step := take(2)) != 3 and len(layers) < 64:
            spatial += step == 2
            layers.append(spatial)
        if left < 0:
            return False
        self._offset, self._spatial = offset, layers
        return True
