"""How often the speaker runs dry: ``python -m tests.bench.underruns [--minutes 0.5] [--raised]``.

Nine people with voices and moving pictures, on a server of the bench's own; the whole client in a terminal of 160x45
that reads 200 kB/s, heard on a null sink; and beside it, on the same sink and for the same time, a program that plays
silence and does nothing else. What runs dry there is the machine's fault. On a machine with other work ``--raised``
runs all but the publishers at nice -15 (needs the right to).
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from engage_tui.media.speaker import SpeakerOutput
from engage_tui.wire.token import DEV_KEY, DEV_SECRET
from tests.bench.mixer_load import ROOM
from tests.bench.mixer_ring import (
    EACH,
    PROCESSES,
    publishers,
    raise_session,
    ready,
    server,
)
from tests.virtual_sound import SPEAKER, VirtualSound
from tests.waiting import until_sync

COLUMNS, ROWS = 160, 45
READ = 200_000  # bytes a second
_TIME = "%Y-%m-%d %H:%M:%S,%f"
SETTLING = 8.0  # seconds for nine people to be seen
_LINE = re.compile(rf"{SPEAKER}: (\d+) blocks, ran dry (\d+) times")
_DRY = re.compile(rf"^(\S+ \S+) .*{SPEAKER}: ran dry;", re.MULTILINE)


def main() -> None:
    """Run it and print two lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--raised", action="store_true", help="all but the publishers at nice -15")
    parser.add_argument("--silence", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.silence:
        silence()
        return
    if options.raised:
        os.setpriority(os.PRIO_PROCESS, 0, -15)
        raise_session()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        sound = stack.enter_context(VirtualSound())
        url = stack.enter_context(server())
        load = stack.enter_context(contextlib.ExitStack())
        for number in range(PROCESSES):
            first = ["--first", str(number * EACH), "--people", str(EACH), "--load"]
            command = [sys.executable, "-m", "tests.bench.mixer_load", "publish", url, *first]
            load.enter_context(publishers(command))
        client = stack.enter_context(slow_terminal(url, sound.env))
        log = Path(sound.env["ENGAGE_TUI_LOG"])

        def plays() -> bool:
            if options.raised:
                raise_sessions(client.pid)  # the engine's is its own, and comes later
            return log.exists() and f"{SPEAKER}: priority" in log.read_text()

        until_sync(plays, 60)
        time.sleep(SETTLING)
        writer = stack.enter_context(silent(sound.env))
        begin = datetime.now(UTC)
        time.sleep(options.minutes * 60)
        end = datetime.now(UTC)
        quiet = told(writer)
        read = client.read
        load.close()  # or a busy machine ends the client before it has told
        client.leave()
        lines = log.read_text()
    found = _LINE.findall(lines)
    if not found:
        raise SystemExit("the client played nothing:\n" + lines[-2000:])
    # More than one line if the speaker was lost and found again.
    blocks, dry = (sum(int(line[column]) for line in found) for column in (0, 1))
    print(f"{options.minutes:g} minutes, {PROCESSES * EACH} people, {os.cpu_count()} cores")
    times = [datetime.strptime(at, _TIME).astimezone() for at in _DRY.findall(lines)]
    meanwhile = sum(begin <= at <= end for at in times)
    print(
        f"the client:     ran dry {meanwhile} times beside the silence writer, {dry} times in all its "
        f"{blocks} blocks, coming and going included; the terminal read {read:,} bytes"
    )
    print(f"silence writer: ran dry {quiet[1]} times in {quiet[0]} blocks")


def silence() -> None:
    """Play silence until the end of stdin, then tell blocks and times that it ran dry."""
    output = SpeakerOutput(SPEAKER)
    output.start(lambda samples: np.zeros((samples, 2), np.float32))
    print("ready", flush=True)
    sys.stdin.read()
    output.stop()
    print(output.blocks, output.underruns, flush=True)


def raise_sessions(pid: int) -> None:
    """Raise a process and its children, of which some have sessions of their own."""
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        raise_session(process.pid)


def silent(env: dict[str, str]) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    """The silence writer, from the moment in which it plays."""
    return ready([sys.executable, "-m", "tests.bench.underruns", "--silence"], env)


def told(writer: subprocess.Popen[str]) -> tuple[int, int]:
    """End the silence writer; its blocks, and how often it ran dry."""
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.close()
    blocks, dry = writer.stdout.readline().split()
    return int(blocks), int(dry)


class SlowTerminal:
    """A terminal that reads so many bytes a second.

    Attributes:
        read: Bytes read so far.
        pid: The client's process.
    """

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.read = 0
        self.pid = process.pid
        self._master, self._process = master, process
        self._fast = threading.Event()
        self._thread = threading.Thread(target=self._reading, daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Press F10, and wait until the client has ended."""
        self._fast.set()
        os.write(self._master, b"\x1b[21~")
        self._process.wait(20)

    def _reading(self) -> None:
        step = 0.02
        with contextlib.suppress(OSError):  # the other end is closed
            while chunk := os.read(self._master, round(READ * step)):
                self.read += len(chunk)
                if not self._fast.is_set():
                    time.sleep(step * len(chunk) / (READ * step))


@contextlib.contextmanager
def slow_terminal(url: str, env: dict[str, str]) -> Iterator[SlowTerminal]:
    """The whole client, in the call, in a slow terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "engage_tui", "join", ROOM, "--url", url, "--name", "ada"]
    command += ["--key", DEV_KEY, "--secret", DEV_SECRET, "--yes", "--subscribe", "all"]
    command += ["--camera", "off", "--microphone", "off", "--speaker", SPEAKER, "--video", "half"]
    process = subprocess.Popen(
        command,
        env={**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield SlowTerminal(master, process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(master)


if __name__ == "__main__":
    main()
