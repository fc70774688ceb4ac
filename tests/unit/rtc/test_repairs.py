"""When missing packets are asked for again, and when nothing is hoped for any more."""

from __future__ import annotations

import pytest

from engage_tui.rtc.repairs import GUARD, MARGIN, PATIENCE, STEP, UNMEASURED, Repairs


def asked(trip: float | None, until: float, step: float = 0.001) -> list[float]:
    """When packet 7, missed at 0, is asked for."""
    repairs, times = Repairs(), []
    repairs.round_trip = trip
    for tick in range(round(until / step)):
        if repairs.due([7], tick * step):
            times.append(tick * step)
    return times


def test_without_a_measured_round_trip_it_is_asked_regularly() -> None:
    times = asked(None, 0.2)
    assert times[0] == 0
    gaps = [after - before for before, after in zip(times, times[1:], strict=False)]
    assert all(gap == pytest.approx(UNMEASURED, abs=0.002) for gap in gaps)


@pytest.mark.parametrize("trip", [0.02, 0.05, 0.08])
def test_the_second_request_reaches_the_server_when_it_heeds_it(trip: float) -> None:
    times = asked(trip, 0.3)
    assert times[0] == 0
    # Sent half a round trip before it was missed; a request arrives half a round trip later.
    arrivals = [trip / 2 + at + trip / 2 for at in times]
    guard = min(GUARD, 2 * trip)
    heeded = next(at for at in arrivals if at > guard)
    assert heeded <= guard + MARGIN + 0.002
    assert (
        sum(at <= guard for at in arrivals) == 1
    )  # the one on noticing, for servers without a guard


def test_on_a_long_way_each_request_has_time_to_be_answered() -> None:
    times = asked(0.2, 1.0)
    gaps = [after - before for before, after in zip(times, times[1:], strict=False)]
    assert all(gap >= 0.2 for gap in gaps)
    assert len(times) >= 4


def test_what_is_missed_together_is_asked_for_together() -> None:
    repairs = Repairs()
    repairs.round_trip = 0.001
    assert repairs.due([3, 4], 0.0) == [3, 4]
    assert repairs.due([3, 4, 9], 0.002) == [9]
    assert repairs.next_due() == pytest.approx(STEP)
    assert repairs.due([4, 9], STEP) == [4]


def test_hope_ends_when_all_resends_had_their_time() -> None:
    repairs = Repairs()
    for trip, patience in ((None, PATIENCE[1]), (0.001, PATIENCE[0]), (0.05, 0.38), (0.4, 0.5)):
        repairs.round_trip = trip
        assert repairs.patience == pytest.approx(patience)
    repairs.round_trip = 0.001
    repairs.due([3], 1.0)
    assert not repairs.hopeless(1.2)
    assert repairs.hopeless(1.3)
    repairs.came(3, 1.3)
    assert not repairs.hopeless(1.3)
    assert list(repairs.times) == [pytest.approx(0.3)]
    repairs.due([4], 1.3)
    repairs.clear()
    assert repairs.next_due() is None
