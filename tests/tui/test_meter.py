"""What is known of the terminal by its answers."""

from __future__ import annotations

import threading

import pytest

from engage_tui.tui.meter import BUDGET, MEASURED, PATIENCE, Answers, Meter


class Line:
    """A terminal that reads so many bytes a second and answers at a distance; time passes when the test says."""

    def __init__(self, rate: float, distance: float = 0.0) -> None:
        self.now = 0.0
        self.meter = Meter(lambda: self.now)
        self._rate, self._distance = rate, distance

    def send(self, size: int) -> None:
        """Write, ask, and wait for the answer."""
        self.meter.queued(size)
        self.meter.wrote(size, 1e-4)  # the operating system swallows it at once
        if self.meter.asks():
            self.now += size / self._rate + self._distance
            self.meter.answered()


def test_answers_tell_the_rate_that_writes_do_not() -> None:
    line = Line(200_000, distance=0.05)
    line.send(10)  # measures the distance
    for _ in range(30):
        line.send(line.meter.budget)
    assert line.meter.answers
    assert line.meter.rate == pytest.approx(200_000, rel=0.1)
    assert line.meter.budget == pytest.approx(BUDGET * 200_000, rel=0.1)


def test_no_more_is_on_its_way_than_the_budget() -> None:
    line = Line(200_000)
    for _ in range(30):
        line.send(20_000)
    meter = line.meter
    meter.queued(meter.budget)
    meter.wrote(meter.budget, 1e-4)
    assert meter.asks()
    assert meter.room == 0
    line.now += 0.08
    meter.answered()
    assert meter.room > 0


def test_a_mute_terminal_is_not_waited_for_and_soon_not_asked() -> None:
    now = 0.0
    meter = Meter(lambda: now)
    asked = 0
    for _ in range(20):
        meter.queued(MEASURED)
        meter.wrote(MEASURED, 0.001)
        asked += meter.asks()
        assert meter.room > 0
        now += PATIENCE + 0.1
    assert asked <= 4
    assert meter.rate > 100_000


def test_a_lost_answer_costs_its_patience_and_no_more() -> None:
    line = Line(1e6)
    line.send(10_000)
    meter = line.meter
    meter.queued(200_000)
    meter.wrote(200_000, 0.001)
    assert meter.asks()
    assert meter.room == 0
    line.now += PATIENCE + 0.1
    assert meter.room > 0
    meter.answered()  # late: nobody waits for it
    line.send(10_000)
    assert meter.room > 0


def test_the_end_waits_for_open_questions() -> None:
    meter = Meter()
    meter.queued(10)
    assert meter.asks()
    meter.answered()
    meter.queued(MEASURED)
    assert meter.asks()
    later = threading.Timer(0.05, meter.answered)
    later.start()
    meter.settle(5.0)
    assert not meter.waits
    later.join()


@pytest.mark.parametrize(
    ("parts", "typed", "count"),
    [
        ([b"\x1b[0n"], b"", 1),
        ([b"a\x1b[0nb\x1b[3n"], b"ab", 2),
        ([b"\x1b", b"[0", b"n"], b"", 1),
        ([b"\x1b[", b"A"], b"\x1b[A", 0),
        ([b"\x1b[1;2R\x1b[13~"], b"\x1b[1;2R\x1b[13~", 0),
    ],
)
def test_answers_are_no_keys(parts: list[bytes], typed: bytes, count: int) -> None:
    told: list[int] = []
    answers = Answers(lambda: told.append(1))
    got = b"".join(answers.keep(part, expected=True) for part in parts)
    assert got == typed
    assert len(told) == count


def test_an_escape_key_is_given_back() -> None:
    answers = Answers(lambda: None)
    assert answers.keep(b"\x1b", expected=True) == b""
    assert answers.holds
    assert answers.release() == b"\x1b"
    assert answers.keep(b"\x1b", expected=False) == b"\x1b"
