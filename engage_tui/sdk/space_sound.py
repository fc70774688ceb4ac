"""How a space sounds: its listener, objects, bed, distance models, reverb and externalizer."""

from __future__ import annotations

import asyncio

from engage_tui.errors import UsageError
from engage_tui.media.speaker import open_output
from engage_tui.sdk.audio_bed import AudioBed
from engage_tui.sdk.audio_listener import AudioListener
from engage_tui.sdk.audio_object import AudioObject
from engage_tui.sdk.distance_model import DistanceModel
from engage_tui.sdk.enums import AudioBedFormat, CoordinateSystem, SpatialMode
from engage_tui.sdk.mixer import Mixer
from engage_tui.spatial import vectors
from engage_tui.spatial.coordinates import ATMOKY, OPENGL, UNITY

_AXES = {
    CoordinateSystem.OPENGL: OPENGL,
    CoordinateSystem.UNITY: UNITY,
    CoordinateSystem.ATMOKY: ATMOKY,
}


class SpaceSound:
    """The sounding half of `Space`.

    Args:
        coordinate_system: What every coordinate of this space means.
        audio_bed_format: Channels of the bed; None: no bed.
        audio_objects: How many audio objects there may be at a time.
        distance_models: How many distance models there are.
        spatial: For which ears the mix is.
        low_latency: Whether the mix is made of blocks of 5 ms instead of 10.

    Attributes:
        mixer: Mixes everything that is heard.
        axes: The coordinate system (for rooms).
        audio_listener: The one listener.
        audio_bed: None when no format was given.
        distance_models: Models to give to people and objects.
    """

    def __init__(
        self,
        coordinate_system: CoordinateSystem,
        audio_bed_format: AudioBedFormat | None,
        audio_objects: int,
        distance_models: int,
        spatial: SpatialMode,
        *,
        low_latency: bool = False,
    ) -> None:
        self.mixer = Mixer(open_output(None, low_latency=low_latency))
        self.low_latency = low_latency
        self.axes = _AXES[CoordinateSystem(coordinate_system)]
        self.audio_listener = AudioListener(self.mixer.listener, self.axes)
        self.audio_bed = (
            None if audio_bed_format is None else AudioBed(self.mixer, audio_bed_format)
        )
        self.distance_models = [DistanceModel() for _ in range(distance_models)]
        self._spatial = SpatialMode(spatial)
        self._most_objects = audio_objects
        self._objects: list[AudioObject] = []

    @property
    def audio_objects(self) -> list[AudioObject]:
        """The audio objects that were created and not removed."""
        return list(self._objects)

    def create_audio_object(self) -> AudioObject:
        """A sound of one's own with a place; silent until it gets an input.

        Raises:
            UsageError: There are as many as the space was made for.
        """
        if len(self._objects) >= self._most_objects:
            raise UsageError(
                f"There are {self._most_objects} audio objects already.",
                "Remove one, or make the space with more (number_of_audio_objects).",
            )
        created = AudioObject(self.mixer, self.axes)
        self._objects.append(created)
        return created

    def remove_audio_object(self, removed: AudioObject) -> None:
        """Silence an object for good; it cannot be used again.

        Raises:
            UsageError: It is not of this space, or was removed before.
        """
        if removed not in self._objects:
            raise UsageError("This audio object is not in the space.", "Create another.")
        self._objects.remove(removed)
        removed._remove()

    @property
    def spatial_mode(self) -> SpatialMode:
        """For which ears the mix is."""
        return self._spatial

    async def set_spatial_mode(self, mode: SpatialMode) -> None:
        """Change for which ears the mix is; heard at once."""
        self._spatial = SpatialMode(mode)
        await asyncio.to_thread(self._prepare_sound)

    def get_reverb_amount(self) -> float:
        """How much the room answers to what is sent into it, 0 to 1; 1 unless set."""
        return self.mixer.room.reverb

    def set_reverb_amount(self, amount: float) -> None:
        """Set how much the room answers, 0 to 1; what already sounds dies away by itself.

        Raises:
            UsageError: It is out of range.
        """
        self.mixer.room.reverb = vectors.number(amount, "The reverb's amount", 0, 1)

    def get_externalizer_amount(self) -> float:
        """How strong the first reflections are that take voices out of the head, 0 to 1; 0 unless set."""
        return self.mixer.room.externalizer

    def set_externalizer_amount(self, amount: float) -> None:
        """Set how strong the first reflections are, 0 to 1; 0 leaves them out.

        Raises:
            UsageError: It is out of range.
        """
        self.mixer.room.externalizer = vectors.number(amount, "The externalizer's amount", 0, 1)

    def get_externalizer_character(self) -> float:
        """Colour of the first reflections, 0 warm to 1 airy; 0.5 unless set."""
        return self.mixer.room.character

    def set_externalizer_character(self, character: float) -> None:
        """Set the colour of the first reflections, 0 warm to 1 airy.

        Raises:
            UsageError: It is out of range.
        """
        self.mixer.room.character = vectors.number(character, "The externalizer's character", 0, 1)

    def _prepare_sound(self) -> None:
        """Make the renderer; takes some ten milliseconds, so not on the event loop."""
        self.mixer.set_spatial(self._spatial.value)

    def _silence(self) -> None:
        """Nothing of one's own sounds any more."""
        for each in self._objects:
            each.remove_input()
        if self.audio_bed is not None:
            self.mixer.remove_voice(self.audio_bed)
