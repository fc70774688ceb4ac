"""Asking the terminal itself: one write, one wait, and nothing of the answers left for the keyboard.

Every question is answered by those terminals that know it and ignored by the others; the last one, primary device
attributes (DA1), is answered by all, and terminals answer in order: once it is there, nothing more will come.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engage_tui.render.picture import Rgb

if sys.platform != "win32":
    import fcntl
    import struct
    import termios

LOCAL_PATIENCE, REMOTE_PATIENCE = 0.3, 1.0
"""Seconds to wait for the answers, here and over SSH."""

_QUERY = (
    b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"  # kitty's graphics
    b"\x1b]11;?\x1b\\"  # the background's colour
    b"%s"  # synchronized output, where asking for it prints nothing
    b"\x1b[16t\x1b[14t"  # pixels of a cell, of the window
    b"\x1b[>q"  # name and version
    b"\x1b[?1;1;0S"  # sixel: colour registers
)
_SYNC = b"\x1b[?2026$p"
_LAST = b"\x1b[c"
_LAST_ANSWER = re.compile(rb"\x1b\[\?[\d;]*c")
_ANSWER = re.compile(
    rb"\x1b_G[^\x1b]*\x1b\\"
    rb"|\x1b\]11;[^\x07\x1b]*(?:\x07|\x1b\\)"
    rb"|\x1bP[>!][^\x1b]*\x1b\\"
    rb"|\x1b\[[46];\d+;\d+t"
    rb"|\x1b\[\?[\d;]*\$?[A-Za-z]"  # of any kind and length: no key begins like this
)
_BEGUN = re.compile(
    rb"\x1b(?:[_P\[\]]|_G[^\x1b]*\x1b?|\]1[^\x07\x1b]*\x1b?|P[>!][^\x1b]*\x1b?|\[[?46][^\x1b]*)?\Z"
)
_MOST = 4096  # bytes of answers that are looked at; a terminal that says more talks nonsense
_CELL = range(2, 129)  # pixels of a cell's side that are believed


@dataclass(frozen=True, slots=True)
class Answers:
    """What a terminal said of itself.

    Attributes:
        complete: Whether the last answer came; otherwise there is more to come, or the terminal is mute.
        name: What it calls itself, ``kitty(0.26.5)``; empty: it did not say.
        sixel: Whether it draws sixels.
        kitty: Whether it speaks kitty's graphics protocol.
        sync: Whether it holds a frame back until it is whole (mode 2026).
        cell: Width and height of a cell in pixels; zeros: unknown.
        registers: Colours of sixels; 0: unknown.
        background: Its colour, if it said so.
        seconds: How long it took.
        typed: What a person typed meanwhile.
    """

    complete: bool = False
    name: str = ""
    sixel: bool = False
    kitty: bool = False
    sync: bool = False
    cell: tuple[int, int] = (0, 0)
    registers: int = 0
    background: Rgb | None = None
    seconds: float = 0.0
    typed: bytes = b""


def parse(said: bytes, size: tuple[int, int] = (0, 0)) -> Answers:
    """Read the answers out of what came from the terminal, whatever else stands between them.

    Args:
        said: What came; cut off, repeated and impossible answers count as none.
        size: Columns and rows of the window, for terminals that tell its pixels alone.
    """
    said = said[:_MOST]
    found = [each.group() for each in _ANSWER.finditer(said)]
    features = next((each for each in found if each.endswith(b"c")), b"")
    kitty = any(each.startswith(b"\x1b_G") and each.endswith(b";OK\x1b\\") for each in found)
    names = [each[4:-2] for each in found if each.startswith(b"\x1bP>|")]
    return Answers(
        complete=bool(features),
        name=_printable(names[0]) if names else "",
        sixel=b"4" in features[3:-1].split(b";")[1:],
        kitty=kitty,
        sync=any(each in (b"\x1b[?2026;1$y", b"\x1b[?2026;2$y") for each in found),
        cell=_cell(found, size),
        registers=_registers(found),
        background=_background(found),
        typed=_ANSWER.sub(b"", said),
    )


def _printable(name: bytes) -> str:
    return "".join(c for c in name.decode("ascii", "ignore")[:64] if c.isprintable())


def _numbers(found: list[bytes], start: bytes, end: bytes) -> Iterator[list[int]]:
    for each in found:
        if each.startswith(start) and each.endswith(end):
            parts = each[len(start) : -len(end)].split(b";")
            yield [int(part) if part and len(part) < 7 else 0 for part in parts]


def _cell(found: list[bytes], size: tuple[int, int]) -> tuple[int, int]:
    for height, width in _numbers(found, b"\x1b[6;", b"t"):
        if width in _CELL and height in _CELL:
            return width, height
    for height, width in _numbers(found, b"\x1b[4;", b"t"):
        return cell_of(width, height, size)
    return 0, 0


def cell_of(width: int, height: int, size: tuple[int, int]) -> tuple[int, int]:
    """Pixels of one cell in a window of `width` x `height` pixels; zeros when that cannot be.

    Args:
        width: Of the window, in pixels; it may contain a border, thinner than one pixel a cell.
        height: Of the window.
        size: Its columns and rows.
    """
    columns, rows = size
    if columns < 1 or rows < 1:
        return 0, 0
    cell = width // columns, height // rows
    return cell if cell[0] in _CELL and cell[1] in _CELL else (0, 0)


def _registers(found: list[bytes]) -> int:
    for numbers in _numbers(found, b"\x1b[?1;0;", b"S"):
        return min(numbers[0], 1 << 16)
    return 0


def _background(found: list[bytes]) -> Rgb | None:
    for each in found:
        match = re.match(
            rb"\x1b\]11;rgba?:([\da-fA-F]{1,4})/([\da-fA-F]{1,4})/([\da-fA-F]{1,4})", each
        )
        if match:
            red, green, blue = (
                int(part, 16) * 255 // (16 ** len(part) - 1) for part in match.groups()
            )
            return red, green, blue
    return None


class LateAnswers:
    """Takes the answers out of the keyboard's input that come after nobody waited for them any more.

    Everything up to the last answer is looked through; from then on input passes as it is.
    """

    def __init__(self) -> None:
        self._held = b""
        self._said = b""  # at most _MOST
        self._done = False

    @property
    def answers(self) -> Answers:
        """What was said so far."""
        return replace(parse(self._said), typed=b"")

    @property
    def done(self) -> bool:
        """Whether the last answer has come."""
        return self._done

    def keep(self, data: bytes) -> bytes:
        """What a person typed of `data`; the beginning of an answer is held back until its end comes."""
        if self._done:
            return data
        data, self._held = self._held + data, b""
        last = _LAST_ANSWER.search(data)
        if last is not None:
            self._done = True
            self._hear(data[: last.end()])
            return _ANSWER.sub(b"", data[: last.start()]) + data[last.end() :]
        self._hear(data)
        data = _ANSWER.sub(b"", data)
        begun = _BEGUN.search(data)
        if begun is not None and len(data) - begun.start() < _MOST:
            self._held = data[begun.start() :]
            data = data[: begun.start()]
        return data

    def _hear(self, data: bytes) -> None:
        self._said = (self._said + b"".join(_ANSWER.findall(data)))[:_MOST]

    def release(self) -> bytes:
        """Nothing has come for a while: an Escape that was held back was a key, and no beginning of an answer."""
        if self._done or len(self._held) > 2:
            return b""
        data, self._held = self._held, b""
        return data


class Probe:
    """The question and the wait for its answer; other work may be done in between.

    Args:
        reader: Descriptor on which answers come; a terminal.
        writer: Descriptor of the same terminal.
        patience: Seconds from the question to giving up.
        query: What is asked before the last question.
        clock: In seconds.
    """

    def __init__(
        self,
        reader: int,
        writer: int,
        patience: float,
        query: bytes = _QUERY % _SYNC,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._patience = patience
        self._clock = clock
        self._modes = _quiet(reader)
        self._start = clock()
        self._said = b""
        with contextlib.suppress(OSError):  # a terminal that has gone answers nothing
            os.write(writer, query + _LAST)

    def finish(self) -> Answers:
        """Wait for what is still missing, put the terminal's modes back, and tell what it said."""
        try:
            while not _LAST_ANSWER.search(self._said) and len(self._said) < _MOST:
                left = self._start + self._patience - self._clock()
                if left <= 0 or not self._read(left):
                    break
            seconds = self._clock() - self._start
        finally:
            self.restore()
        answers = parse(self._said, window_size(self._reader))
        return replace(answers, seconds=seconds)

    def restore(self) -> None:
        """Put the terminal's modes back; idempotent."""
        modes, self._modes = self._modes, None
        if modes is not None:
            with contextlib.suppress(termios.error):  # it has gone
                termios.tcsetattr(self._reader, termios.TCSANOW, modes)

    def _read(self, timeout: float) -> bool:
        ready, _, _ = select.select([self._reader], [], [], timeout)
        try:
            part = os.read(self._reader, 1024) if ready else b""
        except OSError:
            part = b""
        self._said += part
        return bool(part)


