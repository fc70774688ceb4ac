"""Two livekit-servers that share a Redis: whichever of them people know, they meet."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest

from engage_tui import (
    RemoteParticipant,
    RoomEvent,
    Space,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.sdk.room import Room
from tests.integration.meeting import join
from tests.integration.test_sdk_rejoin import cut, lose, only
from tests.require import need
from tests.servers import (
    TestServer,
    find_livekit_server,
    livekit_ports,
    run_livekit_server,
    run_redis,
)
from tests.waiting import until

pytestmark = pytest.mark.interop

Nodes = dict[int, TestServer]  # by the UDP port of their media


@contextmanager
def cluster() -> Iterator[Nodes]:
    """Two nodes of one cluster."""
    binary = find_livekit_server()
    need(binary is not None, "livekit-server")
    need(shutil.which("redis-server") is not None, "redis-server")
    assert binary is not None
    with ExitStack() as stack:
        redis = stack.enter_context(run_redis())
        nodes: Nodes = {}
        for _ in range(2):
            ports = livekit_ports()
            running = run_livekit_server(binary, ports=ports, redis=redis)
            nodes[ports[2]] = stack.enter_context(running)
        yield nodes


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with cluster() as running:
        yield running


@asynccontextmanager
async def call(nodes: Nodes, room_name: str) -> AsyncIterator[tuple[Room, Room]]:
    """Ada on one node and Bob on the other; both hear and see each other."""
    async with Space() as here, Space() as there:
        rooms = []
        for space, node, name in zip((here, there), nodes.values(), ("ada", "bob"), strict=True):
            room = await join(space, node, name, room_name, subscribe="all")
            await room.local_participant.publish_track(await create_local_audio_track("test"))
            await room.local_participant.publish_track(await create_local_video_track("test"))
            rooms.append(room)
        ada, bob = rooms
        assert ada.server_url != bob.server_url
        await meet(ada, bob)
        yield ada, bob


async def meet(*rooms: Room) -> None:
    """Wait until each hears and sees the one other."""
    await until(lambda: all(len(r.participants) == 1 and flows(only(r)) for r in rooms), 10)


def flows(person: RemoteParticipant) -> bool:
    """Whether a voice and a picture of theirs are received."""
    tracks = person.tracks.values()
    return len(tracks) == 2 and all(p.is_subscribed and p.stats.frames > 5 for p in tracks)


def home(room: Room) -> int:
    """The node from which media come, by its port."""
    assert room._connection is not None
    assert room._connection.subscriber is not None
    port: int = room._connection.subscriber._ice._require()._nominated[1].remote_addr[1]
    return port


async def test_they_hear_see_and_message_each_other(nodes: Nodes, room_name: str) -> None:
    async with call(nodes, room_name) as rooms:
        heard: dict[str, bytes] = {}
        for room in rooms:
            room.on(RoomEvent.DATA_RECEIVED, lambda data, by, *_: heard.update({by.identity: data}))
        for room in rooms:
            await room.local_participant.publish_data(room.local_participant.identity)
        await until(lambda: heard == {"ada": b"ada", "bob": b"bob"})
        first, second = map(home, rooms)
        assert first == second, "a room lives on one node, and both get their media there"
        assert first in nodes


@pytest.mark.parametrize("loss", [cut, lose], ids=["resumed", "joined anew"])
async def test_they_come_back_through_their_own_node(
    nodes: Nodes, room_name: str, loss: Any
) -> None:
    async with call(nodes, room_name) as rooms:
        for room in rooms:
            sid, back = room.local_participant.sid, room.wait_for(RoomEvent.RECONNECTED)
            loss(room)
            await back
            assert (room.local_participant.sid == sid) == (loss is cut)
        await meet(*rooms)


async def test_a_node_that_dies_takes_its_rooms_along_and_another_makes_them_again(
    room_name: str,
) -> None:
    with cluster() as nodes:
        async with call(nodes, room_name) as rooms:
            died = home(rooms[0])
            (lost,) = (room for room in rooms if room.server_url == nodes[died].url)
            (kept,) = (room for room in rooms if room is not lost)
            # The other node believes that this one is dead after five seconds.
            back = [room.wait_for(RoomEvent.RECONNECTED, timeout=30) for room in (kept, lost)]
            os.kill(nodes[died].pid, signal.SIGKILL)
            lost.server_url = kept.server_url  # where a load balancer would send them
            await asyncio.gather(*back)
            await meet(kept, lost)
            assert {home(kept), home(lost)} == {*nodes} - {died}
