"""What clients ask for by signalling: one function a request."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livekit.protocol import models, rtc

from engage_tui.server import data_tracks
from engage_tui.server.descriptions import PUBLISH_CODECS
from engage_tui.server.permissions import may_publish
from engage_tui.server.publisher import MAX_OFFER, MAX_PENDING, announce
from engage_tui.wire.signal import sid

if TYPE_CHECKING:
    from engage_tui.server.client import Client

_MAX_TRACKS = 32  # published by one participant

MAX_WANTED = 1024
"""Track SIDs remembered of one participant."""

MAX_METADATA = 64_000
"""Bytes of metadata, and of all attributes of one participant."""

MAX_ATTRIBUTES = 256
"""Attributes of one participant."""

MAX_NAME = 256
"""Characters of an identity, a name, a room's name."""

Reason = rtc.RequestResponse.Reason


@dataclass(slots=True)
class Permissions:
    """Who may subscribe to a participant's tracks.

    Attributes:
        everybody: No restriction.
        tracks: Allowed track SIDs by subscriber (SID or identity); None stands for all tracks.
    """

    everybody: bool = True
    tracks: dict[str, set[str] | None] = field(default_factory=dict)

    def allow(self, subscriber: Client, track_sid: str) -> bool:
        """Whether `subscriber` may have the track."""
        if self.everybody:
            return True
        for key in (subscriber.sid, subscriber.identity):
            if key in self.tracks:
                allowed = self.tracks[key]
                return allowed is None or track_sid in allowed
        return False


def handle(client: Client, request: rtc.SignalRequest) -> None:
    """Do what a request asks for; unknown ones are ignored, clients may be newer than we.

    Raises:
        SdpError: A description is malformed.
    """
    name = request.WhichOneof("message")
    if name is None or client.closed:
        return
    if (handler := _HANDLERS.get(name)) is not None:
        handler(client, getattr(request, name))


def begin(client: Client, wishes: rtc.JoinRequest) -> None:
    """Do what a join asked for in its address: attributes, tracks, the first offer."""
    grants = client.claims.grants
    if grants.can_update_own_metadata and (wishes.metadata or wishes.participant_attributes):
        update = rtc.UpdateParticipantMetadata(
            metadata=wishes.metadata, attributes=wishes.participant_attributes
        )
        if _apply_metadata(client, update) == Reason.OK:
            client.announce()
    for request in wishes.add_track_requests[: MAX_PENDING + 1]:
        add_track(client, request)
    if wishes.HasField("sync_state"):
        resync(client, wishes.sync_state)
    if wishes.HasField("publisher_offer"):
        handle(client, rtc.SignalRequest(offer=wishes.publisher_offer))


def take_offer(client: Client, offer: rtc.SessionDescription) -> None:
    """Answer an offer of the client's connection.

    Raises:
        SdpError: It is malformed.
    """
    if len(offer.sdp) > MAX_OFFER:
        client.fail("its offers have grown too large")  # new connections start small
        return
    client.send(rtc.SignalResponse(answer=client.publisher.answer(offer)))
    if client.publisher.downlink is not None:
        client.publisher.downlink.answered()


def _answer(client: Client, answer: rtc.SessionDescription) -> None:
    client.subscriber.accept(answer)


def _ignore(client: Client, message: Any) -> None:
    """Nothing to do: candidates are learned from checks, the rest is advice that we do not need."""


def add_track(client: Client, request: rtc.AddTrackRequest) -> None:
    """Announce a track, which an offer will carry."""
    publisher = client.publisher
    reason = _refusal(client, request)
    if reason is None and request.cid in publisher.pending:
        track = publisher.pending[request.cid]  # asked again: the same answer
    elif reason is None:
        track = announce(request, sid("TR_"))
        publisher.pending[request.cid] = track
    else:
        words = ""
        if reason == Reason.LIMIT_EXCEEDED:
            words = f"limits: {MAX_PENDING} announced and {_MAX_TRACKS} published tracks of one participant, "
            words += f"{client.room.limits.video_tracks} videos of everybody"
        client.send(
            rtc.SignalResponse(
                request_response=rtc.RequestResponse(
                    reason=reason, message=words, add_track=request
                )
            )
        )
        return
    client.send(
        rtc.SignalResponse(
            track_published=rtc.TrackPublishedResponse(cid=request.cid, track=track.info)
        )
    )


