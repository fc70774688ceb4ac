"""Joining, being refused, leaving: what is said, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import threading

import psutil
import pytest

from engage_tui import (
    AuthError,
    ConnectError,
    ConnectionState,
    DataPacketKind,
    DisconnectReason,
    EngageError,
    Grants,
    PublishError,
    RefusedError,
    RoomEvent,
    RoomOptions,
    Space,
    TrackSource,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.wire.token import create_token
from tests.leftovers import threads
from tests.require import need
from tests.servers import TestServer, find_livekit_server, free_ports, run_livekit_server
from tests.waiting import until


async def refused(url: str, token: str) -> EngageError:
    async with Space() as space:
        room = space.join_room(url, token)
        ended = asyncio.get_running_loop().create_task(room.wait_for(RoomEvent.DISCONNECTED))
        with pytest.raises(EngageError) as caught:
            await room.connected()
        assert (await ended) == (DisconnectReason.JOIN_FAILURE,)
        assert room.state is ConnectionState.DISCONNECTED
        assert room.error is caught.value
        assert space.rooms == []
    return caught.value


async def test_tokens_that_are_refused(any_server: TestServer, room_name: str) -> None:
    grants = Grants(room=room_name, room_join=True)
    foreign = create_token(
        any_server.key, "another-secret-of-thirty-two-bytes!", grants, identity="a"
    )
    expired = create_token(any_server.key, any_server.secret, grants, identity="a", ttl=-3600)
    no_join = any_server.token("a", grants=Grants(room=room_name))
    for token, words in ((foreign, ""), (expired, "expired"), (no_join, ""), ("nonsense", "")):
        error = await refused(any_server.url, token)
        assert isinstance(error, AuthError), error
        assert words in error.message
        assert error.hint


async def test_no_server() -> None:
    error = await refused(f"ws://127.0.0.1:{free_ports(1)[0]}", "token")
    assert isinstance(error, ConnectError)


@pytest.mark.interop
async def test_a_room_that_is_made_elsewhere_and_does_not_exist(room_name: str) -> None:
    binary = find_livekit_server()
    need(binary is not None, "livekit-server")
    assert binary is not None
    with run_livekit_server(binary, auto_create=False) as server:
        error = await refused(server.url, server.token("ada", room_name))
    assert isinstance(error, RefusedError)
    assert error.exit_code == 4
    assert "does not exist" in error.message


async def test_leaving_leaves_no_task_thread_or_socket(
    any_server: TestServer, room_name: str
) -> None:
    async def call() -> None:
        async with Space() as first, Space() as second:
            rooms = [
                space.join_room(any_server.url, any_server.token(name, room_name), options)
                for space, name, options in (
                    (first, "ada", RoomOptions()),
                    (second, "bob", RoomOptions(subscribe="all")),
                )
            ]
            for room in rooms:
                await room.connected()
            local = rooms[0].local_participant
            await local.publish_track(await create_local_audio_track("test"))
            await local.publish_track(await create_local_video_track("test"))
            (ada,) = rooms[1].participants.values()
            await until(lambda: sum(p.stats.frames > 3 for p in ada.tracks.values()) == 2, 10)
            await rooms[0].leave()
            await rooms[0].leave()
            assert not any(p.track and p.track.media.is_open for p in local.tracks.values())

    await call()  # what stays for the whole process (pools, the resolver) is there now
    gc.collect()
    process = psutil.Process()
    tasks, running, sockets = asyncio.all_tasks(), threads(), len(process.net_connections())
    await call()
    await until(lambda: asyncio.all_tasks() == tasks, 2)
    await until(lambda: threads() <= running, 2, str(threading.enumerate()))
    await until(lambda: len(process.net_connections()) <= sockets, 2)


async def test_leaving_while_joining(any_server: TestServer, room_name: str) -> None:
    async with Space() as space:
        for delay in (0.0, 0.005, 0.02, 0.05):
            room = space.join_room(any_server.url, any_server.token("ada", room_name))
            await asyncio.sleep(delay)
            await room.leave()
            assert room.disconnect_reason is DisconnectReason.CLIENT_INITIATED
            with pytest.raises(ConnectError):
                await room.connected()


async def test_a_token_that_allows_nothing(any_server: TestServer, room_name: str) -> None:
    grants = Grants(
        room=room_name,
        room_join=True,
        can_publish=False,
        can_subscribe=False,
        can_publish_data=False,
    )
    async with Space() as first, Space() as second:
        ada = first.join_room(any_server.url, any_server.token("ada", room_name))
        await ada.connected()
        await ada.local_participant.publish_track(await create_local_audio_track("test"))
        bob = second.join_room(any_server.url, any_server.token("bob", grants=grants))
        await bob.connected()
        track = await create_local_audio_track("test")
        with pytest.raises(PublishError):
            await bob.local_participant.publish_track(track)
        await track.stop()
        with pytest.raises(PublishError):
            await bob.local_participant.set_microphone_enabled(True)
        with pytest.raises(RefusedError):
            await bob.local_participant.publish_data("hello")
        await until(lambda: any(p.tracks for p in bob.participants.values()))
        (publication,) = next(iter(bob.participants.values())).tracks.values()
        publication.set_subscribed(True)
        assert isinstance(publication.error, RefusedError)


async def test_a_source_that_the_token_leaves_out_is_refused_by_the_server_too(
    any_server: TestServer, room_name: str
) -> None:
    grants = Grants(room=room_name, room_join=True, can_publish_sources=("microphone",))
    async with Space() as space:
        room = space.join_room(any_server.url, any_server.token("ada", grants=grants))
        await room.connected()
        local = room.local_participant
        await local.publish_track(await create_local_audio_track("test"))
        camera = await create_local_video_track("test")
        try:
            with pytest.raises(PublishError, match="camera"):
                await local.publish_track(camera)
            local._check_allowed = lambda source: None  # type: ignore[method-assign]
            with pytest.raises(PublishError):
                await local.publish_track(camera)
        finally:
            await camera.stop()
        assert [each.source for each in local.tracks.values()] == [TrackSource.MICROPHONE]


async def test_data_and_chat_between_our_clients(any_server: TestServer, room_name: str) -> None:
    received: list[tuple[object, ...]] = []
    async with Space() as first, Space() as second:
        rooms = []
        for space, name in ((first, "ada"), (second, "bob")):
            room = space.join_room(any_server.url, any_server.token(name, room_name))
            await room.connected()
            rooms.append(room)
        ada, bob = rooms
        await until(lambda: bob.participants and ada.participants)
        (sender,) = bob.participants.values()
        bob.on(RoomEvent.DATA_RECEIVED, lambda *arguments: received.append(arguments))
        local = ada.local_participant
        await local.publish_data("to all", topic="greeting")
        await local.publish_data(b"to bob", destination=["bob"])
        await local.publish_data("nobody", destination=["carol"])
        await local.publish_data("é" * 20_000, topic="lk.chat")
        await until(lambda: len(received) == 3)
        with pytest.raises(EngageError):
            await local.publish_data(bytes(70_000))
    assert received == [
        (b"to all", sender, DataPacketKind.RELIABLE, "greeting"),
        (b"to bob", sender, DataPacketKind.RELIABLE, ""),
        ("é".encode() * 20_000, sender, DataPacketKind.RELIABLE, "lk.chat"),
    ]
