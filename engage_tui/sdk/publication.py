"""Publications: the announced fact of a track, ours or somebody else's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from livekit.protocol import models, rtc

from engage_tui.sdk.convert import kind_of, source_of
from engage_tui.sdk.enums import (
    TrackEvent,
    TrackKind,
    TrackSource,
)
from engage_tui.sdk.events import Emitter
from engage_tui.sdk.track import RemoteTrack, TrackStats
from engage_tui.tasks import TaskGroup

if TYPE_CHECKING:
    from engage_tui.rtc.receiver import Receiver
    from engage_tui.sdk.local_track import LocalTrack


class PublicationPort(Protocol):
    """What a publication needs of the participant that it belongs to."""

    tasks: TaskGroup

    def send(self, request: rtc.SignalRequest) -> None:
        """Queue a request for the server; dropped while there is no connection."""

    def publication_event(
        self, publication: TrackPublication, event: str, arguments: tuple[Any, ...]
    ) -> None:
        """Hand on what a publication emitted, after its own handlers."""

    @property
    def sid(self) -> str:
        """The participant's SID."""

    @property
    def may_subscribe(self) -> bool:
        """Whether our token lets us subscribe at all."""

    def receiver_of(self, track_sid: str) -> Receiver | None:
        """The receiver of a track whose media section stands already."""

    def wishes_changed(self) -> None:
        """What is wanted of a publication, or may be, has changed."""


class TrackPublication(Emitter, ABC):
    """A track as its publisher announced it.

    Attributes:
        mime_type: Like ``video/VP8``; empty if unknown.
        simulcasted: Whether a video comes in several sizes.
    """

    def __init__(self, info: models.TrackInfo, port: PublicationPort) -> None:
        super().__init__(port.tasks)
        self._port = port
        self._info = models.TrackInfo()
        self._info.CopyFrom(info)
        self._is_muted = info.muted

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.track_sid} {self.source.value} {self.track_name!r}>"

    @property
    def track_sid(self) -> str:
        """The server's identifier of the track."""
        return self._info.sid

    @property
    def track_name(self) -> str:
        """The name that the publisher gave it; may be empty."""
        return self._info.name

    @property
    def kind(self) -> TrackKind:
        """Sound or pictures."""
        return kind_of(self._info.type)

    @property
    def source(self) -> TrackSource:
        """Where the publisher takes it from."""
        return source_of(self._info.source)

    @property
    def is_muted(self) -> bool:
        """Whether the publisher sends nothing at present."""
        return self._is_muted

    @property
    def mime_type(self) -> str:
        """The codec, like ``audio/opus``; empty if not announced."""
        return self._info.mime_type

    @property
    def dimensions(self) -> tuple[int, int] | None:
        """Announced width and height in pixels; None for sound and when not announced."""
        if self.kind is not TrackKind.VIDEO or not self._info.width:
            return None
        return self._info.width, self._info.height

    @property
    def simulcasted(self) -> bool:
        """Whether the publisher sends the video in several sizes."""
        return self._info.simulcast

    @property
    @abstractmethod
    def track(self) -> LocalTrack | RemoteTrack | None:
        """The track itself: a `LocalTrack`, or a `RemoteTrack` while it is received; else None."""

    @property
    @abstractmethod
    def stats(self) -> TrackStats:
        """What went through all tracks of this publication; stands still while nothing is received."""

    def _change_muted(self, muted: bool) -> None:
        if muted != self._is_muted:
            self._is_muted = muted
            self.emit(TrackEvent.MUTED if muted else TrackEvent.UNMUTED)

    def _reemit(self, event: str, arguments: tuple[Any, ...]) -> None:
        self._port.publication_event(self, event, arguments)