def _refusal(client: Client, request: rtc.AddTrackRequest) -> Reason | None:
    grants = client.claims.grants
    if not may_publish(grants, request.source):
        return Reason.NOT_ALLOWED
    if request.type not in (models.TrackType.AUDIO, models.TrackType.VIDEO):
        return Reason.UNSUPPORTED_TYPE
    known = {mime.partition("/")[2].lower() for mime in PUBLISH_CODECS}
    codecs = [each.codec.rpartition("/")[2].lower() for each in request.simulcast_codecs]
    if request.type == models.TrackType.VIDEO and any(c and c not in known for c in codecs[:1]):
        return Reason.UNSUPPORTED_TYPE
    if not request.cid or len(request.cid) > 256 or request.sid:
        return Reason.INVALID_REQUEST
    if len(client.publisher.pending) >= MAX_PENDING or len(client.publisher.tracks) >= _MAX_TRACKS:
        return Reason.LIMIT_EXCEEDED
    if request.cid in client.publisher.pending:
        return None
    if request.type == models.TrackType.VIDEO and not client.room.takes_video():
        return Reason.LIMIT_EXCEEDED
    return None


def _mute(client: Client, request: rtc.MuteTrackRequest) -> None:
    track = client.publisher.announced(request.sid)
    if track is None:
        client.send(
            rtc.SignalResponse(
                request_response=rtc.RequestResponse(reason=Reason.NOT_FOUND, mute=request)
            )
        )
    elif track.mute(request.muted, time.monotonic()):
        client.publish_state(track)


def _subscription(client: Client, request: rtc.UpdateSubscription) -> None:
    sids = [*request.track_sids, *(s for p in request.participant_tracks for s in p.track_sids)]
    for track_sid in sids[:MAX_WANTED]:
        set_subscribed(client, track_sid, wanted=request.subscribe)


def set_subscribed(client: Client, track_sid: str, *, wanted: bool) -> None:
    """Give a participant a track, or take it; remembered for a track that is not there yet."""
    if wanted:
        client.declined.discard(track_sid)
        if len(client.wanted) < MAX_WANTED:
            client.wanted.add(track_sid)
        client.room.subscribe(client, track_sid)
    else:
        client.wanted.discard(track_sid)
        if len(client.declined) < MAX_WANTED:
            client.declined.add(track_sid)
        client.room.unsubscribe(client, track_sid)


def _track_setting(client: Client, request: rtc.UpdateTrackSettings) -> None:
    now = time.monotonic()
    for track_sid in request.track_sids[:MAX_WANTED]:
        subscription = client.subscriber.subscriptions.get(track_sid)
        if subscription is None:
            continue
        wish = subscription.wish
        wish.disabled = request.disabled
        wish.quality = request.quality
        wish.width, wish.height = request.width, request.height
        wish.priority, wish.fps = request.priority, request.fps
        subscription.reselect(now)


def _leave(client: Client, _request: rtc.LeaveRequest) -> None:
    client.end(models.DisconnectReason.CLIENT_INITIATED)


def _subscription_permission(client: Client, request: rtc.SubscriptionPermission) -> None:
    tracks: dict[str, set[str] | None] = {}
    for each in request.track_permissions[:MAX_WANTED]:
        allowed = None if each.all_tracks else set(each.track_sids[:MAX_WANTED])
        tracks[each.participant_identity or each.participant_sid] = allowed
    client.allowed = Permissions(request.all_participants, tracks)
    client.room.apply_permissions(client)


def _update_metadata(client: Client, request: rtc.UpdateParticipantMetadata) -> None:
    reason: Reason = Reason.NOT_ALLOWED
    if client.claims.grants.can_update_own_metadata:
        reason = _apply_metadata(client, request)
    if reason == Reason.OK:
        client.announce()
    client.send(
        rtc.SignalResponse(
            request_response=rtc.RequestResponse(request_id=request.request_id, reason=reason)
        )
    )


