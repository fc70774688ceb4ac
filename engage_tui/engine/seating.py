"""Seats: everybody in a call has a place around the listener; who was moved keeps theirs."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engage_tui.engine.view import Moved, PlaceView
from engage_tui.errors import UsageError
from engage_tui.sdk.enums import ParticipantEvent, RoomEvent
from engage_tui.spatial.seats import Place, Seating, heading, seats
from engage_tui.spatial.vectors import Quaternion, Vector3D, number

if TYPE_CHECKING:
    from engage_tui.engine.call import Call
    from engage_tui.sdk.audio_listener import AudioListener
    from engage_tui.sdk.participant import Participant
    from engage_tui.sdk.remote_participant import RemoteParticipant
    from engage_tui.sdk.room import Room

FARTHEST = 100.0
"""Metres from one's seat to which anybody can be moved."""

REMEMBERED = 200
"""People of whom it is remembered where they were put, until seats are chosen anew; the oldest are forgotten."""

_OCCASIONS = (
    RoomEvent.CONNECTED,
    RoomEvent.PARTICIPANT_CONNECTED,
    RoomEvent.PARTICIPANT_DISCONNECTED,
)


class Seats:
    """Keeps the people of a room seated, and tells where they are.

    The newest word counts: seats are for those who were not moved; who was moved by the person stays there until they
    walk themselves (`ParticipantEvent.POSITION_CHANGED`); `choose` puts everybody in order again. Coordinates of the
    methods are the map's: metres from the person's own seat, x to the right and y ahead of who sits there.

    Args:
        room: Whose people; its space has the default coordinate system.
        listener: The person's own ears.
        touch: Called when somebody's place has changed.

    Attributes:
        seating: How they sit.
    """

    def __init__(
        self, room: Room, listener: AudioListener, touch: Callable[[], None] = lambda: None
    ) -> None:
        self.seating = Seating.CIRCLE
        self._room = room
        self._listener = listener
        self._touch = touch
        self._home = Place()
        self._own = Place()
        self._stands = False  # whether one has left one's seat
        self._told = (
            False  # whether the others were told where one is; then they are told of every change
        )
        self._seats: dict[str, Place] = {}
        self._seated: list[str] = []  # SIDs in the order of the seats
        self._put: dict[str, Place] = {}  # at most REMEMBERED
        self._walked: set[str] = set()
        self._met: weakref.WeakSet[RemoteParticipant] = weakref.WeakSet()

    def listen(self) -> None:
        """Seat people whenever somebody comes or goes."""
        for event in _OCCASIONS:
            self._room.on(event, lambda *_: self._on_people())
        # Whoever was met before a rejoin is somebody else now, perhaps by the same SID.
        self._room.on(RoomEvent.RECONNECTED, lambda: self.arrange())

    # -- moving ------------------------------------------------------------------------------------

    def choose(self, seating: Seating) -> None:
        """Have everybody sit in another way, those who were moved and oneself too."""
        self.seating = seating
        self._put.clear()
        self._walked.clear()
        self._stands = False
        self.arrange()

    def walk(self, ahead: float, right: float, clockwise: float) -> None:
        """Move oneself by metres along and across where one looks, then turn by degrees.

        Raises:
            UsageError: A number is not finite or too large.
        """
        step = Vector3D(_metres(right), 0.0, -_metres(ahead))
        turn = math.radians(number(clockwise, "A turn", -360, 360))
        self._go(self._own.outward(Place(step, turn)))

    def go(self, x: float, y: float) -> None:
        """Move oneself to a point of the map; nothing else turns.

        Raises:
            UsageError: A coordinate is not finite or too large.
        """
        point = self._home.outward(_on_map(x, y)).position
        self._go(Place(point, self._own.heading))

    def face(self, degrees: float) -> None:
        """Look along a direction of the map: 0 ahead of one's seat, 90 to its right.

        Raises:
            UsageError: It is not finite or too large.
        """
        turn = math.radians(number(degrees, "A direction", -360, 360))
        self._go(Place(self._own.position, self._home.heading + turn))

    def move(self, identity: str, x: float, y: float, *, by: bool = False) -> None:
        """Put somebody to a point of the map, or `by` so many metres to the right and ahead.

        Raises:
            UsageError: They are not in the room, or a coordinate is not finite or too large.
        """
        participant = next((each for each in self.others if each.identity == identity), None)
        if participant is None:
            raise UsageError(f"{identity or 'Nobody'} is not in the room.")
        before = self._home.inward(self.place(participant))
        if by:
            x, y = before.position.x + x, y - before.position.z
        where = self._home.outward(Place(_on_map(x, y).position, before.heading))
        self._put.pop(identity, None)
        self._put[identity] = where
        while len(self._put) > REMEMBERED:
            del self._put[next(iter(self._put))]
        self._walked.discard(identity)
        _set(participant, where)
        self._touch()

    def point(self, x: float, y: float, z: float = 0.0) -> Vector3D:
        """A point of the map, and so many metres above it, in the scene.

        Raises:
            UsageError: A coordinate is not finite or too large.
        """
        seat = _on_map(x, y)
        raised = Place(seat.position + Vector3D(0.0, _metres(z), 0.0))
        return self._home.outward(raised).position

    def ahead(self, metres: float) -> Vector3D:
        """The point so far ahead of where one looks, in the scene."""
        return self._own.outward(Place(Vector3D(0.0, 0.0, -metres))).position

    # -- telling -----------------------------------------------------------------------------------

    def place(self, participant: RemoteParticipant) -> Place:
        """Where somebody else is heard, and where they look."""
        identity, said = participant.identity, participant.placement
        if identity in self._walked and said is not None:
            turn = heading(Quaternion(*said.orientation))
        else:
            turn = self._put.get(identity, self._seats.get(identity, Place())).heading
        return Place(participant.get_position(), turn)

    @property
    def others(self) -> list[RemoteParticipant]:
        """Everybody else."""
        return list(self._room.participants.values())

    def views(self) -> dict[str, PlaceView]:
        """Everybody's place on the map by identity, oneself included; nobody's before they are seated."""
        if not self._room.is_joined or self._room.local_participant.identity not in self._seats:
            return {}
        local = self._room.local_participant
        views = {local.identity: self._view(self._own, Moved.BY_YOU if self._stands else Moved.NO)}
        for participant in self.others:
            identity = participant.identity
            if identity not in self._seats:
                continue
            moved = Moved.NO
            if identity in self._walked:
                moved = Moved.THEMSELVES
            elif identity in self._put:
                moved = Moved.BY_YOU
            views[identity] = self._view(self.place(participant), moved)
        return views

    def seen(self, position: Vector3D) -> PlaceView:
        """A place of the scene on the map."""
        return self._view(Place(position), Moved.NO)

    def _view(self, place: Place, moved: Moved) -> PlaceView:
        seen = self._home.inward(place)
        facing = round(math.degrees(seen.heading)) % 360
        return PlaceView(round(seen.position.x, 2), round(-seen.position.z, 2), facing, moved)

    # -- seating -----------------------------------------------------------------------------------

    def _on_people(self) -> None:
        """Seat people anew if they are others than before; after a rejoin each is told of, one by one."""
        if [each.sid for each in self._in_order()] != self._seated:
            self.arrange()

    def _in_order(self) -> list[Participant[Any]]:
        people: list[Participant[Any]] = [self._room.local_participant, *self.others]
        return sorted(people, key=lambda each: (each.joined_at, each.sid))

    def arrange(self) -> None:
        """Seat everybody who was not moved, in the order of joining; those who were keep their places."""
        people = self._in_order()
        self._seated = [each.sid for each in people]
        own = people.index(self._room.local_participant)
        places = seats(self.seating, len(people), own)
        self._home = places[own]
        self._seats = {each.identity: seat for each, seat in zip(people, places, strict=True)}
        self._walked &= self._seats.keys()
        if not self._stands:
            self._stand(self._home)
        for participant in self.others:
            self._meet(participant)
            identity = participant.identity
            if identity not in self._walked:
                _set(participant, self._put.get(identity, self._seats[identity]))
        self._touch()

    def _meet(self, participant: RemoteParticipant) -> None:
        if participant in self._met:
            if participant.placement is None:
                self._walked.discard(participant.identity)
            return
        self._met.add(participant)
        identity = participant.identity
        participant.on(ParticipantEvent.POSITION_CHANGED, lambda *_: self._on_walked(identity))
        if participant.placement is not None:
            self._walked.add(identity)
        else:
            self._walked.discard(
                identity
            )  # a new session of somebody who has not said again where they are

    def _on_walked(self, identity: str) -> None:
        self._put.pop(identity, None)
        self._walked.add(identity)
        self._touch()

    def _go(self, place: Place) -> None:
        seen = self._home.inward(place).position
        if max(abs(seen.x), abs(seen.z)) > FARTHEST:
            raise UsageError(f"The map ends {FARTHEST:g} m from your seat.", "Walk back.")
        self._stands = self._told = True
        self._stand(place)
        self._touch()

    def _stand(self, place: Place) -> None:
        """Hear from there, and tell the others if they were ever told."""
        place = Place(place.position, math.remainder(place.heading, 2 * math.pi))
        self._own = place
        at, turn = place.position, place.rotation
        self._listener.set_position(at.x, at.y, at.z)
        self._listener.set_rotation_quaternion(turn.x, turn.y, turn.z, turn.w)
        if self._told:
            local = self._room.local_participant
            local.set_position(at.x, at.y, at.z)
            local.set_orientation_quaternion(turn.x, turn.y, turn.z, turn.w)


def seated(call: Call) -> Seats:
    """Where the people of a call sit.

    Raises:
        UsageError: No room is joined yet.
    """
    if call.seats is None or call.room is None or not call.room.is_joined:
        raise UsageError("There is no room yet.", "Join one first.")
    return call.seats


def _metres(value: float) -> float:
    return number(value, "A distance", -FARTHEST, FARTHEST)


def _on_map(x: float, y: float) -> Place:
    return Place(Vector3D(_metres(x), 0.0, -_metres(y)))


def _set(participant: RemoteParticipant, place: Place) -> None:
    at, turn = place.position, place.rotation
    participant.set_position(at.x, at.y, at.z)
    participant.set_orientation_quaternion(turn.x, turn.y, turn.z, turn.w)
