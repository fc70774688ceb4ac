"""Lost sessions: joined again with everything restored, given up, or ended by the server's word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from livekit.protocol import rtc

from engage_tui import (
    AudioConnectionMode,
    ConnectError,
    ConnectionState,
    DisconnectReason,
    LocalTrackPublication,
    PublishError,
    RefusedError,
    RemoteParticipant,
    RoomEvent,
    RoomOptions,
    Space,
    TrackSource,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.rtc.peer import Peer
from engage_tui.sdk import reconnect
from engage_tui.sdk.room import Room
from engage_tui.tasks import TaskGroup
from engage_tui.wire.sdp import Description
from tests.servers import TestServer
from tests.waiting import until


@pytest.fixture
async def spaces() -> AsyncIterator[tuple[Space, Space]]:
    async with Space() as first, Space() as second:
        yield first, second


async def joined(
    space: Space, server: TestServer, identity: str, room: str, options: RoomOptions | None = None
) -> Room:
    result = space.join_room(server.url, server.token(identity, room), options)
    await result.connected()
    return result


def cut(room: Room) -> None:
    """The signalling socket dies without a word."""
    socket = room._connection._signal._socket  # type: ignore[union-attr]
    assert socket is not None
    transport: Any = socket.get_extra_info("socket") and socket._response.connection
    transport.transport.abort()


def lose(room: Room) -> None:
    """Signalling dies, and the session cannot be resumed."""
    assert room._connection is not None
    room._connection.give_up()
    cut(room)


def only(room: Room) -> RemoteParticipant:
    (participant,) = room.participants.values()
    return participant


async def publish_both(room: Room) -> tuple[LocalTrackPublication, LocalTrackPublication]:
    local = room.local_participant
    return (
        await local.publish_track(await create_local_audio_track("test")),
        await local.publish_track(await create_local_video_track("test")),
    )


def states(room: Room) -> list[str]:
    record: list[str] = []
    room.on(RoomEvent.CONNECTION_STATE_CHANGED, lambda state: record.append(state.value))
    for event in (RoomEvent.RECONNECTING, RoomEvent.RECONNECTED, RoomEvent.DISCONNECTED):
        room.on(event, lambda *_, name=event.value: record.append(f"event {name}"))
    return record


async def test_everything_is_as_before_after_our_own_rejoin(
    any_server: TestServer,
    room_name: str,
    spaces: tuple[Space, Space],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada = await joined(spaces[0], any_server, "ada", room_name)
    await publish_both(ada)
    bob = await joined(spaces[1], any_server, "bob", room_name)
    _, camera = await publish_both(bob)
    await camera.mute()
    only(bob).set_audio_connection_mode(AudioConnectionMode.ALWAYS)
    only(bob).set_volume(0.25)
    await until(lambda: len(only(bob).tracks) == 2, 10)
    for publication in only(bob).video_tracks.values():
        publication.set_video_dimensions(320, 180)
        publication.set_subscribed(True)
    await until(lambda: all(p.is_subscribed for p in only(bob).tracks.values()), 10)
    record, me, sid = states(bob), bob.local_participant, bob.local_participant.sid
    offered: set[int] = set()
    make = Peer.offer

    async def counted(peer: Peer, *, restart: bool = False) -> str:
        sdp = await make(peer, restart=restart)
        offered.add(sum(section.msid is not None for section in Description.parse(sdp).sections))
        return sdp

    monkeypatch.setattr(Peer, "offer", counted)

    lose(bob)
    await bob.wait_for(RoomEvent.RECONNECTED, timeout=10)

    assert record == ["reconnecting", "event reconnecting", "connected", "event reconnected"]
    assert offered == {0, 2}, "both tracks are offered together"
    assert bob.local_participant is me
    assert me.sid != sid
    assert {p.source: p.is_muted for p in me.tracks.values()} == {
        TrackSource.MICROPHONE: False,
        TrackSource.CAMERA: True,
    }
    assert only(bob).audio_connection_mode is AudioConnectionMode.ALWAYS
    assert only(bob).volume == 0.25
    await until(lambda: only(bob).audio_connected)
    heard = {p.source: p for p in only(bob).tracks.values()}
    assert heard[TrackSource.CAMERA]._wanted_size == (320, 180)
    await until(lambda: all(p.stats.frames > 3 for p in heard.values()), 10)
    # And the other side sees and hears again, muted as before.
    await until(lambda: len(ada.participants) == 1 and len(only(ada).tracks) == 2)
    assert only(ada).get_track(TrackSource.CAMERA).is_muted  # type: ignore[union-attr]
    await until(lambda: only(ada).get_track(TrackSource.MICROPHONE).stats.rms > 0.1, 10)  # type: ignore
    await me.set_camera_enabled(True)
    await until(lambda: not only(ada).get_track(TrackSource.CAMERA).is_muted)  # type: ignore[union-attr]


async def test_somebody_elses_rejoin_keeps_what_we_chose_of_them(
    any_server: TestServer, room_name: str, spaces: tuple[Space, Space]
) -> None:
    ada = await joined(spaces[0], any_server, "ada", room_name)
    await publish_both(ada)
    bob = await joined(spaces[1], any_server, "bob", room_name, RoomOptions(subscribe="all"))
    before = only(bob)
    await until(lambda: len(before.tracks) == 2)
    await until(lambda: all(p.is_subscribed for p in before.tracks.values()))
    before.set_audio_connection_mode(AudioConnectionMode.NEVER)
    before.get_track(TrackSource.CAMERA).set_subscribed(False)  # type: ignore[union-attr]

    lose(ada)
    await ada.wait_for(RoomEvent.RECONNECTED, timeout=10)
    await until(lambda: only(bob).sid != before.sid and len(only(bob).tracks) == 2)

    assert only(bob).audio_connection_mode is AudioConnectionMode.NEVER
    assert not any(p.is_desired for p in only(bob).tracks.values())
    only(bob).set_audio_connection_mode(AudioConnectionMode.AUTO)
    await until(lambda: only(bob).audio_connected)


async def test_the_server_asks_to_connect_again(
    any_server: TestServer, room_name: str, spaces: tuple[Space, Space]
) -> None:
    bob = await joined(spaces[0], any_server, "bob", room_name)
    await publish_both(bob)
    for action in (rtc.LeaveRequest.RECONNECT, rtc.LeaveRequest.RESUME):
        message = rtc.SignalResponse()
        message.leave.action = action
        again = asyncio.get_running_loop().create_task(bob.wait_for(RoomEvent.RECONNECTED))
        await asyncio.sleep(0)
        bob.on_signal(message)
        await again
        assert len(bob.local_participant.tracks) == 2


async def test_a_session_lost_while_it_is_being_restored(
    any_server: TestServer, room_name: str, spaces: tuple[Space, Space]
) -> None:
    bob = await joined(spaces[0], any_server, "bob", room_name)
    await publish_both(bob)
    losses = 2

    def again(*_: object) -> None:
        nonlocal losses
        if losses:
            losses -= 1
            lose(bob)

    bob.on(RoomEvent.LOCAL_TRACK_PUBLISHED, again)
    lose(bob)
    await bob.wait_for(RoomEvent.RECONNECTED, timeout=20)
    assert losses == 0
    assert {p.source for p in bob.local_participant.tracks.values()} == {
        TrackSource.MICROPHONE,
        TrackSource.CAMERA,
    }
    assert bob.state is ConnectionState.CONNECTED


async def test_publishing_in_a_loss_fails_in_words_and_after_it_waits(
    any_server: TestServer, room_name: str, spaces: tuple[Space, Space]
) -> None:
    bob = await joined(spaces[0], any_server, "bob", room_name)
    local, connection = bob.local_participant, bob._connection
    assert connection is not None
    connection.send = lambda request: None  # type: ignore[method-assign]  # the announcement gets lost
    track = await create_local_audio_track("test")
    publishing = TaskGroup("test").spawn(local.publish_track(track), "publish")
    await until(lambda: connection._pending)

    lose(bob)
    await asyncio.wait([publishing], timeout=5)
    assert publishing.done()
    assert not publishing.cancelled(), "a cancellation that nobody asked for"
    assert isinstance(publishing.exception(), PublishError)

    if bob.state is not ConnectionState.RECONNECTING:
        lost = bob.wait_for(RoomEvent.RECONNECTING)
        lose(bob)
        await lost
    publication, again = await asyncio.gather(
        local.publish_track(track), local.publish_track(track)
    )
    assert publication is again
    assert bob.state is ConnectionState.CONNECTED
    assert list(local.tracks.values()) == [publication]


async def test_nobody_waits_for_ever(
    room_server: TestServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnect, "WAITS", (0.0, 0.01))
    async with Space() as space:
        bob = await joined(space, room_server, "bob", room_name)
        await publish_both(bob)
        record = states(bob)
        bob.server_url = "ws://127.0.0.1:1"
        lose(bob)
        assert await bob.wait_for(RoomEvent.DISCONNECTED) == (DisconnectReason.UNKNOWN_REASON,)
        assert record[:2] == ["reconnecting", "event reconnecting"]
        assert record[2:] == ["disconnected", "event disconnected"]
        assert isinstance(bob.error, ConnectError)
        with pytest.raises(ConnectError):
            await bob.local_participant.publish_data("too late")


async def test_leaving_while_reconnecting(
    any_server: TestServer, room_name: str, spaces: tuple[Space, Space]
) -> None:
    for delay in (0.0, 0.005, 0.02, 0.1):
        bob = await joined(spaces[0], any_server, "bob", room_name)
        await publish_both(bob)
        lose(bob)
        await asyncio.sleep(delay)
        await bob.leave()
        assert bob.disconnect_reason is DisconnectReason.CLIENT_INITIATED


async def test_the_same_identity_again_takes_the_place(
    any_server: TestServer, room_name: str
) -> None:
    async with Space() as first, Space() as second:
        old = first.join_room(any_server.url, any_server.token("ada", room_name))
        await old.connected()
        new = second.join_room(any_server.url, any_server.token("ada", room_name))
        await new.connected()
        await until(lambda: old.state is ConnectionState.DISCONNECTED)
        assert old.disconnect_reason is DisconnectReason.DUPLICATE_IDENTITY
        assert isinstance(old.error, RefusedError)
        assert new.state is ConnectionState.CONNECTED
