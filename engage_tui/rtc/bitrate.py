"""How much of its bit rate a video may use, from what its receiver reports lost."""

from __future__ import annotations

LITTLE, MUCH = 0.02, 0.10
"""Shares lost below which the rate grows and above which it falls; in between it stays."""

GROWTH = 1.08
"""Per report, about each second."""

LEAST = 0.15
"""Share of the full rate that is always used."""

SETTLING = 0.3
"""Seconds after a fall in which reports still speak of the time before."""


class BitrateControl:
    """Loss-based control: LiveKit's servers tell publishers their losses and no estimate.

    What retransmissions made good does not count as lost. What they could not make good did not fit through, so the
    rate falls by as much.

    Attributes:
        share: Of the full bit rate, `LEAST` to 1.
    """

    def __init__(self) -> None:
        self.share = 1.0
        self._fell = float("-inf")

    def report(self, lost: float, now: float) -> None:
        """Take the share of packets `lost` since the last report, at `now` (s of a steady clock)."""
        if lost > MUCH and now - self._fell >= SETTLING:
            self.share = max(LEAST, self.share * (1 - lost))
            self._fell = now
        elif lost < LITTLE:
            self.share = min(1.0, self.share * GROWTH)
