"""A terminal of benches and tests: it reads at a given rate, answers as it is told to, and types."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from typing import Self

from engage_tui.cli.main import ONE_THREAD

ANSWERS = {b"\x1b[c": b"\x1b[?62;22c", b"\x1b[5n": b"\x1b[0n"}
"""What a modest terminal answers."""

_TICK = 0.005  # seconds between looks, when a rate is kept


def _owns_terminal() -> None:
    """In the child: the terminal is its own, so that closing it hangs up."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Reader:
    """Runs ``python -m MODULE ARGUMENTS`` on a pseudo terminal.

    Args:
        command: What follows ``python -m``.
        size: Columns and rows.
        rate: Bytes a second that it reads; 0: as many as come.
        answers: What it says when it reads this or that.
        cell: Pixels of a cell, as the operating system knows them.

    Attributes:
        read: Bytes so far.
        tail: The last of them.
        output: All of them, if it is made a list.
    """

    def __init__(
        self,
        command: list[str],
        size: tuple[int, int],
        rate: float = 0.0,
        *,
        answers: Mapping[bytes, bytes] = ANSWERS,
        cell: tuple[int, int] = (0, 0),
    ) -> None:
        self._rate = rate
        self._answers = answers
        self._questions = re.compile(b"|".join(map(re.escape, answers)) or rb"(?!)")
        self._cell = cell
        self.output: list[bytes] | None = None
        self.read = 0
        self.tail = b""
        self._master, slave = pty.openpty()
        self.resize(*size)
        self._modes = termios.tcgetattr(self._master)[:4]
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment | {"LC_ALL": "C.UTF-8"} | ONE_THREAD,
            start_new_session=True,
            preexec_fn=_owns_terminal,
        )
        os.close(slave)
        self._due = time.monotonic()
        self._left = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        """Close the window."""
        if self._master >= 0:
            os.close(self._master)
        self._master = -1

    @property
    def restored(self) -> bool:
        """Whether the terminal's modes are what they were at first."""
        return bool(termios.tcgetattr(self._master)[:4] == self._modes)

    def resize(self, columns: int, rows: int) -> None:
        """Pull at the window's corner."""
        pixels = columns * self._cell[0], rows * self._cell[1]
        size = struct.pack("HHHH", rows, columns, *pixels)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._master, keys)

    def step(self, timeout: float = 0.05) -> bytes:
        """Read a little, answer what was asked; empty when nothing came in time."""
        size = 1 << 16
        if self._rate:
            now = time.monotonic()
            self._due = max(self._due, now - 2 * _TICK)
            if self._due > now:
                time.sleep(self._due - now)
            size = max(64, int(self._rate * _TICK))
        if not select.select([self._master], [], [], timeout)[0]:
            return b""
        try:
            part = os.read(self._master, size)
        except OSError:
            return b""
        if self._rate:
            self._due += len(part) / self._rate
        self.read += len(part)
        if self.output is not None:
            self.output.append(part)
        self._answer(part)
        self.tail = (self.tail + part)[-4096:]
        return part

    def _answer(self, part: bytes) -> None:
        text = self._left + part
        end = 0
        for found in self._questions.finditer(text):
            end = found.end()
            os.write(self._master, self._answers[found.group()])
        self._left = text[end:][-8:]  # the beginning of a question, perhaps

    def until(self, word: bytes, timeout: float) -> float:
        """Read until a word comes; seconds that it took.

        Raises:
            TimeoutError: It did not come.
        """
        start, seen = time.monotonic(), b""
        while word not in seen:
            seen = seen[-len(word) :] + self.step()
            if time.monotonic() - start > timeout:
                raise TimeoutError(f"{word!r} did not come: {self.tail[-300:]!r}")
        return time.monotonic() - start

    def drain(self, seconds: float) -> int:
        """Read for so long; the bytes that came."""
        end, before = time.monotonic() + seconds, self.read
        while time.monotonic() < end and self.process.poll() is None:
            self.step()
        return self.read - before
