"""A room: who is in it, who gets what, who speaks."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from engage_tui.server import data_tracks
from engage_tui.server.events import Happening, Listener, RoomEvent, ignore
from engage_tui.server.limits import Limits
from engage_tui.server.published import PublishedTrack
from engage_tui.server.quality import Qualities
from engage_tui.wire.data import DATA_TRACK, LOSSY, RELIABLE
from engage_tui.wire.signal import sid

if TYPE_CHECKING:
    from engage_tui.server.client import Client

_log = logging.getLogger(__name__)

_LIMITS = Limits()
_DEPARTED = (
    64  # who left last, for those who resume and missed it; more are forgotten, oldest first
)


class Room:
    """A room and its participants.

    Args:
        name: Its name.
        empty_timeout: Seconds that it waits for its first participant.
        departure_timeout: Seconds that it stays after its last one.
        listener: Told what happens in it.
        limits: What its participants may ask of it.
        takes_video: Whether the server carries one more video.

    Attributes:
        info: What participants are told of the room.
        clients: By identity, in the order of joining.
        limits: As given.
        takes_video: As given.
    """

    def __init__(
        self,
        name: str,
        *,
        empty_timeout: int = 300,
        departure_timeout: int = 20,
        listener: Listener = ignore,
        limits: Limits = _LIMITS,
        takes_video: Callable[[], bool] = lambda: True,
    ) -> None:
        self.limits = limits
        self.takes_video = takes_video
        now = time.time()
        self.info = models.Room(
            sid=sid("RM_"),
            name=name,
            creation_time=int(now),
            creation_time_ms=int(now * 1000),
            empty_timeout=empty_timeout,
            departure_timeout=departure_timeout,
        )
        self.clients: dict[str, Client] = {}
        self._departed: deque[models.ParticipantInfo] = deque(maxlen=_DEPARTED)
        self._listener = listener
        self._qualities = Qualities()
        self._empty_since = time.monotonic()
        self._visited = False

    def is_over(self, now: float) -> bool:
        """Nobody is here, and nobody came for as long as the room waits (`now` is monotonic)."""
        if self.clients:
            return False
        patience = self.info.departure_timeout if self._visited else self.info.empty_timeout
        return now - self._empty_since >= patience

    def happened(
        self,
        kind: Happening,
        client: Client | None = None,
        track: models.TrackInfo | None = None,
    ) -> None:
        """Tell the listener."""
        info = None if client is None else client.info
        self._listener(RoomEvent(kind, self.info, info, track))

    def join(self, client: Client) -> list[models.ParticipantInfo]:
        """Take a client in, in place of a session with the same identity; returns whom it meets.

        Its first message must be the join: send that, then call `welcome`.
        """
        before = self.clients.get(client.identity)
        if before is not None:
            before.leave(
                models.DisconnectReason.DUPLICATE_IDENTITY,
                rtc.LeaveRequest.Action.DISCONNECT,
                replaced=True,
            )
        met = [other.info for other in self._visible_to(client)]
        self.clients[client.identity] = client
        self._visited = True
        self._count()
        return met

    def welcome(self, client: Client) -> None:
        """Tell the others of a client that has got its join message."""
        self.update(client, but=client)
        self.tell_info()

    def leave(self, client: Client, *, quietly: bool) -> None:
        """A session ended: take its tracks from the others, and tell them unless it is `quietly` replaced."""
        if self.clients.get(client.identity) is client:
            del self.clients[client.identity]
            self._empty_since = time.monotonic()
        for track in client.publisher.tracks.values():
            self.withdraw(track)
        self.unsubscribe_all(client)
        data_tracks.leave(client)
        if not quietly:
            self.update(client)
            if not client.hidden:
                self._departed.append(client.info)
        self._count()
        self.tell_info()

    def update(self, client: Client, but: Client | None = None) -> None:
        """Tell everybody (`but` one) the state of `client`; of a hidden one only itself."""
        message = rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=[client.info]))
        for other in list(self.clients.values()):
            if other is not but and (not client.hidden or other is client):
                other.send(message)

    def describe(self, client: Client) -> None:
        """Tell a resumed client everything that it may have missed: people, itself, the room."""
        gone = [info for info in self._departed if info.identity not in self.clients]
        infos = [*gone, client.info, *(other.info for other in self._visible_to(client))]
        client.send(rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=infos)))
        client.send(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=self.info)))
        self._qualities.forget(client.sid)

    def broadcast(self, message: rtc.SignalResponse) -> None:
        """Send a message to everybody."""
        for client in list(self.clients.values()):
            client.send(message)

    # -- tracks

    def publisher_of(self, track_sid: str) -> Client | None:
        """Who publishes the track."""
        for client in self.clients.values():
            if track_sid in client.publisher.tracks:
                return client
        return None

    def offer_track(self, publisher: Client, track: PublishedTrack) -> None:
        """A track was published: subscribe those who want it."""
        for client in list(self.clients.values()):
            if client is not publisher and self._wants(client, track.sid):
                self._subscribe(client, publisher, track)

    def offer_tracks_to(self, client: Client) -> None:
        """A participant became active: subscribe it to what it wants of what is there."""
        for publisher in self._visible_to(client):
            for track in list(publisher.publisher.tracks.values()):
                if self._wants(client, track.sid):
                    self._subscribe(client, publisher, track)

    def subscribe(self, client: Client, track_sid: str) -> None:
        """A participant asks for a track."""
        publisher = self.publisher_of(track_sid)
        if publisher is None or publisher is client:
            client.send(
                rtc.SignalResponse(
                    subscription_response=rtc.SubscriptionResponse(
                        track_sid=track_sid, err=models.SubscriptionError.SE_TRACK_NOTFOUND
                    )
                )
            )
        elif client.active:
            self._subscribe(client, publisher, publisher.publisher.tracks[track_sid])

    def unsubscribe(self, client: Client, track_sid: str) -> None:
        """A participant does not want a track any more."""
        self._drop(client, track_sid)

    def unsubscribe_all(self, client: Client) -> None:
        """A participant may not subscribe any more."""
        for track_sid in list(client.subscriber.subscriptions):
            self._drop(client, track_sid)

    def withdraw(self, track: PublishedTrack) -> None:
        """A track is no more: take it from everybody."""
        track.ended = True
        for client in list(self.clients.values()):
            client.wanted.discard(track.sid)
            client.declined.discard(track.sid)
            self._drop(client, track.sid)

    def apply_permissions(self, publisher: Client) -> None:
        """A publisher changed who may subscribe: take and give accordingly."""
        for client in list(self.clients.values()):
            if client is publisher:
                continue
            for track in list(publisher.publisher.tracks.values()):
                allowed = publisher.allowed.allow(client, track.sid)
                if allowed and self._wants(client, track.sid):
                    if track.sid in client.subscriber.subscriptions:
                        continue
                    self._tell_permission(client, publisher, track, allowed=True)
                    self._subscribe(client, publisher, track)
                elif not allowed and self._drop(client, track.sid):
                    self._tell_permission(client, publisher, track, allowed=False)

    def _subscribe(self, client: Client, publisher: Client, track: PublishedTrack) -> None:
        if not client.claims.grants.can_subscribe:
            return
        if not publisher.allowed.allow(client, track.sid):
            self._tell_permission(client, publisher, track, allowed=False)
            return
        client.subscriber.subscribe(track, publisher.sid)

    def _drop(self, client: Client, track_sid: str) -> bool:
        subscription = client.subscriber.subscriptions.get(track_sid)
        if subscription is None:
            return False
        subscription.track.subscriptions.pop(client.sid, None)
        return client.subscriber.unsubscribe(track_sid)

    def _tell_permission(
        self, client: Client, publisher: Client, track: PublishedTrack, *, allowed: bool
    ) -> None:
        client.send(
            rtc.SignalResponse(
                subscription_permission_update=rtc.SubscriptionPermissionUpdate(
                    participant_sid=publisher.sid, track_sid=track.sid, allowed=allowed
                )
            )
        )

    def _wants(self, client: Client, track_sid: str) -> bool:
        if not client.active or not client.claims.grants.can_subscribe:
            return False
        return track_sid in client.wanted or (
            client.options.auto_subscribe and track_sid not in client.declined
        )

    def _visible_to(self, client: Client) -> Iterator[Client]:
        for other in list(self.clients.values()):
            if other is not client and not other.hidden:
                yield other

    # -- data

    def relay(self, sender: Client, label: str, payload: bytes) -> None:
        """Pass a data packet on to whom it is meant for, under the sender's true name; never back."""
        if label == DATA_TRACK:
            data_tracks.relay(sender, payload)
            return
        if label not in (RELIABLE, LOSSY):
            _log.debug("data on the unknown channel %.32r", label)
            return
        packet = models.DataPacket()
        try:
            packet.ParseFromString(payload)
        except DecodeError:
            sender.complain("sent a malformed data packet")
            return
        packet.participant_identity = sender.identity
        packet.participant_sid = sender.sid
        packet.kind = models.DataPacket.LOSSY if label == LOSSY else models.DataPacket.RELIABLE
        if label == RELIABLE:
            sender.last_reliable = max(sender.last_reliable, packet.sequence)
        targets = set(packet.destination_identities)
        if packet.WhichOneof("value") == "user":
            packet.user.participant_identity = sender.identity
            packet.user.participant_sid = sender.sid
            targets |= set(packet.user.destination_identities)
        self.deliver(label, packet, targets, but=sender)

    def deliver(
        self, label: str, packet: models.DataPacket, targets: set[str], but: Client | None = None
    ) -> None:
        """Send a data packet to `targets` (identities; none stands for everybody), `but` one."""
        message = packet.SerializeToString()
        for client in list(self.clients.values()):
            if client is not but and (not targets or client.identity in targets):
                client.subscriber.send(label, message)

    # -- clocks

    def tell_speakers(self) -> None:
        """End a window of speech levels and tell what changed."""
        changed = [
            models.SpeakerInfo(
                sid=client.sid,
                level=client.publisher.measures.meter.level,
                active=client.publisher.measures.meter.level > 0,
            )
            for client in self.clients.values()
            if client.publisher.measures.meter.close_window() and not client.hidden
        ]
        if changed:
            self.broadcast(
                rtc.SignalResponse(speakers_changed=rtc.SpeakersChanged(speakers=changed))
            )

    def tell_qualities(self, now: float) -> None:
        """Tell how well people's media come through, where that changed; called each second."""
        self._qualities.look(list(self.clients.values()), now)

    def publishers_changed(self) -> None:
        """Somebody published or unpublished: tell everybody if the room's count changes."""
        before = self.info.num_publishers
        self._count()
        if self.info.num_publishers != before:
            self.tell_info()

    def _count(self) -> None:
        clients = [client for client in self.clients.values() if not client.hidden]
        self.info.num_participants = len(clients)
        self.info.num_publishers = sum(client.info.is_publisher for client in clients)

    def tell_info(self) -> None:
        """Tell everybody what changed in `info`."""
        self.broadcast(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=self.info)))
