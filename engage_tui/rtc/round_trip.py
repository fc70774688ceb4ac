"""The time to the server and back, asked for in extended reports (RFC 3611), which LiveKit's servers answer at once."""

from __future__ import annotations

from engage_tui.wire import rtcp

WEIGHT = 0.25
"""Of each new measurement in the smoothed one."""

LONGEST = 5.0
"""Seconds; what took longer measures something else."""

_SECOND = 1 << 16  # of the middle 32 bits of an NTP time


class RoundTrip:
    """Measures the round trip of one connection.

    Args:
        ssrc: In whose name it is asked.

    Attributes:
        seconds: Smoothed; None before the first answer, and where the server answers none.
    """

    def __init__(self, ssrc: int) -> None:
        self.seconds: float | None = None
        self._ssrc = ssrc

    def ask(self, now: float) -> bytes:
        """The packet that asks, sent at `now` (s of a steady clock)."""
        return rtcp.build_reference_time(self._ssrc, int(now * _SECOND) << 16 & (1 << 64) - 1)

    def take(self, part: rtcp.RtcpPart, now: float) -> None:
        """Take a packet that came, if it is an answer."""
        if part.kind != rtcp.EXTENDED_REPORT:
            return
        answer = rtcp.parse_reference_answer(part.body, self._ssrc)
        if answer is None:
            return
        reference, delay = answer
        taken = ((int(now * _SECOND) - reference - delay) & 0xFFFFFFFF) / _SECOND
        if taken > LONGEST:
            return
        before = self.seconds
        self.seconds = taken if before is None else before + WEIGHT * (taken - before)
