"""Packets on their way to several subscribers: what does not depend on who gets them is made ready once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from struct import Struct

from engage_tui.server.numbering import Pictures
from engage_tui.wire.rtp import RtpPacket

ROOM = 2048
"""Bytes of the place in which a packet is protected."""

LARGEST = ROOM - 128
"""Bytes of a payload; the header goes before it, and protecting it adds some at its end."""

Packet = tuple[int, int, int, bytes]
"""A packet to be sent: marker and payload type, sequence number, timestamp, payload."""

Entry = tuple[Callable[..., None], int, int, int, bytes, int]
"""What writes header and payload, marker and payload type, sequence number, timestamp, payload, size of them all.

The first takes a buffer, the offset in it, version and flags, and the others up to the payload, the SSRC before it.
"""

_HEADER = 12
_HEAD = Struct("=IIHBx").pack  # native.c's struct packed
_PROTECTION = 64  # more than any profile adds to a packet
_MAX_SEGMENTS = 64  # of one send that the kernel cuts apart …
_MAX_BYTES = 65_000  # … and its bytes

_writers: dict[int, Callable[..., None]] = {}


class Run:
    """Packets of one stream that leave together.

    Args:
        originals: They, in order; `LARGEST` bytes of payload at most. The payload type may be left for `packets`.
        octets: Of all payloads.

    Attributes:
        count: How many they are.
    """

    def __init__(self, originals: Sequence[Packet], octets: int) -> None:
        self.count, self.octets = len(originals), octets
        self._originals = originals
        self._rewritten: dict[Pictures, Run] = {}
        self._packed = b""

    @classmethod
    def ready(cls, packets: Sequence[Packet]) -> Run:
        """Packets for one subscriber; too large ones are left out."""
        fitting = [packet for packet in packets if len(packet[3]) <= LARGEST]
        return cls(fitting, sum(len(packet[3]) for packet in fitting))

    @classmethod
    def steady(cls, packets: Sequence[RtpPacket]) -> Run | None:
        """Packets as they came; None if they are not all newer than the one before, carry nothing, or are too large."""
        originals: list[Packet] = []
        before, octets = packets[0].sequence - 1, 0
        for packet in packets:
            number, payload = packet.sequence, packet.payload
            size = len(payload)
            if not 0 < size <= LARGEST or (number - before) & 0xFFFF >= 0x8000 or number == before:
                return None
            before = number
            octets += size
            originals.append((packet.marker, number, packet.timestamp, payload))
        return cls(originals, octets)

    @cached_property
    def entries(self) -> Sequence[Entry]:
        """They, as Python writes them."""
        return [
            (_writer(len(packet[3])), *packet, _HEADER + len(packet[3]))
            for packet in self._originals
        ]

    @cached_property
    def groups(self) -> Sequence[tuple[int, int]]:
        """Neighbours of one size, the last of which may be shorter: their number and that size, header included."""
        groups: list[tuple[int, int]] = []
        count = longest = 0
        is_open = False
        for packet in self._originals:
            size = _HEADER + len(packet[3])
            if (
                is_open
                and size <= longest
                and count < _MAX_SEGMENTS
                and (count + 1) * (longest + _PROTECTION) < _MAX_BYTES
            ):
                count += 1
                is_open = size == longest
            else:
                if count:
                    groups.append((count, longest))
                count, longest, is_open = 1, size, True
        if count:
            groups.append((count, longest))
        return groups

    @property
    def packed(self) -> bytes:
        """They, as ``native.c`` takes them: what differs between packets, and the payload."""
        if not self._packed:
            parts: list[bytes] = []
            for marker, number, timestamp, payload in self._originals:
                parts += _HEAD(timestamp, len(payload), number, marker), payload
            self._packed = b"".join(parts)
        return self._packed

    def rewritten(self, pictures: Pictures) -> Run:
        """The same with VP8 picture ids shifted; made once for all who want it so."""
        made = self._rewritten.get(pictures)
        if made is None:
            changed = [
                (marker, number, timestamp, pictures.rewrite(payload))
                for marker, number, timestamp, payload in self._originals
            ]
            made = self._rewritten[pictures] = Run(changed, self.octets)
        return made

    def packets(self, kind: int, shift: int, later: int) -> list[Packet]:
        """The packets as a subscriber gets them.

        Args:
            kind: The payload type, put into that of the originals.
            shift: Added to sequence numbers.
            later: Added to timestamps.
        """
        return [
            (kind | marker, (number + shift) & 0xFFFF, (timestamp + later) & 0xFFFFFFFF, payload)
            for marker, number, timestamp, payload in self._originals
        ]


def _writer(size: int) -> Callable[..., None]:
    made = _writers.get(size)
    if made is None:
        made = _writers[size] = Struct(f"!BBHII{size}s").pack_into
    return made
