"""The last hop of the re-emission chain: what a room makes of a participant's event."""

from __future__ import annotations

from typing import Any

from engage_tui.sdk.enums import ParticipantEvent, RoomEvent

# What the room says only while it is connected; at other times people come and go wholesale.
_ONLY_CONNECTED = frozenset(
    {
        ParticipantEvent.TRACK_PUBLISHED,
        ParticipantEvent.TRACK_MUTED,
        ParticipantEvent.TRACK_UNMUTED,
        ParticipantEvent.PARTICIPANT_METADATA_CHANGED,
        ParticipantEvent.PARTICIPANT_NAME_CHANGED,
        ParticipantEvent.PARTICIPANT_ATTRIBUTES_CHANGED,
        ParticipantEvent.PARTICIPANT_PERMISSIONS_CHANGED,
        ParticipantEvent.CONNECTION_QUALITY_CHANGED,
        ParticipantEvent.TRACK_SUBSCRIPTION_STATUS_CHANGED,
    }
)
# What stays with the participant: the room has no event of this kind, or emits it itself.
_NOT_REEMITTED = frozenset(
    {
        ParticipantEvent.AUDIO_CONNECTED,
        ParticipantEvent.AUDIO_DISCONNECTED,
        ParticipantEvent.AUDIO_CONNECTION_CHANGED,
        ParticipantEvent.IS_SPEAKING_CHANGED,
        ParticipantEvent.DATA_RECEIVED,
        ParticipantEvent.POSITION_CHANGED,
    }
)


def at_room(
    event: str, arguments: tuple[Any, ...], participant: object, *, connected: bool
) -> tuple[RoomEvent, tuple[Any, ...]] | None:
    """The room's event for a participant's, with its arguments; None if the room says nothing.

    Args:
        event: The participant's event.
        arguments: As its handlers got them.
        participant: Whose event it is; appended, because a listener at the room would lack it.
        connected: Whether the room is connected.
    """
    if event in _NOT_REEMITTED or (event in _ONLY_CONNECTED and not connected):
        return None
    if event == ParticipantEvent.MEDIA_DEVICES_ERROR:
        return RoomEvent.MEDIA_DEVICES_ERROR, arguments
    if event == ParticipantEvent.TRACK_SUBSCRIPTION_FAILED:
        sid, *rest = arguments
        return RoomEvent.TRACK_SUBSCRIPTION_FAILED, (sid, participant, *rest)
    return RoomEvent(event), (*arguments, participant)
