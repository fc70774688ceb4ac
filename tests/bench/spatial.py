"""How the renderer does: ``python -m tests.bench.spatial [--seconds 5] [--kemar WHEEL]``.

CPU of 16 moving voices with low-pass and reverb, beside OpenAL Soft where libopenal1 is installed (runs in turn,
medians); errors of time and level between the ears against KEMAR (the original data with ``--kemar`` and the wheel of
the package slab, see `engage_tui.spatial.make_kemar`); traces of movement; the distance curve; loudness over a turn.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from engage_tui.spatial import make_kemar
from engage_tui.spatial.distance import DEFAULT_CURVE
from engage_tui.spatial.hrtf import RATE, KemarBank
from engage_tui.spatial.renderer import Renderer, Room
from engage_tui.spatial.scene import Curve, Listener, Source, SourceSettings
from engage_tui.spatial.vectors import Vector3D
from engage_tui.spatial.voices import Part
from tests.bench import openal

Array = npt.NDArray[Any]
BLOCK, VOICES, RUNS = 480, 16, 5
_THIRDS = [400 * 2 ** (number / 3) for number in range(17)]


def main() -> None:
    """Measure and print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of sound in each CPU run")
    parser.add_argument("--kemar", metavar="WHEEL", help="the original measurements")
    options = parser.parse_args()
    cpu(options.seconds)
    if options.kemar:
        ears(options.kemar)
    else:
        print("ears: give --kemar for the errors against the original measurements")
    for degrees in (1, 5, 20):
        print(f"movement, {degrees} degrees a block: {movement(degrees):.0f} dB (goal at 5: -110)")
    print("distance curve: {:.3f} dB rms, {:.3f} at most (goal 0.1 rms)".format(*distance_curve()))
    print(f"loudness over a turn: {loudness():.2f} dB (A-weighted speech, goal 1.5)")


def cpu(seconds: float) -> None:
    """CPU of moving voices, in per cent of a core."""
    ways: dict[str, Callable[[float], float]] = {"ours": _ours}
    if openal.available():
        ways["OpenAL Soft"] = _openal
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(RUNS):
        for name, way in ways.items():
            taken[name].append(way(seconds))
    for name, shares in taken.items():
        least, median = min(shares), statistics.median(shares)
        print(
            f"CPU of {VOICES} moving voices + reverb, {name}: {median:.1f} % of a core"
            f" (least {least:.1f}; goal 4.0)"
        )
    if len(taken) > 1:
        ours, theirs = (statistics.median(shares) for shares in taken.values())
        print(f"ours to OpenAL Soft's: {ours / theirs:.2f}")
    else:
        print("OpenAL Soft is not installed (libopenal1)")


def _noise() -> Array:
    wave: Array = np.random.default_rng(1).standard_normal(BLOCK * 50) * 0.1
    return wave.astype(np.float32)


def _ours(seconds: float) -> float:
    settings = SourceSettings(curve=Curve(), reverb_send=0.1, occlusion=0.3)
    parts = [Part(Source(settings)) for _ in range(VOICES)]
    engine = Renderer("binaural", Listener(), Room())
    noise = _noise().reshape(50, BLOCK)

    def block(number: int) -> None:
        for index, part in enumerate(parts):
            part.block = noise[(number + index) % 50]
            angle = math.radians(index * 22.5 + number * 0.9)
            part.source.position = Vector3D(math.sin(angle), 0.2, -math.cos(angle))
        engine.render(parts)

    for number in range(
        400
    ):  # a whole turn: the filters of every direction are known, as in a long call
        block(number)
    return _share(block, seconds)


def _openal(seconds: float) -> float:
    engine = openal.OpenAl(VOICES, _noise())
    try:
        for number in range(100):
            engine.block(number)
        return _share(engine.block, seconds)
    finally:
        engine.close()


def _share(block: Callable[[int], None], seconds: float) -> float:
    started = time.process_time()
    for number in range(round(seconds * RATE / BLOCK)):
        block(number)
    return (time.process_time() - started) / seconds * 100


