"""What a session was made of on the server goes when it ends, without the garbage collector.

That comes by seldom: with sessions in cycles a server held those of the last hundred people who left, 30 MB of them,
and looked through them all in one go while everybody waited.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from livekit.protocol import models, rtc

from engage_tui import (
    RoomEvent,
    Space,
    TrackKind,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.server.app import RunningServer
from engage_tui.server.client import Client
from tests.certificates import Authority
from tests.embedded import described, embedded_server
from tests.integration.meeting import Meeting, join, meet
from tests.integration.signal_client import signalling, signalling_single
from tests.integration.test_sdk_resume import resumed
from tests.integration.test_server_rooms import add_track, publish, publisher_offer
from tests.integration.test_server_single import activate, answer, request
from tests.remains import Watch, without_collector
from tests.waiting import until


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    with without_collector():
        yield


async def talking(server: RunningServer, m: Meeting) -> list[Client]:
    """Have both send sound, pictures and data, and get the other's; their sessions."""
    heard: list[object] = []
    for room in (m.ada, m.bob):
        room.on(RoomEvent.DATA_RECEIVED, lambda *_: heard.append(_))
        local = room.local_participant
        await local.publish_track(await create_local_audio_track("test"))
        await local.publish_track(await create_local_video_track("test", resolution=(640, 360)))
    for room in (m.ada, m.bob):
        await room.local_participant.publish_data("hello", topic="lk.chat")
    await until(lambda: len(heard) == 2, 10, "data both ways")

    def flow() -> bool:
        people = [*m.ada.participants.values(), *m.bob.participants.values()]
        tracks = [p for who in people for p in who.tracks.values()]
        return len(tracks) == 4 and all(p.is_subscribed and p.stats.frames > 2 for p in tracks)

    await until(flow, 10, "sound and pictures both ways")
    return list(server.rooms[m.room].clients.values())


async def test_of_a_call(server: RunningServer, room_name: str) -> None:
    watch = Watch()
    async with meet(described(server), room_name, subscribe="all") as m:
        m.ada.options = m.bob.options
        watch.add(*await talking(server, m))
        assert len(watch.objects) > 2 * 20
        watch.add_sockets()
        await resumed(m.bob)  # goes on with another socket
        watch.add_sockets()
    await watch.all_gone()


async def test_of_a_track_that_is_published_no_more(server: RunningServer, room_name: str) -> None:
    watch = Watch()
    async with meet(described(server), room_name, subscribe="all") as m:
        m.ada.options = m.bob.options
        _, bob = await talking(server, m)
        (video,) = (track for track in bob.publisher.tracks.values() if track.video)
        parts = (video, *video.streams.values(), *video.subscriptions.values())
        watch.objects += map(weakref.ref, parts)
        del video, parts
        assert len(watch.objects) >= 3
        local = m.bob.local_participant
        (publication,) = (p for p in local.tracks.values() if p.kind is TrackKind.VIDEO)
        assert publication.track is not None
        await local.unpublish_track(publication.track)
        await watch.all_gone()


async def test_of_who_is_replaced_or_sent_away(server: RunningServer, room_name: str) -> None:
    watch = Watch()
    async with meet(described(server), room_name) as m:
        people = server.rooms[room_name].clients
        watch.add(people["bob"])
        again = await join(m.ada_space, described(server), "bob", room_name)
        await watch.all_gone()
        watch.add(people["bob"])
        people["bob"].leave(
            models.DisconnectReason.PARTICIPANT_REMOVED, rtc.LeaveRequest.Action.DISCONNECT
        )
        await until(lambda: again.disconnect_reason is not None)
        await watch.all_gone()
        assert list(people) == ["ada"]


async def test_of_one_connection_for_both_directions(server: RunningServer) -> None:
    watch = Watch()
    wishes = request("audio")
    wishes.add_track_requests.append(add_track("c1").add_track)
    wishes.publisher_offer.sdp = publisher_offer("c1")
    async with signalling(server, "ada") as ada:
        await publish(ada)
        async with signalling_single(server, wishes, "bob") as bob:
            await answer(bob, 1)
            client = activate(server, "bob")
            await bob.get("media_sections_requirement")
            watch.add(client)
            watch.add_sockets()
            assert client.publisher.tracks
            assert client.subscriber.subscriptions
            client.end(models.DisconnectReason.CLIENT_INITIATED)
            del client
    await watch.all_gone()


async def test_of_a_connection_by_tls(
    room_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, watch = Authority(tmp_path), Watch()
    cert, key = authority.certify("127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    async with embedded_server(certificate=cert, certificate_key=key) as server:
        async with Space() as space:
            await join(space, described(server), "ada", room_name)
            watch.add(*server.rooms[room_name].clients.values())
            watch.add_sockets()
        await watch.all_gone()
