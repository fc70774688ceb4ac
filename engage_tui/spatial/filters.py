"""Filters that are not measured: dullness by a low-pass, and the two gains of plain loudspeakers."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from engage_tui.spatial.hrtf import RATE, Spectrum
from engage_tui.spatial.pan import pan_gains

LOW_PASS_TAPS = 64
"""Samples of a low-pass."""

_OPEN, _SHUT = 20_000.0, 400.0  # Hz: the cut-off without and with full dullness
_STEPS = 64  # degrees of dullness told apart

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
        self._known: dict[int, Spectrum] = {}

    def __call__(self, dullness: float) -> Spectrum:
        """The spectrum for a dullness from 0 (exclusive) to 1, ``(bins,)``."""
        step = max(1, round(dullness * _STEPS))
        if step not in self._known:
            response = low_pass_response(step / _STEPS)
            self._known[step] = np.fft.rfft(response, self._size).astype(np.complex64)
        return self._known[step]


class PanBank:
    """Two loudspeakers instead of ears: constant-power gains, the same at every frequency.

    Args:
        size: Samples of the Fourier transform for which the filters are.
    """

    def __init__(self, size: int) -> None:
        self._bins = size // 2 + 1
        self._made = functools.lru_cache(maxsize=720)(self._make)

    def filters(self, azimuth: float, elevation: float) -> Spectrum:  # noqa: ARG002 - there is no above
        """See `hrtf.Bank`."""
        return self._made(round(2 * azimuth))

    def _make(self, half_degrees: int) -> Spectrum:
        gains = np.array(pan_gains(half_degrees / 2), np.complex64)
        return np.broadcast_to(gains[:, None], (2, self._bins))
