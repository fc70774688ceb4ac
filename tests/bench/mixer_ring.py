"""How often the mixer's ring runs empty: ``python -m tests.bench.mixer_ring [--seconds 120] [--clock both]``.

Loaded: nine voices and nine cameras (VP8, 640x360 at 15) subscribed and scaled to tiles, a 1280x720 encode, and a burst
of a hundred chat messages every two seconds. Unloaded: the same nine voices alone. Each run has its own processes:
a room server, three with three publishers each (at a lower priority, since they stand for other machines), and a
listener. By the clock a block counts as missed when it is ready later than the blocks kept ahead could hide; with a
card (a PulseAudio null sink of the bench's own) when nothing was left waiting in it. On a machine with other work,
``--raised`` runs the listener and both servers at nice -15 and the publishers at 0 (needs the right to).
``--alone`` measures the mixer without any call, as ``--spatial`` says.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from engage_tui.sdk.mixer import Mixer
from engage_tui.spatial.renderer import Mode
from engage_tui.spatial.scene import Source, SourceSettings
from engage_tui.spatial.vectors import Vector3D
from tests.virtual_sound import SPEAKER, VirtualSound

PROCESSES, EACH = 3, 3
_LOAD = [sys.executable, "-m", "tests.bench.mixer_load"]


def main() -> None:
    """Run what was asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="of each run")
    parser.add_argument("--clock", choices=("timer", "card", "both"), default="both")
    parser.add_argument("--alone", action="store_true", help="the mixer with synthetic voices")
    parser.add_argument("--spatial", choices=("off", "stereo", "binaural"), default="binaural")
    parser.add_argument(
        "--raised", action="store_true", help="everything but the publishers at nice -15"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything started is ended
    if options.alone:
        alone(options.seconds, options.spatial)
        return
    if options.raised:
        os.setpriority(os.PRIO_PROCESS, 0, -15)
        raise_session()
    clocks = ("timer", "card") if options.clock == "both" else (options.clock,)
    table = Table(title=f"The mixer's ring, {options.seconds:g} s a run, {os.cpu_count()} cores")
    for heading in ("clock", "run", "voices", "blocks", "ring empty", "deepest ring"):
        table.add_column(heading, justify="right")
    for heading in ("block p50 / p99 / max ms", "pictures/s", "chat/s", "listener", "machine"):
        table.add_column(heading, justify="right")
    for clock in clocks:
        for load in (False, True):
            print(f"{clock}, {'loaded' if load else 'unloaded'} …", file=sys.stderr)
            report = measure(clock, options.seconds, load=load)
            table.add_row(clock, "loaded" if load else "unloaded", *cells(report))
    Console(width=150).print(table)


def raise_session(pid: int | str = "self") -> None:
    """Raise a process's session, where the system shares its cores by session whatever each one's priority."""
    with contextlib.suppress(OSError):  # another system, which does not
        Path(f"/proc/{pid}/autogroup").write_text("-15")


def cells(report: dict[str, Any]) -> list[str]:
    """A run's figures as the table's texts."""
    return [
        str(report["voices"]),
        str(report["blocks"]),
        f"{report['empty']} ({report['empty'] / max(1, report['blocks']):.2%})",
        str(report["deepest"]),
        " / ".join(f"{cost:.1f}" for cost in report["block_ms"]),
        f"{report['pictures']:.0f}",
        f"{report['messages']:.0f}",
        f"{report['cpu']:.0%} of a core",
        f"{report['machine']:.0%} busy",
    ]


def measure(clock: str, seconds: float, *, load: bool) -> dict[str, Any]:
    """One run.

    Returns:
        The listener's report.
    """
    flags = ["--load"] if load else []
    with contextlib.ExitStack() as stack:
        environment, output = dict(os.environ), list[str]()
        if clock == "card":
            environment = stack.enter_context(VirtualSound()).env
            output = ["--output", SPEAKER]
        url = stack.enter_context(server())
        for number in range(PROCESSES):
            first = ["--first", str(number * EACH), "--people", str(EACH)]
            stack.enter_context(publishers([*_LOAD, "publish", url, *first, *flags]))
        people = ["--people", str(PROCESSES * EACH), "--seconds", str(seconds)]
        done = subprocess.run(
            [*_LOAD, "listen", url, *people, *output, *flags],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
            timeout=seconds + 150,
        )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A room server of its own; yields its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "engage_tui", "serve", "--port", "0", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with ended(process, process.terminate):
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]


@contextlib.contextmanager
def publishers(command: list[str]) -> Iterator[None]:
    """A process of publishers, from the moment in which all publish."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    with ended(process, process.stdin.close):
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("the publishers did not come up")
        yield


@contextlib.contextmanager
def ended(process: subprocess.Popen[str], end: Callable[[], None]) -> Iterator[None]:
    """See to it that a process has ended when the context is left."""
    try:
        yield
    finally:
        end()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def ready(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program that says ``ready``, from then on; it ends at the end of its stdin."""
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with ended(process, process.stdin.close):
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{' '.join(command)} did not come up")
        yield process


def alone(seconds: float, spatial: Mode) -> None:
    """The mixer by the clock with nine synthetic voices and nothing else."""
    noise = np.random.default_rng(0).standard_normal((50, 480)).astype(np.float32) * 0.05
    mixer = Mixer()
    mixer.set_spatial(spatial)
    for number in range(PROCESSES * EACH):
        angle = math.radians(number * 20.0 - 80)
        place = Vector3D(math.sin(angle), 0, -math.cos(angle))
        source = Source(SourceSettings(reverb_send=0.1), place)
        mixer.add_voice(number, Noise(noise, number), source=source)
    mixer.start()
    time.sleep(seconds)
    stats, costs = mixer.stats, mixer.block_costs() * 1000
    mixer.stop()
    p50, p99, most = np.percentile(costs, [50, 99, 100])
    print(f"{stats.blocks} blocks, {stats.underruns} missed, {stats.voices} voices,", end=" ")
    print(f"block p50 / p99 / max {p50:.2f} / {p99:.2f} / {most:.2f} ms")


class Noise:
    """A voice that repeats prepared blocks."""

    def __init__(self, blocks: npt.NDArray[np.float32], start: int) -> None:
        self._blocks, self._next = blocks, start

    def __call__(self, samples: int) -> npt.NDArray[np.float32]:
        self._next = (self._next + 1) % len(self._blocks)
        block: npt.NDArray[np.float32] = self._blocks[self._next]
        return block[:samples]


if __name__ == "__main__":
    main()
