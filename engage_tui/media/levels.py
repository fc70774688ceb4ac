"""How loud sound is: as a fraction of full scale for figures, and as the ear hears it for meters."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FLOOR_DB = -60.0
"""The level, in dBFS, at which a meter shows nothing."""

_BLOCKS = 100  # of 10 ms: the last second
_SLOT = 480  # samples
_DECAY = 0.02  # a meter's fall in 10 ms: from full to nothing in half a second

Samples = npt.NDArray[np.int16] | npt.NDArray[np.float32]


def rms(samples: Samples) -> float:
    """Root mean square of all samples, 0 to 1 of full scale (a full-scale sine has 0.707).

    Args:
        samples: int16, or float32 from -1 to 1; any shape.
    """
    if samples.size == 0:
        return 0.0
    flat = samples.ravel().astype(np.float32)
    if samples.dtype == np.int16:
        flat *= np.float32(1 / 32768)
    return math.sqrt(float(np.dot(flat, flat)) / flat.size)


def loudness(value: float) -> float:
    """A meter's deflection for an rms: -60 dBFS and less is 0, full scale 1, linear in dB between."""
    if value <= 10 ** (FLOOR_DB / 20):
        return 0.0
    return min(1.0, 1 - 20 * math.log10(value) / FLOOR_DB)


class Meter:
    """Levels of one stream of blocks of up to 10 ms. One thread adds, any thread reads."""

    def __init__(self) -> None:
        self._squares = [0.0] * _BLOCKS
        self._sum = 0.0
        self._next = 0
        self._part = 0.0  # of the slot in hand that is filled
        self._level = 0.0
        self._rms_max = 0.0

    def add(self, samples: Samples) -> None:
        """Take in the next block, as `rms` does."""
        value = rms(samples)
        square = value * value
        share = min(1.0, len(samples) / _SLOT)
        index = self._next
        self._squares[index] = (self._squares[index] if self._part else 0.0) + square * share
        self._part += share
        if self._part >= 1:
            self._next, self._part = (index + 1) % _BLOCKS, 0.0
        # Summed anew: a running sum would drift, and would be hurt for ever by one sample that is no number.
        self._sum = math.fsum(self._squares)
        self._level = max(loudness(value), self._level - _DECAY * share)
        self._rms_max = max(self._rms_max, self.rms)

    @property
    def rms(self) -> float:
        """Rms of the last second, 0 to 1; the time before the first block counts as silence."""
        return math.sqrt(self._sum / _BLOCKS)

    @property
    def rms_max(self) -> float:
        """The largest `rms` since the start."""
        return self._rms_max

    @property
    def level(self) -> float:
        """A meter's deflection, 0 to 1: rises at once, falls in half a second."""
        return self._level
