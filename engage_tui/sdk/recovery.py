"""What a room does when its session is lost: resume it while its media stand, else join anew and restore."""

from __future__ import annotations

import asyncio
import logging
import random
from itertools import islice
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from engage_tui.errors import ConnectError, EngageError, RefusedError
from engage_tui.rtc.leaving import DismissedError, JoinAnewError
from engage_tui.rtc.reach import wait_for_return
from engage_tui.sdk.convert import reason_of
from engage_tui.sdk.enums import ConnectionState, DisconnectReason, RoomEvent
from engage_tui.sdk.reconnect import waits

if TYPE_CHECKING:
    from engage_tui.sdk.connection import Connection
    from engage_tui.sdk.publishing import Prepared
    from engage_tui.sdk.room import Room

_log = logging.getLogger(__name__)

FIRST_TRIES = 3
"""How often a room is joined for the first time, while the server asks for another try."""


async def join_first(room: Room) -> None:
    """Join a room that was never joined.

    Raises:
        EngageError: It cannot be joined.
    """
    last: EngageError | None = None
    for wait in islice(waits(random.random), FIRST_TRIES):
        await asyncio.sleep(wait)
        room.participants.clear()  # whom an earlier try met; nobody was told of them
        room._receivers.clear()
        try:
            await room._join(room._welcomed)
        except JoinAnewError as error:
            last = error
            continue
        room._following.began()
        return
    assert last is not None
    raise last


async def recover(room: Room) -> None:
    """Reconnect until it works, the server refuses, or nobody would wait any longer."""
    if room.state is not ConnectionState.CONNECTED:
        return
    room._settled.clear()
    room._set_state(ConnectionState.RECONNECTING)
    room.emit(RoomEvent.RECONNECTING)
    last: EngageError = ConnectError("The connection was lost.", "Join again.")
    reason = DisconnectReason.UNKNOWN_REASON
    if room._connection is not None and room._connection.asked_anew:
        await asyncio.sleep(room._following.pause(random.random))
    for wait in waits(random.random):
        if wait:
            await wait_for_return(room.server_url, wait)
        try:
            if await _resume(room):
                return
            await _join_again(room)
        except RefusedError as error:  # no use in asking again
            last = error
            if isinstance(error, DismissedError):
                reason = reason_of(error.reason)
            break
        except EngageError as error:
            _log.info("reconnecting failed: %s", error)
            last = error
            continue
        except Exception as error:  # noqa: BLE001 - border: a room must not reconnect for ever
            _log.exception("reconnecting failed")
            last = EngageError(f"Reconnecting failed: {error!r}.", "The log says more.")
            continue
        return
    room._begin_end(reason, last)


async def _resume(room: Room) -> bool:
    """Resume the session; False if that is out of the question.

    Raises:
        EngageError: It did not work this time.
    """
    connection = room._connection
    if connection is None or not _stands(connection):
        return False
    token = connection.token or room._token
    state = synchronisation(room)
    room._expects_everybody = True
    try:
        await connection.resume(room.server_url, token, state, room.options.connect_timeout)
    except JoinAnewError as error:
        _log.info("not resumed: %s", error)
        connection.give_up()
        return False
    except DismissedError:
        raise
    except EngageError:
        if _stands(connection):
            raise  # the server was not there; the media may still stand when it is
        return False
    room._following.began()
    room._set_state(ConnectionState.CONNECTED)
    room._settled.set()
    room.emit(RoomEvent.RECONNECTED)
    room._space.microphones_changed()
    return True


def _stands(connection: Connection) -> bool:
    """Whether the session may still be resumed; asked again after each try."""
    return connection.may_resume


def synchronisation(room: Room) -> rtc.SyncState:
    """What a server must know of us to go on with the session."""
    state = rtc.SyncState()
    state.subscription.subscribe = True
    for participant in room.participants.values():
        tracks = models.ParticipantTracks(participant_sid=participant.sid)
        for publication in participant.tracks.values():
            if publication.is_desired:
                tracks.track_sids.append(publication.track_sid)
                state.subscription.track_sids.append(publication.track_sid)
                if not publication.is_flowing:
                    state.track_sids_disabled.append(publication.track_sid)
        state.subscription.participant_tracks.append(tracks)
    if room.is_joined:
        state.publish_tracks.extend(room.local_participant._announced())
    return state


async def _join_again(room: Room) -> None:
    """Join as a new session and restore publications, subscriptions, modes and volumes.

    Raises:
        EngageError: It did not work this time.
    """
    old, room._connection = room._connection, None
    if old is not None:
        room._token = old.token or room._token
        await room._close(old)
    offering: list[asyncio.Task[list[Prepared]]] = []

    def welcomed(join: rtc.JoinResponse) -> None:
        _welcomed_again(room, join)
        if room.is_joined and room._connection is not None:  # while ICE and DTLS are made
            work = room.local_participant._offer_again(room._connection)
            offering.append(room.tasks.spawn(work, "offer_again"))

    try:
        await room._join(welcomed)
    except BaseException:
        for task in offering:
            task.cancel()
        raise
    connection: Connection | None = room._connection
    assert connection is not None
    room._following.began()
    room._set_state(ConnectionState.CONNECTED)
    for task in offering:
        await room.local_participant._publish_again(connection, await task)
    if connection.is_over:
        return  # lost once more meanwhile, which another recovery sees to
    room._settled.set()
    room.emit(RoomEvent.RECONNECTED)
    for participant in list(room.participants.values()):
        room.emit(RoomEvent.PARTICIPANT_CONNECTED, participant)
    room._space.microphones_changed()


def _welcomed_again(room: Room, join: rtc.JoinResponse) -> None:
    """The server let us in again: everybody has gone and come, perhaps with new SIDs."""
    room._expects_everybody = False
    for participant in room.participants.values():
        room._memory.remember(participant)
    for sid in list(room.participants):
        room._depart(sid)
    room._receivers.clear()
    room._inbox.clear()
    room._info.CopyFrom(join.room)
    if room.is_joined:
        room.local_participant._update_info(join.participant)
    room._gone.clear()
    for info in join.other_participants:
        if room._plausible(info) and info.identity != join.participant.identity:
            room._arrive(info, announce=False)
    room._listen()
