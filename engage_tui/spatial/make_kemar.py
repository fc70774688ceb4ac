"""Makes ``kemar.npz``: ``python -m engage_tui.spatial.make_kemar WHEEL``, for whoever wants to make it anew.

Source: MIT KEMAR, normal pinna (Bill Gardner and Keith Martin, MIT Media Lab Perceptual Computing, Technical Report
280, 1994; free to use with that citation), 710 directions, 44.1 kHz, 512 taps, as the published package ``slab``
carries it (``pip download --no-deps slab``). What is done to it:

1. resampled to 48 kHz by exact band-limited interpolation;
2. equalised for the diffuse field: the inverse of the power mean of all directions, minimum-phase, the same for both
   ears and every direction, so that neither time nor level differences between the ears change;
3. each direction scaled so that speech is equally loud from everywhere (power of both ears, A-weighted, with the
   long-term spectrum of speech of Byrne et al. 1994), again both ears alike;
4. below 300 Hz and above 19 kHz, which the measurement did not give, the level goes on as it is there;
5. each ear's response made minimum-phase and cut to `TAPS`, so that neighbouring directions can be mixed without
   combing; the measured delay between the ears (below 1.5 kHz) is kept as a number, beside a sphere's;
6. kept as 16-bit numbers of the left ear alone: the head is symmetric in the original.
"""

from __future__ import annotations

import bz2
import io
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engage_tui.spatial.filters import minimum_phase
from engage_tui.spatial.hrtf import RATE, ear_delays

Array = npt.NDArray[Any]

TAPS = 192
"""Samples kept of each ear."""

_FADE = 24

_FFT = 2048
_INSIDE = "slab/data/mit_kemar_normal_pinna.bz2"

# Byrne et al., "An international comparison of long-term average speech spectra", 1994: third octaves, dB SPL.
_SPEECH_HZ = (
    100,
    125,
    160,
    200,
    250,
    315,
    400,
    500,
    630,
    800,
    1000,
    1250,
    1600,
    2000,
    2500,
    3150,
    4000,
    5000,
)
_SPEECH_DB = (
    54.4,
    57.7,
    56.8,
    60.2,
    60.3,
    59.0,
    62.1,
    62.1,
    60.5,
    56.8,
    53.7,
    53.0,
    52.0,
    48.7,
    48.1,
    46.8,
    45.6,
    44.5,
)
_SPEECH_TOP = ((6300, 44.3), (8000, 43.7), (10_000, 43.4), (12_500, 41.3), (16_000, 40.7))


class _Plain:
    """Stands for every class of the pickle, so that reading it runs no code of others."""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("numpy") and name in ("_reconstruct", "ndarray", "dtype"):
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        return _Plain


def measured(wheel: str) -> tuple[Array, Array]:
    """The original data.

    Args:
        wheel: The package's wheel file.

    Returns:
        Directions ``(710, 2)``: azimuth to the right and elevation in degrees; responses ``(710, 2, 512)``, left and
        right ear at 44.1 kHz.
    """
    with zipfile.ZipFile(wheel) as package:
        data = bz2.decompress(package.read(_INSIDE))
    state = _Reader(io.BytesIO(data)).load().state
    sources = np.asarray(state["sources"], float)
    directions = np.stack([-sources[:, 0] % 360, sources[:, 1]], axis=1)
    return directions, np.stack([np.asarray(each.state["data"], float).T for each in state["data"]])


def resampled(responses: Array) -> Array:
    """44.1 kHz to 48 kHz: 588 samples become 640, by their spectrum; scaled so that a filter's gain stays."""
    spectrum = np.fft.rfft(responses, 588)
    return np.fft.irfft(spectrum, 640) * (640 / 588) * (44_100 / RATE)


def speech_weights(frequencies: Array) -> Array:
    """Power a hertz of A-weighted speech, up to a factor."""
    hertz = np.array(_SPEECH_HZ + tuple(each for each, _ in _SPEECH_TOP), float)
    decibels = np.array(_SPEECH_DB + tuple(each for _, each in _SPEECH_TOP))
    density = decibels - 10 * np.log10(hertz)  # third octaves hold more hertz the higher they are
    safe = np.maximum(frequencies, 1.0)
    speech = 10 ** (np.interp(np.log(safe), np.log(hertz), density) / 10)
    return np.asarray(
        speech * a_weighting(safe) ** 2 * (frequencies >= 80) * (frequencies <= 18_000)
    )


def a_weighting(frequencies: Array) -> Array:
    """Linear gain of the A curve (IEC 61672), 1 at 1 kHz."""
    square = frequencies**2
    curve = (12194.0**2 * square**2) / (
        (square + 20.6**2)
        * np.sqrt((square + 107.7**2) * (square + 737.9**2))
        * (square + 12194.0**2)
    )
    return np.asarray(curve * 10 ** (2.0 / 20), float)


