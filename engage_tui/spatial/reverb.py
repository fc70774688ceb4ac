"""Rooms: one shared reverberation, and the first reflections that take a voice out of the head.

Both are convolutions in equal parts of one block each (uniformly partitioned overlap-save), so that they cost the same
whatever the number of voices, and nothing while they have been silent for their own length.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from engage_tui.spatial.hrtf import HEAD_RADIUS, RATE, SPEED, Spectrum

Floats = npt.NDArray[np.float64]

_SECONDS = 0.8  # of the tail
_DECAY = ((125, 0.75), (500, 0.7), (2000, 0.55), (8000, 0.3), (20_000, 0.18))
"""Seconds to fall by 60 dB, at frequencies in Hz: furnished, not tiled."""
_DELAY = 0.012  # seconds before the tail begins
_TIERS = ((0.15, 24_000.0), (0.35, 8000.0), (9.0, 4000.0))
"""Until when (seconds) a response is kept up to which frequency (Hz): later, what is above is gone for the ear."""
_EARLY = 0.024  # seconds of first reflections


class Convolver:
    """Convolves spectra with a stereo response, block by block.

    Args:
        response: ``(2, samples)``, left and right.
        block: Samples of a block.
        size: Samples of the Fourier transform, twice the block at least.
        channels: 1: one input for both ears; 2: one each.
    """

    def __init__(self, response: Floats, block: int, size: int, channels: int = 1) -> None:
        parts = -(-response.shape[1] // block)
        padded = np.zeros((2, parts * block))
        padded[:, : response.shape[1]] = response
        spectra = np.fft.rfft(padded.reshape(2, parts, block), size).astype(np.complex64)
        self._parts = parts
        # The blocks that an input is remembered: its own, and those that one transform reaches back.
        self._memory: int = parts + size // block
        self._tiers: list[tuple[slice, int, Spectrum, Spectrum]] = []
        first = 0
        for until, hertz in _TIERS:
            last = min(parts, round(until * RATE / block))
            bins = min(spectra.shape[2], int(hertz * size / RATE) + 1)
            if last > first:
                kept = np.ascontiguousarray(spectra[:, first:last, :bins])
                self._tiers.append((slice(first, last), bins, kept, np.empty_like(kept)))
            first = last
        # Twice the parts, written twice: the newest parts always lie one after the other.
        self._inputs = np.zeros((channels, 2 * parts, spectra.shape[2]), np.complex64)
        self._out = np.zeros((2, spectra.shape[2]), np.complex64)
        self._position = 0
        self._quiet: int = self._memory

    @property
    def sounds(self) -> bool:
        """Whether something is left of earlier inputs."""
        return self._quiet < self._memory

    def process(self, spectrum: npt.NDArray[np.complexfloating] | None) -> Spectrum | None:
        """The response to the next block.

        Args:
            spectrum: Of the last `size` samples, ``(channels, bins)``; None for silence.

        Returns:
            ``(2, bins)``, valid until the next call; its last `block` samples count. None while nothing sounds.
        """
        self._quiet = self._quiet + 1 if spectrum is None else 0
        if self._quiet > self._memory:
            return None
        self._position = (self._position - 1) % self._parts
        now = 0.0 if spectrum is None else spectrum
        self._inputs[:, self._position] = self._inputs[:, self._position + self._parts] = now
        newest = self._inputs[:, self._position : self._position + self._parts]
        self._out[:] = 0
        for parts, bins, response, scratch in self._tiers:
            # Multiplied and summed apart, which numpy does three times as fast as an einsum.
            np.multiply(newest[:, parts, :bins], response, out=scratch)
            self._out[:, :bins] += scratch.sum(axis=1)
        return self._out


@functools.cache
def tail() -> Floats:
    """A decaying diffuse field at two ears, ``(2, samples)``: the same every time, read-only.

    Its energy is 1 at each ear, so that a send of 1 sounds as loud as the direct voice at 0 dB.

    Each frequency decays at its own pace, and the ears are as alike as a head's width leaves them: in the bass nearly
    the same, above half a kilohertz unrelated.
    """
    samples = round(_SECONDS * RATE)
    noise = np.random.default_rng(1994).standard_normal((2, samples))
    time = np.arange(samples) / RATE
    edges = np.array([hertz for hertz, _ in _DECAY], float)
    sums = np.zeros((2, samples))
    frequencies = np.fft.rfftfreq(samples, 1 / RATE)
    spectrum = np.fft.rfft(noise)
    alike = np.sinc(2 * frequencies * 2 * HEAD_RADIUS / SPEED)
    other = np.sqrt(np.maximum(0, 1 - alike**2))
    spectrum[1] = alike * spectrum[0] + other * spectrum[1]
    octave = np.interp(np.log(np.maximum(frequencies, 20)), np.log(edges), np.arange(len(edges)))
    for number, (_, decay) in enumerate(_DECAY):
        share = np.maximum(0, 1 - np.abs(octave - number))
        sums += np.fft.irfft(spectrum * share, samples) * 10 ** (-3 * time / decay)
    sums[:, -480:] *= np.linspace(1, 0, 480)
    sums = np.concatenate([np.zeros((2, round(_DELAY * RATE))), sums], axis=1)
    return np.asarray(sums / np.sqrt((sums**2).sum(axis=1, keepdims=True)))


def reflections(character: float) -> Floats:
    """First reflections at two ears, ``(2, samples)``, energy 1 at each; the same every time.

    Args:
        character: 0 warm (little treble) to 1 airy.
    """
    random = np.random.default_rng(280)
    samples = round(_EARLY * RATE)
    taps = np.zeros((2, samples))
    for ear in (0, 1):
        times = np.sort(random.uniform(0.004, _EARLY - 0.002, 14))
        signs = random.choice((-1.0, 1.0), 14)
        taps[ear, (times * RATE).astype(int)] = signs * 10 ** (-3 * times / 0.1)
    frequencies = np.fft.rfftfreq(2 * samples, 1 / RATE)
    cutoff = 1500 * (16_000 / 1500) ** character
    floor = 80 * (400 / 80) ** character
    shape = 1 / (1 + 1j * frequencies / cutoff) * (1 - 1 / (1 + 1j * frequencies / floor))
    shaped = np.fft.irfft(np.fft.rfft(taps, 2 * samples) * shape, 2 * samples)[:, :samples]
    return np.asarray(shaped / np.sqrt((shaped**2).sum(axis=1, keepdims=True)))
