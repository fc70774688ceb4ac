"""Two soft notes out of a speaker, so that a person hears which one it is."""

from __future__ import annotations

import threading

import numpy as np

from engage_tui.media.source import SAMPLE_RATE
from engage_tui.media.speaker import AudioOutput, Stereo, open_output

SECONDS = 1.0
"""How long the notes sound."""

_NOTES = (523.25, 659.25)  # C5 at the left, E5 at the right: a swapped pair of wires is heard too
_LEVEL = 0.2  # of full scale
_PATIENCE = 5.0  # seconds after which a device that asks for nothing is given up


class _Tone:
    """Renders the notes once, then silence."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self._at = 0

    def __call__(self, samples: int) -> Stereo:
        time = (self._at + np.arange(samples)) / SAMPLE_RATE
        self._at += samples
        block = np.zeros((samples, 2), np.float32)
        half = SECONDS / 2
        for side, pitch in enumerate(_NOTES):
            local = time - side * half
            shape = np.where((local >= 0) & (local < half), np.sin(np.pi * local / half) ** 2, 0)
            block[:, side] = _LEVEL * shape * np.sin(2 * np.pi * pitch * local)
            block[:, 1 - side] += block[:, side] * 0.3 * (shape > 0)
        if time[-1] > SECONDS + 0.2:  # what waits in the device's own buffer is heard too
            self.done.set()
        return block


def play_tone(device: str, output: AudioOutput | None = None) -> str:
    """Play the notes and return when they have been heard; call it in a thread.

    Args:
        device: As `speaker.open_output` takes it.
        output: Where to play instead.

    Returns:
        The label of the device.

    Raises:
        DeviceError: It cannot be opened.
    """
    chosen, tone = output or open_output(device), _Tone()
    chosen.start(tone)
    try:
        tone.done.wait(_PATIENCE)
    finally:
        chosen.stop()
    return chosen.label
