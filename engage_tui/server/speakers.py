"""Who speaks: from the audio levels that publishers write into their packets' headers."""

from __future__ import annotations

import math

_ACTIVE = 35  # -dBov: what is quieter is no speech
_SHARE = 0.4  # of a window's packets must be louder
_STEPS = 8  # the level is told in eighths, so that only real changes are sent
WINDOW = 0.4
"""Seconds of one window."""


class LevelMeter:
    """The speaking level of one participant, window by window.

    Attributes:
        level: 0 (silent) to 1, in eighths; as told last.
    """

    def __init__(self) -> None:
        self.level = 0.0
        self._packets = self._active = 0
        self._loudest = 127

    def add(self, level: int) -> None:
        """A packet's level: 0 is the loudest, 127 silence (-dBov)."""
        self._packets += 1
        if level <= _ACTIVE:
            self._active += 1
            self._loudest = min(self._loudest, level)

    def close_window(self) -> bool:
        """End the window; whether `level` changed by it."""
        level = 0.0
        if self._packets and self._active >= _SHARE * self._packets:
            amplitude = 10 ** (-self._loudest / 20)
            level = math.ceil(amplitude * _STEPS) / _STEPS
        self._packets = self._active = 0
        self._loudest = 127
        changed = level != self.level
        self.level = level
        return changed
