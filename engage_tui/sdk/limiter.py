"""A limiter: many voices at once stay within full scale."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engage_tui.media.source import BLOCK

Stereo = npt.NDArray[np.float32]


class Limiter:
    """Keeps a sum of voices within full scale.

    Below the threshold sound passes untouched. Above it the gain falls within a millisecond and recovers in about
    0.3 s; what the fall leaves above the threshold is rounded off instead of cut.
    """

    threshold = 0.9

    def __init__(self) -> None:
        self._gain = 1.0

    def process(self, block: Stereo) -> Stereo:
        """Return the block, or a limited copy; float32 ``(samples, 2)``, within -1 to 1."""
        peak = float(np.abs(block).max(initial=0.0))
        wanted = min(1.0, self.threshold / peak) if peak > 0 else 1.0
        before = self._gain
        if wanted >= before:
            wanted = min(wanted, before + 0.03)  # the recovery: the same share each block
        if before == 1.0 and wanted == 1.0:
            return block
        self._gain = wanted
        ramp = min(len(block), BLOCK // 10) if wanted < before else len(block)
        gains = np.full((len(block), 1), wanted, np.float32)
        gains[:ramp, 0] = np.linspace(before, wanted, ramp, dtype=np.float32)
        limited = block * gains
        over = np.abs(limited) - self.threshold
        if float(over.max(initial=0.0)) > 0:
            room = 1 - self.threshold
            rounded = self.threshold + room * np.tanh(over / room)
            limited = np.where(over > 0, np.sign(limited) * rounded, limited)
        return limited.astype(np.float32, copy=False)
