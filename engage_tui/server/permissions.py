"""A participant's permissions, changed while it is in the room."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

if TYPE_CHECKING:
    from engage_tui.server.client import Client
    from engage_tui.server.incoming import PublishedTrack

_SOURCES = {number: name.lower() for name, number in models.TrackSource.items()}


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
    for track in [*client.publisher.tracks.values(), *client.publisher.pending.values()]:
        if not _may_publish(client, track):
            revoke(client, track)
    if not changed.can_subscribe:
        for track_sid in list(client.subscriber.subscriptions):
            client.room.unsubscribe(client, track_sid)
    elif not grants.can_subscribe:
        client.room.offer_tracks_to(client)


def revoke(client: Client, track: PublishedTrack) -> None:
    """Take a track from its publisher: it is told to stop, the others lose it."""
    client.send(
        rtc.SignalResponse(track_unpublished=rtc.TrackUnpublishedResponse(track_sid=track.sid))
    )
    client.publisher.revoke(track)


def _may_publish(client: Client, track: PublishedTrack) -> bool:
    grants = client.claims.grants
    source = _SOURCES.get(track.info.source, "")
    return grants.can_publish and (
        not grants.can_publish_sources or source in grants.can_publish_sources
    )


def _hide(client: Client) -> None:
    """Take a participant out of the others' sight, as if it had left."""
    gone = models.ParticipantInfo()
    gone.CopyFrom(client.info)
    gone.state = models.ParticipantInfo.DISCONNECTED
    update = rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=[gone]))
    for other in client.room.clients.values():
        if other is not client:
            other.send(update)
