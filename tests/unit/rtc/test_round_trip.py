"""The round trip, asked for and answered."""

from __future__ import annotations

import pytest

from engage_tui.rtc.round_trip import LONGEST, RoundTrip
from engage_tui.wire import rtcp


def answered(trip: RoundTrip, sent: float, came: float, delay: float = 0.0) -> None:
    (question,) = rtcp.parse(trip.ask(sent))
    asked = rtcp.parse_reference_time(question.body)
    assert asked is not None
    answer = rtcp.build_reference_answer(1, *asked, round(delay * 65536))
    for part in rtcp.parse(answer):
        trip.take(part, came)


@pytest.mark.parametrize("start", [0.0, 65535.99, 1e6 + 0.3])
def test_what_the_answer_took(start: float) -> None:
    trip = RoundTrip(5)
    assert trip.seconds is None
    answered(trip, start, start + 0.05)
    assert trip.seconds == pytest.approx(0.05, abs=1e-4)
    answered(trip, start + 1, start + 1.09, delay=0.02)
    assert trip.seconds == pytest.approx(0.055, abs=1e-4)


def test_foreign_and_impossible_answers_are_left() -> None:
    trip = RoundTrip(5)
    answered(trip, 10.0, 10.0 + 2 * LONGEST)
    (foreign,) = rtcp.parse(rtcp.build_reference_answer(1, 6, 7))
    trip.take(foreign, 10.0)
    (other,) = rtcp.parse(rtcp.build_pli(3))
    trip.take(other, 10.0)
    assert trip.seconds is None
