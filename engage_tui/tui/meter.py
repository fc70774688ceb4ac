"""How far the terminal is: bytes on their way to it, how fast it takes them, and what it says when it is asked.

A write returns when the operating system has the bytes. Over SSH, or with a terminal that lags, they are not drawn yet.
So the terminal is asked for its status (``CSI 5 n``) after whatever is worth waiting for, and its answer (``CSI 0 n``)
says that everything before has been read. A terminal that answers nothing is measured by its writes alone.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import IO

_log = logging.getLogger(__name__)

ASK = "\x1b[5n"
"""Asks the terminal how it is; it answers after everything that was written before."""

BUDGET = 0.05
"""Seconds of the terminal's time that may be on their way."""

PATIENCE = 2.0
"""Seconds after which an answer counts as lost."""

_SELDOM = (
    2.0  # seconds without a question after which one is asked that measures the distance alone
)

MEASURED = 4096
"""Bytes; what is less says more of buffers and distances than of the terminal, and goes without a question."""

_ANSWER = re.compile(rb"\x1b\[[0-3]?n")
_BEGUN = re.compile(rb"\x1b(?:\[[0-3]?)?\Z")
_FIRST_RATE = 2_000_000.0  # bytes a second, until something was measured
_SLOWER, _FASTER = 0.7, 0.3
_STEP = 2.0  # buffers swallow a burst at once: good news is believed late, and never wholly
_ASKED = 8  # questions that may be open; more are not asked
_MUTE = 3  # questions without an answer after which a terminal that never answered is not asked any more


class Meter:
    """Counts the bytes on their way to the terminal, and measures how fast it takes them; used by three threads.

    Attributes:
        rate: Bytes a second.
        learned: How often `rate` was measured.
        round_trip: Seconds until the terminal answers when it has nothing else to do; None: unknown.
        written: Bytes that were ever written.

    Args:
        clock: In seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Condition()
        self._waiting = 0
        self._queued = 0  # ever
        self._asked: deque[tuple[int, float]] = (
            deque()
        )  # what was queued before, and when; at most _ASKED
        self._read = 0  # of what was queued, known to be read
        self._last = 0.0  # when the last answer came
        self._latest = -1e9  # when the last question was asked
        self._missed = 0
        self._answers = False
        self._on_idle: Callable[[], None] | None = None
        self.rate = _FIRST_RATE
        self.learned = 0
        self.round_trip: float | None = None
        self.written = 0

    # -- what may be written -----------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether the operating system has taken everything."""
        return self._waiting == 0

    @property
    def answers(self) -> bool:
        """Whether the terminal answers."""
        return self._answers

    @property
    def waits(self) -> bool:
        """Whether an answer may come."""
        return bool(self._asked)

    @property
    def budget(self) -> int:
        """Bytes that may be on their way; enough to learn from."""
        return max(int(BUDGET * self.rate), MEASURED)

    @property
    def unread(self) -> int:
        """Bytes whose arrival was asked for and not confirmed yet; of a terminal that never answered, none."""
        with self._lock:
            self._forget_lost()
            return self._asked[-1][0] - self._read if self._asked and self._answers else 0

    @property
    def room(self) -> int:
        """Bytes that may be written now; 0: wait until `on_idle` is called."""
        if not self.idle:
            return 0
        room = self.budget - self.unread
        return room if room >= self.budget // 2 or room >= 16 * MEASURED else 0

    def on_idle(self, callback: Callable[[], None] | None) -> None:
        """Have `callback` called, on another thread, each time there may be room again."""
        self._on_idle = callback

    # -- what happens ------------------------------------------------------------------------------------------------

    def queued(self, size: int) -> None:
        """Something was given to the writer."""
        with self._lock:
            self._waiting += size
            self._queued += size

    def wrote(self, size: int, seconds: float) -> None:
        """The operating system took it, in this time."""
        with self._lock:
            self._waiting = max(0, self._waiting - size)
            self.written += size
            idle = self._waiting == 0
            if size >= MEASURED and not self._answers:
                self._learn(size, seconds)
        if idle and self._on_idle is not None:
            self._on_idle()

    def asks(self) -> bool:
        """Whether a question is due after what was queued; whoever calls it writes `ASK` then."""
        now = self._clock()
        with self._lock:
            self._forget_lost()
            if len(self._asked) >= _ASKED or (self._missed >= _MUTE and not self._answers):
                return False
            before = self._asked[-1][0] if self._asked else self._read
            seldom = not self._asked and now - self._latest >= _SELDOM
            if self._queued - before < MEASURED and not seldom:
                return False
            self._asked.append((self._queued, now))
            self._latest = now
            return True

    def answered(self) -> None:
        """The terminal has answered; what nobody asked for counts for nothing."""
        now = self._clock()
        with self._lock:
            if not self._asked:
                return
            total, since = self._asked.popleft()
            size, before = total - self._read, self._last
            self._answers, self._missed = True, 0
            self._read, self._last = total, now
            if size >= MEASURED:
                behind = (
                    before > since
                )  # it was busy with what came before, and read on without a pause
                self._learn(size, now - before if behind else now - since - (self.round_trip or 0))
            elif self.round_trip is None or now - since < self.round_trip:
                self.round_trip = now - since
            self._lock.notify_all()
        if self._on_idle is not None:
            self._on_idle()

    def reset(self) -> None:
        """A new writer: nothing is on its way."""
        with self._lock:
            self._waiting = 0
            self._asked.clear()
            self._read = self._queued

    def settle(self, timeout: float) -> None:
        """Wait until every question is answered: an answer that comes after the end would be typed into the shell."""
        with self._lock:
            self._lock.wait_for(lambda: not self._asked, timeout if self._answers else 0)
            self._asked.clear()

    def _learn(self, size: int, seconds: float) -> None:
        seen = min(size / max(seconds, 1e-4), _STEP * self.rate)
        self.learned += 1
        self.rate += (_SLOWER if seen < self.rate else _FASTER) * (seen - self.rate)

    def _forget_lost(self) -> None:
        """A question that is not answered in time is not waited for any more."""
        while self._asked and self._clock() - self._asked[0][1] > PATIENCE:
            total, _ = self._asked.popleft()
            size, self._read = total - self._read, total
            self._missed += 1
            if self._answers and size >= MEASURED:
                self._learn(size, PATIENCE)


class Answers:
    """Takes the answers out of what comes from the terminal, so that none arrives as a key."""

    def __init__(self, answered: Callable[[], None]) -> None:
        self._answered = answered
        self._held = b""

    def keep(self, data: bytes, *, expected: bool) -> bytes:
        """What a person typed of `data`.

        Args:
            data: What came.
            expected: Whether an answer may be on its way: then the beginning of one is held back.
        """
        data, self._held = self._held + data, b""
        if b"\x1b" not in data:
            return data
        for _ in _ANSWER.findall(data):
            self._answered()
        data = _ANSWER.sub(b"", data)
        begun = _BEGUN.search(data) if expected else None
        if begun is not None:
            self._held, data = data[begun.start() :], data[: begun.start()]
        return data

    @property
    def holds(self) -> bool:
        """Whether the beginning of an answer is held back."""
        return bool(self._held)

    def release(self) -> bytes:
        """Nothing has come for a while: what was held back was a key."""
        data, self._held = self._held, b""
        return data


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
        """Write and flush: only then has the operating system taken it."""
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