def begin(environ: Mapping[str, str] | None = None) -> Probe | None:
    """Ask the terminal on standard input and error, or output; None where nobody could answer.

    The Linux console prints what it does not know, and GNU screen keeps most of it to itself: neither is asked.
    Apple's Terminal prints the question for synchronized output.
    """
    env = os.environ if environ is None else environ
    term = env.get("TERM", "")
    if sys.platform == "win32" or term in ("", "dumb", "linux", "unknown") or env.get("STY"):
        return None
    reader = sys.__stdin__
    writers = [
        each for each in (sys.__stderr__, sys.__stdout__) if each is not None and each.isatty()
    ]
    if reader is None or not writers or not reader.isatty():
        return None
    remote = any(env.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))
    patience = REMOTE_PATIENCE if remote else LOCAL_PATIENCE
    sync = b"" if env.get("TERM_PROGRAM") == "Apple_Terminal" else _SYNC
    return Probe(reader.fileno(), writers[0].fileno(), patience, _QUERY % sync)


def _quiet(descriptor: int) -> list[Any] | None:
    """Have the terminal neither print answers nor wait for the end of a line; its modes before."""
    try:
        modes = termios.tcgetattr(descriptor)
        raw = termios.tcgetattr(descriptor)
        raw[3] &= ~(termios.ECHO | termios.ICANON)
        raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
        termios.tcsetattr(descriptor, termios.TCSANOW, raw)
    except termios.error:
        return None
    return list(modes)


def window_size(descriptor: int) -> tuple[int, int]:
    """Columns and rows of a terminal; zeros if it does not say."""
    return _window(descriptor)[:2]


def window_cell(descriptor: int) -> tuple[int, int]:
    """Pixels of a cell as the terminal's driver knows them; zeros if it does not."""
    columns, rows, width, height = _window(descriptor)
    return cell_of(width, height, (columns, rows))


def _window(descriptor: int) -> tuple[int, int, int, int]:
    if sys.platform == "win32":
        return 0, 0, 0, 0
    try:
        packed = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, b"\0" * 8)
    except OSError:
        return 0, 0, 0, 0
    rows, columns, width, height = struct.unpack("HHHH", packed)
    return columns, rows, width, height
