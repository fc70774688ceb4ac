"""Signalling that is lost while media flow: the session goes on, with nothing published or subscribed anew."""

from __future__ import annotations

import time
from typing import Any

from livekit.protocol import rtc

from engage_tui import (
    ConnectionState,
    RoomEvent,
    TrackSource,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.sdk.room import Room
from tests.embedded import described, embedded_server
from tests.integration.meeting import Meeting, meet
from tests.integration.test_sdk_rejoin import cut, states
from tests.servers import TestServer
from tests.waiting import until


async def both_publish(m: Meeting) -> None:
    for room in (m.ada, m.bob):
        local = room.local_participant
        await local.publish_track(await create_local_audio_track("test"))
        await local.publish_track(await create_local_video_track("test"))
    await until(lambda: len(m.ada_of_bob.tracks) == 2)
    await until(lambda: all(p.stats.frames > 5 for p in m.ada_of_bob.tracks.values()), 10)


async def resumed(room: Room, lose: Any = cut) -> None:
    """Lose signalling and wait until it is back."""
    done: list[bool] = []
    room.once(RoomEvent.RECONNECTED, lambda: done.append(True))
    lose(room)
    await until(lambda: done, 10, "resumed")


def gaps(room: Room) -> list[float]:
    """Collects when pictures came, to find the longest pause."""
    times: list[float] = []
    for participant in room.participants.values():
        for publication in participant.video_tracks.values():
            assert publication.video_track is not None
            publication.video_track.attach(lambda _: times.append(time.monotonic()))
    return times


async def test_a_lost_socket_costs_nothing(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        await both_publish(m)
        record, sid = states(m.bob), m.bob.local_participant.sid
        tracks = {p.track_sid: p.track for p in m.ada_of_bob.tracks.values()}
        published = dict(m.bob.local_participant.tracks)
        times = gaps(m.bob)
        ice = m.bob._connection.subscriber._ice._connection  # type: ignore[union-attr]
        await until(lambda: times, 10)
        for _ in range(3):
            await resumed(m.bob)
            assert m.bob.state is ConnectionState.CONNECTED
        seen = len(times)
        await until(lambda: len(times) > seen + 5, 10)
        assert record == [
            *("reconnecting", "event reconnecting", "connected", "event reconnected") * 3
        ]
        assert m.bob.local_participant.sid == sid
        assert m.bob.local_participant.tracks == published
        assert {p.track_sid: p.track for p in m.ada_of_bob.tracks.values()} == tracks
        assert m.bob._connection.subscriber._ice._connection is not ice, "ICE was restarted"  # type: ignore
        longest = max(b - a for a, b in zip(times, times[1:], strict=False))
        assert longest < 2, longest


async def test_a_server_without_the_path_for_one_connection(room_name: str) -> None:
    async with (
        embedded_server(single_connection=False) as server,
        meet(described(server), room_name, subscribe="all") as m,
    ):
        assert m.bob._connection is not None
        assert m.bob._connection.publisher is not m.bob._connection.subscriber
        await both_publish(m)
        sid = m.bob.local_participant.sid
        await resumed(m.bob)
        assert m.bob.local_participant.sid == sid
        seen = {p: p.stats.frames for p in m.ada_of_bob.tracks.values()}
        await until(lambda: all(p.stats.frames > before for p, before in seen.items()), 10)


async def test_what_was_said_meanwhile_is_said_afterwards(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        await both_publish(m)
        camera = m.ada_of_bob.get_track(TrackSource.CAMERA)
        mine = m.bob.local_participant.get_track(TrackSource.MICROPHONE)
        assert camera is not None
        assert mine is not None
        lost = m.bob.wait_for(RoomEvent.RECONNECTING)
        back = m.bob.wait_for(RoomEvent.RECONNECTED)
        cut(m.bob)
        await lost
        assert m.bob.state is ConnectionState.RECONNECTING
        camera.set_subscribed(False)
        await mine.mute()
        await back
        await until(lambda: camera.track is None)
        bob = m.ada.get_participant_by_identity("bob")
        assert bob is not None
        await until(lambda: bob.tracks[mine.track_sid].is_muted)
        camera.set_subscribed(True)
        await until(lambda: camera.is_subscribed)
        heard: list[Any] = []
        m.ada.on(RoomEvent.DATA_RECEIVED, lambda *a: heard.append(a[0]))
        await m.bob.local_participant.publish_data("still here")
        await until(lambda: heard == [b"still here"])
        another = await create_local_video_track("test")
        await m.bob.local_participant.publish_track(another)
        await until(lambda: len(bob.tracks) == 3)


async def test_a_leave_that_asks_to_resume(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        sid = m.bob.local_participant.sid
        message = rtc.SignalResponse()
        message.leave.action = rtc.LeaveRequest.RESUME
        await resumed(m.bob, lambda room: room.on_signal(message))
        assert m.bob.local_participant.sid == sid
        message.leave.action = rtc.LeaveRequest.RECONNECT
        await resumed(m.bob, lambda room: room.on_signal(message))
        assert m.bob.local_participant.sid != sid, "asked to join anew"


async def test_who_left_meanwhile_is_gone(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        await both_publish(m)
        gone: list[Any] = []
        m.bob.on(RoomEvent.PARTICIPANT_DISCONNECTED, gone.append)
        url, m.bob.server_url = m.bob.server_url, "ws://127.0.0.1:1"
        cut(m.bob)
        await until(lambda: m.bob.state is ConnectionState.RECONNECTING)
        ada = m.ada_of_bob
        await m.ada.leave()
        m.bob.server_url = url
        await until(lambda: m.bob.state is ConnectionState.CONNECTED, 10)
        await until(lambda: gone == [ada], 10)
