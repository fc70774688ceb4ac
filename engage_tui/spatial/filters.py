"""Filters that are not measured: dullness by a low-pass, and the two gains of plain loudspeakers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engage_tui.spatial.hrtf import RATE, STEP, Key, Spectrum
from engage_tui.spatial.pan import pan_gains

LOW_PASS_TAPS = 64
"""Samples of a low-pass."""

_OPEN, _SHUT = 20_000.0, 400.0  # Hz: the cut-off without and with full dullness
DULL_STEPS = 64
"""Degrees of dullness told apart."""

Floats = npt.NDArray[np.float64]


def minimum_phase(magnitude: Floats) -> npt.NDArray[np.complex128]:
    """The spectrum of least delay with the magnitudes given, by the folded cepstrum.

    Args:
        magnitude: ``(..., bins)`` of an even Fourier length.
    """
    size = 2 * (magnitude.shape[-1] - 1)
    cepstrum = np.fft.irfft(np.log(np.maximum(magnitude, 1e-6)), size)
    cepstrum[..., 1 : size // 2] *= 2
    cepstrum[..., size // 2 + 1 :] = 0
    return np.asarray(np.exp(np.fft.rfft(cepstrum, size)))


def low_pass_response(dullness: float) -> Floats:
    """A one-pole low-pass of `LOW_PASS_TAPS`; its cut-off falls from 20 kHz to 400 Hz as `dullness` rises to 1."""
    size = 1024
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    cutoff = _OPEN * (_SHUT / _OPEN) ** dullness
    magnitude = 1 / np.sqrt(1 + (frequencies / cutoff) ** 2)
    return np.fft.irfft(minimum_phase(magnitude), size)[:LOW_PASS_TAPS]


class LowPasses:
    """Low-passes as spectra, each made when it is first asked for.

    Args:
        size: Samples of the Fourier transform.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._table = np.ones((DULL_STEPS + 1, size // 2 + 1), np.complex64)
        self._made = {0}

    def spectra(self, steps: Sequence[int]) -> Spectrum:
        """The spectra of dullness in steps of 0 to `DULL_STEPS`, ``(steps, bins)``; ``(1, bins)`` if all are alike."""
        for step in set(steps) - self._made:
            response = low_pass_response(step / DULL_STEPS)
            self._table[step] = np.fft.rfft(response, self._size)
            self._made.add(step)
        alike = steps[0] if len(set(steps)) == 1 else None
        return self._table[list(steps) if alike is None else [alike]]


class PanBank:
    """Two loudspeakers instead of ears: constant-power gains, the same at every frequency.

    Args:
        size: Samples of the Fourier transform for which the filters are.
    """

    def __init__(self, size: int) -> None:
        gains = np.array(
            [pan_gains(step * STEP) for step in range(round(360 / STEP))], np.complex64
        )
        self._table = np.broadcast_to(gains[:, :, None], (len(gains), 2, size // 2 + 1))

    def filters(self, directions: Sequence[Key], out: Spectrum) -> None:
        """See `hrtf.Bank`; there is no above."""
        out[:] = self._table[[azimuth % len(self._table) for azimuth, _ in directions]]
