"""Two people who send each other sound and pictures while something else goes on: who loses a packet has noticed it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import ClientSession

from engage_tui.server.certificate import Certificate
from engage_tui.tasks import TaskGroup
from tests.bench.light_client import LightClient
from tests.servers import TestServer
from tests.waiting import until


class Bystanders:
    """Two people in a room of their own, who send each other sound and pictures."""

    def __init__(self, ada: LightClient, bob: LightClient) -> None:
        self.people = (ada, bob)
        self._tasks = TaskGroup("bystanders")

    @property
    def sent(self) -> int:
        return sum(person.sent for person in self.people)

    @property
    def received(self) -> int:
        return sum(person.subscriber.received for person in self.people)

    def go_on(self) -> None:
        """Send; the first picture is a keyframe."""
        self._tasks.spawn(self._send(), "media")

    async def pause(self) -> None:
        """Stop to send, and wait for what is under way."""
        await self._tasks.cancel()
        last = -1
        while last != self.received:
            last = self.received
            await asyncio.sleep(0.2)

    async def _send(self) -> None:
        turn = 0
        while True:
            for person in self.people:
                if not person.publisher.connected.is_set():
                    continue
                person.send_audio()
                if turn % 5 == 0:
                    person.send_frame(2, 600, key=turn % 50 == 0)
            turn += 1
            await asyncio.sleep(0.02)


@asynccontextmanager
async def bystanders(server: TestServer, room: str = "quiet") -> AsyncIterator[Bystanders]:
    """A pair in `room` whose media flow both ways."""
    ada, bob = (LightClient(server, room, name, Certificate()) for name in ("ada", "bob"))
    pair = Bystanders(ada, bob)
    async with ClientSession() as http:
        try:
            for person in pair.people:
                await person.join(http)
            pair.go_on()  # livekit-server announces a track with its first packet
            for person in pair.people:
                await until(partial(_stands, person), 10)
            await until(lambda: all(p.subscriber.received > 20 for p in pair.people), 10)
            await pair.pause()
            pair.go_on()
            yield pair
        finally:
            await pair.pause()
            for person in pair.people:
                await person.leave()


def _stands(person: LightClient) -> bool:
    sides = (person.publisher, person.subscriber)
    return person.tracks == 2 and all(side.connected.is_set() for side in sides)
