"""The voices of the demo: spoken clips played as a microphone that is silent between them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

import av
import numpy as np

from engage_tui.errors import MediaFileError
from engage_tui.media.source import BLOCK, SAMPLE_RATE, AudioFrame, Pcm
from engage_tui.media.worker import Pacer, ThreadedSource

VOICES = Path(__file__).parent / "voices"
"""The folder of the clips."""

_SILENCE: Pcm = np.zeros((BLOCK, 1), np.int16)
_SILENCE.setflags(write=False)


def load_clip(name: str) -> Pcm:
    """Decode a shipped clip.

    Args:
        name: File name inside `VOICES`.

    Returns:
        int16, shape ``(samples, 1)``, 48 kHz.

    Raises:
        MediaFileError: The clip is missing or broken: the installation is damaged.
    """
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    parts: list[Pcm] = []
    try:
        with av.open(str(VOICES / name)) as container:
            for frame in container.decode(audio=0):
                parts += [
                    each.to_ndarray().astype(np.int16).reshape(-1, 1)
                    for each in resampler.resample(frame)
                ]
    except (av.FFmpegError, OSError) as error:
        raise MediaFileError(
            f"The demo's clip {name} cannot be read: {error}.", "Install Engage TUI again."
        ) from error
    return np.concatenate(parts) if parts else _SILENCE


class SpokenVoice(ThreadedSource[AudioFrame]):
    """A microphone in front of somebody who says clips.

    Attributes:
        loudness: 0 (silent) to about 1, of the block that was pushed last; a face's mouth follows it.
    """

    kind: Literal["audio"] = "audio"
    is_device = False

    def __init__(self, name: str) -> None:
        """Make the silent voice of `name`."""
        super().__init__()
        self.label = f"{name}'s voice"
        self.device_id = f"demo:{name}"
        self.loudness = 0.0
        self._clip: Pcm = _SILENCE[:0]
        self._at = 0
        self._lock = threading.Lock()

    def say(self, clip: Pcm) -> float:
        """Begin to say `clip`, in place of whatever is being said; returns its length in seconds."""
        with self._lock:
            self._clip, self._at = clip, 0
        return len(clip) / SAMPLE_RATE

    def _prepare(self) -> None:
        self.loudness = 0.0

    def _run(self, stop: threading.Event) -> None:
        pacer = Pacer()
        number = 0
        while not stop.is_set():
            due = pacer.wait(number * BLOCK / SAMPLE_RATE, stop)
            self.push(AudioFrame(self._next_block(), due))
            number += 1

    def _next_block(self) -> Pcm:
        with self._lock:
            block = self._clip[self._at : self._at + BLOCK]
            self._at += len(block)
        if len(block) == 0:
            self.loudness = 0.0
            return _SILENCE
        self.loudness = _loudness(block)
        if len(block) < BLOCK:
            return np.concatenate([block, _SILENCE[len(block) :]])
        return block


def _loudness(block: Pcm) -> float:
    """The block's level as an opening of the mouth: speech at its usual level comes out near 1."""
    rms = float(np.sqrt(np.mean(np.square(block, dtype=np.float32))))
    return min(1.0, rms / 5000.0)
