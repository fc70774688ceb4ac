"""What is known of a room: its state, its people, and how to find them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livekit.protocol import models

from engage_tui.errors import ConnectError, EngageError
from engage_tui.sdk.enums import ConnectionState, DisconnectReason
from engage_tui.sdk.events import Emitter
from engage_tui.tasks import TaskGroup

if TYPE_CHECKING:
    from engage_tui.sdk.connection import Connection
    from engage_tui.sdk.local_participant import LocalParticipant
    from engage_tui.sdk.options import RoomOptions
    from engage_tui.sdk.participant import Participant
    from engage_tui.sdk.remote_participant import RemoteParticipant
    from engage_tui.sdk.remote_publication import RemoteTrackPublication


class RoomFacts(Emitter):
    """The readable side of a `Room`.

    Attributes:
        participants: Everybody else, by SID.
        server_url: As given.
        options: As given.
        error: Why the room could not be joined or was lost; None while all is well.
        disconnect_reason: Why it was left; None before.
    """

    def __init__(self, url: str, options: RoomOptions) -> None:
        super().__init__(TaskGroup("room.handlers"))
        self.participants: dict[str, RemoteParticipant] = {}
        self.server_url = url
        self.options = options
        self.error: EngageError | None = None
        self.disconnect_reason: DisconnectReason | None = None
        self._state = ConnectionState.DISCONNECTED
        self._let_in = False  # by the server, in this session or the one that is being made
        self._info = models.Room()
        self._connection: Connection | None = None
        self._local: LocalParticipant | None = None
        self._speakers: list[Participant[Any]] = []

    def __repr__(self) -> str:
        return f"<Room {self.name!r} {self._state.value}>"

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return self._state

    @property
    def name(self) -> str:
        """The room's name."""
        return self._info.name

    @property
    def sid(self) -> str:
        """The server's identifier of the room."""
        return self._info.sid

    @property
    def metadata(self) -> str:
        """Free text that the application gave."""
        return self._info.metadata

    @property
    def is_recording(self) -> bool:
        """Whether somebody records."""
        return self._info.active_recording

    @property
    def num_participants(self) -> int:
        """How many people are in the room, ourselves included."""
        return len(self.participants) + (self._local is not None)

    @property
    def num_publishers(self) -> int:
        """How many of them publish something, as the server counts."""
        return self._info.num_publishers

    @property
    def is_joined(self) -> bool:
        """Whether `local_participant` is known."""
        return self._local is not None

    @property
    def local_participant(self) -> LocalParticipant:
        """Ourselves.

        Raises:
            ConnectError: The room has not been joined yet.
        """
        if self._local is None:
            raise ConnectError("The room is not joined yet.", "Await room.connected() first.")
        return self._local

    @property
    def listening(self) -> bool:
        """Whether the audio connection manager may connect microphones now."""
        return self.options.microphones and self._let_in

    @property
    def active_speakers(self) -> list[Participant[Any]]:
        """Who speaks now, loudest first."""
        return list(self._speakers)

    @property
    def round_trip_time(self) -> float | None:
        """Seconds to the server and back; None until measured."""
        return self._connection.round_trip_time if self._connection else None

    def get_participant_by_identity(self, identity: str) -> Participant[Any] | None:
        """Who is called so, ourselves included."""
        if self._local is not None and self._local.identity == identity:
            return self._local
        return next((p for p in self.participants.values() if p.identity == identity), None)

    def _by_sid(self, sid: str) -> Participant[Any] | None:
        if self._local is not None and sid == self._local.sid:
            return self._local
        return self.participants.get(sid)

    def find_publication(
        self, track_sid: str
    ) -> tuple[RemoteParticipant, RemoteTrackPublication] | tuple[None, None]:
        """Whose the remote track with this SID is, and its publication."""
        for participant in self.participants.values():
            publication = participant.tracks.get(track_sid)
            if publication is not None:
                return participant, publication
        return None, None
