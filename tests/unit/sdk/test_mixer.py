from __future__ import annotations

import math
import threading
import time

import numpy as np
import numpy.typing as npt
import pytest

from engage_tui.errors import DeviceError
from engage_tui.media.source import BLOCK, AudioFrame
from engage_tui.media.speaker import AudioOutput, TimerOutput
from engage_tui.sdk.limiter import Limiter
from engage_tui.sdk.mixer import Mixer
from engage_tui.spatial.scene import Source
from engage_tui.spatial.vectors import Vector3D
from tests.waiting import until_sync

Block = npt.NDArray[np.float32]


class Tone:
    """A voice: a sine of any peak, which counts its blocks."""

    def __init__(self, peak: float, frequency: float = 440.0) -> None:
        self.peak, self.frequency, self.blocks = peak, frequency, 0

    def __call__(self, samples: int) -> Block:
        at = self.blocks * samples + np.arange(samples)
        self.blocks += 1
        wave: npt.NDArray[np.float64] = np.sin(2 * np.pi * self.frequency / 48_000 * at) * self.peak
        return wave.astype(np.float32)


class DeadOutput(AudioOutput):
    """An output that never opens."""

    def _open(self) -> None:
        raise DeviceError("The speaker is busy.")

    def _run(self, render: object, on_lost: object) -> None:
        raise AssertionError("never started")


def steady(value: float) -> Block:
    return np.full(BLOCK, value, np.float32)


def test_voices_are_summed_at_constant_power_in_the_middle() -> None:
    mixer = Mixer()
    mixer.add_voice("a", lambda _: steady(0.1))
    mixer.add_voice("b", lambda _: steady(0.2))
    mix = mixer.render(BLOCK)
    assert mix.shape == (BLOCK, 2)
    assert mix.dtype == np.float32
    assert mix == pytest.approx(0.3 / math.sqrt(2), rel=1e-5)
    mixer.remove_voice("b")
    assert mixer.render(BLOCK) == pytest.approx(0.1 / math.sqrt(2), rel=1e-5)


class Kept(AudioOutput):
    """An output that is asked for blocks by the test."""

    def _run(self, render: object, on_lost: object) -> None:
        pass


def test_a_voice_that_leaves_or_is_replaced_fades() -> None:
    mixer = Mixer(Kept())
    mixer.start()
    mixer.add_voice("a", lambda _: steady(0.5))
    level = mixer.render(BLOCK)[0, 0]
    mixer.remove_voice("a")
    mixer.remove_voice("unknown")
    last = mixer.render(BLOCK)[:, 0]
    assert last[0] == pytest.approx(level)
    assert np.all(np.diff(last) <= 0)
    assert last[-1] == pytest.approx(0, abs=1e-4)
    assert not mixer.render(BLOCK).any()
    mixer.add_voice("a", lambda _: steady(0.5))
    mixer.render(BLOCK)
    mixer.add_voice("a", lambda _: steady(-0.5))
    both = mixer.render(BLOCK)[:, 0]
    assert both[0] == pytest.approx(0, abs=1e-4)
    assert np.all(np.diff(both) <= 0)
    assert mixer.render(BLOCK)[:, 0] == pytest.approx(-level)
    mixer.stop()


def test_gain_and_place_glide_over_one_block_and_do_not_touch_the_meter() -> None:
    mixer = Mixer()
    mixer.set_spatial("stereo")
    source = Source()
    mixer.add_voice("a", lambda _: steady(0.5), 0.0, source)
    assert not mixer.render(BLOCK).any()
    mixer.set_gain("a", 1.0)
    source.position = Vector3D(2, 0, 0)
    gliding = mixer.render(BLOCK)[:, 1]
    assert np.all(np.diff(gliding) > -1e-6)
    assert gliding[-1] == pytest.approx(0.5, rel=1e-3)
    left, right = mixer.render(BLOCK).T
    assert left == pytest.approx(0.0, abs=1e-6)
    assert right == pytest.approx(0.5)
    for _ in range(100):
        mixer.render(BLOCK)
    meter = mixer.voice_meter("a")
    assert meter is not None
    assert meter.rms == pytest.approx(0.5)


def test_many_voices_do_not_clip_and_keep_their_shape() -> None:
    mixer = Mixer()
    for number in range(20):
        mixer.add_voice(number, Tone(0.5, 200 + 37 * number))
    blocks = [mixer.render(BLOCK) for _ in range(100)]
    loud = np.concatenate(blocks[5:])
    assert np.abs(loud).max() <= 1.0
    flat = float((np.abs(loud) > 0.999).mean())
    assert flat < 0.001  # a hard limit would hold a large share of the samples at full scale


def test_limiter_passes_quiet_sound_untouched_and_recovers() -> None:
    limiter = Limiter()
    quiet = np.stack([Tone(0.8)(BLOCK)] * 2, axis=1)
    assert limiter.process(quiet) is quiet
    assert np.abs(limiter.process(quiet * 4)).max() <= 1.0
    assert np.abs(limiter.process(quiet)).max() < 0.4
    for _ in range(40):
        out = limiter.process(quiet)
    assert out is quiet


