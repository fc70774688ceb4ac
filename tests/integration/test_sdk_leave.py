"""Whatever a server means by `leave`: the call ends in words, goes on, or is joined anew."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from livekit.protocol import models, rtc

from engage_tui import (
    ConnectionState,
    DisconnectReason,
    EngageError,
    RoomEvent,
    Space,
    create_local_audio_track,
)
from engage_tui.rtc.leaving import DismissedError
from engage_tui.sdk import reconnect
from engage_tui.sdk.room import Room
from engage_tui.server import signaling
from engage_tui.server.app import RunningServer
from engage_tui.server.client import Client
from tests.embedded import described
from tests.integration.meeting import join
from tests.integration.test_sdk_rejoin import cut, states
from tests.servers import TestServer
from tests.waiting import until

REASONS = (*models.DisconnectReason.items(), ("of tomorrow", 4711))
BACK = ["reconnecting", "event reconnecting", "connected", "event reconnected"]
GONE = ["disconnected", "event disconnected"]
DECIDED = [
    "DUPLICATE_IDENTITY",
    "PARTICIPANT_REMOVED",
    "ROOM_DELETED",
    "ROOM_CLOSED",
    "USER_UNAVAILABLE",
    "USER_REJECTED",
]
Leave = rtc.LeaveRequest


@pytest.fixture
async def bob(server: RunningServer) -> AsyncIterator[Room]:
    async with Space() as space:
        yield await join(space, described(server), "bob", "hall")


def tell(server: RunningServer, leave: Leave) -> None:
    """Have the server send it to Bob; it keeps the session where that is to be resumed, as it does itself."""
    client: Client = server.rooms["hall"].clients["bob"]
    client.send(rtc.SignalResponse(leave=leave))
    if leave.action != Leave.RESUME:
        client.end(models.DisconnectReason.UNKNOWN_REASON)


@pytest.mark.parametrize(("name", "reason"), REASONS, ids=[name for name, _ in REASONS])
async def test_the_call_ends_and_the_reason_is_understood(
    server: RunningServer, bob: Room, name: str, reason: int
) -> None:
    record = states(bob)
    tell(server, Leave(reason=reason, action=Leave.DISCONNECT))  # type: ignore[arg-type]
    await until(lambda: len(record) == 2)
    assert record == GONE
    known = name in models.DisconnectReason.keys()  # noqa: SIM118 - no mapping
    expected = DisconnectReason[name] if known else DisconnectReason.UNKNOWN_REASON
    assert bob.disconnect_reason is expected
    with pytest.raises(DismissedError) as caught:
        await bob.connected()
    assert caught.value.reason == reason
    assert caught.value.exit_code == (4 if name in DECIDED else 3)
    said = caught.value.message
    assert said.endswith(".")
    assert ("4711" in said) != known, said
    assert "_" not in said
    assert name.replace("_", " ").lower() not in said, "words, not the protocol's name"


@pytest.mark.parametrize(
    "leave",
    [
        Leave(action=Leave.RESUME),
        Leave(action=Leave.RECONNECT),
        Leave(action=Leave.DISCONNECT, can_reconnect=True),  # before protocol 13
    ],
    ids=["resume", "reconnect", "reconnect, as old servers say it"],
)
async def test_the_call_goes_on_whatever_the_reason(
    server: RunningServer, bob: Room, leave: Leave, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnect, "STEADY", 0.0)  # each time as if for the first time
    local = bob.local_participant
    await local.publish_track(await create_local_audio_track("test"))
    record = states(bob)
    for _, reason in REASONS:
        record.clear()
        sid, (track,) = local.sid, local.tracks
        leave.reason = reason  # type: ignore[assignment]
        tell(server, leave)
        await until(lambda: len(record) == 4, 10)
        assert record == BACK
        assert (local.sid == sid) == (leave.action == Leave.RESUME)
        assert ([*local.tracks] == [track]) == (leave.action == Leave.RESUME)
        assert len(server.rooms["hall"].clients["bob"].publisher.tracks) == 1


@pytest.mark.parametrize("action", [Leave.RESUME, Leave.RECONNECT])
async def test_a_server_that_asks_again_and_again_is_followed_more_slowly(
    server: RunningServer, bob: Room, monkeypatch: pytest.MonkeyPatch, action: Leave.Action
) -> None:
    pause, times = 0.25, list[float]()
    monkeypatch.setattr(reconnect, "WAITS", (0.0, pause))

    def again() -> None:
        times.append(time.monotonic())
        tell(server, Leave(action=action, reason=models.MIGRATION))

    bob.on(RoomEvent.RECONNECTED, again)
    again()
    await until(lambda: len(times) == 5, 10)
    _, *later = [b - a for a, b in pairwise(times)]
    assert min(later) >= pause
    assert bob.state is not ConnectionState.DISCONNECTED


@pytest.mark.parametrize("action", [Leave.RESUME, Leave.RECONNECT, Leave.DISCONNECT])
async def test_a_leave_while_joining(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, action: Leave.Action
) -> None:
    admit, admitted = server.admit, list[Client]()

    def first_refused(*arguments: Any) -> Client:
        client = admit(*arguments)
        admitted.append(client)
        if len(admitted) == 1:
            client.leave(models.DisconnectReason.PARTICIPANT_REMOVED, action)
        return client

    monkeypatch.setattr(server, "admit", first_refused)
    async with Space() as space:
        room = space.join_room(server.url, described(server).token("bob"))
        record = states(room)
        if action != Leave.DISCONNECT:
            await room.connected()
            assert record == ["connected"]
            assert room.local_participant.sid == admitted[1].sid
            await room.local_participant.publish_track(await create_local_audio_track("test"))
            return
        with pytest.raises(DismissedError, match="removed"):
            await room.connected()
        await until(lambda: record == GONE)
        assert len(admitted) == 1


async def test_a_server_that_never_lets_us_in_is_given_up(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    admit = server.admit

    def refused(*arguments: Any) -> Client:
        client = admit(*arguments)
        client.leave(models.DisconnectReason.MIGRATION, Leave.RECONNECT)
        return client

    monkeypatch.setattr(server, "admit", refused)
    monkeypatch.setattr("engage_tui.sdk.reconnect.WAITS", (0.0,) * 3)
    async with Space() as space:
        room = space.join_room(server.url, described(server).token("bob"))
        with pytest.raises(EngageError, match="asks to join again"):
            await room.connected()
        assert room.disconnect_reason is DisconnectReason.JOIN_FAILURE


@pytest.mark.parametrize("action", [Leave.RESUME, Leave.RECONNECT, Leave.DISCONNECT])
async def test_a_leave_in_answer_to_a_resume(
    server: RunningServer, bob: Room, monkeypatch: pytest.MonkeyPatch, action: Leave.Action
) -> None:
    async def refuse(socket: web.WebSocketResponse) -> None:
        leave = Leave(action=action, reason=models.PARTICIPANT_REMOVED)
        await socket.send_bytes(rtc.SignalResponse(leave=leave).SerializeToString())
        await socket.close()

    monkeypatch.setattr(signaling, "_refuse_resume", refuse)
    monkeypatch.setattr(server, "session_of", lambda *_: None)
    record, sid = states(bob), bob.local_participant.sid
    cut(bob)
    await until(lambda: len(record) == 4)
    if action != Leave.DISCONNECT:
        assert record == BACK
        assert bob.local_participant.sid != sid
    else:
        assert record == [*BACK[:2], *GONE]
        assert bob.disconnect_reason is DisconnectReason.PARTICIPANT_REMOVED
        assert isinstance(bob.error, DismissedError)


@pytest.mark.parametrize(
    ("scenario", "same"),
    [
        ("server_leave", None),
        (
            "node_failure",
            False,
        ),  # and the resume is answered by a leave that asks for a new session
        ("disconnect_signal_on_resume", True),
    ],
)
async def test_what_servers_do_when_asked_to_fail(
    any_server: TestServer, room_name: str, scenario: str, same: bool | None
) -> None:
    async with Space() as space:
        room = await join(space, any_server, "bob", room_name)
        local = room.local_participant
        await local.publish_track(await create_local_audio_track("test"))
        record, sid = states(room), local.sid
        request = rtc.SignalRequest()
        setattr(request.simulate, scenario, True)
        room.send(request)
        if same is None:
            await until(lambda: record == GONE)
            assert room.disconnect_reason is DisconnectReason.SERVER_SHUTDOWN
            return
        if same:
            answered = room.wait_for(RoomEvent.RECONNECTING)
            await local.publish_data("has come after the request")
            cut(room)
            await answered
        await until(lambda: record[-1:] == BACK[-1:], 10)
        assert record == BACK
        assert (local.sid == sid) == same
        assert room.state is ConnectionState.CONNECTED
        assert len(local.tracks) == 1
