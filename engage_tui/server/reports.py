"""A subscription's sender reports, and what the subscriber's receiver reports say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engage_tui.server.upstream import Upstream
from engage_tui.wire import rtcp

if TYPE_CHECKING:
    from engage_tui.server.incoming import IncomingStream

_REMEMBERED = 4  # sender reports whose time is known


class Reports:
    """The reports on one stream, both ways.

    Args:
        ssrc: Of the stream.
    """

    def __init__(self, ssrc: int) -> None:
        self._ssrc = ssrc
        self._upstream = Upstream()
        self._heard = -1  # the highest number that a report spoke of
        self._sent: dict[int, float] = {}  # the middle 32 bits of NTP, when

    def heard(
        self, block: rtcp.Reception, source: IncomingStream | None, now: float
    ) -> tuple[int, float, float | None]:
        """Read a receiver's report.

        Args:
            block: What it says of this stream.
            source: Where the packets come from at present.
            now: Monotonic time.

        Returns:
            Packets that it expected since the report before, those of them that were lost on its own way, and the
            round trip in seconds if the report tells it.
        """
        expected = (block.highest - self._heard) & 0xFFFF if self._heard >= 0 else 0
        self._heard = block.highest
        sent = self._sent.pop(block.last_report, None)
        trip = None if sent is None else max(0.0, now - sent - block.delay / 65536)
        lost = self._upstream.excuse(source, expected * block.fraction_lost / 256)
        return expected, lost, trip

    def build(self, ntp: int, timestamp: int, packets: int, octets: int, now: float) -> bytes:
        """A sender report: the wall time of the publisher's clock, in the subscriber's timestamps."""
        self._sent[ntp >> 16 & 0xFFFFFFFF] = now
        while len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]
        report = rtcp.SenderReport(self._ssrc, ntp, timestamp)
        return rtcp.build_sender_report(report, packets, octets)
