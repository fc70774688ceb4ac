"""What the server says of subscriptions and of speakers, put into publications and participants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from livekit.protocol import models, rtc

from engage_tui.sdk.convert import stream_state_of
from engage_tui.sdk.enums import (
    ConnectionState,
    ParticipantEvent,
    PermissionStatus,
    RoomEvent,
)
from engage_tui.sdk.remote_publication import subscription_error

if TYPE_CHECKING:
    from engage_tui.sdk.participant import Participant
    from engage_tui.sdk.room import Room


def updated_speakers(
    speakers: list[Participant[Any]],
    changes: Iterable[tuple[Participant[Any] | None, bool, float]],
) -> list[Participant[Any]]:
    """Who speaks after the server's changes, loudest first; the participants are told.

    Args:
        speakers: Who spoke before.
        changes: Participants (None: unknown ones), whether they speak now, and how loud, 0 to 1.
    """
    result = list(speakers)
    for participant, active, level in changes:
        if participant is None:
            continue
        participant._set_speaking(active, level)
        if participant in result:
            result.remove(participant)
        if active:
            result.append(participant)
    return sorted(result, key=lambda each: -each.is_speaking_level)


def take_room_update(room: Room, info: models.Room) -> None:
    """Take the server's news of the room itself."""
    before = models.Room()
    before.CopyFrom(room._info)
    room._info.CopyFrom(info)
    if room.state is not ConnectionState.CONNECTED:
        return
    if before.metadata != info.metadata:
        room.emit(RoomEvent.ROOM_METADATA_CHANGED, info.metadata)
    if before.active_recording != info.active_recording:
        room.emit(RoomEvent.RECORDING_STATUS_CHANGED, info.active_recording)


def take_subscription_message(room: Room, message: rtc.SignalResponse) -> None:
    """Take what the server says of single subscriptions."""
    match message.WhichOneof("message"):
        case "subscription_response":
            _, publication = room.find_publication(message.subscription_response.track_sid)
            if publication is not None:
                number = message.subscription_response.err
                publication._fail(subscription_error(number, publication.mime_type))
        case "stream_state_update":
            for each in message.stream_state_update.stream_states:
                participant, publication = room.find_publication(each.track_sid)
                if participant is not None and publication is not None:
                    state = stream_state_of(each.state)
                    participant._set_stream_state(publication, state)
        case "subscribed_quality_update":
            _take_wanted_layers(room, message.subscribed_quality_update)
        case "subscription_permission_update":
            update = message.subscription_permission_update
            participant, publication = room.find_publication(update.track_sid)
            if participant is None or publication is None:
                return
            status = PermissionStatus.ALLOWED if update.allowed else PermissionStatus.NOT_ALLOWED
            if status is publication.permission_status:
                return  # said with each subscription, whether it changed or not
            publication.permission_status = status
            participant.emit(
                ParticipantEvent.TRACK_SUBSCRIPTION_PERMISSION_CHANGED, publication, status
            )
            room.microphones_changed()


def _take_wanted_layers(room: Room, update: rtc.SubscribedQualityUpdate) -> None:
    """Encode the full size of a video of ours only while somebody wants more than the small one.

    The small one goes on whatever is wanted: it costs little, and whoever comes sees something at once.
    """
    local = room.local_participant
    sender = local._sender_of(update.track_sid)
    qualities = list(update.subscribed_qualities)
    for codec in update.subscribed_codecs:
        qualities += codec.qualities
    if sender is None or not qualities:
        return
    wanted = any(each.enabled and each.quality != models.LOW for each in qualities)
    for rid in sender.rids[1:]:
        sender.set_enabled(rid, wanted)
