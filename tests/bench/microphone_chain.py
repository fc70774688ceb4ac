"""What the microphone's chain does: ``python -m tests.bench.microphone_chain [--seconds 50]``.

Echo: speech through a furnished room (its tail falls by 60 dB in 0.3 s, echo 6 dB below the loudspeaker, noise at
-65 dBFS), 60 ms late; half way the delay jumps to 140 ms. ERLE is the level at the microphone less the level sent.
Noise: speech in pink noise of 10 dB less. The chain as a call has it (canceller, suppressor, gain) and its stages alone
stand beside the audio processing module of LiveKit's own client, in the same run on the same sound.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from livekit import rtc

from engage_tui.media.processing import MicrophoneChain, Processing
from engage_tui.media.source import BLOCK, SAMPLE_RATE
from tests.sounds import speech

Mono = npt.NDArray[np.float32]
Pcm = npt.NDArray[np.int16]
Process = Callable[[Pcm, Pcm], Pcm]
"""Takes a block from the microphone and the block that was played, gives the block to be sent."""

DELAYS = (0.06, 0.14)  # seconds before and after the jump
FLOOR = 10 ** (-65 / 20)
SNR = 10.0


def ours(wanted: Processing) -> Process:
    """The chain with what is wanted of it."""
    played = np.zeros(BLOCK, np.float32)
    chain = MicrophoneChain(wanted, lambda: played)

    def process(near: Pcm, far: Pcm) -> Pcm:
        played[:] = far.astype(np.float32) / 32768
        return chain.process(near[:, None])[:, 0]

    return process


def theirs(**stages: bool) -> Process:
    """LiveKit's module."""
    module = rtc.AudioProcessingModule(**stages)
    module.set_stream_delay_ms(round(DELAYS[0] * 1000))

    def frame(samples: Pcm) -> rtc.AudioFrame:
        return rtc.AudioFrame(bytearray(samples.tobytes()), SAMPLE_RATE, 1, BLOCK)

    def process(near: Pcm, far: Pcm) -> Pcm:
        if stages.get("echo_cancellation"):
            module.process_reverse_stream(frame(far))
        taken = frame(near)
        module.process_stream(taken)
        return np.frombuffer(taken.data, np.int16)

    return process


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=50.0, help="of speech in the echo runs")
    seconds = parser.parse_args().seconds
    echoes(seconds)
    noises()


def echoes(seconds: float) -> None:
    """ERLE of each chain."""
    far = speech(seconds)
    jump = round(seconds / 2 * SAMPLE_RATE)
    near = _echo(far, jump)
    print(f"ERLE in dB, {seconds:g} s of speech (goals 26 / 37 / 15)")
    print(f"{'chain':34} {'0-2 s':>7} {'after 5 s':>10} {'2 s after the jump':>19} {'CPU %':>6}")
    rows: list[tuple[str, Process]] = [
        ("ours: canceller, noise, gain", ours(Processing("on"))),
        ("ours: canceller", ours(Processing("on", noise=False, gain=False))),
        ("LiveKit: canceller", theirs(echo_cancellation=True)),
        (
            "LiveKit: canceller, noise, gain",
            theirs(echo_cancellation=True, noise_suppression=True, auto_gain_control=True),
        ),
    ]
    for name, process in rows:
        sent, cpu = run(process, near, far)
        spans = (
            slice(0, 2 * SAMPLE_RATE),
            slice(5 * SAMPLE_RATE, jump),
            slice(jump, jump + 2 * SAMPLE_RATE),
        )
        early, settled, after = (_level(near[span]) - _level(sent[span]) for span in spans)
        print(f"{name:34} {early:7.1f} {settled:10.1f} {after:19.1f} {cpu:6.1f}")


