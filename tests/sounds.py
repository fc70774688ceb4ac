"""Speech for tests and benches: the demo's own clips, one after the other."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from engage_tui.demo.voices import VOICES, load_clip
from engage_tui.media.source import SAMPLE_RATE

Mono = npt.NDArray[np.float32]


@functools.cache
def _everything() -> Mono:
    clips = sorted(path.name for path in VOICES.iterdir() if path.suffix != ".py")
    sound = np.concatenate([load_clip(name)[:, 0] for name in clips]).astype(np.float32) / 32768
    loudest = np.float32(np.abs(sound).max())
    even: Mono = (sound / loudest * 0.5).astype(np.float32)
    return even


def speech(seconds: float) -> Mono:
    """So many seconds of speech, 48 kHz, peak at most 0.5; repeated where there is less."""
    wanted = int(seconds * SAMPLE_RATE)
    return np.resize(_everything(), wanted).copy()
