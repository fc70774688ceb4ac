"""How long incoming sound has to wait: the network's delay measured, and the buffer's target derived from it."""

from __future__ import annotations

from collections import deque

import numpy as np

from engage_tui.rtc.opus import SAMPLE_RATE

MAX_TARGET = 9600
"""Samples of the longest delay, 200 ms: an interpreter that was held up is not a network that is slow."""

MARGIN = 240
"""Samples beyond the measured jitter, or beyond a block of the mixer where that is longer: 5 ms."""

WINDOW = 3.0
"""Seconds over which delays are compared."""

MAX_SAMPLES = 400
"""Packets of that window that are kept; the oldest are dropped."""

FEW = 10
"""Packets that are kept however old they are, so that a pause does not forget the clock."""

REPAIR_MEMORY = 10.0
"""Seconds for which the buffer stays long enough to use redundancy after it was last needed."""

RESTART = 12_000
"""Samples, 250 ms, by which a first packet after a pause may differ before the clocks count as new."""

_QUANTILE = 99.0


class DelayEstimate:
    """Where playing should stand, from arrivals alone.

    The least delay seen lately is the network's own; what others took longer is jitter. A sample is due at
    ``now - base - target``, all of it in samples of one clock; the sender's drift moves `base` along.
    """

    def __init__(self) -> None:
        self._jitter = 0.0
        self._delays: deque[tuple[float, float]] = deque(maxlen=MAX_SAMPLES)
        self._base: float | None = None
        self._repaired = float("-inf")
        self._since = 0

    def add(self, time: int, arrival: float) -> bool:
        """Take a packet's media time (samples) and arrival (s); True if the sender's clock is a new one."""
        delay = arrival * SAMPLE_RATE - time
        delays = self._delays
        paused = bool(delays) and arrival - delays[-1][0] > 0.3
        restarted = bool(paused and self._base is not None and abs(delay - self._base) > RESTART)
        if restarted or (self._base is not None and delay < self._base - 2 * MARGIN):
            # What was compared with until now had waited somewhere, as before the connection stood.
            delays.clear()
        delays.append((arrival, delay))
        while len(delays) > FEW and delays[0][0] < arrival - WINDOW:
            delays.popleft()
        self._since += 1
        if self._base is None or delay < self._base or restarted:
            self._base = delay
        if len(delays) < FEW or self._since >= 8:
            self._since = 0
            self._update()
        return restarted

    def repaired(self, now: float) -> None:
        """A packet was lost whose content comes with the next one."""
        self._repaired = now

    def due(self, now: float, frame: int, block: int) -> float:
        """The media time that should be played at `now`; `frame` are the samples of one packet, `block` of a pull."""
        assert self._base is not None
        return now * SAMPLE_RATE - self._base - self.wanted(now, frame, block)

    def wanted(self, now: float, frame: int, block: int) -> float:
        """The delay in samples that is aimed at: no less than what one pull takes."""
        redundancy = frame if now - self._repaired < REPAIR_MEMORY else 0
        wanted = self._jitter + redundancy + MARGIN
        return min(float(MAX_TARGET), max(float(block + MARGIN), wanted))

    def _update(self) -> None:
        values = np.fromiter((delay for _, delay in self._delays), np.float64)
        self._base = least = float(values.min())
        self._jitter = float(np.percentile(values, _QUANTILE)) - least
