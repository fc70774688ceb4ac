from __future__ import annotations

import math
from itertools import permutations

import pytest

from engage_tui.engine.seating import FARTHEST, REMEMBERED
from engage_tui.engine.view import Moved
from engage_tui.errors import UsageError
from engage_tui.sdk.enums import RoomEvent
from engage_tui.spatial.seats import Seating
from engage_tui.spatial.vectors import Vector3D, distance
from engage_tui.wire.position import Placement
from tests.unit.engine.hall import Hall
from tests.unit.sdk.fakes import FakeRoom, person


def test_people_sit_around_by_when_they_joined_and_make_room() -> None:
    hall = Hall()
    late = hall.come("late", 20)
    assert hall.azimuth(late) == pytest.approx(0)
    early = hall.come("early", 10)
    assert hall.azimuth(early) == pytest.approx(-hall.azimuth(late)) == pytest.approx(-30)
    hall.go(late)
    assert hall.azimuth(early) == pytest.approx(0)


def test_a_round_table_is_the_same_for_everybody() -> None:
    when = {"ada": 1, "bob": 2, "cleo": 3, "dan": 4}
    for one, other in permutations(when, 2):
        ears = {}
        for me in (one, other):
            hall = Hall(when[me])
            hall.local_participant.identity = me
            people = {each: hall.come(each, when[each]) for each in when if each != me}
            them = people[other if me == one else one]
            # Where they sit for me, and where I sit for them.
            ears[me] = (them.get_position(), hall.listener.get_position())
        assert distance(ears[one][0], ears[other][1]) == pytest.approx(0, abs=1e-9)
        assert distance(ears[one][1], ears[other][0]) == pytest.approx(0, abs=1e-9)


def test_somebody_who_was_moved_stays_until_seats_are_chosen() -> None:
    hall = Hall()
    ada = hall.come("ada", 1)
    hall.seats.move("ada", 3, 0)
    bob = hall.come("bob", 2)
    assert hall.azimuth(ada) != pytest.approx(-hall.azimuth(bob))
    where = ada.get_position()
    hall.go(bob)
    assert ada.get_position() == where
    assert hall.seats.views()["ada"].moved is Moved.BY_YOU
    hall.seats.choose(Seating.ROW)
    bob = hall.come("bob", 2)
    assert hall.azimuth(ada) == pytest.approx(-hall.azimuth(bob))
    assert {each.moved for each in hall.seats.views().values()} == {Moved.NO}


def test_somebody_who_walks_by_themselves_keeps_their_place_when_others_come_and_go() -> None:
    hall = Hall()
    ada = hall.come("ada", 1)
    before = hall.changes
    ada._synchronised(Placement((5.0, 0.0, -2.0)))
    assert hall.changes == before + 1
    bob = hall.come("bob", 2)
    hall.go(bob)
    assert ada.get_position() == Vector3D(5, 0, -2)
    assert hall.seats.views()["ada"].moved is Moved.THEMSELVES
    # The newest word counts: put elsewhere, then walking again.
    hall.seats.move("ada", 0, 1)
    assert ada.get_position() != Vector3D(5, 0, -2)
    ada._synchronised(Placement((6.0, 0.0, -2.0)))
    assert ada.get_position() == Vector3D(6, 0, -2)
    # In order again, until they walk once more.
    hall.seats.choose(Seating.CIRCLE)
    assert hall.azimuth(ada) == pytest.approx(0)
    hall.come("cleo", 3)
    assert ada.get_position() != Vector3D(6, 0, -2)


def test_a_new_session_of_somebody_gets_their_seat_or_where_they_were_put() -> None:
    hall = Hall()
    walker, put = hall.come("walker", 1), hall.come("put", 2)
    walker._synchronised(Placement((5.0, 0.0, -2.0)))
    hall.seats.move("put", 4, 4)
    where = put.get_position()
    for each in (walker, put):
        hall.go(each)
    again = hall.come("walker", 1)
    assert again.get_position() != Vector3D()
    assert again.get_position() != Vector3D(5, 0, -2)
    assert hall.seats.views()["walker"].moved is Moved.NO
    assert distance(hall.come("put", 2).get_position(), where) < 1e-9


def test_walking_turns_and_moves_the_ears_and_is_told_to_the_others() -> None:
    hall = Hall()
    ada = hall.come("ada", 1)
    assert not hall.local_participant.said  # who sits where everybody has them need not say so
    hall.seats.walk(0, 0, 90)
    assert hall.azimuth(ada) == pytest.approx(-90)
    hall.seats.walk(1, 0, 0)
    view = hall.seats.views()["me"]
    assert (view.x, view.y, view.facing, view.moved) == (1, 0, 90, Moved.BY_YOU)
    said = hall.listener.get_position()
    assert hall.local_participant.said == pytest.approx((said.x, said.y, said.z))
    hall.come("bob", 2)
    assert hall.listener.get_position() == said
    hall.seats.go(0, 2)
    hall.seats.face(-90)
    view = hall.seats.views()["me"]
    assert (view.x, view.y, view.facing) == (0, 2, 270)
    hall.seats.choose(Seating.CIRCLE)
    home = hall.listener.get_position()
    assert hall.local_participant.said == pytest.approx((home.x, home.y, home.z))


def test_bad_places_are_refused_and_nothing_moves() -> None:
    hall = Hall()
    ada = hall.come("ada", 1)
    where = ada.get_position()
    for bad in (math.nan, math.inf, 1e9, FARTHEST + 1):
        with pytest.raises(UsageError):
            hall.seats.move("ada", bad, 0)
        with pytest.raises(UsageError):
            hall.seats.go(0, bad)
        with pytest.raises(UsageError):
            hall.seats.walk(bad, 0, 0)
        with pytest.raises(UsageError):
            hall.seats.face(bad * 5)
    with pytest.raises(UsageError, match="nobody is not in the room"):
        hall.seats.move("nobody", 1, 0)
    with pytest.raises(UsageError, match="not in the room"):
        hall.seats.move("me", 1, 0)
    hall.seats.go(0, FARTHEST)
    hall.seats.face(0)
    with pytest.raises(UsageError, match="map ends"):
        hall.seats.walk(1, 0, 0)
    assert ada.get_position() == where


def test_what_is_remembered_of_people_has_an_end() -> None:
    hall = Hall()
    for number in range(REMEMBERED + 5):
        somebody = hall.come(f"p{number}", number)
        hall.seats.move(somebody.identity, 1, 1)
        hall.go(somebody)
    hall.come("p0", 0)
    assert hall.seats.views()["p0"].moved is Moved.NO
    hall.come(f"p{REMEMBERED}", 1)
    assert hall.seats.views()[f"p{REMEMBERED}"].moved is Moved.BY_YOU


def test_people_are_seated_once_when_each_is_told_of_after_a_rejoin() -> None:
    hall = Hall()
    people = [hall.come(f"p{number}", number) for number in range(5)]
    before = hall.changes
    for each in people:
        hall.emit(RoomEvent.PARTICIPANT_CONNECTED, each)
    assert hall.changes == before
    again = person(FakeRoom(), "p0", 0)  # the same SID, and nobody whom we know
    hall.participants[again.sid] = again
    hall.emit(RoomEvent.RECONNECTED)
    assert again.get_position() == people[0].get_position()
