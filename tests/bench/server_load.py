"""What forwarding costs, beside livekit-server: ``python -m tests.bench.server_load [--people 2 4 8] [--rounds 5]``.

With ``--people 25 --videos 16 --alone --rounds 1 --seconds 20`` the server is at its stated limit.

Light clients of our own (`tests.bench.light_client`) on loopback: everybody sends Opus (50 packets a second) and VP8
(25 pictures of 5 packets, 600 kbit/s), everybody receives everybody. Both servers run from start to end, each as a
process of its own, and are loaded in turn; the figures are the medians of the rounds. CPU is the server process' own
time from ``/proc``, so other work on the machine hardly counts; latencies are absolute and noisy, read them as a pair.
On a machine with other work, ``--raised`` runs the bench and both servers at nice -15 (needs the right to).
Without a livekit-server binary (``ENGAGE_TUI_LIVEKIT_SERVER``) ours runs alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession, WSServerHandshakeError
from rich.console import Console
from rich.table import Table

from engage_tui.server.certificate import Certificate
from engage_tui.tasks import TaskGroup
from engage_tui.wire.token import DEV_KEY, DEV_SECRET
from tests.bench.light_client import LightClient
from tests.servers import TestServer, find_livekit_server, run_livekit_server
from tests.waiting import until

_TICK = 0.01
_WARM = 2.0  # seconds of load before anything counts
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figures:
    """One run of one server.

    Attributes:
        expected: Packets that the subscribers should get: each one sent, to everybody else.
        delivered: … and those that came.
        seconds: Length of the measured span.
        cpu: Seconds of processor time of the server in it.
        system: … of which in the kernel.
        p50: Median latency in ms.
        p95: 95th percentile in ms.
        memory: Resident bytes at its end.
        load: Seconds of processor time of this process, which makes the load.
    """

    expected: int
    delivered: int
    seconds: float
    cpu: float
    system: float
    p50: float
    p95: float
    memory: int
    load: float

    @property
    def each(self) -> float:
        """Microseconds of processor time per delivered packet."""
        return self.cpu / max(1, self.delivered) * 1e6


class Load:
    """People in a room who send without end.

    Attributes:
        clients: They.
        sending: Whether packets are sent at present.
    """

    def __init__(self, packets: int, size: int) -> None:
        self.clients: list[LightClient] = []
        self.sending = True
        self._packets, self._size = packets, size

    async def run(self) -> None:
        """Send: pictures every 40 ms, sound every 20 ms, each client at its own moment."""
        loop = asyncio.get_running_loop()
        start, tick = loop.time(), 0
        while True:
            if self.sending:
                for place, client in enumerate(self.clients):
                    if client.publisher.connected.is_set():
                        self._step(client, tick + place)
            tick += 1
            wait = start + tick * _TICK - loop.time()
            await asyncio.sleep(max(0.0, wait))

    def _step(self, client: LightClient, tick: int) -> None:
        if tick % 2 == 0:
            client.send_audio()
        if tick % 4 == 1 and client.camera:
            client.send_frame(self._packets, self._size, key=tick // 4 % 25 == 0)


async def measure(server: TestServer, people: int, options: argparse.Namespace) -> Figures:
    """Fill a room, let it run, count.

    Raises:
        AssertionError: The room did not come up.
    """
    certificate = Certificate()
    room = f"load-{secrets.token_hex(4)}"
    load, tasks = Load(options.packets, options.size), TaskGroup("load")
    async with ClientSession() as session:
        cameras = people if options.videos is None else min(people, options.videos)
        clients = [
            LightClient(server, room, f"c{n}", certificate, camera=n < cameras)
            for n in range(people)
        ]
        try:
            load.clients = clients
            tasks.spawn(
                load.run(), "load"
            )  # livekit-server announces a track with its first packet
            for client in clients:
                await _join(client, session)
            await until(
                lambda: all(
                    c.tracks == people - 1 + cameras - c.camera and c.subscriber.connected.is_set()
                    for c in clients
                ),
                20,
                "a room in which everybody receives everybody",
            )
            await asyncio.sleep(_WARM)
            return await _count(load, server.pid, options.seconds)
        finally:
            await tasks.cancel()
            for client in clients:
                await client.leave()


async def _join(client: LightClient, session: ClientSession) -> None:
    """Join, once those of the run before are gone if the server is full with them."""
    async with asyncio.timeout(10):
        while True:
            try:
                await client.join(session)
                return
            except WSServerHandshakeError as error:
                if error.status != 503:
                    raise
            await asyncio.sleep(0.2)


async def _count(load: Load, pid: int, seconds: float) -> Figures:
    await _pause(load)
    clients = load.clients
    for client in clients:
        client.sent = client.subscriber.received = 0
        client.subscriber.latencies.clear()
    load.sending = True
    began, own, user, system = time.monotonic(), time.process_time(), *_cpu(pid)
    await asyncio.sleep(seconds)
    took, own = time.monotonic() - began, time.process_time() - own
    await _pause(load)
    user_after, system_after = _cpu(pid)
    latencies = sorted(each / 1e6 for c in clients for each in c.subscriber.latencies)
    return Figures(
        expected=sum(c.sent for c in clients) * (len(clients) - 1),
        delivered=sum(c.subscriber.received for c in clients),
        seconds=took,
        cpu=user_after + system_after - user - system,
        system=system_after - system,
        p50=latencies[len(latencies) // 2],
        p95=latencies[len(latencies) * 95 // 100],
        memory=_memory(pid),
        load=own,
    )


async def _pause(load: Load) -> None:
    """Stop sending, and wait until nothing is under way."""
    load.sending = False
    before = -1
    while (now := sum(c.subscriber.received for c in load.clients)) != before:
        before = now
        await asyncio.sleep(0.15)


def _cpu(pid: int) -> tuple[float, float]:
    """User and system seconds of a process, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) / _TICKS, int(fields[12]) / _TICKS


