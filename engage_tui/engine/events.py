"""SDK events as data: who, which track, and the rest under names."""

from __future__ import annotations

import base64
import time
import weakref
from collections.abc import Callable, Mapping
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any

from engage_tui.engine.messages import Event
from engage_tui.sdk.enums import ParticipantEvent, RoomEvent

if TYPE_CHECKING:
    from engage_tui.sdk.participant import Participant
    from engage_tui.sdk.room import Room

DETAILS: Mapping[str, tuple[str, ...]] = {
    RoomEvent.CONNECTION_STATE_CHANGED: ("state",),
    RoomEvent.DISCONNECTED: ("reason",),
    RoomEvent.PARTICIPANT_METADATA_CHANGED: ("previous",),
    RoomEvent.PARTICIPANT_NAME_CHANGED: ("name",),
    RoomEvent.PARTICIPANT_ATTRIBUTES_CHANGED: ("attributes",),
    RoomEvent.PARTICIPANT_PERMISSIONS_CHANGED: ("previous",),
    RoomEvent.TRACK_SUBSCRIPTION_FAILED: ("sid", "error"),
    RoomEvent.TRACK_SUBSCRIPTION_STATUS_CHANGED: ("status",),
    RoomEvent.TRACK_SUBSCRIPTION_PERMISSION_CHANGED: ("status",),
    RoomEvent.TRACK_STREAM_STATE_CHANGED: ("state",),
    RoomEvent.CONNECTION_QUALITY_CHANGED: ("quality",),
    RoomEvent.ROOM_METADATA_CHANGED: ("metadata",),
    RoomEvent.RECORDING_STATUS_CHANGED: ("recording",),
    RoomEvent.DATA_RECEIVED: ("payload", "delivery", "topic"),
    RoomEvent.DC_BUFFER_STATUS_CHANGED: ("is_low", "delivery"),
    RoomEvent.MEDIA_DEVICES_ERROR: ("error",),
    ParticipantEvent.AUDIO_CONNECTION_CHANGED: ("connected",),
    ParticipantEvent.IS_SPEAKING_CHANGED: ("speaking",),
}
"""The names of an event's plain arguments, in their order; participants, publications and tracks name themselves."""

OWN_PARTICIPANT_EVENTS = (
    ParticipantEvent.AUDIO_CONNECTED,
    ParticipantEvent.AUDIO_DISCONNECTED,
    ParticipantEvent.AUDIO_CONNECTION_CHANGED,
    ParticipantEvent.IS_SPEAKING_CHANGED,
)
"""What a participant emits and the room does not re-emit."""


class Tap:
    """Hears every event of a room and of its people.

    Args:
        on_event: Called with each event as data, inside the SDK's emission.
    """

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._number = 0
        self._people: weakref.WeakSet[Participant[Any]] = weakref.WeakSet()

    def listen(self, room: Room) -> None:
        """Hear `room` from now on."""
        for event in RoomEvent:
            room.on(event, self._handler(event))
        room.on(RoomEvent.CONNECTED, lambda: self.meet(room))
        room.on(RoomEvent.RECONNECTED, lambda: self.meet(room))
        room.on(RoomEvent.PARTICIPANT_CONNECTED, self._meet_one)

    def meet(self, room: Room) -> None:
        """Hear everybody who is in the room, each once."""
        self._meet_one(room.local_participant)
        for participant in room.participants.values():
            self._meet_one(participant)

    def _meet_one(self, participant: Participant[Any]) -> None:
        if participant in self._people:
            return
        self._people.add(participant)
        for event in OWN_PARTICIPANT_EVENTS:
            participant.on(event, self._handler(event, participant))

    def _handler(
        self, event: RoomEvent | ParticipantEvent, *context: object
    ) -> Callable[..., None]:
        def handle(*arguments: object) -> None:
            self._number += 1
            self._on_event(describe(event, (*arguments, *context), self._number, time.time()))

        return handle


def describe(event: str, arguments: tuple[Any, ...], number: int, moment: float) -> Event:
    """An event and its arguments as data.

    Args:
        event: The event's value.
        arguments: As its handlers get them.
        number: Its number in the call.
        moment: Unix time in seconds.
    """
    fields: dict[str, str] = {}
    plain: list[Any] = []
    detail: dict[str, Any] = {}
    for argument in arguments:
        if hasattr(argument, "track_sid"):
            fields |= {"sid": argument.track_sid} | _kind(argument)
        elif hasattr(argument, "identity"):
            fields["participant"] = argument.identity
            fields.setdefault("sid", argument.sid)
        elif hasattr(argument, "attach"):
            fields |= _kind(argument)
        elif isinstance(argument, list | tuple):
            detail["speakers"] = [each.identity for each in argument]
        elif argument is not None:
            plain.append(argument)
    names = DETAILS.get(event, ())
    detail |= {name: _data(value) for name, value in zip(names, plain, strict=False)}
    if "sid" in detail:
        fields["sid"] = str(detail.pop("sid"))
    if isinstance(payload := detail.pop("payload", None), dict):
        detail |= payload
    return Event(number, str(event), moment, detail=detail, **fields)


def _kind(live: Any) -> dict[str, str]:
    return {"kind": live.kind.value, "source": live.source.value}


def _data(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return {"text": value.decode()}
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _data(each) for key, each in value.items()}
    return str(value)
