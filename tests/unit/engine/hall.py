"""A room with people who have places, without a server."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from engage_tui.engine.seating import Seats
from engage_tui.sdk.audio_listener import AudioListener
from engage_tui.sdk.enums import RoomEvent
from engage_tui.sdk.events import Emitter
from engage_tui.spatial.coordinates import OPENGL
from engage_tui.spatial.scene import Listener
from tests.unit.sdk.fakes import FakeRoom, person


class Myself:
    """What seats need of the local participant; keeps what would be sent."""

    def __init__(self, identity: str, joined: float) -> None:
        self.identity = identity
        self.sid = f"PA_{identity}"
        self.joined_at = datetime.fromtimestamp(joined, UTC)
        self.said: tuple[float, ...] = ()

    def set_position(self, x: float, y: float, z: float) -> None:
        self.said = (x, y, z)

    def set_orientation_quaternion(self, *_: float) -> None:
        """Goes with the position."""


class Hall(Emitter):
    """The people of a room as one of them has it, and its events."""

    is_joined = True

    def __init__(self, joined: float = 100) -> None:
        super().__init__()
        self.participants: dict[str, Any] = {}
        self.local_participant = Myself("me", joined)
        self.listener = AudioListener(Listener(), OPENGL)
        self.changes = 0
        self.seats = Seats(self, self.listener, self._touch)  # type: ignore[arg-type]
        self.seats.listen()

    def _touch(self) -> None:
        self.changes += 1

    def come(self, identity: str, joined: int) -> Any:
        participant = person(FakeRoom(), identity, joined)
        self.participants[participant.sid] = participant
        self.emit(RoomEvent.PARTICIPANT_CONNECTED, participant)
        return participant

    def go(self, participant: Any) -> None:
        del self.participants[participant.sid]
        self.emit(RoomEvent.PARTICIPANT_DISCONNECTED, participant)

    def azimuth(self, participant: Any) -> float:
        """Degrees clockwise from where the listener looks."""
        turn = self.listener.get_rotation_quaternion()
        off = participant.get_position() - self.listener.get_position()
        seen = turn.inverse().rotate(off)
        return math.degrees(math.atan2(seen.x, -seen.z))
