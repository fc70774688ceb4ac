"""What a session was made of is gone once it was lost and another took its place."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress

from engage_tui import Room, RoomEvent, create_local_audio_track, create_local_video_track
from tests.integration.meeting import Meeting, meet
from tests.integration.test_sdk_rejoin import lose
from tests.servers import TestServer
from tests.waiting import until

ROUNDS = 3


def parts(room: Room) -> Iterator[object]:
    """Everything that belongs to a room's session, and to what others publish in it."""
    connection = room._connection
    assert connection is not None
    yield connection
    yield connection._signal
    for peer in (connection.publisher, connection.subscriber):
        assert peer is not None
        yield from (peer, peer._ice, peer._ice._connection, peer._dtls, peer._sctp, peer._channels)
        yield from (slot.sender for slot in peer._slots if slot.sender is not None)
        yield from peer._receivers.values()
    for participant in room.participants.values():
        yield participant
        for publication in participant.tracks.values():
            yield from (publication, publication.track)


async def flowing(m: Meeting) -> None:
    def flow(room: Room) -> bool:
        tracks = [p for who in room.participants.values() for p in who.tracks.values()]
        return len(tracks) == 2 and all(p.is_subscribed and p.stats.frames > 2 for p in tracks)

    await until(lambda: flow(m.ada) and flow(m.bob), 10, "sound and pictures both ways")


async def test_nothing_of_a_lost_session_stays(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        m.ada.options = m.bob.options
        for room in (m.ada, m.bob):
            local = room.local_participant
            await local.publish_track(await create_local_audio_track("test"))
            await local.publish_track(await create_local_video_track("test", resolution=(640, 360)))
        lost: list[weakref.ref[object]] = []
        for _ in range(ROUNDS):
            await flowing(m)
            lost += map(weakref.ref, parts(m.bob))
            # Ada's own session goes on, but Bob is somebody new in it.
            lost += [weakref.ref(who) for who in m.ada.participants.values()]
            lose(m.bob)
            await m.bob.wait_for(RoomEvent.RECONNECTED, timeout=10)
        await flowing(m)

        def left() -> list[str]:
            gc.collect()
            return [repr(part) for each in lost if (part := each()) is not None]

        assert len(lost) > ROUNDS * 20
        with suppress(AssertionError):  # what runs still may hold something for a moment
            await until(lambda: not left())
        assert left() == []
