"""Seats: everybody in a call has a place around the listener, by when they joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engage_tui.sdk.enums import RoomEvent
from engage_tui.spatial.seats import Seating, seats

if TYPE_CHECKING:
    from engage_tui.sdk.room import Room

_OCCASIONS = (
    RoomEvent.CONNECTED,
    RoomEvent.RECONNECTED,
    RoomEvent.PARTICIPANT_CONNECTED,
    RoomEvent.PARTICIPANT_DISCONNECTED,
)


class Seats:
    """Keeps the people of a room seated.

    Args:
        room: Whose people; its space has the default coordinate system.

    Attributes:
        seating: How they sit.
    """

    def __init__(self, room: Room) -> None:
        self.seating = Seating.CIRCLE
        self._room = room
        self._moved: set[str] = set()  # identities that have a place of their own

    def listen(self) -> None:
        """Seat people whenever somebody comes or goes."""
        for event in _OCCASIONS:
            self._room.on(event, lambda *_: self.arrange())

    def choose(self, seating: Seating) -> None:
        """Have everybody sit in another way, those who were moved too."""
        self.seating = seating
        self._moved.clear()
        self.arrange()

    def move(self, identity: str, x: float, y: float, z: float) -> None:
        """Give somebody a place of their own until the next `choose`; nothing happens when they are not there.

        Raises:
            UsageError: A coordinate is not finite, or too far off.
        """
        for participant in self._room.participants.values():
            if participant.identity == identity:
                participant.set_position(x, y, z)
                self._moved.add(identity)

    def arrange(self) -> None:
        """Seat everybody who was not moved, in the order of joining."""
        people = sorted(
            self._room.participants.values(), key=lambda each: (each.joined_at, each.sid)
        )
        for participant, seat in zip(people, seats(self.seating, len(people)), strict=True):
            if participant.identity not in self._moved:
                participant.set_position(seat.x, seat.y, seat.z)
