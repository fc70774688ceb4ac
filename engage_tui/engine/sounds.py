"""Sounds of the person's own, which nobody else hears: a bed around them, or something with a place in the room."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engage_tui.engine.messages import Left, SoundStart
from engage_tui.engine.seating import FARTHEST, seated
from engage_tui.engine.view import PlaceView, SoundView
from engage_tui.errors import EngageError, UsageError
from engage_tui.sdk.enums import AudioBedFormat
from engage_tui.spatial.vectors import number

if TYPE_CHECKING:
    from engage_tui.engine.call import Call
    from engage_tui.engine.seating import Seats
    from engage_tui.sdk.audio_bed import AudioBed
    from engage_tui.sdk.audio_file import AudioFile
    from engage_tui.sdk.audio_object import AudioObject

Point = tuple[float, float, float]

MOST = 8
"""Sounds at a time; one more is refused, because each is held in memory whole."""

BEDS = {
    1: AudioBedFormat.STEREO,
    2: AudioBedFormat.STEREO,
    4: AudioBedFormat.AMBISONICS1,
    6: AudioBedFormat.SURROUND51,
}
"""What a bed makes of so many channels."""

_AHEAD = 1.5  # metres at which something stands that was given no place


@dataclass(slots=True)
class Sound:
    """One that plays.

    Attributes:
        label: The file's name.
        file: What plays.
        bed: What plays it all around; None: it has a place.
        placed: What plays it at a place; None: it is a bed.
        point: That place: metres from the person's seat to the right, ahead and up.
    """

    label: str
    file: AudioFile
    bed: AudioBed | None = None
    placed: AudioObject | None = None
    point: Point = (0.0, 0.0, 0.0)

    @property
    def gain(self) -> float:
        """Linear gain."""
        output = self.bed or self.placed
        return 0.0 if output is None else output.get_gain_linear()

    @gain.setter
    def gain(self, gain: float) -> None:
        output = self.bed or self.placed
        if output is not None:
            output.set_gain_linear(gain)


class Sounds:
    """Plays files to the person.

    Args:
        call: The call during which they sound.

    Attributes:
        serving: The intents about them.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._playing: dict[str, Sound] = {}  # by key; at most MOST
        self._loading = 0
        self._number = 0
        self.serving: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "play_sound": self._play,
            "stop_sound": self._stop,
        }

    async def begin(self, wanted: tuple[SoundStart, ...]) -> None:
        """Play what the command line named; what cannot be played ends the call, unless the lobby stood before it."""
        for each in wanted:
            try:
                await self.play(each.path, each.point, bed=each.point is None, loop=True)
            except EngageError as error:
                if not self._call.start.lobby:
                    self._call.end(Left("error", error.exit_code, error.message, error.hint))
                    return
                self._call.notice("error", str(error))

    async def play(self, path: str, point: Point | None, *, bed: bool, loop: bool) -> None:
        """Play a file.

        Args:
            path: The file; a leading ``~`` is the person's home.
            point: Metres from the person's seat to the right, ahead and up; None: ahead of where they look.
            bed: All around the person, instead of at `point`.
            loop: Begin again at the end.

        Raises:
            MediaFileError: It cannot be read, or holds no sound.
            UsageError: It has as many channels as cannot be placed like this, or there are `MOST` already.
        """
        from engage_tui.sdk.audio_file import AudioFile

        seats = seated(self._call)
        if len(self._playing) + self._loading >= MOST:
            raise UsageError(f"There are {MOST} sounds already.", "Stop one of them.")
        self._loading += 1
        file = AudioFile()
        try:
            await file.load(_at_home(path))
        finally:
            self._loading -= 1
        sound = Sound(os.path.basename(path), file)
        if bed:
            sound.bed = self._bed(file, path)
        else:
            sound.point = self._ahead(seats) if point is None else _checked(point)
            sound.placed = self._object(file, path)
            _place(sound, seats)
        file.set_loop(loop)
        file.play()
        self._number += 1
        self._playing[f"♪{self._number}"] = sound
        self._call.touch()

    def stop(self, key: str) -> None:
        """Play one no more.

        Raises:
            UsageError: There is none of this key.
        """
        sound = self.find(key)
        del self._playing[key]
        self._silence(sound)
        self._call.touch()

    def find(self, key: str) -> Sound:
        """The sound of a key.

        Raises:
            UsageError: There is none.
        """
        if key not in self._playing:
            raise UsageError(f"There is no sound {key}.", "It may have come to its end.")
        return self._playing[key]

    def move(self, key: str, x: float, y: float, *, by: bool = False) -> None:
        """Put one to a point of the map, or `by` so many metres to the right and ahead.

        Raises:
            UsageError: There is none, it is a bed, or a coordinate is not finite or too large.
        """
        sound, seats = self.find(key), seated(self._call)
        if sound.placed is None:
            raise UsageError(f"{sound.label} is around you and has no place.", "Only objects move.")
        before_x, before_y, height = sound.point
        point = (before_x + x, before_y + y, height) if by else (x, y, height)
        sound.point = _checked(point)
        _place(sound, seats)
        self._call.touch()

    def look(self) -> None:
        """Let go of what has come to its end, and keep the others where they are as seen from one's seat.

        Ten times a second: the seat moves whenever the table grows.
        """
        for key, sound in list(self._playing.items()):
            if not sound.file.is_playing:
                self.stop(key)
            elif self._call.seats is not None:
                _place(sound, self._call.seats)

    def views(self) -> tuple[SoundView, ...]:
        """What plays, as the screen shows it."""
        return tuple(
            SoundView(
                key,
                sound.label,
                None if sound.placed is None else PlaceView(sound.point[0], sound.point[1]),
                sound.gain,
            )
            for key, sound in self._playing.items()
        )

    async def _play(self, arguments: dict[str, Any]) -> None:
        path = str(arguments["path"]).strip()
        if not path:
            raise UsageError("No file is named.", "Type the path of a sound file.")
        point = None
        if "x" in arguments:
            point = (arguments["x"], arguments["y"], arguments.get("z", 0.0))
        bed = not arguments.get("room", point is not None)
        await self.play(path, point, bed=bed, loop=bool(arguments.get("loop", True)))

    async def _stop(self, arguments: dict[str, Any]) -> None:
        self.stop(str(arguments["sound"]))

    def _bed(self, file: AudioFile, path: str) -> AudioBed:
        from engage_tui.sdk.audio_bed import AudioBed

        assert self._call.space is not None
        bed = AudioBed(self._call.space.mixer, bed_format(path, file.channels))
        bed.set_input(file)
        return bed

    def _object(self, file: AudioFile, path: str) -> AudioObject:
        assert self._call.space is not None
        object_channels(path, file.channels)
        created = self._call.space.create_audio_object()
        created.set_input(file)
        return created

    def _ahead(self, seats: Seats) -> Point:
        seen = seats.seen(seats.ahead(_AHEAD))
        return seen.x, seen.y, 0.0

    def _silence(self, sound: Sound) -> None:
        sound.file.stop()
        if sound.bed is not None:
            sound.bed.remove_input(sound.file)
        elif sound.placed is not None:
            assert self._call.space is not None
            self._call.space.remove_audio_object(sound.placed)


