"""What is done to a microphone's sound: echo cancelled, noise suppressed, level evened out, voice detected.

The stages are WebRTC's, from the package pywebrtc-audio, chained one by one: its all-in-one processor removes half
as much noise at any setting. Without the package (it has no wheel for some machines) sound passes as it is, and
`problem` says so in a line.
"""

from __future__ import annotations

import functools
import importlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from engage_tui.errors import DeviceError
from engage_tui.media.echo_guard import EchoGuard
from engage_tui.media.levels import rms
from engage_tui.media.source import BLOCK, SAMPLE_RATE, Pcm

_log = logging.getLogger(__name__)

Mono = npt.NDArray[np.float32]
Reference = Callable[[], Mono]
"""The block that was played while the next block was captured: float32 ``(480,)``, -1 to 1."""

NOISE_LEVEL = 2
"""Of 0 to 3: 12 to 13 dB less noise; the next step colours the voice more than it removes."""

SPEECH = 0.6
"""The detector's probability from which a block counts as speech; key clicks reach it in 6 of 100 cases."""

HANG = 20
"""Blocks for which a voice counts as heard after its last block of speech: 200 ms."""

NOTHING = 3
"""Amplitude, of 32768, at and below which a microphone sends nothing: any real one has more noise."""

_HEADPHONES = re.compile(
    r"head(phone|set)|ear(phone|bud|pod)|air ?pods|\bbuds\b|kopfhörer", re.IGNORECASE
)
_DELAY = 60  # ms from mixing to capture on a common card: a hint, the canceller finds the true one


@dataclass(frozen=True, slots=True)
class Processing:
    """What is wanted of the chain.

    Attributes:
        echo: Cancel what the speaker plays: ``auto`` (unless it plays into headphones), ``on`` or ``off``.
        noise: Suppress steady noise.
        gain: Bring quiet and loud voices to one level.
    """

    echo: Literal["auto", "on", "off"] = "auto"
    noise: bool = True
    gain: bool = True

    def cancels(self, speaker: str) -> bool:
        """Whether echo is cancelled while `speaker` (its label; empty: none) is in use."""
        return self.echo == "on" or (self.echo == "auto" and not is_headphones(speaker))


UNTOUCHED = Processing("off", noise=False, gain=False)
"""Sound as it was captured."""


def is_headphones(label: str) -> bool:
    """Whether a device's name says that nobody but its wearer hears it."""
    return _HEADPHONES.search(label) is not None


@functools.cache
def problem() -> DeviceError | None:
    """Why echo, noise and gain cannot be processed, with what to install; None when they can."""
    try:
        importlib.import_module("pywebrtc_audio")
    except ImportError as error:
        _log.info("no audio processing: %s", error)
        return DeviceError(
            "Echo and noise are not removed: the Python package pywebrtc-audio is not installed.",
            "pip install pywebrtc-audio, or wear headphones.",
        )
    return None


class MicrophoneChain:
    """Processes one microphone, block by block, on that microphone's thread.

    Args:
        wanted: What is done; may be changed at any time by assigning `wanted`, from any thread.
        reference: Gives what was played; silence when None.
        speaker: The label of the speaker in use, asked whenever ``auto`` must decide.

    Attributes:
        speech: The detector's probability for the last block, 0 to 1; 0 without the package.
        speaking: Whether a voice is heard, 200 ms of hang included.
        level: Rms of the last block as captured, 0 to 1.
        silent_blocks: Blocks in a row in which the device sent nothing at all.
    """

    def __init__(
        self,
        wanted: Processing = Processing(),  # noqa: B008 - frozen
        reference: Reference | None = None,
        speaker: Callable[[], str] = lambda: "",
    ) -> None:
        self.wanted = wanted
        self.speech = 0.0
        self.speaking = False
        self.level = 0.0
        self.silent_blocks = 0
        self._reference = reference
        self._speaker = speaker
        self._built: tuple[bool, bool, bool] | None = None
        self._echo: Any = None
        self._noise: Any = None
        self._gain: Any = None
        self._detector: Any = None
        self._guard = EchoGuard()
        self._hang = 0
        self._off = np.zeros(BLOCK, np.float32)

    @property
    def cancelling(self) -> bool:
        """Whether echo is being cancelled."""
        return self._echo is not None

    def process(self, block: Pcm) -> Pcm:
        """The next block: int16 ``(480, 1)``, 48 kHz, in and out; never raises for the sound's sake."""
        self.level = rms(block)
        self.silent_blocks = (
            0 if int(np.abs(block).max(initial=0)) > NOTHING else self.silent_blocks + 1
        )
        far = self._reference() if self._reference is not None else self._off
        if problem() is not None:
            return block
        self._build()
        sound: npt.NDArray[np.int16] = np.ascontiguousarray(block[:, 0])
        if self._echo is not None:
            played = np.clip(far * 32767, -32768, 32767).astype(np.int16)
            cancelled = self._echo.process(sound, played)
            self._guard.watch(played, sound, cancelled)
            sound = cancelled
        if self._noise is not None:
            sound = self._noise.process(sound)
        self.speech = float(self._detector.process(sound))
        if self._gain is not None:
            # Fed with the detector's word, or it lifts the noise in long pauses; echo is nobody's speech.
            echoes = self._echo is not None and self._guard.echoes
            lifted = self._gain.process(sound, 0.0 if echoes else self.speech)
            sound = lifted if self._echo is None else self._guard.restrain(sound, lifted)
        self._hang = HANG if self.speech >= SPEECH else max(0, self._hang - 1)
        self.speaking = self._hang > 0
        return sound.reshape(-1, 1)

    def _build(self) -> None:
        """Make the stages that are wanted now; those that stay keep what they have learnt."""
        wanted = self.wanted
        states = (wanted.cancels(self._speaker()), wanted.noise, wanted.gain)
        if states == self._built:
            return
        self._built = states
        audio = importlib.import_module("pywebrtc_audio")
        echo, noise, gain = states
        self._echo = (self._echo or audio.EchoCanceller(SAMPLE_RATE, 1, _DELAY)) if echo else None
        self._noise = (
            (self._noise or audio.NoiseSuppressor(SAMPLE_RATE, 1, NOISE_LEVEL)) if noise else None
        )
        self._gain = (
            (self._gain or audio.GainController(SAMPLE_RATE, 1, max_gain_db=30.0)) if gain else None
        )
        self._detector = self._detector or audio.VoiceDetector(SAMPLE_RATE, 1)
