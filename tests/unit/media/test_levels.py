from __future__ import annotations

import numpy as np
import pytest

from engage_tui.media.levels import Meter, loudness, rms


def test_rms_is_a_share_of_full_scale_for_integers_and_floats() -> None:
    sine = np.sin(2 * np.pi * 440 / 48_000 * np.arange(48_000)).astype(np.float32)
    assert rms(sine) == pytest.approx(0.7071, abs=1e-3)
    assert rms((sine * 32767).astype(np.int16)) == pytest.approx(0.7071, abs=1e-3)
    assert rms(np.full(480, -32768, np.int16)) == pytest.approx(1.0)
    assert rms(np.zeros(0, np.float32)) == 0.0


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, 0.0), (0.001, 0.0), (0.0316228, 0.5), (1.0, 1.0), (4.0, 1.0)]
)
def test_loudness_is_linear_in_decibels(value: float, shown: float) -> None:
    assert loudness(value) == pytest.approx(shown, abs=1e-4)


def test_a_meter_reads_the_same_from_blocks_of_half_the_length() -> None:
    sound = np.random.default_rng(5).uniform(-0.3, 0.3, 48_000).astype(np.float32)
    sound[24_000:] *= np.float32(0.1)
    long, short = Meter(), Meter()
    for start in range(0, len(sound), 480):
        long.add(sound[start : start + 480])
        short.add(sound[start : start + 240])
        short.add(sound[start + 240 : start + 480])
    assert short.rms == pytest.approx(long.rms)
    assert short.level == pytest.approx(long.level, abs=0.01)


def test_meter_forgets_after_a_second_but_remembers_the_maximum() -> None:
    meter = Meter()
    loud, silent = np.full(480, 0.5, np.float32), np.zeros(480, np.float32)
    for _ in range(50):
        meter.add(loud)
    assert meter.rms == pytest.approx(0.5 * 0.5**0.5)
    assert meter.level == pytest.approx(loudness(0.5))
    for _ in range(50):
        meter.add(loud)
    assert meter.rms == pytest.approx(0.5)
    for _ in range(100):
        meter.add(silent)
    assert meter.rms == 0.0
    assert meter.level == 0.0
    assert meter.rms_max == pytest.approx(0.5)
