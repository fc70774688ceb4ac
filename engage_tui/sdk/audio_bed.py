"""The audio bed: music or ambience of several channels around the listener, carried along."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engage_tui.errors import UsageError
from engage_tui.sdk.audio_file import AudioInput
from engage_tui.sdk.enums import AudioBedFormat
from engage_tui.sdk.spatial_controls import LOUDEST, decibels, linear
from engage_tui.spatial import vectors
from engage_tui.spatial.bed import LAYOUTS, fit
from engage_tui.spatial.scene import Anchor, Source, SourceSettings
from engage_tui.spatial.voices import Part

if TYPE_CHECKING:
    from engage_tui.sdk.mixer import Mixer

_log = logging.getLogger(__name__)


class AudioBed:
    """The bed of a space (`Space.audio_bed`): always at the listener's place; headlocked, it turns with the head too.

    Args:
        mixer: Where it sounds.
        bed_format: Its channels.
    """

    def __init__(self, mixer: Mixer, bed_format: AudioBedFormat) -> None:
        self._format = AudioBedFormat(bed_format)
        self._layout = LAYOUTS[self._format.value]
        self._mixer = mixer
        self._inputs: tuple[AudioInput, ...] = ()
        self._failed: set[int] = set()
        around = SourceSettings(anchor=Anchor.LISTENER)
        self._parts = [Part(Source(around, where)) for where in self._layout.speakers]

    @property
    def format(self) -> AudioBedFormat:
        """Its channels."""
        return self._format

    def get_gain_linear(self) -> float:
        """Gain of the bed; 1 unless set."""
        return self._parts[0].gain

    def get_gain_db(self) -> float:
        """The same in decibels."""
        return decibels(self._parts[0].gain)

    def set_gain_linear(self, gain: float) -> None:
        """Set the gain, 0 to 100.

        Raises:
            UsageError: It is out of range.
        """
        checked = vectors.number(gain, "A gain", 0, LOUDEST)
        for part in self._parts:
            part.gain = checked

    def set_gain_db(self, gain: float) -> None:
        """The same in decibels, at most 40.

        Raises:
            UsageError: It is out of range.
        """
        self.set_gain_linear(linear(gain, "A gain in decibels"))

    def get_headlocked(self) -> bool:
        """Whether it turns with the head."""
        return self._parts[0].source.settings.anchor is Anchor.HEAD

    def set_headlocked(self, headlocked: bool) -> None:
        """Have it turn with the head, or stay as the room around it does."""
        for part in self._parts:
            part.source.update(anchor=Anchor.HEAD if headlocked else Anchor.LISTENER)

    def set_input(self, source: AudioInput) -> None:
        """Play something, with whatever else it plays; again: no change.

        Raises:
            UsageError: The number of channels is not the bed's (one channel may play in a stereo bed).
        """
        fit(np.zeros((1, source.channels), np.float32), self._layout, self._format.value)
        if source not in self._inputs:
            self._inputs = (*self._inputs, source)
        self._mixer.add_player(self, self)

    def remove_input(self, source: AudioInput) -> None:
        """Play something no more.

        Raises:
            UsageError: It was never connected.
        """
        if source not in self._inputs:
            raise UsageError(
                "This input is not connected to the bed.", "Give the one that set_input got."
            )
        self._inputs = tuple(each for each in self._inputs if each is not source)
        if not self._inputs:
            self._mixer.remove_voice(self)

    def parts(self, samples: int) -> Sequence[Part]:
        """The loudspeakers with their next blocks (for the mixer)."""
        total: npt.NDArray[np.float32] | None = None
        for source in self._inputs:
            block = self._read(source, samples)
            if block is not None:
                total = block if total is None else total + block
        if total is None:
            for part in self._parts:
                part.block = None
            return self._parts
        fed = np.ascontiguousarray((total @ self._layout.feed.T).T)
        for part, block in zip(self._parts, fed, strict=True):
            part.block = block
        return self._parts

    def _read(self, source: AudioInput, samples: int) -> npt.NDArray[np.float32] | None:
        try:
            block = self._mixer.draw(source, samples)
            if block is None:
                return None
            fitted = fit(np.asarray(block, np.float32), self._layout, self._format.value)
            if len(fitted) != samples or not np.isfinite(fitted).all():
                raise ValueError(f"an input gave {fitted.shape}, or what is no number")
        except Exception:  # noqa: BLE001 - border: an input's code on the mixing thread
            if id(source) not in self._failed:
                self._failed.add(id(source))
                _log.exception("an input of the bed failed; it is silent")
            return None
        return fitted