def test_a_failing_voice_is_logged_once_and_silent(caplog: pytest.LogCaptureFixture) -> None:
    mixer = Mixer()
    mixer.add_voice("raises", lambda _: steady(1 / 0))
    mixer.add_voice("shape", lambda _: np.zeros((3, 3), np.float32))
    mixer.add_voice("number", lambda _: steady(math.nan))
    mixer.add_voice("good", lambda _: steady(0.1))
    for _ in range(3):
        assert mixer.render(BLOCK) == pytest.approx(0.1 / math.sqrt(2), rel=1e-5)
    assert len([record for record in caplog.records if record.exc_info]) == 2


def test_taps_hear_the_voice_before_its_gain() -> None:
    mixer = Mixer()
    heard: list[AudioFrame] = []

    def broken(frame: AudioFrame) -> None:
        raise RuntimeError("broken tap")

    mixer.add_voice("a", lambda _: steady(0.5), gain=0.0)
    mixer.add_tap("a", broken)
    mixer.add_tap("a", heard.append)
    mixer.add_tap("unknown", heard.append)
    mixer.render(BLOCK)
    mixer.remove_tap("a", heard.append)
    mixer.render(BLOCK)
    assert len(heard) == 1
    assert heard[0].samples.shape == (BLOCK, 1)
    assert heard[0].samples.dtype == np.int16
    assert int(heard[0].samples[0, 0]) == round(0.5 * 32767)


def test_runs_by_the_clock_at_100_blocks_a_second_and_stops() -> None:
    taken: list[Block] = []
    mixer = Mixer(TimerOutput(taken.append))
    tone = Tone(0.25)
    mixer.add_voice("a", tone)
    mixer.start()
    mixer.start()  # idempotent
    until_sync(lambda: len(taken) >= 50)
    stats = mixer.stats
    mixer.stop()
    mixer.stop()
    blocks = tone.blocks
    assert stats.voices == 1
    assert 0 < stats.cost < 0.01
    assert tone.blocks == blocks == len(taken)
    left = np.concatenate(taken)[:, 0] * math.sqrt(2)
    wanted = np.sin(2 * np.pi * 440 / 48_000 * np.arange(len(left))) * 0.25
    assert np.abs(left - wanted).max() < 1e-4
    assert "mixer" not in [thread.name for thread in threading.enumerate()]


def test_output_changes_while_it_runs_and_one_that_fails_leaves_the_clock() -> None:
    first: list[Block] = []
    second: list[Block] = []
    mixer = Mixer(TimerOutput(first.append))
    tone = Tone(0.25)
    mixer.add_voice("a", tone)
    mixer.start()
    until_sync(lambda: len(first) > 3)
    mixer.set_output(TimerOutput(second.append))
    count = len(first)
    until_sync(lambda: len(second) > 3)
    assert len(first) == count
    with pytest.raises(DeviceError, match="busy"):
        mixer.set_output(DeadOutput())
    blocks = tone.blocks
    until_sync(lambda: tone.blocks > blocks + 3)
    assert mixer.stats.output == "no speaker"
    mixer.stop()


def test_who_comes_and_goes_while_nobody_listens_is_pulled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engage_tui.media.levels._BLOCKS", 20)  # so long silent, and it rests
    monkeypatch.setattr("engage_tui.media.levels._DECAY", 0.1)
    mixer = Mixer()
    mixer.start()
    try:
        for tone in (Tone(0.25), Tone(0.25)):
            until_sync(mixer._is_silent)
            time.sleep(0.05)  # five blocks, if it went on
            blocks = mixer.stats.blocks
            time.sleep(0.05)
            assert mixer.stats.blocks == blocks
            mixer.add_voice("a", tone)
            until_sync(lambda tone=tone: tone.blocks > 3)  # type: ignore[misc]
            assert mixer.meter.level > 0
            mixer.set_output(TimerOutput())
            count = tone.blocks
            until_sync(lambda tone=tone, count=count: tone.blocks > count + 3)  # type: ignore[misc]
            mixer.remove_voice("a")
        until_sync(mixer._is_silent)
        assert mixer.meter.level == mixer.meter.rms == 0
        mixer.set_output(TimerOutput())  # while it rests
    finally:
        mixer.stop()
    assert "mixer" not in [thread.name for thread in threading.enumerate()]


def test_who_takes_the_mix_gets_its_silence_too() -> None:
    taken: list[Block] = []
    mixer = Mixer(TimerOutput(taken.append))
    mixer.start()
    until_sync(lambda: len(taken) > 5)
    mixer.stop()
    assert not np.concatenate(taken).any()


def test_a_start_that_fails_leaves_nothing_running() -> None:
    mixer = Mixer(DeadOutput())
    with pytest.raises(DeviceError, match="busy"):
        mixer.start()
    mixer.stop()
    mixer.set_output(TimerOutput())
    mixer.start()
    until_sync(lambda: mixer.stats.blocks > 0)
    mixer.stop()


def test_voices_come_and_go_while_it_runs() -> None:
    mixer = Mixer()
    mixer.start()
    tones = [Tone(0.05) for _ in range(50)]
    for number, tone in enumerate(tones):
        mixer.add_voice(number % 5, tone)
        mixer.set_gain(number % 5, 0.5)
        mixer.remove_voice((number + 3) % 5)
    until_sync(lambda: tones[-1].blocks > 2)
    mixer.stop()
