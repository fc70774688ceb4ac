"""The loudness of what we send, for statistics and for the level that travels with each packet (RFC 6464)."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from engage_tui.rtc.opus import SAMPLE_RATE, Pcm


class LevelMeter:
    """Root mean square of the last second and its maximum, both 0 to 1 of full scale."""

    def __init__(self) -> None:
        self.rms = 0.0
        self.rms_max = 0.0
        self._parts: deque[tuple[float, int]] = deque()  # bounded: one second of samples
        self._sum = 0.0
        self._samples = 0

    def add(self, samples: Pcm) -> None:
        """Take a block of int16 samples, any shape; channels count as one voice (their mean)."""
        mono = samples.astype(np.float64)
        if mono.ndim > 1:
            mono = mono.mean(axis=1)
        energy = float(np.dot(mono, mono)) / 32768.0**2
        self._parts.append((energy, len(mono)))
        self._sum += energy
        self._samples += len(mono)
        while self._samples - self._parts[0][1] >= SAMPLE_RATE:
            old, count = self._parts.popleft()
            self._sum -= old
            self._samples -= count
        self.rms = math.sqrt(max(0.0, self._sum) / max(1, self._samples))
        self.rms_max = max(self.rms_max, self.rms)

    def clear(self) -> None:
        """Nothing is sent: the last second is silent."""
        self._parts.clear()
        self._sum, self._samples, self.rms = 0.0, 0, 0.0


def audio_level(samples: Pcm) -> int:
    """The level of a block in dB below overload, 0 (loud) to -127 (silence)."""
    values = samples.astype(np.float64).ravel()
    mean_square = float(np.dot(values, values)) / max(1, len(values)) / 32768.0**2
    if mean_square <= 0.0:
        return -127
    return max(-127, min(0, round(10 * math.log10(mean_square))))
