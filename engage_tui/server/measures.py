"""What a publisher's packets say beside their media: their place on the path, and how loud it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engage_tui.server.arrivals import Arrivals
from engage_tui.server.speakers import LevelMeter
from engage_tui.wire import rtp, sdp

if TYPE_CHECKING:
    from engage_tui.server.published import PublishedTrack


class Measures:
    """Reads header extensions.

    Args:
        send_rtcp: Takes feedback to the publisher.

    Attributes:
        arrivals: When packets came.
        meter: How loud the participant speaks.
    """

    def __init__(self, send_rtcp: Callable[[bytes], None]) -> None:
        self.arrivals = Arrivals(send_rtcp)
        self.meter = LevelMeter()
        # Of transport-wide numbers, audio levels and AV1's descriptors:
        self._place_number = self._level_number = self._descriptor_number = 0

    def agree(self, numbers: dict[str, int]) -> None:
        """Set what the ids of header extensions are, by URI."""
        self._place_number = numbers.get(sdp.TRANSPORT_CC, 0)
        self._level_number = numbers.get(sdp.AUDIO_LEVEL, 0)
        self._descriptor_number = numbers.get(sdp.DEPENDENCY_DESCRIPTOR, 0)

    def wanted(self, track: PublishedTrack) -> tuple[int, int]:
        """The id of the extension that counts in a track's packets (0: there is none) and the bytes of its value."""
        return (self._place_number, 2) if track.video else (self._level_number, 1)

    def read(self, track: PublishedTrack, packet: rtp.RtpPacket, now: float) -> None:
        """Read a packet of a known stream, which came at monotonic time `now`."""
        number, width = self.wanted(track)
        value = rtp.extension(packet.extension_profile, packet.extension, number)
        if value is not None and len(value) == width:
            self.take(track, (int.from_bytes(value, "big"),), now)
        if track.codec == "AV1":
            packet.descriptor = rtp.extension(
                packet.extension_profile, packet.extension, self._descriptor_number
            )

    def take(self, track: PublishedTrack, values: Sequence[int], now: float) -> None:
        """Take the values of packets' extensions; negative ones are left out."""
        if track.video:
            for value in values:
                if value >= 0:
                    self.arrivals.add(value, now)
        elif not track.info.muted:
            for value in values:
                if value >= 0:
                    self.meter.add(value & 0x7F)
