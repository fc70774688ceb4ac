from __future__ import annotations

import math

import pytest

from engage_tui.spatial.coordinates import FORWARD
from engage_tui.spatial.seats import Place, Seating, heading, seats
from engage_tui.spatial.vectors import Quaternion, Vector3D, distance


@pytest.mark.parametrize("seating", list(Seating))
@pytest.mark.parametrize("people", [1, 2, 3, 10, 41])
def test_everybody_has_a_seat_of_their_own_and_nobody_sits_behind(
    seating: Seating, people: int
) -> None:
    for own in {0, people // 2, people - 1}:
        places = seats(seating, people, own)
        me = places[own]
        for number, place in enumerate(places):
            assert all(distance(place.position, each.position) > 0.9 for each in places[:number])
            if number != own:
                assert me.inward(place).position.z < 1e-9


def test_at_a_round_table_everybody_looks_at_the_middle() -> None:
    for place in seats(Seating.CIRCLE, 5, 0):
        middle = place.inward(Place()).position
        assert middle.x == pytest.approx(0)
        assert middle.z < 0


def test_who_came_before_sits_at_the_right_and_who_came_after_at_the_left() -> None:
    places = seats(Seating.CIRCLE, 4, 1)
    before, _, after, _ = (places[1].inward(each).position.x for each in places)
    assert after < 0 < before


def test_a_row_and_a_table_stand_around_the_own_seat() -> None:
    row = seats(Seating.ROW, 5, 2)
    seen = [row[2].inward(each).position for n, each in enumerate(row) if n != 2]
    assert seen == sorted(seen, key=lambda each: each.x)
    table = seats(Seating.TABLE, 5, 4)
    sides = [table[4].inward(each).position.x for each in table[:4]]
    assert sides == pytest.approx([-0.7, 0.7, -0.7, 0.7])
    assert table[0].inward(table[1]).position.z == pytest.approx(-1.4)  # across, and in front


def test_places_nest() -> None:
    outer = Place(Vector3D(1, 0, 2), 0.7)
    inner = Place(Vector3D(-3, 0, 1), -1.1)
    back = outer.inward(outer.outward(inner))
    assert distance(back.position, inner.position) < 1e-9
    assert back.heading == pytest.approx(inner.heading)
    assert heading(outer.rotation) == pytest.approx(0.7)
    assert outer.outward(Place(FORWARD)).position.x == pytest.approx(1 + math.sin(0.7))
    assert heading(Quaternion.about(Vector3D(1, 0, 0), math.pi / 2)) == 0  # straight up
