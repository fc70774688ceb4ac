"""The microphone's chain: echo and noise go, speech stays, files are left alone, and the package may be missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from engage_tui.media import devices
from engage_tui.media.echo_guard import EchoGuard
from engage_tui.media.levels import rms
from engage_tui.media.microphone import MicrophoneSource
from engage_tui.media.playing import Listener, Playing
from engage_tui.media.processing import (
    UNTOUCHED,
    MicrophoneChain,
    Processing,
    is_headphones,
)
from engage_tui.media.source import BLOCK, SAMPLE_RATE
from tests.sounds import speech

Mono = npt.NDArray[np.float32]


def run(
    chain: MicrophoneChain, sound: Mono, look: Callable[[int], None] = lambda block: None
) -> Mono:
    """Push sound through a chain, block by block."""
    pcm = (np.clip(sound, -1, 1) * 32767).astype(np.int16)
    out = []
    for start in range(0, len(pcm) - BLOCK + 1, BLOCK):
        out.append(chain.process(pcm[start : start + BLOCK, None])[:, 0])
        look(start // BLOCK)
    return (np.concatenate(out) / 32768).astype(np.float32)


def level(sound: Mono) -> float:
    return 20 * float(np.log10(rms(sound) + 1e-9))


def test_what_the_speaker_plays_is_cancelled() -> None:
    far = speech(6)
    echo = 0.5 * np.concatenate([np.zeros(2880), far[:-2880]])
    heard = echo.astype(np.float32)
    blocks = iter(far[: len(far) // BLOCK * BLOCK].reshape(-1, BLOCK))
    chain = MicrophoneChain(Processing("on", noise=False, gain=False), lambda: next(blocks))
    sent = run(chain, heard)
    assert chain.cancelling
    late = slice(4 * SAMPLE_RATE, None)
    assert level(heard[late]) - level(sent[late]) > 25


def test_gain_lifts_a_quiet_voice_and_no_echo() -> None:
    """The others talk for 6 s, then somebody quiet does; a gain control alone would lift both."""
    voice = speech(6)
    far = np.concatenate([voice, np.zeros_like(voice)])
    echo = 0.5 * np.concatenate([np.zeros(2880, np.float32), far[:-2880]])
    own = np.concatenate([np.zeros_like(voice), 0.02 * voice[::-1]])
    blocks = iter(far[: len(far) // BLOCK * BLOCK].reshape(-1, BLOCK))
    heard = (echo + own).astype(np.float32)
    sent = run(MicrophoneChain(Processing("on", noise=False), lambda: next(blocks)), heard)
    first, second = slice(0, 6 * SAMPLE_RATE), slice(9 * SAMPLE_RATE, None)
    assert level(heard[first]) - level(sent[first]) > 20
    assert level(sent[second]) - level(heard[second]) > 6


def test_the_guard_holds_back_at_once_and_lets_go_after_a_while() -> None:
    guard, loud = EchoGuard(), np.full(BLOCK, 1000, np.int16)
    faint, lifted = (loud // 10).astype(np.int16), (loud // 2).astype(np.int16)
    silence = np.zeros(BLOCK, np.int16)

    def echoes() -> bool:
        return guard.echoes

    for _ in range(20):  # a canceller that takes hum while nothing is played
        guard.watch(silence, loud, faint)
    assert not echoes()
    assert guard.restrain(faint, lifted) is lifted
    for _ in range(20):
        guard.watch(loud, loud, faint)
    assert echoes()
    assert np.abs(guard.restrain(faint, lifted)).max() <= 101
    blocks = 0
    while echoes():  # the canceller takes nothing any more: somebody of our own speaks
        guard.watch(loud, loud, loud)
        blocks += 1
    assert 20 < blocks < 60
    ramp = guard.restrain(faint, lifted)
    assert ramp[0] <= 101
    assert ramp[-1] == lifted[-1]
    assert guard.restrain(faint, lifted) is lifted
    guard.watch(loud, silence, silence)
    assert not guard.restrain(silence, silence).any()


def test_noise_goes_and_speech_stays() -> None:
    hiss = np.random.default_rng(1).standard_normal(4 * SAMPLE_RATE) * 0.02
    noise = hiss.astype(np.float32)
    chain = MicrophoneChain(Processing("off", noise=True, gain=False))
    sent = run(chain, noise)
    assert level(noise[2 * SAMPLE_RATE :]) - level(sent[2 * SAMPLE_RATE :]) > 10
    assert not chain.speaking
    voice = speech(4)
    spoken = []
    sent = run(chain, voice, lambda block: spoken.append(chain.speaking))
    assert abs(level(sent[SAMPLE_RATE:]) - level(voice[SAMPLE_RATE:])) < 1
    assert sum(spoken) > len(spoken) / 2


def test_a_quiet_voice_is_raised() -> None:
    voice = speech(5) * 0.03
    chain = MicrophoneChain(Processing("off", noise=False, gain=True))
    sent = run(chain, voice)
    assert level(sent[-SAMPLE_RATE:]) > level(voice[-SAMPLE_RATE:]) + 6


def test_untouched_is_untouched_and_a_switch_acts_on_the_next_block() -> None:
    chain = MicrophoneChain(UNTOUCHED)
    voice = speech(0.1)
    assert np.allclose(run(chain, voice), np.clip(voice, -1, 1)[:4800], atol=1e-4)
    chain.wanted = Processing("on")
    run(chain, voice)
    assert chain.cancelling
    chain.wanted = UNTOUCHED
    run(chain, voice)
    assert not chain.cancelling


def test_a_microphone_that_sends_nothing_is_noticed() -> None:
    chain = MicrophoneChain(UNTOUCHED)
    run(chain, np.zeros(BLOCK * 30, np.float32))
    assert chain.silent_blocks == 30
    run(chain, np.full(BLOCK, 0.001, np.float32))
    assert chain.silent_blocks == 0


@pytest.mark.parametrize(
    ("label", "headphones"),
    [
        ("WH-1000XM4 Headphones", True),
        ("Jabra Headset", True),
        ("ada's AirPods Pro", True),
        ("Built-in Audio Analog Stereo", False),
        ("HDMI", False),
    ],
)
def test_the_canceller_knows_headphones_by_their_name(label: str, headphones: bool) -> None:
    assert is_headphones(label) is headphones
    assert Processing("auto").cancels(label) is not headphones
    assert Processing("on").cancels(label)
    assert not Processing("off").cancels(label)


def test_files_and_the_test_tone_bypass_it() -> None:
    assert not hasattr(devices.open_source("audio", "test"), "chain")
    assert not hasattr(devices.open_source("audio", "file:voice.wav"), "chain")
    source = devices.open_source("audio", "default", processing=UNTOUCHED)
    assert isinstance(source, MicrophoneSource)
    assert source.chain.wanted == UNTOUCHED


def test_the_reference_is_silence_unheard_and_drift_is_left_out() -> None:
    listener = Listener()
    assert not listener.read().any()
    for number in range(20):
        listener.write(np.full(BLOCK, number, np.float32))
    heard = []
    for number in range(400):  # 16 blocks wait throughout: nobody reads that late on purpose
        heard.append(listener.read()[0])
        listener.write(np.full(BLOCK, 20 + number, np.float32))
    jumps = np.diff(heard)
    assert set(jumps) == {1.0, 2.0}
    assert (jumps == 2).sum() == 3  # one a second


def test_what_is_played_reaches_every_listener_as_mono() -> None:
    playing = Playing()
    one, two = playing.listen(), playing.listen()
    playing.write(np.tile(np.array([[0.2, 0.6]], np.float32), (BLOCK, 1)))
    playing.leave(two)
    playing.write(np.zeros((BLOCK, 2), np.float32))
    assert np.allclose(one.read(), 0.4)
    assert np.allclose(two.read(), 0.4)
    assert not one.read().any()


def test_the_reference_comes_in_blocks_whatever_the_speaker_s_are() -> None:
    playing = Playing()
    listener = playing.listen()
    sound = np.arange(4 * BLOCK, dtype=np.float32)
    for start in range(0, len(sound), BLOCK // 2):
        playing.write(np.repeat(sound[start : start + BLOCK // 2, None], 2, axis=1))
    assert np.array_equal(np.concatenate([listener.read() for _ in range(4)]), sound)


def test_without_the_package_sound_passes_as_it_is() -> None:
    script = """
import sys
sys.modules["pywebrtc_audio"] = None
import numpy as np
from engage_tui.media.processing import MicrophoneChain, problem
chain = MicrophoneChain()
block = np.arange(480, dtype=np.int16)[:, None]
assert (chain.process(block) == block).all()
assert chain.silent_blocks == 0 and not chain.cancelling
print(problem())
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert "pywebrtc-audio is not installed" in done.stdout
    assert "pip install" in done.stdout
