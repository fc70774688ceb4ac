"""What happens in rooms, as webhooks and counters want it told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from livekit.protocol import models


class Happening(StrEnum):
    """The kinds, by the names of LiveKit's webhooks."""

    ROOM_STARTED = "room_started"
    ROOM_FINISHED = "room_finished"
    PARTICIPANT_JOINED = "participant_joined"
    PARTICIPANT_LEFT = "participant_left"
    PARTICIPANT_CONNECTION_ABORTED = "participant_connection_aborted"
    TRACK_PUBLISHED = "track_published"
    TRACK_UNPUBLISHED = "track_unpublished"


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """One event; its messages are the live ones, so copy what outlives the call.

    Attributes:
        participant: Whom it is about; None for the room's own events.
        track: Which track; None for all but the tracks' events.
    """

    kind: Happening
    room: models.Room
    participant: models.ParticipantInfo | None = None
    track: models.TrackInfo | None = None


Listener = Callable[[RoomEvent], None]
"""Told of each event in turn, on the loop; it must not raise."""


def ignore(_event: RoomEvent) -> None:
    """A listener that does nothing."""
