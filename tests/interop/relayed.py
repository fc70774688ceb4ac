"""Two people in one room, from inside a namespace: prints by which way media came, as a line of JSON.

``python -m tests.interop.relayed URL ADA'S_TOKEN BOB'S_TOKEN``
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from engage_tui import (
    EngageError,
    Room,
    RoomOptions,
    Space,
    create_local_audio_track,
    create_local_video_track,
)
from tests.waiting import until


def way(room: Room) -> dict[str, str]:
    """The relays of both connections, and the address from which the subscriber's are received."""
    connection = room._connection
    assert connection is not None
    assert connection.publisher is not None
    assert connection.subscriber is not None
    nominated = connection.subscriber._ice._require()._nominated
    return {
        "publisher": connection.publisher._ice.relay,
        "subscriber": connection.subscriber._ice.relay,
        "remote": nominated[1].remote_addr[0],
    }


async def main(url: str, ada: str, bob: str) -> None:
    async with Space() as first, Space() as second:
        begin = time.monotonic()
        rooms = []
        for space, token in ((first, ada), (second, bob)):
            rooms.append(space.join_room(url, token, RoomOptions(subscribe="all")))
        try:
            for room in rooms:
                await room.connected()
        except EngageError as error:
            print(json.dumps({"error": str(error)}))
            return
        joined = time.monotonic() - begin
        local = rooms[0].local_participant
        await local.publish_track(await create_local_audio_track("test"))
        await local.publish_track(await create_local_video_track("test"))

        def frames() -> list[int]:
            people = rooms[1].participants.values()
            return [p.stats.frames for person in people for p in person.tracks.values()]

        await until(lambda: len(frames()) == 2 and min(frames()) > 10, 15)
        await local.publish_data("through")
        print(json.dumps({"joined": round(joined, 2), "frames": frames(), **way(rooms[1])}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