def _apply_metadata(client: Client, request: rtc.UpdateParticipantMetadata) -> Reason:
    info = client.info
    if (
        len(request.metadata.encode()) > MAX_METADATA
        or len(request.name) > MAX_NAME
        or not attributes_fit(info, request.attributes)
    ):
        return Reason.LIMIT_EXCEEDED
    info.metadata = request.metadata or info.metadata
    info.name = request.name or info.name
    merge_attributes(info, request.attributes)
    return Reason.OK


def attributes_fit(info: models.ParticipantInfo, changes: Mapping[str, str]) -> bool:
    """Whether `changes` leave a participant's attributes within the limits."""
    after = {
        **info.attributes,
        **changes,
    }  # an empty value, which takes one away, counts by its key
    size = sum(len(key.encode()) + len(value.encode()) for key, value in after.items())
    return len(after) <= MAX_ATTRIBUTES and size <= MAX_METADATA


def merge_attributes(info: models.ParticipantInfo, changes: Mapping[str, str]) -> None:
    """Set attributes; an empty value takes one away."""
    for key, value in changes.items():
        if value:
            info.attributes[key] = value
        else:
            info.attributes.pop(key, None)


def _update_audio_track(client: Client, request: rtc.UpdateLocalAudioTrack) -> None:
    if (track := client.publisher.tracks.get(request.track_sid)) is not None:
        del track.info.audio_features[:]
        track.info.audio_features.extend(request.features[:16])
        client.publish_state(track)


def _update_video_track(client: Client, request: rtc.UpdateLocalVideoTrack) -> None:
    if (track := client.publisher.tracks.get(request.track_sid)) is not None:
        track.info.width, track.info.height = request.width, request.height
        client.publish_state(track)


def _ping(client: Client, _sent: int) -> None:
    client.send(rtc.SignalResponse(pong=int(time.time() * 1000)))


def _ping_req(client: Client, request: rtc.Ping) -> None:
    pong = rtc.Pong(last_ping_timestamp=request.timestamp, timestamp=int(time.time() * 1000))
    client.send(rtc.SignalResponse(pong_resp=pong))


def resync(client: Client, state: rtc.SyncState) -> None:
    """A resumed client says what it holds: subscriptions are set by it; unknown tracks need a new session."""
    for each in state.publish_tracks:
        if client.publisher.announced(each.track.sid) is None:
            client.leave(models.DisconnectReason.STATE_MISMATCH, rtc.LeaveRequest.Action.RECONNECT)
            return
    if state.HasField("subscription"):
        _subscription(client, state.subscription)


def _simulate(client: Client, request: rtc.SimulateScenario) -> None:
    """Faults on demand, for reconnection tests of clients."""
    action = rtc.LeaveRequest.Action
    match request.WhichOneof("scenario"):
        case "leave_request_full_reconnect":
            client.leave(models.DisconnectReason.STATE_MISMATCH, action.RECONNECT)
        case "server_leave":
            client.leave(models.DisconnectReason.SERVER_SHUTDOWN, action.DISCONNECT)
        case "disconnect_signal_on_resume":
            client.cut_on_resume = True
        case "node_failure":
            client.end(models.DisconnectReason.SIGNAL_CLOSE)


_HANDLERS: dict[str, Callable[[Client, Any], None]] = {
    "offer": take_offer,
    "answer": _answer,
    "trickle": _ignore,
    "add_track": add_track,
    "mute": _mute,
    "subscription": _subscription,
    "track_setting": _track_setting,
    "leave": _leave,
    "subscription_permission": _subscription_permission,
    "sync_state": resync,
    "simulate": _simulate,
    "ping": _ping,
    "update_metadata": _update_metadata,
    "ping_req": _ping_req,
    "update_audio_track": _update_audio_track,
    "update_video_track": _update_video_track,
    "publish_data_track_request": data_tracks.publish,
    "unpublish_data_track_request": data_tracks.unpublish,
    "update_data_subscription": data_tracks.subscribe,
}
