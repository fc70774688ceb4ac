"""A participant's permissions, changed while it is in the room."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from engage_tui.wire.token import Grants

if TYPE_CHECKING:
    from engage_tui.server.client import Client
    from engage_tui.server.published import PublishedTrack

_SOURCES = {number: name.lower() for name, number in models.TrackSource.items()}


def permission_of(grants: Grants) -> models.ParticipantPermission:
    """What participants are told of each other's grants."""
    return models.ParticipantPermission(
        can_subscribe=grants.can_subscribe,
        can_publish=grants.can_publish,
        can_publish_data=grants.may_send_data,
        can_publish_sources=[
            name.upper() for name in grants.can_publish_sources if name in _SOURCES.values()
        ],
        can_update_metadata=grants.can_update_own_metadata,
        hidden=grants.hidden,
        recorder=grants.recorder,
    )


def may_publish(grants: Grants, source: int) -> bool:
    """Whether a track of this `models.TrackSource` may be published."""
    allowed = grants.can_publish_sources
    return grants.can_publish and (not allowed or _SOURCES.get(source, "") in allowed)


def change(client: Client, permission: models.ParticipantPermission) -> None:
    """Give a participant other permissions: what it may no longer send or receive ends at once.

    The caller announces it.
    """
    grants = client.claims.grants
    changed = replace(
        grants,
        can_subscribe=permission.can_subscribe,
        can_publish=permission.can_publish,
        can_publish_data=permission.can_publish_data,
        can_publish_sources=tuple(
            _SOURCES[source] for source in permission.can_publish_sources if source in _SOURCES
        ),
        can_update_own_metadata=permission.can_update_metadata,
        hidden=permission.hidden,
        recorder=permission.recorder,
    )
    if changed.hidden and not client.hidden:
        _hide(client)
    client.claims = replace(client.claims, grants=changed)
    client.info.permission.CopyFrom(permission)
    for track in client.publisher.everything:
        if not may_publish(changed, track.info.source):
            revoke(client, track)
    if not changed.can_subscribe:
        client.room.unsubscribe_all(client)
    elif not grants.can_subscribe:
        client.room.offer_tracks_to(client)


def revoke(client: Client, track: PublishedTrack) -> None:
    """Take a track from its publisher: it is told to stop, the others lose it."""
    client.send(
        rtc.SignalResponse(track_unpublished=rtc.TrackUnpublishedResponse(track_sid=track.sid))
    )
    client.publisher.revoke(track)


def _hide(client: Client) -> None:
    """Take a participant out of the others' sight, as if it had left."""
    gone = models.ParticipantInfo()
    gone.CopyFrom(client.info)
    gone.state = models.ParticipantInfo.DISCONNECTED
    update = rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=[gone]))
    for other in client.room.clients.values():
        if other is not client:
            other.send(update)
