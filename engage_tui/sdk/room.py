"""A room: joined, kept over losses, left, and told what the server says of it; every event in one place."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Protocol

from livekit.protocol import rtc

from engage_tui.errors import ConnectError, EngageError
from engage_tui.rtc.leaving import DismissedError, Wish, wish
from engage_tui.rtc.reach import reach
from engage_tui.sdk.connection import Connection
from engage_tui.sdk.convert import quality_of, reason_of
from engage_tui.sdk.enums import ConnectionState, DisconnectReason, RoomEvent
from engage_tui.sdk.local_participant import LocalParticipant
from engage_tui.sdk.options import RoomOptions
from engage_tui.sdk.reconnect import Following
from engage_tui.sdk.recovery import join_first, recover
from engage_tui.sdk.room_people import ListeningPort, RoomPeople
from engage_tui.sdk.server_messages import take_room_update, take_subscription_message
from engage_tui.tasks import TaskGroup

_log = logging.getLogger(__name__)


class SpacePort(ListeningPort, Protocol):
    """What a room needs of its space."""

    position_sync: bool

    def room_ended(self, room: Room) -> None:
        """The room is over."""


class Room(RoomPeople):
    """One room, made by `Space.join_room`; what is known of it stands in `RoomFacts`, its people in `RoomPeople`."""

    def __init__(self, space: SpacePort, url: str, token: str, options: RoomOptions) -> None:
        super().__init__(space, url, options)
        self._space = space
        self._token = token
        self._settled = asyncio.Event()
        self._ending = False
        self._ended = asyncio.Event()
        self._loss: str | None = None
        self._following = Following()
        self._closing = TaskGroup("room.closing")  # never cancelled: what is begun is finished
        self._session_end: asyncio.Task[None] | None = None

    # -- joining and leaving -----------------------------------------------------------------------

    async def connected(self) -> None:
        """Wait until the room is joined.

        Raises:
            EngageError: Why it could not be: `ConnectError`, `AuthError`, `RefusedError` or `UsageError`.
        """
        await self._settled.wait()
        if self.error is not None:
            raise self.error
        if self._state is ConnectionState.DISCONNECTED:
            raise ConnectError("The room was left.", "Join again.")

    async def settled(self) -> Connection:
        """The connection, once joining or reconnecting has ended (for participants).

        Raises:
            ConnectError: The room is not connected.
        """
        await self._settled.wait()
        if self._connection is None or self._state is not ConnectionState.CONNECTED:
            raise ConnectError("The room is not connected.", "Join it again.")
        return self._connection

    async def leave(self) -> None:
        """Leave; idempotent. Afterwards no task, thread or socket of the room is left."""
        self._begin_end(DisconnectReason.CLIENT_INITIATED, None, leave=True)
        await self._ended.wait()

    async def prepare_connection(self, url: str = "") -> None:
        """Check that a server answers at `url` (empty: the room's), before joining it.

        Raises:
            ConnectError: It does not.
            UsageError: It is no server's address.
        """
        await reach(url or self.server_url)

    def _start(self) -> None:
        """Begin to connect (for the space)."""
        self._set_state(ConnectionState.CONNECTING)
        self.tasks.spawn(self._run(), "run")
        self.tasks.spawn(self._watch_devices(), "watch_devices")

    async def _run(self) -> None:
        """Join for the first time."""
        try:
            await join_first(self)
        except EngageError as error:
            self._begin_end(DisconnectReason.JOIN_FAILURE, error)
            return
        except Exception as error:  # noqa: BLE001 - border: whoever waits for the room must not wait for ever
            _log.exception("joining failed")
            bug = EngageError(f"Joining failed: {error!r}.", "The log says more.")
            self._begin_end(DisconnectReason.JOIN_FAILURE, bug)
            return
        self._set_state(ConnectionState.CONNECTED)
        self.emit(RoomEvent.CONNECTED)
        self._settled.set()
        if self._space.position_sync:
            self.tasks.spawn(self.local_participant._share_position(), "position")
        self._space.microphones_changed()

    async def _join(self, on_joined: Any) -> None:
        connection = Connection(self)
        self._connection = connection
        self._loss = None
        self._let_in = False
        try:
            await connection.open(
                self.server_url, self._token, on_joined, self.options.connect_timeout
            )
            if self._loss is not None:
                raise ConnectError(f"The connection was lost while joining: {self._loss}.")
        except BaseException:
            self._connection = None
            # The others saw us come; without a leave they would keep us until the server gives us up.
            await self._close(connection, leave=True)
            raise

    def _welcomed(self, join: rtc.JoinResponse) -> None:
        """The server let us in for the first time; those who are there cause no events."""
        self._info.CopyFrom(join.room)
        self._local = LocalParticipant(join.participant, self)
        self.emit(RoomEvent.SIGNAL_CONNECTED)
        for info in join.other_participants:
            if self._plausible(info) and info.identity != self._local.identity:
                self._arrive(info, announce=False)
        self._listen()

    def _listen(self) -> None:
        """Have microphones connected from the welcome on: what is subscribed at once is offered at once."""
        self._let_in = True
        self._space.microphones_changed()

    async def _close(self, connection: Connection, *, leave: bool = False) -> None:
        """Close a session, to the end even if the caller is cancelled meanwhile."""
        self._session_end = self._closing.spawn(connection.close(leave=leave), "session")
        await asyncio.shield(self._session_end)

    def _begin_end(
        self, reason: DisconnectReason, error: EngageError | None, *, leave: bool = False
    ) -> None:
        """End the room; the first caller's reason counts."""
        if not self._ending:
            self._ending = True
            self.error, self.disconnect_reason = error, reason
            self._closing.spawn(self._end(reason, leave=leave), "end")

    async def _end(self, reason: DisconnectReason, *, leave: bool) -> None:
        """Close everything, then say so."""
        self._settled.set()
        try:
            await self.tasks.cancel()
            if self._session_end is not None:  # one that a reconnect was closing
                await asyncio.gather(self._session_end, return_exceptions=True)
            connection, self._connection = self._connection, None
            if connection is not None:
                await self._close(connection, leave=leave)
            for participant in self.participants.values():
                participant._drop_all()
            if self._local is not None:
                await self._local._stop_all()
        finally:
            self._set_state(ConnectionState.DISCONNECTED)
            self.emit(RoomEvent.DISCONNECTED, reason)
            self._space.room_ended(self)
            self._ended.set()

    def _set_state(self, state: ConnectionState) -> None:
        if state is not self._state:
            self._state = state
            self._let_in = state is ConnectionState.CONNECTED
            self.emit(RoomEvent.CONNECTION_STATE_CHANGED, state)

    # -- reconnecting ------------------------------------------------------------------------------

    def on_connection_lost(self, connection: Connection, why: str) -> None:
        """See `ConnectionOwner`."""
        if connection is not self._connection or self._ending:
            return
        self._loss = why
        if self._state is ConnectionState.CONNECTED:
            self.tasks.spawn(recover(self), "recover")

    # -- signalling --------------------------------------------------------------------------------

    def on_signal(self, message: rtc.SignalResponse) -> None:
        """See `ConnectionOwner`."""
        match message.WhichOneof("message"):
            case "update":
                self._forget_absent(message.update.participants)
                for info in message.update.participants:
                    self._update(info)
            case "speakers_changed":
                self._speakers_changed(message.speakers_changed.speakers)
            case "connection_quality":
                for each in message.connection_quality.updates:
                    participant = self._by_sid(each.participant_sid)
                    if participant is not None:
                        participant._set_quality(quality_of(each.quality))
            case "room_update":
                take_room_update(self, message.room_update.room)
            case "leave":
                self._told_to_leave(message.leave)
            case "mute" if self._local is not None:
                work = self._local._server_muted(message.mute.sid, message.mute.muted)
                self.tasks.spawn(work, "server_muted")
            case "track_unpublished" if self._local is not None:
                work = self._local._server_unpublished(message.track_unpublished.track_sid)
                self.tasks.spawn(work, "server_unpublished")
            case _:
                take_subscription_message(self, message)

    def _told_to_leave(self, leave: rtc.LeaveRequest) -> None:
        wanted = wish(leave)
        if wanted is not Wish.STAY_AWAY:
            if self._connection is not None:
                self._connection.told_to_reconnect(resume=wanted is Wish.RESUME)
            return
        error = DismissedError(leave.reason)
        _log.info("told to leave: %s", error)
        self._begin_end(reason_of(leave.reason), error)

    async def _close_handlers(self) -> None:
        """End the coroutine handlers that still run (for the space)."""
        with contextlib.suppress(asyncio.CancelledError):
            await self._handler_tasks.cancel()
