"""What a session of LiveKit's clients was made of on our server goes when it ends, without the garbage collector."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engage_tui.server.app import RunningServer
from tests.embedded import described, embedded_server
from tests.interop.chromium import chromium
from tests.interop.official import OfficialPeer
from tests.remains import Watch, without_collector
from tests.waiting import until

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

SLOW = 60.0


@pytest.fixture(params=[True, False], ids=["v1", "v0"])
async def either_path(request: pytest.FixtureRequest) -> AsyncIterator[RunningServer]:
    """A server that takes clients on one connection, and one that they reach on two."""
    async with embedded_server(single_connection=request.param) as running:
        with without_collector():
            yield running


async def watched(server: RunningServer, people: int) -> Watch:
    """Wait until everybody gets everything, then watch all of it."""
    clients = server.rooms["hall"].clients

    def complete() -> bool:
        return len(clients) == people and all(
            len(each.subscriber.subscriptions) == 2 * (people - 1)
            and all(s.packets for s in each.subscriber.subscriptions.values())
            for each in clients.values()
        )

    await until(complete, SLOW, "everybody gets everything")
    watch = Watch()
    watch.add(*clients.values())
    watch.add_sockets()
    return watch


async def test_of_livekits_sdk(either_path: RunningServer) -> None:
    people = [OfficialPeer(), OfficialPeer()]
    for number, each in enumerate(people):
        await each.join(described(either_path), "hall", f"person {number}")
    for each in people:
        await each.publish()
        await each.room.local_participant.publish_data(b"hello")
    await until(lambda: all(each.messages and each.sizes and each.rms for each in people), SLOW)
    watch = await watched(either_path, 2)
    for each in people:
        await each.leave()
    await watch.all_gone()


async def test_of_browsers(either_path: RunningServer) -> None:
    server = described(either_path)
    async with chromium() as running:
        for name in ("first", "second"):
            page = running.page(name)
            await page.call("join", url=server.url, token=server.token(name))
            await page.call("publish")
        watch = await watched(either_path, 2)
    await watch.all_gone()
