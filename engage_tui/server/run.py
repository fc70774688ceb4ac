"""Packets on their way to several subscribers: what does not depend on who gets them is made ready once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
_PROTECTION = 64  # more than any profile adds to a packet
_MAX_SEGMENTS = 64  # of one send that the kernel cuts apart …
_MAX_BYTES = 65_000  # … and its bytes

_writers: dict[int, Callable[..., None]] = {}


class Run:
    """Packets of one stream that leave together.

    Args:
        entries: They, in order; `LARGEST` bytes of payload at most.

    Attributes:
        groups: Neighbours of one size, the last of which may be shorter: their number and that size.
        octets: Of all payloads.
        count: How many they are.
    """

    __slots__ = ("_rewritten", "count", "entries", "groups", "octets")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.count = len(entries)
        self.groups: list[tuple[int, int]] = []
        self._rewritten: dict[Pictures, Run] = {}
        count = longest = total = 0
        is_open = False
        for entry in entries:
            size = entry[5]
            total += size
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
                    self.groups.append((count, longest))
                count, longest, is_open = 1, size, True
        if count:
            self.groups.append((count, longest))
        self.octets = total - _HEADER * len(entries)

    @classmethod
    def ready(cls, packets: Sequence[Packet]) -> Run:
        """Packets for one subscriber; too large ones are left out."""
        return cls(
            [
                (_writer(size), *packet, _HEADER + size)
                for packet in packets
                if (size := len(packet[3])) <= LARGEST
            ]
        )

    @classmethod
    def steady(cls, packets: Sequence[RtpPacket]) -> Run | None:
        """Packets as they came; None if they are not all newer than the one before, carry nothing, or are too large."""
        entries: list[Entry] = []
        before = packets[0].sequence - 1
        for packet in packets:
            number, payload = packet.sequence, packet.payload
            size = len(payload)
            if not 0 < size <= LARGEST or (number - before) & 0xFFFF >= 0x8000 or number == before:
                return None
            before = number
            entries.append(
                (_writer(size), packet.marker, number, packet.timestamp, payload, _HEADER + size)
            )
        return cls(entries)

    def rewritten(self, pictures: Pictures) -> Run:
        """The same with VP8 picture ids shifted; made once for all who want it so."""
        made = self._rewritten.get(pictures)
        if made is None:
            made = self._rewritten[pictures] = Run(
                [(*entry[:4], pictures.rewrite(entry[4]), entry[5]) for entry in self.entries]
            )
        return made

    def packets(self, kind: int, shift: int, later: int) -> list[Packet]:
        """The packets as a subscriber gets them.

        Args:
            kind: The payload type, put into that of the entries.
            shift: Added to sequence numbers.
            later: Added to timestamps.
        """
        return [
            (kind | marker, (number + shift) & 0xFFFF, (timestamp + later) & 0xFFFFFFFF, payload)
            for _, marker, number, timestamp, payload, _ in self.entries
        ]


def _writer(size: int) -> Callable[..., None]:
    made = _writers.get(size)
    if made is None:
        made = _writers[size] = Struct(f"!BBHII{size}s").pack_into
    return made
