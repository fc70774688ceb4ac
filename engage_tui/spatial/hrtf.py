"""What the ears make of a direction: filters from measurements of the KEMAR head.

Data: MIT KEMAR, normal pinna, 710 directions from 40 degrees below to straight above. Bill Gardner and Keith Martin,
"HRTF Measurements of a KEMAR Dummy-Head Microphone", MIT Media Lab Perceptual Computing, Technical Report 280, 1994;
free to use with this citation. How ``kemar.npz`` was made of it stands in `engage_tui.spatial.make_kemar`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from importlib import resources
from typing import Protocol

import numpy as np
import numpy.typing as npt

Spectrum = npt.NDArray[np.complex64]
Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

RATE = 48_000
"""Samples a second."""

HEAD_RADIUS = 0.0875
"""Metres of the sphere whose delays are taken out of the data and put back."""

SPEED = 343.0
"""Of sound, metres a second."""

_SLACK = 10.0  # samples added to both delays, since a measured one may be shorter than a sphere's
_LONGEST = math.ceil(HEAD_RADIUS / SPEED * (1 + math.pi / 2) * RATE + 2 * _SLACK)

_TOP = 18_500.0  # Hz from which on filters fall, to nothing at half the rate
_REMEMBERED = (
    2048  # directions whose filters are kept (8 kB each); then the one made first is dropped
)

STEP = 0.5
"""Degrees to which a direction is rounded: 5 us at most between the ears, and half a degree of angle."""


Key = tuple[int, int]


class Bank(Protocol):
    """Gives filters for directions."""

    def filters(self, directions: Sequence[Key], out: Spectrum) -> None:
        """Write the spectra of the left and right ear into `out`, ``(directions, 2, bins)``.

        Args:
            directions: Azimuth (0 ahead, 90 degrees right) and elevation (90 degrees above) in steps of `STEP` degrees.
            out: Where they go.
        """


def ear_delays(azimuth: Floats, elevation: Floats) -> Floats:
    """Delays by which sound reaches the ears of a sphere (Woodworth's formula), against the shortest way to an ear.

    Args:
        azimuth: Degrees to the right.
        elevation: Degrees upwards.

    Returns:
        Samples, ``(..., 2)``, left and right.
    """
    side = np.sin(np.radians(azimuth)) * np.cos(np.radians(elevation))
    towards = np.stack([-side, side], axis=-1)
    lit, shadowed = 1 - towards, 1 + np.arcsin(np.clip(-towards, -1, 1))
    return np.asarray(np.where(towards >= 0, lit, shadowed) * (HEAD_RADIUS / SPEED * RATE))


@functools.cache
def _data() -> tuple[Floats, Samples, Samples]:
    """Directions ``(710, 2)``; the left ear's responses ``(710, taps)``; how much later it is than on a sphere."""
    with (
        resources.files(__package__).joinpath("kemar.npz").open("rb") as file,
        np.load(file) as data,
    ):
        taps = data["taps"].astype(np.float32) * data["scales"][:, None]
        return data["directions"].astype(float), taps, data["later"]


class KemarBank:
    """KEMAR's ears in any direction: four neighbours mixed, the delay between the ears put in exactly.

    What is lower than the lowest measurement (-40 degrees) is heard from there.

    Args:
        size: Samples of the Fourier transform for which the filters are.

    Attributes:
        longest: Samples of the longest filter.
    """

    longest = 192 + _LONGEST

    def __init__(self, size: int) -> None:
        directions, responses, self._later = _data()
        self._size = size
        self._bins = size // 2 + 1
        self._omega = (2 * np.pi * np.arange(self._bins) / size).astype(np.float32)
        # A delay of part of a sample rings on for ever unless what is close to half the rate goes first.
        above = np.clip((np.arange(self._bins) / size * RATE - _TOP) / (RATE / 2 - _TOP), 0, 1)
        shape = np.cos(np.pi / 2 * above) ** 2
        self._spectra = (np.fft.rfft(responses, size) * shape).astype(np.complex64)
        self._elevations = np.unique(directions[:, 1])
        rings = [_ring(directions, elevation) for elevation in self._elevations]
        self._lengths = np.array([len(ring) for ring in rings])
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._order = np.concatenate(rings)
        self._known: dict[Key, int] = {}
        # Not touched before it is needed, so that an unused bank costs no memory.
        self._table = np.empty((_REMEMBERED, 2, self._bins), np.complex64)

    def filters(self, directions: Sequence[Key], out: Spectrum) -> None:
        """See `Bank`."""
        known = self._known
        rows = [known.get(key, -1) for key in directions]
        if -1 in rows:
            missing = list(dict.fromkeys(key for key in directions if key not in known))
            if len(set(directions)) > len(self._table):
                out[:] = self.exact(*(np.array(directions).T * STEP))
                return
            self._make(missing, set(directions))
            rows = [known[key] for key in directions]
        np.take(self._table, rows, axis=0, out=out, mode="clip")  # anything else is copied first

    def _make(self, missing: Sequence[Key], wanted: set[Key]) -> None:
        """Make the filters that are missing, in place of those made first."""
        known = self._known
        for key, spectrum in zip(missing, self.exact(*(np.array(missing).T * STEP)), strict=True):
            row = len(known)
            if row == len(self._table):
                oldest = next(each for each in known if each not in wanted)
                row = known.pop(oldest)
            known[key] = row
            self._table[row] = spectrum

    def exact(self, azimuth: Floats, elevation: Floats) -> Spectrum:
        """`filters` of the directions themselves, made anew."""
        azimuth, elevation = np.atleast_1d(azimuth), np.atleast_1d(elevation)
        measured = np.clip(elevation, self._elevations[0], self._elevations[-1])
        # The right ear is the left one's mirror image.
        rows, shares = self._neighbours(np.stack([azimuth, -azimuth], axis=1), measured[:, None])
        spectra = np.einsum("dens,den->des", self._spectra[rows], shares.astype(np.float32))
        later = (self._later[rows[:, 0]] * shares[:, 0]).sum(axis=1) / 2
        delays = ear_delays(azimuth, measured)
        delays = delays + np.stack([_SLACK + later, _SLACK - later], axis=1)
        turn = delays.astype(np.float32)[:, :, None] * self._omega
        filters: Spectrum = np.empty(turn.shape, np.complex64)
        filters.real, filters.imag = np.cos(turn), -np.sin(turn)
        filters *= spectra
        return filters

    def _neighbours(
        self, azimuth: Floats, elevation: Floats
    ) -> tuple[npt.NDArray[np.intp], Floats]:
        """Measured directions around some, and the share of each: two on the ring below, two above; ``(…, 4)``."""
        upper = np.minimum(np.searchsorted(self._elevations, elevation), len(self._lengths) - 1)
        lower = np.maximum(upper - 1, 0)
        span = self._elevations[upper] - self._elevations[lower]
        up = np.where(
            span > 0, (elevation - self._elevations[lower]) / np.where(span > 0, span, 1), 0
        )
        indices, shares = [], []
        for ring, share in ((lower, 1 - up), (upper, up)):
            length = self._lengths[ring]
            at = azimuth % 360 / 360 * length  # each ring is evenly spaced from straight ahead
            first = at.astype(np.intp)
            for step, part in ((0, 1 - at + first), (1, at - first)):
                indices.append(self._order[self._starts[ring] + (first + step) % length])
                shares.append(share * part)
        return np.stack(indices, axis=-1), np.stack(shares, axis=-1)


def _ring(directions: Floats, elevation: float) -> npt.NDArray[np.intp]:
    """Indices of one elevation's directions, by azimuth."""
    members = np.flatnonzero(directions[:, 1] == elevation)
    return members[np.argsort(directions[members, 0])]
