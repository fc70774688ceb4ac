"""Participants: what is true of all of them, ourselves included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from livekit.protocol import models, rtc

from engage_tui.sdk.convert import source_of
from engage_tui.sdk.enums import (
    ConnectionQuality,
    ParticipantEvent,
    TrackEvent,
    TrackKind,
    TrackSource,
)
from engage_tui.sdk.events import Emitter
from engage_tui.sdk.local_publication import LocalTrackPublication
from engage_tui.sdk.publication import TrackPublication
from engage_tui.sdk.remote_publication import RemoteTrackPublication
from engage_tui.sdk.track import RemoteAudioTrack
from engage_tui.tasks import TaskGroup

if TYPE_CHECKING:
    from engage_tui.rtc.receiver import Receiver
    from engage_tui.sdk.remote_participant import RemoteParticipant
    from engage_tui.spatial.coordinates import Axes
    from engage_tui.spatial.scene import Source

PublicationT = TypeVar("PublicationT", RemoteTrackPublication, LocalTrackPublication)

_LATEST = 253_402_300_799_000  # milliseconds: the end of the last year that a datetime can hold

_REEMITTED = {
    TrackEvent.SUBSCRIBED: ParticipantEvent.TRACK_SUBSCRIBED,
    TrackEvent.UNSUBSCRIBED: ParticipantEvent.TRACK_UNSUBSCRIBED,
    TrackEvent.SUBSCRIPTION_STATUS_CHANGED: ParticipantEvent.TRACK_SUBSCRIPTION_STATUS_CHANGED,
    TrackEvent.SUBSCRIPTION_FAILED: ParticipantEvent.TRACK_SUBSCRIPTION_FAILED,
    TrackEvent.MUTED: ParticipantEvent.TRACK_MUTED,
    TrackEvent.UNMUTED: ParticipantEvent.TRACK_UNMUTED,
}


@dataclass(frozen=True, slots=True)
class ParticipantPermission:
    """What a participant may do.

    Attributes:
        can_publish_sources: The only sources that may be published; empty: all.
    """

    can_subscribe: bool = True
    can_publish: bool = True
    can_publish_data: bool = True
    can_publish_sources: tuple[TrackSource, ...] = ()
    can_update_metadata: bool = False
    hidden: bool = False
    recorder: bool = False


class RoomPort(Protocol):
    """What participants need of their room."""

    tasks: TaskGroup

    def send(self, request: rtc.SignalRequest) -> None:
        """Queue a request for the server; dropped while there is no connection."""

    def participant_event(
        self, participant: Participant[Any], event: str, arguments: tuple[Any, ...]
    ) -> None:
        """Hand on what a participant emitted, after its own handlers."""

    @property
    def may_subscribe(self) -> bool:
        """Whether our token lets us subscribe at all."""

    def receiver_of(self, track_sid: str) -> Receiver | None:
        """The receiver of a track whose media section stands already."""

    @property
    def axes(self) -> Axes:
        """The coordinate system of the space."""

    def add_voice(self, track: RemoteAudioTrack, gain: float, source: Source | None) -> None:
        """Mix a track in, at its place; None: in the middle."""

    def remove_voice(self, track: RemoteAudioTrack) -> None:
        """Leave a track out of the mix."""

    def set_voice_gain(self, track: RemoteAudioTrack, gain: float) -> None:
        """Change a track's linear gain in the mix."""

    def microphones_changed(self) -> None:
        """A microphone, or whether it should be connected, has changed."""

    def on_published(
        self, participant: RemoteParticipant, publication: RemoteTrackPublication
    ) -> None:
        """A remote publication came into being, after its event."""


