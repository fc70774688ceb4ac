"""Audio objects: sounds of one's own with a place in the space."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engage_tui.errors import UsageError
from engage_tui.sdk.audio_file import AudioInput
from engage_tui.sdk.spatial_controls import SpatialControls
from engage_tui.spatial.coordinates import Axes

if TYPE_CHECKING:
    from engage_tui.sdk.mixer import Mixer


class AudioObject(SpatialControls):
    """A sound that is placed as people are; made by `Space.create_audio_object`, heard by nobody else.

    Args:
        mixer: Where it sounds.
        axes: The space's coordinate system.
    """

    def __init__(self, mixer: Mixer, axes: Axes) -> None:
        super().__init__(axes)
        self._mixer = mixer
        self._input: AudioInput | None = None
        self._removed = False

    @property
    def input(self) -> AudioInput | None:
        """What it plays."""
        return self._input

    def set_input(self, source: AudioInput) -> None:
        """Play something of one or two channels, instead of what it played; two are mixed unless `DIRECT_THROUGH`.

        Raises:
            UsageError: It has no channel yet, or more than two, or the object was removed.
        """
        if self._removed:
            raise UsageError("This audio object was removed.", "Create another.")
        if source.channels not in (1, 2):
            raise UsageError(
                f"An audio object takes one or two channels, not {source.channels}.",
                "Load the file first." if source.channels == 0 else "Use an audio bed.",
            )
        self._input = source
        self._mixer.add_voice(self, functools.partial(self._pull, source), source=self._source)

    def remove_input(self) -> None:
        """Play nothing; nothing happens when it played nothing."""
        self._input = None
        self._mixer.remove_voice(self)

    def _remove(self) -> None:
        self._removed = True
        self.remove_input()

    def _pull(self, source: AudioInput, samples: int) -> npt.NDArray[np.float32]:
        block = self._mixer.draw(source, samples)
        if block is None:
            return np.zeros(samples, np.float32)
        sound = np.asarray(block, np.float32)
        return sound[:, 0] if sound.ndim == 2 and sound.shape[1] == 1 else sound
