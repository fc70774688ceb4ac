"""What outlives a lost session: how long to wait between tries, and what was chosen of whom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engage_tui.sdk.enums import AudioConnectionMode, TrackSource, VideoQuality
from engage_tui.sdk.remote_participant import RemoteParticipant
from engage_tui.sdk.remote_publication import RemoteTrackPublication
from engage_tui.spatial.scene import Source

WAITS = (0.0, 0.3, 1.2, 2.7, 4.8, 7.0, 7.0, 7.0, 7.0, 7.0)
"""Seconds before each try, as LiveKit's clients wait."""

STEADY = 10.0
"""Seconds after which a session that the server ends is no sign that the next would be ended too."""


def waits(random: Callable[[], float]) -> Iterator[float]:
    """The waits before each try, with up to a second of chance from the third on.

    Args:
        random: Gives numbers from 0 to 1.
    """
    for number, wait in enumerate(WAITS):
        yield wait + (random() if number >= 2 else 0.0)


class Following:
    """How soon to follow a server that asks to connect again: at once, but not each time it does so in a row."""

    def __init__(self) -> None:
        self._began = float("-inf")
        self._asked = 0  # times in a row, so far

    def began(self) -> None:
        """A session stands."""
        self._began = time.monotonic()

    def pause(self, random: Callable[[], float]) -> float:
        """The seconds to wait now that it asks; `random` as for `waits`."""
        if time.monotonic() - self._began >= STEADY:
            self._asked = 0
        pauses = list(waits(random))
        self._asked += 1
        return pauses[min(self._asked, len(pauses)) - 1]


_Place = tuple[TrackSource, str]  # what stays the same of a publication: its source and name


@dataclass(frozen=True, slots=True)
class _Choice:
    """What was chosen of one publication."""

    manual: bool | None
    desired: bool
    enabled: bool
    size: tuple[int, int]
    quality: VideoQuality
    fps: int


@dataclass(slots=True)
class _Choices:
    mode: AudioConnectionMode
    volume: float
    analyse: bool
    source: Source
    publications: dict[_Place, _Choice]


class Memory:
    """What we chose of people whose session ended, ours or theirs, until they are back under a new SID.

    Kept by identity, source and name; each choice is given back once.
    """

    def __init__(self) -> None:
        self._choices: dict[str, _Choices] = {}

    def remember(self, participant: RemoteParticipant) -> None:
        """Keep what stands now; what was kept earlier and not yet given back stays where nothing new stands."""
        earlier = self._choices.get(participant.identity)
        publications = dict(earlier.publications) if earlier is not None else {}
        for publication in participant.tracks.values():
            publications[_place(publication)] = _Choice(
                publication.manual,
                publication.is_desired,
                publication._enabled,
                publication._wanted_size,
                publication._wanted_quality,
                publication._wanted_fps,
            )
        self._choices[participant.identity] = _Choices(
            participant.audio_connection_mode,
            participant.volume,
            participant._analyse_level,
            participant._source,
            publications,
        )

    def restore(self, participant: RemoteParticipant) -> None:
        """Give mode and volume to somebody who is back, before any microphone is connected."""
        choices = self._choices.get(participant.identity)
        if choices is not None:
            participant._source = choices.source
            participant.set_volume(choices.volume)
            participant.set_analyse_audio_level(choices.analyse)
            participant.set_audio_connection_mode(choices.mode)

    def restore_publication(
        self, participant: RemoteParticipant, publication: RemoteTrackPublication
    ) -> bool:
        """Subscribe again what was subscribed; returns whether anything was known of the publication."""
        choices = self._choices.get(participant.identity)
        if choices is None:
            return False
        choice = choices.publications.pop(_place(publication), None)
        if choice is None:
            return False
        publication.manual = choice.manual
        publication._enabled = choice.enabled
        publication._wanted_size, publication._wanted_quality = choice.size, choice.quality
        publication._wanted_fps = choice.fps
        if choice.desired and publication.may_be_subscribed:
            publication._begin_small()
            publication._want(True)
        return True


def _place(publication: RemoteTrackPublication) -> _Place:
    return publication.source, publication.track_name