def noises() -> None:
    """What is left of noise and of speech."""
    clean, talking = _spoken()
    noise = _pink(len(clean))
    noise *= np.float32(10 ** ((_level(clean[talking]) - SNR - _level(noise)) / 20))
    near = clean + noise
    silent = np.zeros_like(near)
    settled = np.arange(len(near)) > 4 * SAMPLE_RATE
    pauses, words = settled & ~_wider(talking), settled & talking
    print(f"pink noise, {SNR:g} dB below the speech (goals 13, 1)")
    print(f"{'chain':34} {'noise in pauses':>16} {'speech level':>13} {'CPU %':>6}")
    rows: list[tuple[str, Process]] = [
        ("ours: noise", ours(Processing("off", noise=True, gain=False))),
        ("ours: canceller, noise", ours(Processing("on", noise=True, gain=False))),
        ("LiveKit: noise", theirs(noise_suppression=True)),
    ]
    for name, process in rows:
        sent, cpu = run(process, near, silent)
        removed = _level(near[pauses]) - _level(sent[pauses])
        # The noise's own power is not the speech's: both are taken out of the loud spans.
        kept = _speech_level(sent, words, pauses) - _speech_level(near, words, pauses)
        print(f"{name:34} {-removed:13.1f} dB {kept:+10.1f} dB {cpu:6.1f}")


def run(process: Process, near: Mono, far: Mono) -> tuple[Mono, float]:
    """What is sent, and the CPU time in per cent of the sound's."""
    mic, speaker = _pcm(near), _pcm(far)
    sent = np.zeros(len(mic) // BLOCK * BLOCK, np.int16)
    started = time.process_time()
    for start in range(0, len(sent), BLOCK):
        span = slice(start, start + BLOCK)
        sent[span] = process(mic[span], speaker[span])
    cpu = (time.process_time() - started) / (len(sent) / SAMPLE_RATE) * 100
    return sent.astype(np.float32) * np.float32(1 / 32768), cpu


def _echo(far: Mono, jump: int) -> Mono:
    """The far end's speech as the microphone gets it, and the room's noise."""
    random = np.random.default_rng(60)
    taps = np.arange(round(0.3 * SAMPLE_RATE))
    room = random.standard_normal(len(taps)) * 10 ** (-3 * taps / len(taps)) * 0.02
    room[0] = 1.0
    room *= 10 ** (-6 / 20) / np.sqrt((room**2).sum())
    size = 1 << (len(far) + len(room)).bit_length()
    heard = np.fft.irfft(np.fft.rfft(far, size) * np.fft.rfft(room, size), size)[: len(far)]
    late = [np.concatenate([np.zeros(round(d * SAMPLE_RATE)), heard])[: len(far)] for d in DELAYS]
    echo = np.concatenate([late[0][:jump], late[1][jump:]])
    return (echo + random.standard_normal(len(far)) * FLOOR).astype(np.float32)


def _spoken() -> tuple[Mono, npt.NDArray[np.bool_]]:
    """Speech with pauses of two seconds, and where it is."""
    pause = np.zeros(2 * SAMPLE_RATE, np.float32)
    words = speech(24).reshape(6, -1)
    clean = np.concatenate([part for piece in words for part in (pause, piece)])
    frames = clean[: len(clean) // BLOCK * BLOCK].reshape(-1, BLOCK)
    loud = (frames**2).mean(axis=1) > (clean**2).mean() * 10 ** (-20 / 10)
    return clean[: frames.size], np.repeat(loud, BLOCK)


def _wider(talking: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Speech and the 0.3 s around it: a suppressor opens and closes."""
    reach = 30
    frames = talking[::BLOCK].astype(float)
    around = np.convolve(frames, np.ones(2 * reach + 1), "same") > 0
    return np.repeat(around, BLOCK)


def _pink(samples: int) -> Mono:
    spectrum = np.fft.rfft(np.random.default_rng(10).standard_normal(samples))
    frequencies = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    spectrum *= np.where(frequencies > 20, 1 / np.sqrt(np.maximum(frequencies, 20)), 0)
    return np.fft.irfft(spectrum, samples).astype(np.float32)


def _speech_level(
    sound: Mono, words: npt.NDArray[np.bool_], pauses: npt.NDArray[np.bool_]
) -> float:
    power = float((sound[words] ** 2).mean() - (sound[pauses] ** 2).mean())
    return 10 * float(np.log10(power))


def _level(sound: Mono) -> float:
    return 10 * float(np.log10((sound.astype(float) ** 2).mean() + 1e-12))


def _pcm(sound: Mono) -> Pcm:
    return np.asarray(np.clip(np.rint(sound * 32767), -32768, 32767), np.int16)


if __name__ == "__main__":
    main()
