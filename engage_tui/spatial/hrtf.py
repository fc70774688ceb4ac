"""What the ears make of a direction: filters from measurements of the KEMAR head.

Data: MIT KEMAR, normal pinna, 710 directions from 40 degrees below to straight above. Bill Gardner and Keith Martin,
"HRTF Measurements of a KEMAR Dummy-Head Microphone", MIT Media Lab Perceptual Computing, Technical Report 280, 1994;
free to use with this citation. How ``kemar.npz`` was made of it stands in `engage_tui.spatial.make_kemar`.
"""

from __future__ import annotations

import functools
import math
from collections import OrderedDict
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
_STEP = 0.5  # degrees to which a direction is rounded: 5 us at most between the ears, and half a degree of angle
_REMEMBERED = 2048  # directions whose filters are kept (8 kB each); then the one not used for longest is dropped


class Bank(Protocol):
    """Gives filters for directions."""

    def filters(self, azimuth: float, elevation: float) -> Spectrum:
        """Spectra of the left and right ear, ``(2, bins)``, read-only.

        Args:
            azimuth: Degrees, 0 ahead, 90 right.
            elevation: Degrees, 90 above.
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
        self._responses = responses
        self._omega = 2 * np.pi * np.arange(size // 2 + 1) / size
        # A delay of part of a sample rings on for ever unless what is close to half the rate goes first.
        above = np.clip((np.arange(size // 2 + 1) / size * RATE - _TOP) / (RATE / 2 - _TOP), 0, 1)
        self._shape = np.cos(np.pi / 2 * above) ** 2
        self._elevations = np.unique(directions[:, 1])
        self._rings = [_ring(directions, elevation) for elevation in self._elevations]
        self._known: OrderedDict[tuple[int, int], Spectrum] = OrderedDict()
        self._pair = np.empty((2, responses.shape[1]), np.float32)

    def filters(self, azimuth: float, elevation: float) -> Spectrum:
        """See `Bank`; a direction is rounded to half a degree."""
        key = (round(azimuth / _STEP), round(elevation / _STEP))
        found = self._known.get(key)
        if found is None:
            found = self.exact(key[0] * _STEP, key[1] * _STEP)
            self._known[key] = found
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return found

    def exact(self, azimuth: float, elevation: float) -> Spectrum:
        """`filters` of the direction itself, made anew."""
        neighbours = self._neighbours(azimuth, elevation)
        mirrored = self._neighbours(-azimuth, elevation)
        for ear, near in enumerate(
            (neighbours, mirrored)
        ):  # the right ear is the left one's mirror image
            np.einsum("i,ij->j", near[1], self._responses[near[0]], out=self._pair[ear])
        later = float(neighbours[1] @ self._later[neighbours[0]]) / 2
        measured = min(max(elevation, float(self._elevations[0])), 90.0)
        delays = ear_delays(np.array(azimuth), np.array(measured))
        delays = delays + [_SLACK + later, _SLACK - later]
        spectrum = np.fft.rfft(self._pair, self._size) * self._shape
        spectrum = spectrum * np.exp(-1j * self._omega * delays[:, None])
        filters: Spectrum = spectrum.astype(np.complex64)
        filters.flags.writeable = False
        return filters

    def _neighbours(self, azimuth: float, elevation: float) -> tuple[npt.NDArray[np.intp], Samples]:
        """Indices and shares of the measured directions around one: two on the ring below, two above."""
        elevation = min(max(elevation, float(self._elevations[0])), float(self._elevations[-1]))
        upper = min(int(np.searchsorted(self._elevations, elevation)), len(self._rings) - 1)
        lower = max(0, upper - 1)
        span = float(self._elevations[upper] - self._elevations[lower])
        up = (elevation - float(self._elevations[lower])) / span if span else 0.0
        indices, shares = [], []
        for number, share in ((lower, 1 - up), (upper, up)):
            ring, azimuths = self._rings[number]
            at = azimuth % 360 / 360 * len(ring)  # each ring is evenly spaced from straight ahead
            first = int(at)
            indices += [ring[first % len(ring)], ring[(first + 1) % len(ring)]]
            shares += [share * (1 - at + first), share * (at - first)]
        return np.array(indices), np.array(shares, np.float32)


def _ring(directions: Floats, elevation: float) -> tuple[list[int], Floats]:
    """Indices and azimuths of one elevation, by azimuth."""
    members = np.flatnonzero(directions[:, 1] == elevation)
    order = members[np.argsort(directions[members, 0])]
    return [int(each) for each in order], directions[order, 0]
