"""Programs that play videos in terminals, run in a pseudo terminal: how much they write for a frame."""

from __future__ import annotations

import os
import pty
import select
import shutil
import struct
import subprocess
import termios
import time
from fcntl import ioctl

PLAYERS: dict[str, tuple[str, ...]] = {
    "timg half": ("timg", "-p", "h", "-g", "120x40", "--loops=1"),
    "timg quarter": ("timg", "-p", "q", "-g", "120x40", "--loops=1"),
    "mpv tct": ("mpv", "--vo=tct", "--vo-tct-algo=half-blocks", "--no-config", "--really-quiet"),
}
"""The command of each, without the file."""

_LIMIT = 60.0


def installed() -> dict[str, tuple[str, ...]]:
    """Those that can be run."""
    return {name: words for name, words in PLAYERS.items() if shutil.which(words[0])}


def written(command: tuple[str, ...], size: tuple[int, int] = (120, 40)) -> int:
    """Run a program to its end in a terminal of that many columns and rows; how many bytes it wrote."""
    master, slave = pty.openpty()
    columns, rows = size
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, columns * 8, rows * 16))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=subprocess.DEVNULL, env=environment
    )
    os.close(slave)
    total, end = 0, time.monotonic() + _LIMIT
    try:
        while time.monotonic() < end:
            if not select.select([master], [], [], 0.2)[0]:
                if process.poll() is not None:
                    return total
                continue
            try:
                data = os.read(master, 1 << 16)
            except OSError:  # Linux says so when the other side is closed
                return total
            if not data:
                return total
            total += len(data)
        raise SystemExit(f"{command[0]} did not end within {_LIMIT:.0f} s")
    finally:
        process.kill()
        process.wait()
        os.close(master)