def _checked(point: Point) -> Point:
    x, y, z = (round(number(each, "A distance", -FARTHEST, FARTHEST), 2) for each in point)
    return x, y, z


def _place(sound: Sound, seats: Seats) -> None:
    if sound.placed is not None:
        where = seats.point(*sound.point)
        if where != sound.placed.get_position():
            sound.placed.set_position(where.x, where.y, where.z)


def _at_home(path: str) -> str:
    return os.path.expanduser(path)


def bed_format(path: str, channels: int) -> AudioBedFormat:
    """What a bed makes of a file.

    Raises:
        UsageError: There is no bed of so many channels.
    """
    if channels not in BEDS:
        raise UsageError(
            f"{path} has {channels} channels; a bed takes 1, 2, 4 (ambisonics) or 6 (5.1).",
            "Convert it, or choose another.",
        )
    return BEDS[channels]


def object_channels(path: str, channels: int) -> None:
    """Check that a file can have a place.

    Raises:
        UsageError: It has more than two channels.
    """
    if channels > 2:
        raise UsageError(
            f"{path} has {channels} channels; a sound with a place takes 1 or 2.",
            "Play it as a bed, or convert it.",
        )


def check(path: str, *, bed: bool) -> None:
    """Look into a file's head, so that a wrong one is told before anything starts.

    Raises:
        MediaFileError: It is missing, unreadable, or holds no sound.
        UsageError: Its channels fit no bed, or no place.
    """
    from engage_tui.media.clip import clip_channels

    channels = clip_channels(path)
    if bed:
        bed_format(path, channels)
    else:
        object_channels(path, channels)
