"""One person in a call whose network may change: prints, as lines of JSON, what became of it.

``python -m tests.interop.moving URL TOKEN`` publishes a voice and a picture, takes those of somebody else, and prints
``flowing`` once both come, ``reconnecting`` and ``reconnected``. A line of input is answered by ``flows`` once both
have come for a while after it, with the longest pause of each since the line before. It leaves at the end of its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

from engage_tui import (
    RoomEvent,
    RoomOptions,
    Space,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.sdk.room import Room
from engage_tui.tasks import TaskGroup
from tests.waiting import until

KINDS = ("audio", "video")
LOOK = 0.01
"""Seconds between two looks at what has come."""


def say(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, "time": time.time(), **fields}), flush=True)


class Watch:
    """What has come of others.

    Attributes:
        changes: How many looks found more than the one before, by kind.
        pauses: Seconds of the longest pause, by kind.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._bytes: dict[str, int] = {}
        self._since: dict[str, float] = {}
        self.changes: Counter[str] = Counter()
        self.pauses: dict[str, float] = {}

    async def run(self) -> None:
        while True:
            now = time.monotonic()
            for person in self._room.participants.values():
                for track in person.tracks.values():
                    if track.is_subscribed:
                        self._look(track.kind.value, track.stats.bytes, now)
            await asyncio.sleep(LOOK)

    def _look(self, kind: str, amount: int, now: float) -> None:
        if amount == self._bytes.get(kind):
            return
        self._bytes[kind] = amount
        self.changes[kind] += 1
        pause = now - self._since.get(kind, now)
        self.pauses[kind] = max(self.pauses.get(kind, 0.0), pause)
        self._since[kind] = now

    async def flows(self) -> None:
        """Wait until each kind has come for a while."""
        before = self.changes.copy()
        await until(lambda: all(self.changes[kind] > before[kind] + 10 for kind in KINDS), 40)


async def main(url: str, token: str) -> None:
    async with Space() as space:
        room = space.join_room(url, token, RoomOptions(subscribe="all"))
        for event in (RoomEvent.RECONNECTING, RoomEvent.RECONNECTED, RoomEvent.DISCONNECTED):
            room.on(event, lambda *_, name=event.value: say(name))
        await room.connected()
        local = room.local_participant
        await local.publish_track(await create_local_audio_track("test"))
        await local.publish_track(await create_local_video_track("test"))
        tasks, watch = TaskGroup("moving"), Watch(room)
        tasks.spawn(watch.run(), "watch")
        await watch.flows()
        say("flowing")
        while await asyncio.to_thread(sys.stdin.readline):
            await watch.flows()
            say("flows", pauses={kind: round(watch.pauses[kind], 2) for kind in KINDS})
            watch.pauses.clear()
        await tasks.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
