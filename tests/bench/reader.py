"""A terminal of the benches: it reads at a given rate, answers when it is asked for its status, and types."""

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
from types import TracebackType
from typing import Self

from engage_tui.cli.main import ONE_THREAD

_ASK = b"\x1b[5n"
_QUESTIONS = re.compile(rb"\x1b\[c|\x1b\[5n")
_TICK = 0.005  # seconds between looks, when a rate is kept


class Reader:
    """Runs ``python -m MODULE ARGUMENTS`` on a pseudo terminal.

    Args:
        command: What follows ``python -m``.
        size: Columns and rows.
        rate: Bytes a second that it reads; 0: as many as come.

    Attributes:
        read: Bytes so far.
        tail: The last of them.
    """

    def __init__(self, command: list[str], size: tuple[int, int], rate: float = 0.0) -> None:
        self._rate = rate
        self.read = 0
        self.tail = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment | {"LC_ALL": "C.UTF-8"} | ONE_THREAD,
            start_new_session=True,
        )
        os.close(slave)
        self._due = time.monotonic()
        self._left = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

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
        self._answer(part)
        self.tail = (self.tail + part)[-4096:]
        return part

    def _answer(self, part: bytes) -> None:
        text = self._left + part
        end = 0
        for found in _QUESTIONS.finditer(text):
            end = found.end()
            os.write(self._master, b"\x1b[0n" if found.group() == _ASK else b"\x1b[?62;22c")
        self._left = text[end:][-3:]  # the beginning of a question, perhaps

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