def ears(wheel: str) -> None:
    """Differences between the ears at every measured direction from -40 to 80 degrees."""
    directions, responses = make_kemar.measured(wheel)
    chosen = directions[:, 1] <= 80
    directions = directions[chosen]
    wanted = np.fft.rfft(make_kemar.resampled(responses[chosen]), 2048)
    found = np.fft.rfft(np.array([_impulse(*each) for each in directions]), 2048)
    late = (make_kemar.time_difference(found) - make_kemar.time_difference(wanted)) / RATE * 1e6
    print(
        f"ITD at {len(directions)} directions: {_rms(late):.1f} us rms, {np.abs(late).max():.1f}"
        " at most (goal 10)"
    )
    level = _level_difference(found) - _level_difference(wanted)
    print(f"ILD in third octaves 0.4-16 kHz: {_rms(level):.2f} dB rms (goal 0.5)")


def _impulse(azimuth: float, elevation: float) -> Array:
    """What comes out for an impulse from a direction, ``(2, samples)``."""
    across = math.cos(math.radians(elevation))
    angle = math.radians(azimuth)
    place = Vector3D(
        across * math.sin(angle), math.sin(math.radians(elevation)), -across * math.cos(angle)
    )
    part, engine = Part(Source(position=place)), Renderer("binaural", Listener(), Room())
    out = []
    for number in range(3):
        part.block = np.zeros(BLOCK, np.float32)
        part.block[0] = number == 0
        out.append(engine.render([part]))
    return np.concatenate(out).T


def _level_difference(spectrum: Array) -> Array:
    frequencies = np.fft.rfftfreq(2048, 1 / RATE)
    power = np.abs(spectrum) ** 2
    rows = []
    for centre in _THIRDS:
        low, high = centre * 2 ** (-1 / 6), centre * 2 ** (1 / 6)
        band = power[..., (frequencies >= low) & (frequencies < high)].sum(axis=-1)
        rows.append(10 * np.log10(band[:, 1] / band[:, 0]))
    return np.array(rows)


def _rms(values: Array) -> float:
    return float(np.sqrt((values**2).mean()))


def movement(degrees: float) -> float:
    """Power above 3 kHz that a moving 500 Hz tone leaves, in dB of the tone."""
    source = Source()
    part, engine = Part(source), Renderer("binaural", Listener(), Room())
    wave = 0.3 * np.sin(2 * np.pi * 500 / RATE * np.arange(300 * BLOCK))
    out = []
    for number in range(300):
        angle = math.radians(degrees * number)
        source.position = Vector3D(math.sin(angle), 0, -math.cos(angle))
        part.block = wave[number * BLOCK : (number + 1) * BLOCK].astype(np.float32)
        out.append(engine.render([part]))
    ear = np.concatenate(out)[4800:, 0].astype(float)
    power = np.abs(np.fft.rfft(ear * np.blackman(len(ear)))) ** 2
    return float(
        10 * np.log10(power[np.fft.rfftfreq(len(ear), 1 / RATE) > 3000].sum() / power.sum())
    )


def distance_curve() -> tuple[float, float]:
    """Error of a tone's level against the curve while it goes from 0.5 to 24 m in 12 s; rms and most, in dB."""
    source = Source(SourceSettings(curve=Curve()))
    part, engine = Part(source), Renderer("binaural", Listener(), Room())
    steps = 1200
    wave = np.sin(2 * np.pi * 1000 / RATE * np.arange(BLOCK)).astype(np.float32)
    levels, wanted = [], []
    for number in range(steps):
        metres = 0.5 + 23.5 * number / steps
        source.position = Vector3D(0, 0, -metres)
        part.block = wave
        out = engine.render([part])
        if number > 2:
            levels.append(20 * math.log10(float(np.sqrt((out[-96:] ** 2).mean()))))
            wanted.append(DEFAULT_CURVE.decibels(metres))
    error = np.array(levels) - np.array(wanted)
    error -= error[:10].mean()  # the filter's own gain at 1 kHz
    return _rms(error), float(np.abs(error).max())


def loudness() -> float:
    """How much the power of A-weighted speech at both ears varies over a turn, in dB."""
    bank = KemarBank(2048)
    weights = make_kemar.speech_weights(np.fft.rfftfreq(2048, 1 / RATE))
    azimuths = np.arange(0, 360, 1.0)
    ears = np.abs(bank.exact(azimuths, np.zeros(360))) ** 2
    levels = 10 * np.log10((weights * ears).sum(axis=(1, 2)))
    return float(levels.max() - levels.min())


if __name__ == "__main__":
    main()
