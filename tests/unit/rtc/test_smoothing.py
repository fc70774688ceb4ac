"""How long whole pictures wait for those that are repaired."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from engage_tui.rtc.smoothing import FALL, LONGEST, MEMORY, STILL, Smoothing

INTERVAL = 1 / 15
START = (1 << 32) - 90_000  # wraps after a second


def show(smoothing: Smoothing, number: int, late: float = 0.0) -> tuple[float, float]:
    """When picture `number` becomes whole, and when it is due."""
    now = 100 + number * INTERVAL + late
    stamp = (START + round(number * INTERVAL * 90_000)) & 0xFFFFFFFF
    return now, smoothing.due(stamp, now, repaired=late > 0.05)


def test_on_a_good_network_nothing_waits() -> None:
    smoothing, rng = Smoothing(), random.Random(1)
    for number in range(300):
        now, due = show(smoothing, number, rng.random() * 0.02)
        assert due == now


def test_an_odd_hiccup_costs_no_delay() -> None:
    smoothing = Smoothing()
    for number in range(100):
        show(smoothing, number, 0.2 if number == 50 else 0.0)
    assert smoothing.wait == 0


def test_where_repairs_are_common_a_repeated_one_makes_nothing_stand_still() -> None:
    smoothing, shown = Smoothing(), []
    for number in range(300):
        late = 0.2 if number == 200 else 0.1 if number % 10 == 0 else 0.0
        shown.append(show(smoothing, number, late)[1])
    later = shown[100:]
    gaps = [after - before for before, after in zip(later, later[1:], strict=False)]
    assert max(gaps) <= STILL + 0.005
    assert 0.02 < smoothing.wait < LONGEST


def test_when_the_network_is_good_again_the_wait_shrinks_to_nothing() -> None:
    smoothing = Smoothing()
    for number in range(100):
        show(smoothing, number, 0.1 if number % 10 == 0 else 0.0)
    assert smoothing.wait > 0
    for number in range(100, 100 + round((MEMORY + LONGEST / FALL) / INTERVAL) + 2):
        now, due = show(smoothing, number)
    assert smoothing.wait == 0
    assert due == now


def test_a_sender_that_starts_its_clock_anew_is_not_waited_for() -> None:
    smoothing = Smoothing()
    for number in range(30):
        show(smoothing, number)
    assert smoothing.due(12345, 200.0, repaired=False) == 200.0


@given(st.lists(st.tuples(st.integers(0, (1 << 32) - 1), st.floats(0, 0.5)), max_size=60))
def test_whatever_the_timestamps_order_is_kept_and_the_wait_bounded(
    pictures: list[tuple[int, float]],
) -> None:
    smoothing, now, before = Smoothing(), 0.0, 0.0
    for timestamp, step in pictures:
        now += step
        due = smoothing.due(timestamp, now, repaired=True)
        assert due >= before
        assert now <= due <= now + LONGEST + 1e-9
        before = due
