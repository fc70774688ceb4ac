"""How long whole pictures wait, so that nothing stands still while others are repaired: not at all on a good network.

Pure: no clock but the one that is handed in.
"""

from __future__ import annotations

import statistics
from collections import deque

CLOCK_RATE = 90_000

MEMORY = 8.0
"""Seconds for which repaired pictures are remembered."""

MAX_LATE = 60
"""Repaired pictures that are kept; the oldest are dropped."""

FEW = 3
"""Repaired pictures within `MEMORY` below which nothing waits: an odd hiccup is not worth a delay."""

STILL = 0.2
"""Seconds for which a picture may stay: longer is seen as a freeze, shorter only as less smooth."""

LONGEST = 0.15
"""Seconds: lips that lag the voice by more are noticed."""

FALL = 0.02
"""Seconds by which the wait shrinks in a second."""

WINDOW = 3.0
"""Seconds over which the least delay is sought; a sender's drift moves it along."""

RESTART = 1.0
"""Seconds by which a picture's delay may differ before the sender's clock counts as new."""


class Smoothing:
    """Decides when each whole picture is due."""

    def __init__(self) -> None:
        self._least: deque[tuple[float, float]] = deque(
            maxlen=120
        )  # (when, delay), ascending in both
        self._late: deque[tuple[float, float]] = deque(maxlen=MAX_LATE)
        self._wait = 0.0
        self._at = 0.0
        self._due = float("-inf")
        self._origin: int | None = None
        self._interval = 0.0

    def due(self, timestamp: int, now: float, *, repaired: bool) -> float:
        """When to show a picture; never before the last one.

        Args:
            timestamp: Its RTP timestamp.
            now: Seconds at which it became whole.
            repaired: Whether for that a part had to be sent again. What was late for other reasons is not expected
                to be so again.
        """
        delay = now - self._media_time(timestamp)
        if self._least and abs(delay - self._least[0][1]) > RESTART:
            self._least.clear()
            self._late.clear()
        least = self._sink(delay, now)
        lateness = delay - least
        if repaired:
            self._late.append((now, lateness))
        self._follow(now)
        self._due = min(max(now, now - lateness + self._wait, self._due), now + LONGEST)
        return self._due

    @property
    def wait(self) -> float:
        """Seconds for which a picture that came in time waits at present."""
        return self._wait

    def _media_time(self, timestamp: int) -> float:
        if self._origin is None:
            self._origin = timestamp
        step = (timestamp - self._origin + (1 << 31) & (1 << 32) - 1) - (1 << 31)
        self._origin += step
        if 0 < step < CLOCK_RATE // 2:
            self._interval += (step / CLOCK_RATE - self._interval) / 8
        return self._origin / CLOCK_RATE

    def _sink(self, delay: float, now: float) -> float:
        """The least delay of the last `WINDOW` seconds, this one included."""
        least = self._least
        while least and least[-1][1] >= delay:
            least.pop()
        least.append((now, delay))
        while least[0][0] < now - WINDOW:
            least.popleft()
        return least[0][1]

    def _follow(self, now: float) -> None:
        while self._late and self._late[0][0] < now - MEMORY:
            self._late.popleft()
        wanted = 0.0
        if len(self._late) >= FEW:
            # Where single repairs are common, one that has to be repeated will come soon.
            repeated = 2 * statistics.median(lateness for _, lateness in self._late)
            wanted = min(LONGEST, max(0.0, repeated + self._interval - STILL))
        fallen = max(0.0, self._wait - FALL * max(0.0, now - self._at))
        self._wait, self._at = max(wanted, fallen), now
