"""People who come and go: ``python -m tests.bench.server_churn [--joins 1000] [--rounds 5]``.

Ten light clients join a room at once, in which two bystanders send each other sound and pictures: how long until all
ten have both connections, and how late the latest of the bystanders' packets was meanwhile, beside the latest one of
as long a time before. In turn with livekit-server, if its binary is there; medians of the rounds. Then so many
clients join and leave our server, ten at a time: its memory must stay within `FLAT`. Every packet's latency is taken
from its stamp and the kernel's time of arrival, so that a busy client does not look like a slow server; other work on
the machine does look so (``--raised`` puts everything here before it).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from dataclasses import dataclass, fields

from aiohttp import ClientSession
from rich.console import Console
from rich.table import Table

from engage_tui.server.certificate import Certificate
from tests.bench import light_client
from tests.bench.bystanders import Bystanders, bystanders
from tests.bench.light_client import LightClient
from tests.bench.server_load import _cpu, _memory, our_server, raise_priority, servers
from tests.servers import TestServer, find_livekit_server

FLAT = 10.0
"""MiB by which memory may grow."""

_AT_ONCE = 10
_WARM = 200  # joins before memory counts: caches fill, the allocator settles
_LONGEST = 10.0


@dataclass(frozen=True, slots=True)
class Joining:
    """Ten at once.

    Attributes:
        seconds: Until all have both connections.
        cpu: Of the server, in seconds; until 0.5 s later.
        late: Milliseconds of the bystanders' latest packet meanwhile.
        late_before: The same before anybody joined.
    """

    seconds: float
    cpu: float
    late: float
    late_before: float


class Crowd:
    """Clients that join and leave together."""

    def __init__(self, server: TestServer, room: str) -> None:
        # A certificate of its own for each costs 0.1 ms; making them is not what is measured.
        certificate = Certificate()
        self.people = [
            LightClient(server, room, f"guest {number}", certificate) for number in range(_AT_ONCE)
        ]

    async def join(self, http: ClientSession) -> float:
        """All at once; returns the seconds until the last one is connected."""
        began = time.monotonic()
        async with asyncio.timeout(_LONGEST):
            await asyncio.gather(*(self._one(person, http) for person in self.people))
        return time.monotonic() - began

    async def leave(self) -> None:
        """All at once."""
        await asyncio.gather(*(person.leave() for person in self.people))

    async def _one(self, person: LightClient, http: ClientSession) -> None:
        await person.join(http)
        await person.publisher.connected.wait()
        await person.subscriber.connected.wait()


async def join_at_once(server: TestServer) -> Joining:
    """Measure one round."""
    async with bystanders(server) as pair, ClientSession() as http:
        await asyncio.sleep(1)
        _forget(pair)
        await asyncio.sleep(1)
        before = _latest(pair)
        _forget(pair)
        crowd, began = Crowd(server, "quiet"), sum(_cpu(server.pid))
        seconds = await crowd.join(http)
        await asyncio.sleep(0.5)
        figures = Joining(seconds, sum(_cpu(server.pid)) - began, _latest(pair), before)
        await crowd.leave()
        return figures


def _forget(pair: Bystanders) -> None:
    for person in pair.people:
        person.subscriber.latencies.clear()


def _latest(pair: Bystanders) -> float:
    return max(max(person.subscriber.latencies) for person in pair.people) / 1e6


async def come_and_go(server: TestServer, joins: int) -> list[tuple[int, float]]:
    """Let clients join and leave.

    Returns:
        How many joined so far, and the server's memory in MiB, from the warm state on.
    """
    curve: list[tuple[int, float]] = []
    async with ClientSession() as http:
        for number in range(0, _WARM + joins + 1, _AT_ONCE):
            if number >= _WARM and (number - _WARM) % max(_AT_ONCE, joins // 5) == 0:
                await asyncio.sleep(1)
                curve.append((number - _WARM, _memory(server.pid) / 2**20))
            crowd = Crowd(server, "churn")
            await crowd.join(http)
            await crowd.leave()
    return curve


def table(runs: dict[str, list[Joining]]) -> Table:
    """The medians of ten at once."""
    result = Table(title="Ten join at once")
    for column in ("server", "all connected s", "CPU s", "latest packet ms", "… before"):
        result.add_column(column, justify="left" if column == "server" else "right")
    for kind, rounds in runs.items():
        medians = [statistics.median(getattr(r, f.name) for r in rounds) for f in fields(Joining)]
        seconds, cpu, late, before = medians
        result.add_row(kind, f"{seconds:.3f}", f"{cpu:.2f}", f"{late:.1f}", f"{before:.1f}")
    return result


def main() -> int:
    """Run it; 1 if memory grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--joins", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--raised", action="store_true", help="everything at nice -15")
    options = parser.parse_args()
    if options.raised:
        raise_priority()
    light_client.SAMPLE = 1
    runs: dict[str, list[Joining]] = {}
    with servers(find_livekit_server()) as running:
        for _ in range(options.rounds):
            for server in running:
                runs.setdefault(server.kind, []).append(asyncio.run(join_at_once(server)))
    console = Console(width=110)
    if runs:
        console.print(table(runs))
    with our_server() as server:
        curve = asyncio.run(come_and_go(server, options.joins))
    grown = curve[-1][1] - curve[0][1]
    console.print("MiB after joins: " + ", ".join(f"{n}: {mib:.1f}" for n, mib in curve))
    console.print(f"{options.joins} joins and leaves: {grown:+.1f} MiB (at most {FLAT:.0f})")
    return 0 if grown <= FLAT else 1


if __name__ == "__main__":
    sys.exit(main())
