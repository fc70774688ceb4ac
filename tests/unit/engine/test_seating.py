from __future__ import annotations

import math
from typing import Any

import pytest

from engage_tui.engine.seating import Seats
from engage_tui.errors import UsageError
from engage_tui.sdk.enums import RoomEvent
from engage_tui.sdk.events import Emitter
from engage_tui.spatial.seats import Seating
from tests.unit.sdk.fakes import FakeRoom, person


class Hall(Emitter):
    """The people of a room, and its events."""

    def __init__(self) -> None:
        super().__init__()
        self.participants: dict[str, Any] = {}
        self.seats = Seats(self)  # type: ignore[arg-type]
        self.seats.listen()

    def come(self, identity: str, joined: int) -> Any:
        participant = person(FakeRoom(), identity, joined)
        self.participants[participant.sid] = participant
        self.emit(RoomEvent.PARTICIPANT_CONNECTED, participant)
        return participant


def azimuth(participant: Any) -> float:
    place = participant.get_position()
    return math.degrees(math.atan2(place.x, -place.z))


def test_people_sit_around_by_when_they_joined_and_make_room() -> None:
    hall = Hall()
    late = hall.come("late", 20)
    assert azimuth(late) == pytest.approx(0)
    early = hall.come("early", 10)
    assert azimuth(early) == pytest.approx(-azimuth(late)) == pytest.approx(-30)
    del hall.participants[late.sid]
    hall.emit(RoomEvent.PARTICIPANT_DISCONNECTED, late)
    assert azimuth(early) == pytest.approx(0)


def test_somebody_who_was_moved_stays_until_seats_are_chosen() -> None:
    hall = Hall()
    ada = hall.come("ada", 1)
    hall.seats.move("ada", 3, 0, 0)
    hall.seats.move("nobody", 1, 0, 0)
    bob = hall.come("bob", 2)
    assert azimuth(ada) == pytest.approx(90)
    assert azimuth(bob) == pytest.approx(30)
    hall.seats.choose(Seating.ROW)
    assert azimuth(ada) == pytest.approx(-azimuth(bob))
    with pytest.raises(UsageError, match="position"):
        hall.seats.move("ada", math.nan, 0, 0)
