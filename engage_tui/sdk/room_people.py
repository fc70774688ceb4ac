"""A room and its people: who comes, changes and goes as the server says it, and what they need of their room."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from livekit.protocol import models, rtc

from engage_tui.sdk.enums import ConnectionState, RoomEvent
from engage_tui.sdk.participant import Participant
from engage_tui.sdk.reconnect import Memory
from engage_tui.sdk.reemission import at_room
from engage_tui.sdk.remote_participant import RemoteParticipant
from engage_tui.sdk.remote_publication import RemoteTrackPublication
from engage_tui.sdk.room_devices import OutputPort
from engage_tui.sdk.room_intake import RoomIntake
from engage_tui.sdk.server_messages import updated_speakers

if TYPE_CHECKING:
    from engage_tui.rtc.receiver import Receiver
    from engage_tui.sdk.mixer import Mixer
    from engage_tui.sdk.options import RoomOptions
    from engage_tui.sdk.track import RemoteAudioTrack
    from engage_tui.spatial.coordinates import Axes
    from engage_tui.spatial.scene import Source

_log = logging.getLogger(__name__)

MAX_GONE = 256
"""How many of those who left are remembered, so that late news do not bring them back."""


class ListeningPort(OutputPort, Protocol):
    """What the people of a room need of the space in which they are heard."""

    mixer: Mixer
    axes: Axes

    def microphones_changed(self) -> None:
        """Have the audio connection manager look again."""


class RoomPeople(RoomIntake):
    """The side of a `Room` that knows its people; it is what they see of it (`RoomPort`)."""

    def __init__(self, space: ListeningPort, url: str, options: RoomOptions) -> None:
        super().__init__(space, url, options)
        self._listening_space = space
        self._memory = Memory()
        # SIDs of who left last, and how new the last news of them were.
        self._gone: dict[str, int] = {}
        self._expects_everybody = False

    # -- coming and going --------------------------------------------------------------------------

    def _update(self, info: models.ParticipantInfo) -> None:
        if not self._plausible(info):
            _log.info("news of %r (%s) are too late, or nobody's", info.identity, info.sid)
            return
        if self._local is not None and info.identity == self._local.identity:
            if info.sid == self._local.sid and info.state != models.ParticipantInfo.DISCONNECTED:
                could = self.may_subscribe
                self._local._update_info(info)
                if could != self.may_subscribe:
                    self._subscribing_allowed()
            return
        known = self.get_participant_by_identity(info.identity)
        if info.state == models.ParticipantInfo.DISCONNECTED:
            if known is not None and known.sid == info.sid:
                self._depart(info.sid)
            return
        if isinstance(known, RemoteParticipant) and known.sid != info.sid:
            self._memory.remember(known)  # a new session of the same identity
            self._depart(known.sid)
            known = None
        if isinstance(known, RemoteParticipant):
            if info.version and info.version < known._info.version:
                return  # overtaken on the way
            known._update_info(info)
            known._update_tracks(info.tracks, announce=True)
            return
        self._arrive(info, announce=True)

    def _plausible(self, info: models.ParticipantInfo) -> bool:
        """Whether somebody can be so: has names, not our SID, and has not left since."""
        if not info.sid or not info.identity:
            return False
        ours = self._local is not None and info.sid == self._local.sid
        if ours and info.identity != self.local_participant.identity:
            return False
        return info.sid in self.participants or info.version > self._gone.get(info.sid, -1)

    def _subscribing_allowed(self) -> None:
        """Our own right to subscribe came or went: fail what is wanted, or try again what failed for it."""
        for participant in list(self.participants.values()):
            for publication in participant.get_tracks():
                publication._right_changed()
        self.microphones_changed()

    def _arrive(self, info: models.ParticipantInfo, *, announce: bool) -> RemoteParticipant:
        participant = RemoteParticipant(info, self)
        self.participants[participant.sid] = participant
        if announce and self._state is ConnectionState.CONNECTED:
            self.emit(RoomEvent.PARTICIPANT_CONNECTED, participant)
        self._memory.restore(participant)
        participant._update_tracks(info.tracks, announce=announce)
        return participant

    def _depart(self, sid: str) -> None:
        participant = self.participants.pop(sid, None)
        if participant is None:
            return
        self._gone[sid] = participant._info.version
        if len(self._gone) > MAX_GONE:
            del self._gone[next(iter(self._gone))]
        participant._unpublish_all()
        if participant in self._speakers:
            self._speakers.remove(participant)
        self._inbox.forget(sid)
        if self._local is not None:
            self._local._rpc.left(participant.identity)
        self.emit(RoomEvent.PARTICIPANT_DISCONNECTED, participant)
        self.microphones_changed()

    def _forget_absent(self, infos: Any) -> None:
        """The first list after a resume that names us names everybody: who is missing left meanwhile, untold."""
        local = self._local
        if not self._expects_everybody or local is None:
            return
        present = {info.sid for info in infos}
        if local.sid in present:
            self._expects_everybody = False
            for sid in set(self.participants) - present:
                self._depart(sid)

    def _speakers_changed(self, changes: Any) -> None:
        heard = [(self._by_sid(change.sid), change.active, change.level) for change in changes]
        speakers = updated_speakers(self._speakers, heard)
        changed, self._speakers = speakers != self._speakers, speakers
        if changed and self._state is ConnectionState.CONNECTED:
            self.emit(RoomEvent.ACTIVE_SPEAKERS_CHANGED, list(speakers))

    # -- for participants (RoomPort) ---------------------------------------------------------------

    def send(self, request: rtc.SignalRequest) -> None:
        """Queue a request for the server; dropped while there is no connection."""
        if self._connection is not None:
            self._connection.send(request)

    @property
    def may_subscribe(self) -> bool:
        """Whether our token lets us subscribe."""
        return self._local is None or self._local.permissions.can_subscribe

    def receiver_of(self, track_sid: str) -> Receiver | None:
        """The receiver of a track whose media section stands already."""
        return self._receivers.get(track_sid)

    def participant_event(
        self, participant: Participant[Any], event: str, arguments: tuple[Any, ...]
    ) -> None:
        """Re-emit what a participant emitted, with the participant."""
        said = at_room(
            event, arguments, participant, connected=self._state is ConnectionState.CONNECTED
        )
        if said is not None:
            self.emit(said[0], *said[1])

    @property
    def axes(self) -> Axes:
        """The coordinate system of the space."""
        return self._listening_space.axes

    def add_voice(self, track: RemoteAudioTrack, gain: float, source: Source | None) -> None:
        """Mix a track in, at its place; None: in the middle."""
        self._listening_space.mixer.add_voice(track, track.pull, gain, source)

    def remove_voice(self, track: RemoteAudioTrack) -> None:
        """Leave a track out of the mix."""
        self._listening_space.mixer.remove_voice(track)

    def set_voice_gain(self, track: RemoteAudioTrack, gain: float) -> None:
        """Change a track's linear gain in the mix."""
        self._listening_space.mixer.set_gain(track, gain)

    def microphones_changed(self) -> None:
        """A microphone, or whether it should be connected, has changed."""
        self._listening_space.microphones_changed()

    def on_published(
        self, participant: RemoteParticipant, publication: RemoteTrackPublication
    ) -> None:
        """Subscribe on sight what the options say; microphones are the manager's."""
        known = self._memory.restore_publication(participant, publication)
        if not known and self.options.takes(publication.source) and publication.may_be_subscribed:
            publication._want(True)
        if publication in participant.microphones:
            self.microphones_changed()