def _memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def our_server() -> Iterator[TestServer]:
    """The room server as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "engage_tui", "serve", "--port", "0", "--rtc-port", "0", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        yield TestServer("embedded", url, DEV_KEY, DEV_SECRET, process.pid)
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def servers(anchor: str | None) -> Iterator[list[TestServer]]:
    """Ours, and livekit-server if there is one."""
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(our_server())]
        if anchor is not None:
            running.append(stack.enter_context(run_livekit_server(anchor)))
        yield running


def main() -> None:
    """Run every size in turn on both servers and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="measured in each run")
    parser.add_argument("--packets", type=int, default=5, help="of one picture")
    parser.add_argument("--size", type=int, default=600, help="bytes of such a packet")
    parser.add_argument("--videos", type=int, help="so many have a camera; all unless told")
    parser.add_argument("--alone", action="store_true", help="only our server")
    parser.add_argument("--raised", action="store_true", help="everything at nice -15")
    options = parser.parse_args()
    if options.raised:
        raise_priority()
    anchor = None if options.alone else find_livekit_server()
    runs: dict[tuple[int, str], list[Figures]] = {}
    with servers(anchor) as running:
        for _ in range(options.rounds):
            for people in options.people:
                for server in running:
                    figures = asyncio.run(measure(server, people, options))
                    runs.setdefault((people, server.kind), []).append(figures)
                    print(people, server.kind, f"{figures.each:.1f} us", file=sys.stderr)
    Console(width=170).print(table(runs, options))


def raise_priority() -> None:
    """Put this process and its children before the machine's other work."""
    os.setpriority(os.PRIO_PROCESS, 0, -15)
    with contextlib.suppress(
        OSError
    ):  # Linux weighs whole sessions, and their processes among each other only
        Path("/proc/self/autogroup").write_text("-15")


def table(runs: dict[tuple[int, str], list[Figures]], options: argparse.Namespace) -> Table:
    """The medians, a row for each size and server."""
    made = Table(title=f"Forwarding, medians of {options.rounds} rounds in turn")
    for heading in ("people", "server", "packets/s", "delivered", "CPU of a core", "us/packet"):
        made.add_column(heading, justify="right")
    for heading in (
        "of which kernel",
        "of livekit-server's",
        "latency p50 / p95 ms",
        "memory MB",
        "load's own CPU",
    ):
        made.add_column(heading, justify="right")
    for (people, kind), figures in runs.items():
        each = statistics.median(f.each for f in figures)
        anchor = runs.get((people, "livekit"))
        ratio = each / statistics.median(f.each for f in anchor) if anchor else 0.0
        delivered = sum(f.delivered for f in figures)
        expected = sum(f.expected for f in figures)
        made.add_row(
            str(people),
            kind,
            f"{statistics.median(f.delivered / f.seconds for f in figures):.0f}",
            f"{delivered / expected:.3%} ({expected - delivered} lost)",
            f"{statistics.median(f.cpu / f.seconds for f in figures):.1%}",
            f"{each:.1f}",
            f"{statistics.median(f.system / f.delivered * 1e6 for f in figures):.1f}",
            f"{ratio:.2f}" if ratio else "",
            f"{statistics.median(f.p50 for f in figures):.2f} / "
            f"{statistics.median(f.p95 for f in figures):.2f}",
            f"{max(f.memory for f in figures) / 1e6:.0f}",
            f"{statistics.median(f.load / f.seconds for f in figures):.1%}",
        )
    return made


if __name__ == "__main__":
    main()
