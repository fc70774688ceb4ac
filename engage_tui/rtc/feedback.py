"""What one connection says about what it receives: requests at once, reports regularly; and its round trip."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterable

from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket

from engage_tui.rtc.dtls import DtlsTransport
from engage_tui.rtc.receiver import Receiver
from engage_tui.rtc.round_trip import RoundTrip
from engage_tui.wire.rtcp import RtcpPart

_log = logging.getLogger(__name__)

REPORT_INTERVAL = (0.5, 1.0)
"""Seconds between receiver reports, at random in between (RFC 3550 6.2)."""

MAX_FEEDBACK = 200
"""RTCP packets that wait to be sent; the oldest are dropped, timers ask again."""

_MAX_REPORTS = 31  # as many as the header can count


class FeedbackPath:
    """Sends RTCP for all receivers of a connection.

    Args:
        dtls: The connection.
        receivers: Those that there are now.

    Attributes:
        ssrc: In whose name everything is said.
        round_trip: Of the connection.
    """

    def __init__(self, dtls: DtlsTransport, receivers: Callable[[], Iterable[Receiver]]) -> None:
        self.ssrc = random.getrandbits(32)
        self.round_trip = RoundTrip(self.ssrc)
        self._dtls = dtls
        self._receivers = receivers
        self._waiting: deque[bytes] = deque(maxlen=MAX_FEEDBACK)  # oldest dropped
        self._ready = asyncio.Event()
        dtls.on_rtcp_part = self._take

    def send(self, packet: bytes) -> None:
        """Queue one RTCP packet; never blocks, never raises."""
        self._waiting.append(packet)
        self._ready.set()

    async def send_waiting(self) -> None:
        """Send what is queued, for ever."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._waiting:
                await self._send(self._waiting.popleft())

    async def send_reports(self) -> None:
        """Report on every receiver and measure the round trip, for ever."""
        while True:
            reports: list[RtcpReceiverInfo] = []
            for receiver in self._receivers():
                if (report := receiver.report()) is not None:
                    reports.append(report)
            if reports:
                # Servers find the connection of the question by the report beside it; one will do.
                await self._send(self._report(reports[:1]) + self.round_trip.ask(time.monotonic()))
            for start in range(1, len(reports), _MAX_REPORTS):
                await self._send(self._report(reports[start : start + _MAX_REPORTS]))
            await asyncio.sleep(random.uniform(*REPORT_INTERVAL))

    def _take(self, part: RtcpPart) -> None:
        self.round_trip.take(part, time.monotonic())
        for receiver in self._receivers():
            receiver.round_trip = self.round_trip.seconds

    def _report(self, reports: list[RtcpReceiverInfo]) -> bytes:
        return bytes(RtcpRrPacket(ssrc=self.ssrc, reports=reports))

    async def _send(self, packet: bytes) -> None:
        try:
            await self._dtls._send_rtp(packet)  # noqa: SLF001
        except (ConnectionError, OSError) as error:
            _log.debug("feedback not sent: %s", error)
