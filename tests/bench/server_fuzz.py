"""Nonsense on every side of the room server: ``python -m tests.bench.server_fuzz [--inputs 100000] [--seed 1]``.

The server runs in this process, so that an exception at a border of last resort is seen, and so is how long one
input held the loop up. Meanwhile two bystanders send each other sound and pictures: not a packet may be lost. Ends
with 1 if anything failed. The same seed makes the same inputs.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession
from rich.console import Console
from rich.table import Table

from engage_tui.server.app import RunningServer
from engage_tui.server.certificate import Certificate
from engage_tui.server.limits import Limits
from engage_tui.tasks import TaskGroup
from tests.bench import fuzz_sides
from tests.bench.bystanders import bystanders
from tests.bench.fuzz_sides import Ground
from tests.bench.light_client import LightClient
from tests.embedded import described, embedded_server
from tests.waiting import until

# What is limited by rate elsewhere would only be dropped or delayed here.
LIMITS = Limits(
    participants=10_000, rooms=10_000, messages_per_second=10**7, data_rate=10**9, media_rate=10**9
)

SHARES: dict[str, tuple[float, Callable[[Ground, int], Awaitable[int]]]] = {
    "HTTP": (0.03, fuzz_sides.http),
    "tokens": (0.02, fuzz_sides.tokens),
    "Twirp": (0.03, fuzz_sides.twirp),
    "WebSocket": (0.12, fuzz_sides.websocket),
    "UDP": (0.17, fuzz_sides.udp),
    "STUN": (0.12, fuzz_sides.stun),
    "DTLS": (0.10, fuzz_sides.dtls),
    "SCTP": (0.12, fuzz_sides.sctp),
    "data": (0.04, fuzz_sides.data),
    "RTP": (0.15, fuzz_sides.rtp),
    "RTCP": (0.10, fuzz_sides.rtcp),
}
"""The sides, and which part of all inputs each gets."""


@dataclass(slots=True)
class Side:
    """What became of one side's inputs.

    Attributes:
        seconds: CPU time of server and senders.
        lines: Lines that the server wrote to its log, INFO and above.
        lag: The longest time that the loop was held up, in seconds.
        faults: Exceptions that reached a border of last resort, or the loop itself.
    """

    name: str
    inputs: int = 0
    seconds: float = 0.0
    lines: int = 0
    lag: float = 0.0
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """A whole run.

    Attributes:
        sent: Packets of the bystanders.
        lost: How many of them did not arrive.
        grown: MiB that the process grew by.
    """

    sides: list[Side]
    sent: int = 0
    lost: int = 0
    grown: float = 0.0

    @property
    def failures(self) -> list[str]:
        """What must not be, in words."""
        found = [f"{side.name}: {fault}" for side in self.sides for fault in side.faults]
        found += [
            f"{side.name}: {side.lines} lines in the log for {side.inputs} inputs"
            for side in self.sides
            if side.lines > side.inputs // 20 + 50
        ]
        if self.lost or not self.sent:
            found.append(f"bystanders lost {self.lost} of {self.sent} packets")
        return found


async def fuzz(inputs: int, seed: int) -> Report:
    """Send about so many inputs to a server of its own."""
    sides = {name: Side(name) for name in SHARES}
    async with embedded_server(limits=LIMITS) as server, bystanders(described(server)) as pair:
        before, sent, received = _memory(), pair.sent, pair.received
        for number, (name, (share, run)) in enumerate(SHARES.items()):
            side = sides[name]
            ground = Ground(server, random.Random(seed * 1000 + number))
            with _Watch(side) as watch:
                began = time.process_time()
                side.inputs = await run(ground, max(1, round(inputs * share)))
                side.seconds = time.process_time() - began
                await ground.close()
                await watch.stop()
        await _join_after_all(server)
        await pair.pause()
        report = Report(list(sides.values()), pair.sent - sent)
        report.lost = report.sent - (pair.received - received)
        report.grown = _memory() - before
    return report


class _Watch(logging.Handler):
    """Counts the log's lines and how long the loop is held up while one side is tried."""

    def __init__(self, side: Side) -> None:
        super().__init__(logging.INFO)
        self._side = side
        self._tasks = TaskGroup("watch")

    def __enter__(self) -> _Watch:
        self._level = logging.getLogger("engage_tui").level
        logging.getLogger("engage_tui").setLevel(logging.INFO)
        logging.getLogger().addHandler(self)
        self._tasks.spawn(self._look(), "lag")
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
        logging.getLogger("engage_tui").setLevel(self._level)

    async def stop(self) -> None:
        await self._tasks.cancel()

    def emit(self, record: logging.LogRecord) -> None:
        self._side.lines += 1
        if record.exc_info:
            text = logging.Formatter().formatException(record.exc_info)
            self._side.faults.append(f"{record.name}: {record.getMessage()}\n{text}")

    async def _look(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.002)
            self._side.lag = max(self._side.lag, time.monotonic() - began - 0.002)


async def _join_after_all(server: RunningServer) -> None:
    """Somebody new joins and is served."""
    newcomer = LightClient(described(server), "after all", "newcomer", Certificate())
    async with ClientSession() as http:
        try:
            await newcomer.join(http)
            await until(newcomer.publisher.connected.is_set, 10)
            await until(newcomer.subscriber.connected.is_set, 10)
        finally:
            await newcomer.leave()


def _memory() -> float:
    """MiB of this process' resident memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def table(report: Report) -> Table:
    """The report as one table."""
    result = Table(title="Nonsense, and what it did")
    for column in ("side", "inputs", "CPU µs each", "log lines", "longest hold-up ms", "faults"):
        result.add_column(column, justify="left" if column == "side" else "right")
    for side in report.sides:
        result.add_row(
            side.name,
            f"{side.inputs:,}",
            f"{side.seconds / max(1, side.inputs) * 1e6:.0f}",
            str(side.lines),
            f"{side.lag * 1e3:.0f}",
            str(len(side.faults)),
        )
    total = sum(side.inputs for side in report.sides)
    result.caption = (
        f"{total:,} inputs; bystanders sent each other {report.sent:,} packets and lost {report.lost}; "
        f"the process (server and senders) grew by {report.grown:.1f} MiB"
    )
    return result


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    report = asyncio.run(fuzz(options.inputs, options.seed))
    Console(width=120).print(table(report))
    for failure in report.failures[:20]:
        print(failure, file=sys.stderr)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
