"""What the gain control must not lift: the rest of an echo.

A gain control takes what a canceller leaves of the others' voices for a quiet voice of our own, and sends it back
louder. While the canceller takes most of what the microphone hears, nothing is lifted.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Mono = npt.NDArray[np.int16]

_MEMORY = 0.8  # of a level, from block to block: 45 ms
_TAKEN = 4.0  # times less power behind the canceller than before it (6 dB), from which on it is echo that is heard
_HEARD = 40.0  # power of int16, about -60 dBFS, below which nothing is said of a block
_LATEST = 100  # blocks, 1 s, within which what was played is heard as echo
_HOLD = 30  # blocks, 300 ms, for which echo is expected to go on: a canceller that loses its way leaks for moments


class EchoGuard:
    """Watches a canceller, and holds a gain control back."""

    def __init__(self) -> None:
        self._before = self._after = 0.0
        self._hold = self._played = 0
        self._factor = np.float32(1.0)

    @property
    def echoes(self) -> bool:
        """Whether what is heard at present is echo, for the most part."""
        return self._hold > 0

    def watch(self, played: Mono, before: Mono, after: Mono) -> None:
        """Look at a block as played, as captured, and as the canceller left it.

        Where nothing is played, it is no echo that the canceller takes: it also takes hum.
        """
        self._played = _LATEST if _power(played) > _HEARD else max(0, self._played - 1)
        self._before = _MEMORY * self._before + (1 - _MEMORY) * _power(before)
        self._after = _MEMORY * self._after + (1 - _MEMORY) * _power(after)
        heard = self._played and self._before > _HEARD
        echo = heard and self._before > _TAKEN * self._after
        self._hold = _HOLD if echo else max(0, self._hold - 1)

    def restrain(self, sound: Mono, lifted: Mono) -> Mono:
        """A block behind the gain control, no louder than before it while there is echo.

        Args:
            sound: Before.
            lifted: Behind.
        """
        wanted = np.float32(1.0)
        if self.echoes:
            power = _power(lifted)
            wanted = np.float32(min(1.0, (_power(sound) / power) ** 0.5 if power else 1.0))
        factor, self._factor = self._factor, wanted
        if factor == wanted == 1:
            return lifted
        # No jump: from the last block's factor to this one's. Down at once, since what leaks is short.
        ramp = np.linspace(min(factor, wanted), wanted, len(lifted), dtype=np.float32)
        return np.asarray(np.rint(lifted * ramp), np.int16)


def _power(block: Mono) -> float:
    wide = block.astype(np.float32)
    return float(np.dot(wide, wide)) / max(1, len(wide))
