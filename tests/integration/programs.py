"""The installed program as others run it: a room server, and people who join it as lines of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.waiting import until_sync

PROGRAM = (sys.executable, "-m", "engage_tui")

QUICK = (
    sys.executable,
    "-c",
    "from engage_tui.cli import main; from engage_tui.engine import call;"
    "call.STATISTICS_INTERVAL /= 10; main.main()",
)
"""The same, which counts ten times a second instead of once."""

PATIENCE = 90.0
"""Seconds for a program to come up on a machine under load."""

Line = dict[str, Any]


def environment(**changes: str) -> dict[str, str]:
    """The environment of a program under test: no settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIVEKIT_")}
    return kept | changes


def run_program(
    *arguments: str, timeout: float = PATIENCE, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal until it ends."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(**env),
        check=False,
    )


class Program:
    """A running command whose stdout is lines of JSON.

    Attributes:
        lines: What it has printed so far.
        process: Its process.
    """

    def __init__(self, *arguments: str, program: Sequence[str] = PROGRAM, **env: str) -> None:
        self.lines: list[Line] = []
        self.process = subprocess.Popen(
            [*program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(**env),
        )
        self._stderr: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_lines, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        self._commands = 0

    @property
    def stderr(self) -> str:
        """What it has written to stderr so far."""
        return "".join(self._stderr)

    def until(self, condition: Callable[[], object], what: str, timeout: float = PATIENCE) -> None:
        """Wait until `condition()` is true.

        Raises:
            AssertionError: It was not in time, or the program ended before.
        """
        ended: list[float] = []

        def check() -> bool:
            if condition():
                return True
            if self.process.poll() is not None:
                ended.append(time.monotonic())
                assert ended[-1] - ended[0] < 1, f"ended before {what}: {self.stderr}"
            return False

        try:
            until_sync(check, timeout, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; last lines {self.lines[-3:]}, {self.stderr}") from error

    def events(self, name: str) -> list[Line]:
        """The lines with this event."""
        return [line for line in list(self.lines) if line["event"] == name]

    def wait_event(self, name: str, **fields: Any) -> Line:
        """The first line with this event and these fields, waited for."""

        def found() -> list[Line]:
            return [e for e in self.events(name) if fields.items() <= e.items()]

        self.until(found, f"event {name} {fields}")
        return found()[0]

    def rows(self, **fields: Any) -> list[Line]:
        """The publications of the last counters that have these fields."""
        stats = self.events("stats")
        rows = stats[-1]["publications"] if stats else []
        return [row for row in rows if fields.items() <= row.items()]

    def do(self, name: str, **arguments: Any) -> Line:
        """Give a command, and wait for its answer."""
        self._commands += 1
        self.write({"id": self._commands, "do": name, **arguments})
        return self.wait_event("done", id=self._commands)

    def write(self, command: Any) -> None:
        """Write a line of JSON to its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, timeout: float = PATIENCE) -> int:
        """Wait until it has ended and everything it printed is read; its exit code."""
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(5)
        return code

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.end()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()

    def _read_lines(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._stderr.append(line)


@contextmanager
def running(*arguments: str, program: Sequence[str] = PROGRAM, **env: str) -> Iterator[Program]:
    """A command that has ended when the context is left; another program's is `program`."""
    started = Program(*arguments, program=program, **env)
    try:
        yield started
    finally:
        started.kill()


@contextmanager
def serving() -> Iterator[str]:
    """`engage-tui serve` on free ports; its address."""
    with running("serve", "--port", "0", "--json") as server:
        yield server.wait_event("ready")["url"]
