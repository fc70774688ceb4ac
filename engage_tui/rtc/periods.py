"""Sound made shorter or longer by one period, where it repeats itself, so that no click is heard."""

from __future__ import annotations

import numpy as np

from engage_tui.rtc.opus import Mono

SHORTEST, LONGEST = 240, 720
"""Samples of a period: 5 to 15 ms, 67 to 200 Hz and their multiples."""

NEEDED = SHORTEST + LONGEST
"""Samples that must be there to find one."""

_FADE = np.linspace(0, 1, SHORTEST, dtype=np.float32)
_STEP = 8


def find(sound: Mono, longest: int = LONGEST) -> int:
    """The lag in samples at which the beginning of `sound` (at least `NEEDED` samples) repeats best."""
    pattern = sound[:SHORTEST]
    windows = np.lib.stride_tricks.sliding_window_view(sound, SHORTEST)
    others = windows[SHORTEST : max(SHORTEST, min(longest, LONGEST)) + 1 : _STEP]
    scores = (others @ pattern) / (1e-9 + np.sqrt(np.einsum("ij,ij->i", others, others)))
    return SHORTEST + _STEP * int(np.argmax(scores))


def cut(sound: Mono, lag: int) -> Mono:
    """`sound` without the `lag` samples of its first period."""
    joint = sound[:SHORTEST] * (1 - _FADE) + sound[lag : lag + SHORTEST] * _FADE
    return np.concatenate((joint, sound[lag + SHORTEST :]))


def repeat(sound: Mono, lag: int) -> Mono:
    """`sound` with the `lag` samples of its first period twice."""
    joint = sound[lag : lag + SHORTEST] * (1 - _FADE) + sound[:SHORTEST] * _FADE
    return np.concatenate((sound[:lag], joint, sound[SHORTEST:]))
