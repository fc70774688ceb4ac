"""Data tracks: binary frames on a channel of their own, from one publisher to those who asked for them.

Each packet names its track by a handle of 16 bits at byte 2; the publisher chooses its own, each subscriber gets ours.
Payloads are passed on as they are.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from engage_tui.wire.data import DATA_TRACK
from engage_tui.wire.signal import sid

if TYPE_CHECKING:
    from engage_tui.server.client import Client
    from engage_tui.server.room import Room

_HANDLE = struct.Struct("!H")
_HANDLE_AT = 2
_HEADER = 12  # bytes of the shortest packet
_LARGEST_HANDLE = 0xFFFF
_MOST = 32  # published by one participant; and wanted, four times as many
_LONGEST_NAME = 256

Reason = rtc.RequestResponse.Reason


class DataTracks:
    """One participant's data tracks.

    Attributes:
        published: By the handle that it chose.
        wanted: Our handle for each track SID that it asked for.
    """

    def __init__(self) -> None:
        self.published: dict[int, models.DataTrackInfo] = {}
        self.wanted: dict[str, int] = {}
        self._last = 0

    def want(self, track_sid: str) -> None:
        """Give it a handle, unless it has one or there are too many."""
        if track_sid in self.wanted or len(self.wanted) >= 4 * _MOST:
            return
        taken = set(self.wanted.values())
        self._last = next(
            handle
            for step in range(1, len(taken) + 2)
            if (handle := (self._last + step - 1) % _LARGEST_HANDLE + 1) not in taken
        )
        self.wanted[track_sid] = self._last


def publish(client: Client, request: rtc.PublishDataTrackRequest) -> None:
    """Announce a data track, or say why not."""
    if (reason := _refusal(client, request)) is not None:
        client.send(
            rtc.SignalResponse(
                request_response=rtc.RequestResponse(reason=reason, publish_data_track=request)
            )
        )
        return
    info = models.DataTrackInfo(
        pub_handle=request.pub_handle,
        sid=sid("DTR_"),
        name=request.name,
        encryption=request.encryption,
    )
    if request.HasField("frame_encoding"):
        info.frame_encoding.CopyFrom(request.frame_encoding)
    if request.HasField("schema"):
        info.schema.CopyFrom(request.schema)
    client.data_tracks.published[request.pub_handle] = info
    client.info.data_tracks.append(info)
    client.send(
        rtc.SignalResponse(publish_data_track_response=rtc.PublishDataTrackResponse(info=info))
    )
    client.announce()


def unpublish(client: Client, request: rtc.UnpublishDataTrackRequest) -> None:
    """Take a data track from everybody."""
    info = client.data_tracks.published.pop(request.pub_handle, None)
    if info is None:
        client.send(
            rtc.SignalResponse(
                request_response=rtc.RequestResponse(
                    reason=Reason.INVALID_HANDLE, unpublish_data_track=request
                )
            )
        )
        return
    kept = [each for each in client.info.data_tracks if each.sid != info.sid]
    del client.info.data_tracks[:]
    client.info.data_tracks.extend(kept)
    _forget(client.room, info)
    client.send(
        rtc.SignalResponse(unpublish_data_track_response=rtc.UnpublishDataTrackResponse(info=info))
    )
    client.announce()


def subscribe(client: Client, request: rtc.UpdateDataSubscription) -> None:
    """Note what a participant wants, and tell it under which handles it comes."""
    for update in request.updates[: 4 * _MOST]:
        if not update.subscribe:
            client.data_tracks.wanted.pop(update.track_sid, None)
        elif client.claims.grants.can_subscribe:
            client.data_tracks.want(update.track_sid)
    handles = rtc.DataTrackSubscriberHandles()
    for publisher in client.room.clients.values():
        for info in publisher.data_tracks.published.values():
            if (handle := client.data_tracks.wanted.get(info.sid)) is not None:
                entry = handles.sub_handles[handle]
                entry.publisher_identity, entry.publisher_sid = publisher.identity, publisher.sid
                entry.track_sid = info.sid
    client.send(rtc.SignalResponse(data_track_subscriber_handles=handles))


def relay(sender: Client, packet: bytes) -> None:
    """Pass a packet on to those who want its track."""
    if len(packet) < _HEADER:
        sender.complain("sent a malformed packet of a data track")
        return
    (handle,) = _HANDLE.unpack_from(packet, _HANDLE_AT)
    info = sender.data_tracks.published.get(handle)
    if info is None:
        return
    for client in list(sender.room.clients.values()):
        theirs = client.data_tracks.wanted.get(info.sid)
        if theirs is None or client is sender or not client.claims.grants.can_subscribe:
            continue
        head, tail = packet[:_HANDLE_AT], packet[_HANDLE_AT + _HANDLE.size :]
        client.subscriber.send(DATA_TRACK, head + _HANDLE.pack(theirs) + tail)


def leave(client: Client) -> None:
    """A participant is gone: nobody wants its tracks any more."""
    for info in client.data_tracks.published.values():
        _forget(client.room, info)


def _forget(room: Room, info: models.DataTrackInfo) -> None:
    for client in room.clients.values():
        client.data_tracks.wanted.pop(info.sid, None)


def _refusal(client: Client, request: rtc.PublishDataTrackRequest) -> Reason | None:
    published = client.data_tracks.published
    if not client.claims.grants.may_send_data:
        return Reason.NOT_ALLOWED
    if not 0 < request.pub_handle <= _LARGEST_HANDLE:
        return Reason.INVALID_HANDLE
    if not 0 < len(request.name) <= _LONGEST_NAME:
        return Reason.INVALID_NAME
    if request.pub_handle in published:
        return Reason.DUPLICATE_HANDLE
    if any(info.name == request.name for info in published.values()):
        return Reason.DUPLICATE_NAME
    if len(published) >= _MOST:
        return Reason.LIMIT_EXCEEDED
    return None
