"""A terminal for tests: the installed command in a pseudo terminal, its screen kept by pyte."""

from __future__ import annotations

import os
import sys
import termios
import time
import uuid
from pathlib import Path
from typing import Any, Self

import pexpect
import psutil
import pyte

from tests.require import need

COMMAND = Path(sys.executable).with_name("engage-tui")
_MARK = "ENGAGE_TUI_TEST_RUN"


def marked_environment() -> tuple[dict[str, str], str]:
    """An environment for a program under test, and the mark by which its processes are found again."""
    mark = uuid.uuid4().hex
    return os.environ | {
        _MARK: mark,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "200",  # of a terminal that the program is not in
        "LINES": "70",
    }, mark


def processes(mark: str) -> list[psutil.Process]:
    """Every process that carries `mark`: what a program under test has started, and their children."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(_MARK) == mark:
                found.append(process)
        except psutil.Error:  # it ended while we looked, or is somebody else's
            continue
    return found


class Terminal:
    """`engage-tui` with arguments, in a terminal of `columns` x `rows`.

    Attributes:
        screen: What a person would see.
        output: Every byte that was written so far.
    """

    def __init__(self, *arguments: str, columns: int = 80, rows: int = 24) -> None:
        need(COMMAND.exists(), "the engage-tui command (pip install -e .)")
        environment, self.mark = marked_environment()
        self.screen = pyte.Screen(columns, rows)
        self.output = b""
        self._stream = pyte.ByteStream(self.screen)
        self._child: Any = pexpect.spawn(
            str(COMMAND), list(arguments), env=environment, dimensions=(rows, columns), timeout=None
        )
        self._modes = termios.tcgetattr(self._child.child_fd)[:4]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in processes(self.mark):
            process.kill()
        self._child.close(force=True)

    @property
    def pid(self) -> int:
        """The command's process id."""
        return int(self._child.pid)

    @property
    def text(self) -> str:
        """The screen as lines of text."""
        return "\n".join(self.screen.display)

    @property
    def flat(self) -> str:
        """The screen as one line, so that words are found wherever they were wrapped."""
        return " ".join(self.text.split())

    def read(self, timeout: float = 0.05) -> bool:
        """Take in what the command writes within `timeout` seconds; False once it has closed the terminal."""
        try:
            part: bytes = self._child.read_nonblocking(1 << 16, timeout)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.output += part
        self._stream.feed(part)
        return True

    def until(self, *words: str, timeout: float = 45.0) -> None:
        """Read until every one of `words` is on the screen.

        Raises:
            AssertionError: They were not within `timeout` seconds; with the screen.
        """
        self.until_true(lambda: all(word in self.flat for word in words), f"{words}", timeout)

    def until_true(self, condition: Any, what: str, timeout: float = 45.0) -> None:
        """Read until `condition()` holds.

        Raises:
            AssertionError: It did not within `timeout` seconds; with the screen.
        """
        end = time.monotonic() + timeout
        while not condition():
            alive = self.read()
            if not alive or time.monotonic() > end:
                raise AssertionError(f"{what} not seen; the screen:\n{self.text}")

    def coloured_cells(self) -> int:
        """How many different cell colours the screen shows: few for text, hundreds for a picture."""
        buffer = self.screen.buffer
        return len(
            {
                (buffer[row][column].fg, buffer[row][column].bg)
                for row in range(self.screen.lines)
                for column in range(self.screen.columns)
            }
        )

    def keys(self, keys: str) -> None:
        """Type `keys`."""
        self._child.send(keys)

    def resize(self, columns: int, rows: int) -> None:
        """Change the terminal's size, as dragging a window's corner does."""
        self.screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def exit_code(self, timeout: float = 20.0) -> int:
        """Wait until the command has ended; its exit code, 128 + N for one ended by signal N."""
        end = time.monotonic() + timeout
        while self.read() and time.monotonic() < end:
            pass
        while self._child.isalive():
            assert time.monotonic() < end, f"still running; the screen:\n{self.text}"
            time.sleep(0.02)
        if self._child.signalstatus is not None:
            return 128 + int(self._child.signalstatus)
        return int(self._child.exitstatus)

    def assert_restored(self) -> None:
        """The terminal is as it was: line mode, the normal screen, a cursor, no mouse reports."""
        assert termios.tcgetattr(self._child.child_fd)[:4] == self._modes
        for on, off in ((b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?1003h", b"\x1b[?1003l")):
            assert self.output.rfind(off) >= self.output.rfind(on), f"{on!r} was left on"
        assert self.output.rfind(b"\x1b[?25h") > self.output.rfind(b"\x1b[?25l"), "no cursor"
