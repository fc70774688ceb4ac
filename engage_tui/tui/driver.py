"""Textual's driver for terminals, which counts what is on its way and keeps the terminal's answers from the keyboard.

Textual's writer thread has a queue of 30 writes, and its `put` blocks the event loop; `Meter` knows when that queue is
empty and how fast the terminal takes bytes. (Over SSH a write returns before the far terminal has read it: there the
rate is that of the pipe, and too high.)
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeGuard, cast

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from engage_tui.render.probe import LateAnswers
from engage_tui.tui.outlook import outlook_of

if TYPE_CHECKING:
    from textual.driver import Driver

_log = logging.getLogger(__name__)

BUDGET = 0.08
"""Seconds of the terminal's time that one moment of painting may take."""

_FIRST_RATE = 2_000_000.0  # bytes a second, until something was measured
_MEASURED = 4096  # a shorter write says more of the operating system's buffer than of the terminal
_SLOWER, _FASTER = 0.7, 0.3
_READ, _PATIENCE = (
    4096,
    0.1,
)  # bytes of input at a time; seconds until the thread looks whether it shall end
_STEP = 2.0  # buffers swallow a burst at once: good news is believed late, and never wholly


class Meter:
    """Counts the bytes on their way to the terminal, and measures how fast it takes them; used by two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = 0
        self._on_idle: Callable[[], None] | None = None
        self.rate = _FIRST_RATE
        self.written = 0

    @property
    def idle(self) -> bool:
        """Whether the terminal has taken everything."""
        return self._waiting == 0

    @property
    def budget(self) -> int:
        """Bytes that it takes in one moment of painting; enough to learn from."""
        return max(int(BUDGET * self.rate), _MEASURED)

    def on_idle(self, callback: Callable[[], None] | None) -> None:
        """Have `callback` called, on the writer's thread, each time nothing is left to write."""
        self._on_idle = callback

    def queued(self, size: int) -> None:
        """Something was given to the writer."""
        with self._lock:
            self._waiting += size

    def wrote(self, size: int, seconds: float) -> None:
        """The terminal took it, in this time."""
        with self._lock:
            self._waiting = max(0, self._waiting - size)
            self.written += size
            idle = self._waiting == 0
            if size >= _MEASURED:
                seen = min(size / max(seconds, 1e-4), _STEP * self.rate)
                self.rate += (_SLOWER if seen < self.rate else _FASTER) * (seen - self.rate)
        if idle and self._on_idle is not None:
            self._on_idle()

    def reset(self) -> None:
        """A new writer: nothing is on its way."""
        with self._lock:
            self._waiting = 0


class MeteredFile:
    """The terminal's file as the writer thread sees it: each write is carried through, and timed.

    A terminal that was closed raises at every write. That would end Textual's writer thread, its queue would fill, and
    the loop would wait for it for ever, SIGHUP or not: so what nobody can read any more is dropped here.
    """

    def __init__(self, file: IO[str], meter: Meter) -> None:
        self._file = file
        self._meter = meter
        self._gone = False

    def write(self, text: str) -> int:
        """Write and flush: only then has the terminal taken it."""
        start = time.monotonic()
        try:
            if not self._gone:
                self._file.write(text)
                self._file.flush()
        except OSError as error:
            self._gone = True
            _log.warning("the terminal has gone: %s", error)
        finally:
            self._meter.wrote(len(text), time.monotonic() - start)
        return len(text)

    def flush(self) -> None:
        """Nothing is left to flush: `write` has."""

    def fileno(self) -> int:
        """The descriptor behind it."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._file.isatty()


class PacedDriver(LinuxDriver):
    """Textual's driver for terminals, counting what it writes; stands on the driver's private name `_file`."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.meter = Meter()
        self._closed = False
        outlook = outlook_of(app)
        self._early, outlook.typed = outlook.typed, b""
        self._late = LateAnswers() if outlook.late else None
        terminal = cast("IO[str]", self._file)  # standard error, which `App.run` has checked
        self._file = cast("Any", MeteredFile(terminal, self.meter))

    def start_application_mode(self) -> None:
        """Begin to write; also after a suspension, with another writer thread."""
        self.meter.reset()
        self._closed = False
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def write(self, data: str) -> None:
        """Write, unless nobody reads: the queue of a stopped writer would fill up and block the loop."""
        if self._closed:
            return
        self.meter.queued(len(data))
        super().write(data)

    def close(self) -> None:
        """Stop the writer."""
        self._closed = True
        super().close()

    @property
    def ready(self) -> bool:
        """Whether a picture may be painted."""
        return not self._closed and self.meter.idle

    def run_input_thread(self) -> None:
        """Hand the keyboard's input to Textual's parser, without what is no input."""
        decode = getincrementaldecoder("utf-8")("replace").decode
        parser = XTermParser(self._debug)
        typed, self._early = self._keyboard(self._early), b""
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while True:
                if typed:
                    for message in parser.feed(decode(typed)):
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)
                if self.exit_event.is_set():
                    break
                if selector.select(_PATIENCE):
                    typed = self._keyboard(self._read())
                else:
                    typed = self._late.release() if self._late is not None else b""
        with contextlib.suppress(EOFError, ParseError):
            list(parser.feed(""))  # the end: a sequence that was begun is not finished any more

    def _read(self) -> bytes:
        """What came; a terminal that has gone is ready to be read for ever, and gives nothing."""
        with contextlib.suppress(OSError):
            data = os.read(self.fileno, _READ)
            if data:
                return data
        self.exit_event.wait(_PATIENCE)
        return b""

    def _keyboard(self, data: bytes) -> bytes:
        """What of `data` was typed."""
        if self._late is not None and data:
            data = self._late.keep(data)
            if self._late.done:
                self._late = None
        return data


class Paced(Protocol):
    """A driver that knows how far its terminal is."""

    meter: Meter

    @property
    def ready(self) -> bool:
        """Whether a picture may be painted."""


def paced(driver: type[Driver]) -> type[Driver]:
    """The counting driver in place of Textual's, where there is one; for `App.get_driver_class`."""
    return PacedDriver if driver is LinuxDriver else driver


def driver_of(app: App[Any]) -> Paced | None:
    """The app's driver, if it is one that knows how far its terminal is."""
    driver = app._driver
    return driver if _is_paced(driver) else None


def _is_paced(driver: object) -> TypeGuard[Paced]:
    return isinstance(driver, PacedDriver)
