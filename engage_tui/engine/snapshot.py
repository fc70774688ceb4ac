"""Frozen views of a live room: pure functions from SDK objects to `view`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engage_tui.engine.view import (
    PersonView,
    PlaceView,
    PublicationStats,
    PublicationView,
    Subscription,
)
from engage_tui.sdk.enums import PermissionStatus, SubscriptionStatus, TrackKind, TrackSource

if TYPE_CHECKING:
    from engage_tui.sdk.local_participant import LocalParticipant
    from engage_tui.sdk.participant import Participant
    from engage_tui.sdk.remote_participant import RemoteParticipant
    from engage_tui.sdk.room import Room


def everybody(room: Room | None) -> list[Participant[Any]]:
    """Everybody in the room, oneself first; nobody before it is joined."""
    if room is None or not room.is_joined:
        return []
    return [room.local_participant, *room.participants.values()]


def keyed(participant: Participant[Any]) -> Iterator[tuple[str, Any]]:
    """Every publication of a participant with its key, which stays the same when SIDs change on a rejoin.

    The key is ``identity/source/name``; a second publication of the same source and name gets ``#2`` appended.
    """
    seen: dict[str, int] = {}
    for publication in list(participant.tracks.values()):
        key = f"{participant.identity}/{publication.source.value}/{publication.track_name}"
        seen[key] = count = seen.get(key, 0) + 1
        yield (key if count == 1 else f"{key}#{count}"), publication


def people(room: Room, places: Mapping[str, PlaceView]) -> dict[str, PersonView]:
    """Everybody in the room by identity: oneself first, the others in the order in which they joined.

    Args:
        room: Whose people.
        places: Where they are, by identity.
    """
    views: dict[str, PersonView] = {}
    if not room.is_joined:
        return views
    local = room.local_participant
    views[local.identity] = own(local, places.get(local.identity))
    others = sorted(room.participants.values(), key=lambda each: each.joined_at)
    for participant in others:
        views[participant.identity] = other(participant, places.get(participant.identity))
    return views


def own(participant: LocalParticipant, place: PlaceView | None) -> PersonView:
    """Oneself."""
    return PersonView(
        identity=participant.identity,
        name=participant.name or participant.identity,
        sid=participant.sid,
        local=True,
        publications=tuple(publication(key, each, True) for key, each in keyed(participant)),
        speaking=participant.is_speaking,
        quality=participant.connection_quality,
        joined_at=participant.joined_at.timestamp(),
        place=place,
    )


def other(participant: RemoteParticipant, place: PlaceView | None) -> PersonView:
    """Somebody else."""
    return PersonView(
        identity=participant.identity,
        name=participant.name or participant.identity,
        sid=participant.sid,
        local=False,
        publications=tuple(publication(key, each, False) for key, each in keyed(participant)),
        joining=not participant.is_active,
        speaking=participant.is_speaking,
        quality=participant.connection_quality,
        connection_mode=participant.audio_connection_mode,
        audio_connected=participant.audio_connected,
        joined_at=participant.joined_at.timestamp(),
        place=place,
        volume=participant.volume,
    )


def publication(key: str, live: Any, local: bool) -> PublicationView:
    """One publication as a row."""
    mark, error = (Subscription.ON, "") if local else subscription(live)
    width, height = dimensions(live)
    return PublicationView(
        key=key,
        sid=live.track_sid,
        kind=live.kind,
        source=live.source,
        name=live.track_name,
        local=local,
        muted=live.is_muted,
        subscription=mark,
        error=error,
        width=width,
        height=height,
        codec=live.mime_type.rpartition("/")[2].lower(),
    )


def subscription(live: Any) -> tuple[Subscription, str]:
    """The mark of somebody else's publication, and why it failed."""
    if live.subscription_status is SubscriptionStatus.SUBSCRIBED:
        return Subscription.ON, ""
    if live.permission_status is PermissionStatus.NOT_ALLOWED:
        return Subscription.FAILED, "Its publisher does not allow it."
    if live.subscription_status is SubscriptionStatus.DESIRED:
        return Subscription.PENDING, ""
    return (Subscription.FAILED, str(live.error)) if live.error else (Subscription.OFF, "")


def dimensions(live: Any) -> tuple[int, int]:
    """Width and height in pixels: what flows, else what was announced, else zeros."""
    if live.kind is not TrackKind.VIDEO:
        return 0, 0
    figures = live.stats
    if figures.width and figures.height:
        return figures.width, figures.height
    width, height = live.dimensions or (0, 0)
    return width, height


def counters(room: Room) -> list[PublicationStats]:
    """The counters of every publication, own ones first; rates are left at zero."""
    everybody: list[tuple[Participant[Any], bool]] = [(room.local_participant, True)]
    everybody += [(participant, False) for participant in list(room.participants.values())]
    return [
        _counters(participant.identity, key, live, local)
        for participant, local in everybody
        for key, live in keyed(participant)
    ]


def levels(room: Room | None) -> dict[str, float]:
    """How loud everybody's microphone is, 0 to 1, by identity; whose is off is left out."""
    found: dict[str, float] = {}
    for participant in everybody(room):
        for live in participant.audio_tracks.values():
            if live.source is TrackSource.MICROPHONE and live.audio_track and not live.is_muted:
                found[participant.identity] = round(live.audio_track.level, 3)
    return found


def _counters(identity: str, key: str, live: Any, local: bool) -> PublicationStats:
    figures = live.stats
    sound = live.kind is TrackKind.AUDIO
    width, height = dimensions(live)
    return PublicationStats(
        key=key,
        sid=live.track_sid,
        participant=identity,
        local=local,
        kind=live.kind,
        source=live.source,
        name=live.track_name,
        subscribed=local or live.is_subscribed,
        muted=live.is_muted,
        frames=figures.frames,
        bytes=figures.bytes,
        width=None if sound else width,
        height=None if sound else height,
        rms=(figures.rms or 0.0) if sound else None,
        rms_max=(figures.rms_max or 0.0) if sound else None,
    )
