"""Textual's driver for terminals, which counts what is on its way and keeps the terminal's answers from the keyboard.

Textual's writer thread has a queue of 30 writes, and its `put` blocks the event loop; `Meter` knows when that queue is
empty, and what the terminal has read.
"""

from __future__ import annotations

import contextlib
import os
import selectors
from codecs import getincrementaldecoder
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeGuard, cast

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from engage_tui.render.probe import Answers as TerminalAnswers
from engage_tui.render.probe import LateAnswers
from engage_tui.tui.meter import ASK, Answers, Meter, MeteredFile
from engage_tui.tui.outlook import outlook_of

if TYPE_CHECKING:
    from textual.driver import Driver

_READ = 4096  # bytes of input at a time
_PATIENCE = 0.1  # seconds until the input thread looks whether it shall end
_HELD = 0.02  # seconds for which the beginning of an answer is held back: it may be the Escape key
_GONE = (
    30  # reads that give nothing, a `_PATIENCE` each, after which the terminal does not come back
)
_LAST_ANSWERS = 0.5  # seconds that the end waits for answers


class TerminalKnown(Message):
    """The terminal has answered after all."""

    def __init__(self, answers: TerminalAnswers) -> None:
        super().__init__()
        self.answers = answers


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
        self._deaf = 0  # reads in a row that gave nothing
        outlook = outlook_of(app)
        self._early, outlook.typed = outlook.typed, b""
        self._late = LateAnswers() if outlook.late else None
        self._answers = Answers(self.meter.answered)
        self._gallery = outlook.gallery
        terminal = cast("IO[str]", self._file)  # standard error, which `App.run` has checked
        self._file = cast("Any", MeteredFile(terminal, self.meter))

    def start_application_mode(self) -> None:
        """Begin to write; also after a suspension, with another writer thread."""
        self.meter.reset()
        self._closed = False
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.flush()

    def stop_application_mode(self) -> None:
        """Take the pictures down and wait for answers; also before a suspension."""
        self.write(self._gallery.clear())
        self.meter.settle(_LAST_ANSWERS)
        super().stop_application_mode()

    def write(self, data: str) -> None:
        """Write, unless nobody reads: the queue of a stopped writer would fill up and block the loop."""
        if self._closed:
            return
        self.meter.queued(len(data))
        super().write(data)

    def flush(self) -> None:
        """A moment's writing is complete: ask the terminal to say when it has read it, if that matters."""
        if not self._closed and self.meter.asks():
            self.write(ASK)

    def paint(self, text: str) -> None:
        """Write pictures past Textual's screen, in one piece."""
        self.write(text)
        self.flush()

    def close(self) -> None:
        """Stop the writer."""
        self._closed = True
        super().close()

    @property
    def ready(self) -> bool:
        """Whether a picture may be painted."""
        return not self._closed and self.meter.room > 0

    def run_input_thread(self) -> None:
        """Hand the keyboard's input to Textual's parser, without what is no input."""
        decode = getincrementaldecoder("utf-8")("replace").decode
        parser = XTermParser(self._debug)
        typed, self._early = self._keyboard(self._early), b""
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while self._deaf < _GONE:
                if typed:
                    for message in parser.feed(decode(typed)):
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)
                if self.exit_event.is_set():
                    break
                if selector.select(_HELD if self._answers.holds else _PATIENCE):
                    typed = self._keyboard(self._read())
                else:
                    typed = self._answers.release()
                    typed += self._late.release() if self._late is not None else b""
        with contextlib.suppress(EOFError, ParseError):
            list(parser.feed(""))  # the end: a sequence that was begun is not finished any more

    def _read(self) -> bytes:
        """What came; a terminal that has gone is ready to be read for ever, and gives nothing."""
        with contextlib.suppress(OSError):
            data = os.read(self.fileno, _READ)
            if data:
                self._deaf = 0
                return data
        self._deaf += 1
        self.exit_event.wait(_PATIENCE)
        return b""

    def _keyboard(self, data: bytes) -> bytes:
        """What of `data` was typed."""
        if self._late is not None and data:
            data = self._late.keep(data)
            if self._late.done:
                self._app.post_message(TerminalKnown(self._late.answers))
                self._late = None
        return self._answers.keep(data, expected=self.meter.waits)


class Paced(Protocol):
    """A driver that knows how far its terminal is."""

    meter: Meter

    @property
    def ready(self) -> bool:
        """Whether a picture may be painted."""

    def write(self, data: str) -> None:
        """Write to the terminal."""

    def paint(self, text: str) -> None:
        """Write pictures past Textual's screen, in one piece."""


def paced(driver: type[Driver]) -> type[Driver]:
    """The counting driver in place of Textual's, where there is one; for `App.get_driver_class`."""
    return PacedDriver if driver is LinuxDriver else driver


def driver_of(app: App[Any]) -> Paced | None:
    """The app's driver, if it is one that knows how far its terminal is."""
    driver = app._driver
    return driver if _is_paced(driver) else None


def _is_paced(driver: object) -> TypeGuard[Paced]:
    return isinstance(driver, PacedDriver)
