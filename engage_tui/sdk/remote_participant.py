"""Participants: somebody else, whose microphone is heard at a place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from livekit.protocol import models

from engage_tui.sdk.enums import (
    AudioConnectionMode,
    ParticipantEvent,
    StreamState,
    TrackEvent,
    TrackSource,
)
from engage_tui.sdk.participant import Participant, RoomPort
from engage_tui.sdk.publication import TrackPublication
from engage_tui.sdk.remote_publication import RemoteTrackPublication
from engage_tui.sdk.spatial_controls import SpatialControls
from engage_tui.sdk.track import RemoteAudioTrack
from engage_tui.spatial.coordinates import FORWARD
from engage_tui.spatial.vectors import Quaternion, Vector3D
from engage_tui.wire.position import Placement


class RemoteParticipant(SpatialControls, Participant[RemoteTrackPublication]):
    """Somebody else; what is set of their sound (`SpatialControls`) is of their microphone."""

    def __init__(self, info: models.ParticipantInfo, room: RoomPort) -> None:
        Participant.__init__(self, info, room)
        SpatialControls.__init__(self, room.axes)
        self._mode = AudioConnectionMode.AUTO
        self._volume = 1.0
        self._audio_connected = False
        self._analyse_level = False
        self._placement: Placement | None = None

    @property
    def audio_connection_mode(self) -> AudioConnectionMode:
        """Who decides whether their microphone is connected."""
        return self._mode

    @property
    def audio_connected(self) -> bool:
        """Whether their microphone is connected to the listener."""
        return self._audio_connected

    @property
    def volume(self) -> float:
        """Linear gain of their microphone."""
        return self._volume

    @property
    def placement(self) -> Placement | None:
        """Where they say they are, in metres, and where they look; None until they said so.

        Axes as in `engage_tui.wire.position`. Each change is told by ``ParticipantEvent.POSITION_CHANGED(placement)``.
        """
        return self._placement

    def _synchronised(self, placement: Placement) -> None:
        """They said where they are: their voice is heard from there."""
        if placement != self._placement:
            self._placement = placement
            self._place(Vector3D(*placement.position))
            self._source.update(front=Quaternion(*placement.orientation).rotate(FORWARD))
            self.emit(ParticipantEvent.POSITION_CHANGED, placement)

    @property
    def audio_level(self) -> float:
        """A meter's deflection of their microphone, 0 to 1; 0 unless `set_analyse_audio_level` asked for it."""
        if not self._analyse_level:
            return 0.0
        tracks = (each.audio_track for each in self.microphones)
        return max((track.level for track in tracks if track is not None), default=0.0)

    def set_analyse_audio_level(self, enabled: bool) -> None:
        """Have `audio_level` follow their microphone."""
        self._analyse_level = enabled

    @property
    def microphones(self) -> list[RemoteTrackPublication]:
        """The publications that the audio connection manager looks after."""
        return [
            each for each in self.audio_tracks.values() if each.source is TrackSource.MICROPHONE
        ]

    def set_audio_connection_mode(self, mode: AudioConnectionMode) -> None:
        """Leave the microphone to the manager, keep it connected, or never connect it.

        Takes back what ``set_subscribed`` said about their microphones.
        """
        self._mode = mode
        self.wishes += 1
        for publication in self.microphones:
            publication.manual = None
        self._room.microphones_changed()

    def set_volume(self, volume: float) -> None:
        """Set the linear gain of their microphone, 1 is as sent; remembered for later tracks."""
        self._volume = volume
        for publication in self.microphones:
            if publication.audio_track is not None:
                self._room.set_voice_gain(publication.audio_track, volume)

    def publication_event(
        self, publication: TrackPublication, event: str, arguments: tuple[Any, ...]
    ) -> None:
        """See `Participant.publication_event`; tracks enter and leave the mix on the way."""
        microphone = publication.source is TrackSource.MICROPHONE
        if arguments and isinstance(arguments[0], RemoteAudioTrack):
            if event == TrackEvent.SUBSCRIBED:
                place = (self._volume, self._source) if microphone else (1.0, None)
                self._room.add_voice(arguments[0], *place)
            elif event == TrackEvent.UNSUBSCRIBED:
                self._room.remove_voice(arguments[0])
        super().publication_event(publication, event, arguments)
        if microphone:
            self._check_audio_connected()
            if event == TrackEvent.SUBSCRIPTION_STATUS_CHANGED:
                self._room.microphones_changed()

    def _check_audio_connected(self) -> None:
        connected = any(each.is_subscribed for each in self.microphones)
        if connected != self._audio_connected:
            self._audio_connected = connected
            self.emit(
                ParticipantEvent.AUDIO_CONNECTED
                if connected
                else ParticipantEvent.AUDIO_DISCONNECTED
            )
            self.emit(ParticipantEvent.AUDIO_CONNECTION_CHANGED, connected)

    def _update_tracks(self, infos: Iterable[models.TrackInfo], *, announce: bool) -> None:
        """Take the complete list of what they publish.

        Args:
            infos: The server's list; what is missing in it was unpublished.
            announce: Emit events for new ones; False for what stood before we joined.
        """
        news = {info.sid: info for info in infos if info.sid}
        for publication in self.get_tracks():
            if publication.track_sid not in news:
                self._unpublish(publication)
        fresh = []
        for sid, info in news.items():
            known = self.tracks.get(sid)
            if known is not None:
                known._update(info)
                continue
            publication = RemoteTrackPublication(info, self)
            self._add(publication)
            fresh.append(publication)
        for publication in fresh:
            if announce:
                self.emit(ParticipantEvent.TRACK_PUBLISHED, publication)
            if self.tracks.get(publication.track_sid) is publication:
                self._room.on_published(self, publication)

    def _unpublish(self, publication: RemoteTrackPublication) -> None:
        publication.manual = False  # nobody is to subscribe it again while its events are told
        publication._dropped(for_good=True)
        self._remove(publication)
        self.emit(ParticipantEvent.TRACK_UNPUBLISHED, publication)
        self._check_audio_connected()
        self._room.microphones_changed()

    def _unpublish_all(self) -> None:
        for publication in self.get_tracks():
            self._unpublish(publication)

    def _drop_all(self) -> None:
        """Every track is gone with the connection; the publications stay."""
        for publication in self.get_tracks():
            publication._dropped()

    def _set_stream_state(self, publication: RemoteTrackPublication, state: StreamState) -> None:
        if publication.stream_state is not state:
            publication.stream_state = state
            self.emit(ParticipantEvent.TRACK_STREAM_STATE_CHANGED, publication, state)