class Participant(Emitter, Generic[PublicationT]):
    """Somebody in the room.

    Attributes:
        tracks: Publications by track SID, sound and pictures together.
        audio_tracks: Those that carry sound.
        video_tracks: Those that carry pictures.
        is_speaking: Whether the server counts them among the active speakers.
        is_speaking_level: How loud, 0 to 1.
        last_spoke_at: When they last began to speak.
        wishes: Grows with every change that decides which of their microphones may be connected.
    """

    def __init__(self, info: models.ParticipantInfo, room: RoomPort) -> None:
        super().__init__(room.tasks)
        self.wishes = 0
        self.tasks = room.tasks
        self.tracks: dict[str, PublicationT] = {}
        self.audio_tracks: dict[str, PublicationT] = {}
        self.video_tracks: dict[str, PublicationT] = {}
        self.is_speaking = False
        self.is_speaking_level = 0.0
        self.last_spoke_at: datetime | None = None
        self._room = room
        self._quality = ConnectionQuality.UNKNOWN
        self._info = models.ParticipantInfo()
        self._info.CopyFrom(info)
        self._permissions = _permissions(info)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.identity!r} {self.sid}>"

    @property
    def sid(self) -> str:
        """The server's identifier of this session."""
        return self._info.sid

    @property
    def identity(self) -> str:
        """Who it is; unique in the room."""
        return self._info.identity

    @property
    def name(self) -> str:
        """The name for people; may be empty."""
        return self._info.name

    @property
    def metadata(self) -> str:
        """Free text that the application gave."""
        return self._info.metadata

    @property
    def attributes(self) -> dict[str, str]:
        """Free fields that the application gave."""
        return dict(self._info.attributes)

    @property
    def permissions(self) -> ParticipantPermission:
        """What they may do."""
        return self._permissions

    @property
    def joined_at(self) -> datetime:
        """When they joined, by the server's clock, in UTC."""
        milliseconds = self._info.joined_at_ms or self._info.joined_at * 1000
        return datetime.fromtimestamp(min(max(0, milliseconds), _LATEST) / 1000, UTC)

    @property
    def is_active(self) -> bool:
        """Whether their media connection stands; False while they are still joining."""
        return self._info.state == models.ParticipantInfo.ACTIVE

    @property
    def connection_quality(self) -> ConnectionQuality:
        """How well their connection works."""
        return self._quality

    @property
    def is_camera_enabled(self) -> bool:
        """Whether a camera is published and not muted."""
        return self._enabled(TrackSource.CAMERA)

    @property
    def is_microphone_enabled(self) -> bool:
        """Whether a microphone is published and not muted."""
        return self._enabled(TrackSource.MICROPHONE)

    @property
    def is_screen_share_enabled(self) -> bool:
        """Whether a screen is published."""
        return self.get_track(TrackSource.SCREEN_SHARE) is not None

    def get_tracks(self) -> list[PublicationT]:
        """All publications, oldest first."""
        return list(self.tracks.values())

    def get_track(self, source: TrackSource) -> PublicationT | None:
        """The first publication of `source`."""
        return next((each for each in self.tracks.values() if each.source is source), None)

    def get_track_by_name(self, name: str) -> PublicationT | None:
        """The first publication called `name`."""
        return next((each for each in self.tracks.values() if each.track_name == name), None)

    def send(self, request: rtc.SignalRequest) -> None:
        """Queue a request for the server (for publications)."""
        self._room.send(request)

    @property
    def may_subscribe(self) -> bool:
        """Whether our token lets us subscribe (for publications)."""
        return self._room.may_subscribe

    def receiver_of(self, track_sid: str) -> Receiver | None:
        """A receiver that stands already (for publications)."""
        return self._room.receiver_of(track_sid)

    def wishes_changed(self) -> None:
        """What is wanted of a publication, or may be, has changed (for publications)."""
        self.wishes += 1

    def publication_event(
        self, publication: TrackPublication, event: str, arguments: tuple[Any, ...]
    ) -> None:
        """Re-emit what a publication emitted, with what a listener here would lack."""
        reemitted = _REEMITTED.get(TrackEvent(event))
        if reemitted is None:
            return
        if event in (TrackEvent.SUBSCRIBED, TrackEvent.UNSUBSCRIBED):
            arguments = (*arguments, publication)
        elif event == TrackEvent.SUBSCRIPTION_STATUS_CHANGED:
            arguments = (publication, arguments[0])
        elif event == TrackEvent.SUBSCRIPTION_FAILED:
            arguments = (publication.track_sid, *arguments)
        else:
            arguments = (publication,)
        self.emit(reemitted, *arguments)

    def _enabled(self, source: TrackSource) -> bool:
        return any(each.source is source and not each.is_muted for each in self.tracks.values())

    def _reemit(self, event: str, arguments: tuple[Any, ...]) -> None:
        self._room.participant_event(self, event, arguments)

    def _add(self, publication: PublicationT) -> None:
        self.tracks[publication.track_sid] = publication
        by_kind = self.video_tracks if publication.kind is TrackKind.VIDEO else self.audio_tracks
        by_kind[publication.track_sid] = publication
        self.wishes += 1

    def _remove(self, publication: PublicationT) -> None:
        self.wishes += 1
        for tracks in (self.tracks, self.audio_tracks, self.video_tracks):
            tracks.pop(publication.track_sid, None)

    def _update_info(self, info: models.ParticipantInfo) -> None:
        """Take the server's news about anything but tracks."""
        before: models.ParticipantInfo = self._info
        permissions = self._permissions
        self._info = models.ParticipantInfo()
        self._info.CopyFrom(info)
        self._permissions = _permissions(info)
        if before.metadata != info.metadata:
            self.emit(ParticipantEvent.PARTICIPANT_METADATA_CHANGED, before.metadata)
        if before.name != info.name:
            self.emit(ParticipantEvent.PARTICIPANT_NAME_CHANGED, info.name)
        if before.attributes != info.attributes:
            keys = {*before.attributes, *info.attributes}
            changed = {
                key: info.attributes.get(key, "")
                for key in sorted(keys)
                if before.attributes.get(key) != info.attributes.get(key)
            }
            self.emit(ParticipantEvent.PARTICIPANT_ATTRIBUTES_CHANGED, changed)
        if permissions != self._permissions:
            self.emit(ParticipantEvent.PARTICIPANT_PERMISSIONS_CHANGED, permissions)

    def _set_speaking(self, active: bool, level: float) -> None:
        changed = active != self.is_speaking
        self.is_speaking, self.is_speaking_level = active, level if active else 0.0
        if changed:
            if active:
                self.last_spoke_at = datetime.now(UTC)
            self.emit(ParticipantEvent.IS_SPEAKING_CHANGED, active)

    def _set_quality(self, quality: ConnectionQuality) -> None:
        if quality is not self._quality:
            self._quality = quality
            self.emit(ParticipantEvent.CONNECTION_QUALITY_CHANGED, quality)


def _permissions(info: models.ParticipantInfo) -> ParticipantPermission:
    if not info.HasField("permission"):
        return ParticipantPermission()
    given = info.permission
    return ParticipantPermission(
        can_subscribe=given.can_subscribe,
        can_publish=given.can_publish,
        can_publish_data=given.can_publish_data,
        can_publish_sources=tuple(source_of(each) for each in given.can_publish_sources),
        can_update_metadata=given.can_update_metadata,
        hidden=given.hidden,
        recorder=given.recorder,
    )
