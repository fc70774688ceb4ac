"""When a publisher's packets came: the other half of its bandwidth estimation (transport-wide feedback)."""

from __future__ import annotations

from collections.abc import Callable

from engage_tui.wire import rtcp

_EVERY = 0.09  # seconds between feedbacks, as libwebrtc has it
_FULL = 60  # packets after which feedback goes out before its time
_LONGEST = 1000  # packets that one feedback may span; more is a jump, not a hole


class Arrivals:
    """Collects arrival times by transport-wide sequence number and reports them.

    Args:
        send_rtcp: Takes the feedback to the publisher.
    """

    def __init__(self, send_rtcp: Callable[[bytes], None]) -> None:
        self._send_rtcp = send_rtcp
        self._times: dict[int, float] = {}
        self._highest = -1
        self._counter = 0
        self._flushed = 0.0

    def add(self, number: int, now: float) -> None:
        """A packet with the 16-bit `number` came at monotonic time `now`."""
        if self._highest < 0:
            self._highest = number
        distance = (number - self._highest + 0x8000 & 0xFFFF) - 0x8000
        number = self._highest + distance
        if number < 0:
            return  # older than the first one, before any wrap
        self._highest = max(self._highest, number)
        self._times[number] = now
        if len(self._times) >= _FULL:
            self.flush(0)

    def is_due(self, now: float) -> bool:
        """Whether something was collected, and it is time to send it."""
        return bool(self._times) and now - self._flushed >= _EVERY

    def tick(self, ssrc: int, now: float) -> None:
        """Send what was collected if it is time; called about 20 times a second."""
        if self.is_due(now):
            self._flushed = now
            self.flush(ssrc)

    def flush(self, ssrc: int) -> None:
        """Send what was collected."""
        if not self._times:
            return
        arrivals = sorted(self._times.items())
        self._times.clear()
        newest = arrivals[-1][0]
        arrivals = [each for each in arrivals if newest - each[0] < _LONGEST]
        self._send_rtcp(rtcp.build_transport_cc(ssrc, self._counter, arrivals))
        self._counter = (self._counter + 1) & 0xFF