def solid_angles(directions: Array) -> Array:
    """The share of the sphere that each direction stands for; what lies below the lowest ring goes to it."""
    weights = np.empty(len(directions))
    for elevation in np.unique(directions[:, 1]):
        ring = directions[:, 1] == elevation
        low = -90.0 if elevation == directions[:, 1].min() else elevation - 5
        high = min(90.0, elevation + 5)
        weights[ring] = (np.sin(np.radians(high)) - np.sin(np.radians(low))) / ring.sum()
    return np.asarray(weights / weights.sum())


def prepared(directions: Array, responses: Array) -> tuple[Array, Array]:
    """All steps for both ears.

    Returns:
        Responses ``(710, 2, TAPS)``, and by how many samples the left ear is later than on a sphere ``(710,)``.
    """
    at_48 = resampled(responses)
    spectrum = np.fft.rfft(at_48, _FFT)
    frequencies = np.fft.rfftfreq(_FFT, 1 / RATE)
    weights = solid_angles(directions)
    power = np.einsum("d,dek->k", weights, np.abs(spectrum) ** 2) / 2
    inverse = 1 / np.sqrt(_smoothed(power, frequencies))
    inverse = np.clip(
        inverse / np.interp(1000, frequencies, inverse), 10 ** (-18 / 20), 10 ** (12 / 20)
    )
    spectrum = spectrum * minimum_phase(inverse)
    speech = speech_weights(frequencies)
    loudness = np.einsum("k,dek->d", speech, np.abs(spectrum) ** 2) / (2 * speech.sum())
    spectrum /= np.sqrt(loudness)[:, None, None]
    magnitude = _completed(np.abs(spectrum), frequencies)
    aligned = np.fft.irfft(minimum_phase(magnitude), _FFT)[..., :TAPS]
    aligned[..., -_FADE:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, _FADE + 1) / (_FADE + 1))
    sphere = ear_delays(directions[:, 0], directions[:, 1])
    wanted = time_difference(np.fft.rfft(at_48, _FFT))
    given = time_difference(np.fft.rfft(aligned, _FFT)) + sphere[:, 0] - sphere[:, 1]
    return aligned, wanted - given


def time_difference(spectrum: Array) -> Array:
    """How much later the left ear is, in samples: the peak of the ears' correlation below 1.5 kHz.

    Args:
        spectrum: Of both ears, ``(..., 2, _FFT // 2 + 1)``.
    """
    fine, reach = 32, 60
    product = spectrum[..., 0, :] * np.conj(spectrum[..., 1, :])
    product = product * (np.fft.rfftfreq(_FFT, 1 / RATE) < 1500)
    correlation = np.fft.irfft(product, _FFT * fine)
    around = np.concatenate(
        [correlation[..., -reach * fine :], correlation[..., : reach * fine]], axis=-1
    )
    return np.asarray(around.argmax(axis=-1) / fine - reach, float)


def _completed(magnitude: Array, frequencies: Array) -> Array:
    """Magnitudes that go on below 300 Hz and above 19 kHz, which the measurement did not give, as they are there."""

    def level(low: float, high: float) -> Array:
        around = (frequencies >= low) & (frequencies <= high)
        return np.asarray(magnitude[..., around].mean(axis=-1, keepdims=True))

    measured = np.clip((frequencies - 150) / 150, 0, 1)
    whole = level(250, 350) * (1 - measured) + magnitude * measured
    beyond = np.clip((frequencies - 19_000) / 1000, 0, 1)
    return np.asarray(whole * (1 - beyond) + level(18_500, 19_500) * beyond)


def _smoothed(power: Array, frequencies: Array) -> Array:
    """A power spectrum averaged over a sixth of an octave, so that the inverse repairs no single notch."""
    edges = 2 ** (1 / 12)
    total = np.concatenate([[0.0], np.cumsum(power)])
    step = frequencies[1]
    low = np.maximum(0, np.floor(frequencies / edges / step)).astype(int)
    high = np.minimum(len(power), np.ceil(frequencies * edges / step).astype(int) + 1)
    mean = (total[high] - total[low]) / (high - low)
    limit = (frequencies >= 60) & (frequencies <= 18_000)
    return np.asarray(np.interp(frequencies, frequencies[limit], mean[limit]))


def write(wheel: str, target: Path) -> None:
    """Make the file."""
    directions, responses = measured(wheel)
    aligned, later = prepared(directions, responses)
    left = aligned[:, 0]
    scales = np.abs(left).max(axis=1) / 32767
    np.savez_compressed(
        target,
        directions=directions.astype(np.float32),
        taps=np.rint(left / scales[:, None]).astype(np.int16),
        scales=scales.astype(np.float32),
        later=later.astype(np.float32),
    )


if __name__ == "__main__":
    write(sys.argv[1], Path(__file__).with_name("kemar.npz"))
