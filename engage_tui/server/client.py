"""One participant on the server: what the others know of them, their two connections, their signalling."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Protocol

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from engage_tui.errors import EngageError
from engage_tui.server import requests
from engage_tui.server.downlink import Downlink, DownlinkEvents
from engage_tui.server.events import Happening
from engage_tui.server.forward import Subscription
from engage_tui.server.incoming import PublishedTrack
from engage_tui.server.mux import UdpMux
from engage_tui.server.publisher import PublisherConnection, PublisherEvents
from engage_tui.server.shared import SharedDownlink
from engage_tui.server.subscriber import SubscriberConnection
from engage_tui.tasks import TaskGroup
from engage_tui.wire.data import MAX_PACKET
from engage_tui.wire.signal import SignalOptions, sid
from engage_tui.wire.token import Claims

if TYPE_CHECKING:
    from engage_tui.server.room import Room

_log = logging.getLogger(__name__)

JOIN_TIMEOUT = 60.0
"""Seconds that a participant may take until its media connection stands."""

SIGNAL_GRACE = 5.0
"""Seconds that a participant stays after its signalling was lost."""

_GOODBYE_GRACE = 2.0  # after a DTLS goodbye: the leave is on its way, by another road
_SILENCE = 20.0  # seconds without a connectivity check after which a connection is lost
_OUTBOX = 1024  # signalling messages that wait for a slow reader; one more ends the session
_MAX_TEXT = 128 * 1024  # characters of a JSON frame: parsing one takes long
_COMPLAINTS = 5
_LEAVE_TIMEOUT = 2.0

_SOURCES = {name for name, _ in models.TrackSource.items()}
_CAPABILITIES = {name for name, _ in models.ClientInfo.Capability.items()}

LeaveAction = rtc.LeaveRequest.Action


class SignalSocket(Protocol):
    """The WebSocket as a session uses it."""

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""

    async def send_str(self, data: str) -> None:
        """Send a text frame."""

    async def close(self) -> object:
        """Close with code 1000."""


class Client:
    """A participant's session.

    Attributes:
        info: What everybody is told of the participant; `announce` after a change.
        claims: The token's content.
        publisher: The connection on which it sends.
        subscriber: What it receives, on a connection of its own or on the publisher's.
        wanted: Track SIDs that it asked for, published yet or not.
        declined: Track SIDs that it does not want although it subscribes by itself.
        allowed: Who may subscribe to its tracks (`Permissions`).
        closed: The session has ended.
    """

    def __init__(self, room: Room, mux: UdpMux, claims: Claims, options: SignalOptions) -> None:
        self.room = room
        self.claims = claims
        self.options = options
        self.info = _participant_info(claims, options)
        single = options.single
        self.publisher = PublisherConnection(
            mux,
            claims.identity,
            PublisherEvents(
                self._on_published,
                self._on_unpublished,
                self._on_data,
                self._on_connected if single else lambda: None,
            ),
        )
        events = DownlinkEvents(self.send, self._on_connected, self._on_started, self.fail)
        self.subscriber: Downlink = (
            SharedDownlink(self.publisher, events)
            if single
            else SubscriberConnection(mux, claims.identity, events)
        )
        self.publisher.limit(room.limits)
        self.publisher.transport.on_lost = self._on_lost
        self.subscriber.transport.on_lost = self._on_lost
        self.wanted: set[str] = set()
        self.declined: set[str] = set()
        self.allowed = requests.Permissions()
        self.closed = False
        self._complaints = 0
        self._text = False  # the client speaks JSON
        self._outbox: asyncio.Queue[rtc.SignalResponse | None] = asyncio.Queue(_OUTBOX)
        self._tasks = TaskGroup(f"client {claims.identity}")
        self._writer: asyncio.Task[None] | None = None
        self._joined = time.monotonic()
        self._signal_lost: float | None = None
        self._media_lost: float | None = None

    @property
    def sid(self) -> str:
        """The participant SID."""
        return self.info.sid

    @property
    def identity(self) -> str:
        """The participant's identity, unique in the room."""
        return self.info.identity

    @property
    def active(self) -> bool:
        """The connection on which it receives stands."""
        return self.info.state == models.ParticipantInfo.ACTIVE

    @property
    def hidden(self) -> bool:
        """Nobody else is told that it is here."""
        return self.claims.grants.hidden

    # -- signalling

    def open(self, socket: SignalSocket) -> None:
        """Start to write to the client's socket; the first offer follows the join message."""
        self._writer = self._tasks.spawn(self._write(socket), "writer")
        self.subscriber.begin()

    def send(self, response: rtc.SignalResponse) -> None:
        """Send a message to the client; a client that does not read loses its session."""
        if self.closed:
            return
        try:
            self._outbox.put_nowait(response)
        except asyncio.QueueFull:
            _log.warning("%r does not read its signalling", self.identity)
            self.end(models.DisconnectReason.CONNECTION_TIMEOUT)

    def receive(self, frame: bytes | str) -> None:
        """Take a signalling frame; nonsense is logged and harms nobody."""
        request = rtc.SignalRequest()
        try:
            if isinstance(frame, str):
                if len(frame) > _MAX_TEXT:
                    raise DecodeError("too long")
                json_format.Parse(frame, request, ignore_unknown_fields=True)
                self._text = True
            else:
                request.ParseFromString(frame)
                self._text = False
        except (DecodeError, json_format.ParseError, RecursionError):
            self.complain("sent a malformed frame")
            return
        try:
            requests.handle(self, request)
        except EngageError as error:
            self.complain(str(error))
        except Exception:  # noqa: BLE001 - packet border: no request may end the server
            _log.warning("a request of %r failed", self.identity, exc_info=True)

    def complain(self, what: str) -> None:
        """Log what the client does wrong, but not for ever: it may do nothing else."""
        self._complaints += 1
        if self._complaints <= _COMPLAINTS:
            _log.info("%r: %s", self.identity, what)

    def signal_closed(self) -> None:
        """The WebSocket is gone; the session stays for a while."""
        if not self.closed and self._signal_lost is None:
            self._signal_lost = time.monotonic()

    # -- life

    def announce(self) -> None:
        """Tell everybody what changed in `info`."""
        self.info.version += 1
        self.room.update(self)

    def publish_state(self, track: PublishedTrack) -> None:
        """Copy a track's state into `info` and tell everybody."""
        for place, info in enumerate(self.info.tracks):
            if info.sid == track.sid:
                self.info.tracks[place].CopyFrom(track.info)
        self.announce()

    def tick(self, now: float) -> None:
        """Once a second: reports, and what took too long."""
        self.publisher.report(now)
        self.subscriber.tick(now)
        if self._signal_lost is not None and now - self._signal_lost > SIGNAL_GRACE:
            self.end(models.DisconnectReason.SIGNAL_CLOSE)
        elif not self.active and now - self._joined > JOIN_TIMEOUT:
            self.leave(models.DisconnectReason.JOIN_FAILURE, LeaveAction.DISCONNECT)
        elif self._media_lost is not None and now - self._media_lost > _GOODBYE_GRACE:
            self.fail("its media connection ended")
        else:
            for transport in (self.publisher.transport, self.subscriber.transport):
                if transport.connected and now - transport.heard > _SILENCE:
                    self.fail("its media connection fell silent")

    def fail(self, why: str) -> None:
        """The session cannot go on as it is; the client is asked to join anew."""
        _log.info("%r: %s", self.identity, why)
        self.leave(models.DisconnectReason.CONNECTION_TIMEOUT, LeaveAction.RECONNECT)

    def leave(
        self, reason: models.DisconnectReason, action: LeaveAction, *, replaced: bool = False
    ) -> None:
        """Send a leave, then end the session."""
        self.send(
            rtc.SignalResponse(
                leave=rtc.LeaveRequest(
                    reason=reason, action=action, can_reconnect=action != LeaveAction.DISCONNECT
                )
            )
        )
        self.end(reason, replaced=replaced)

    def end(self, reason: models.DisconnectReason, *, replaced: bool = False) -> None:
        """End the session: connections, tracks, place in the room. What was sent is still delivered.

        Args:
            reason: Told to the others.
            replaced: The identity lives on in a new session, so the others are not told.
        """
        if self.closed:
            return
        self.closed = True
        was_active = self.active
        self.info.state = models.ParticipantInfo.DISCONNECTED
        self.info.disconnect_reason = reason
        self.info.version += 1
        while True:
            try:
                self._outbox.put_nowait(None)
                break
            except asyncio.QueueFull:
                self._outbox.get_nowait()
        for track in self.publisher.tracks.values():
            self.room.happened(Happening.TRACK_UNPUBLISHED, self, track.info)
        self.room.leave(self, quietly=replaced)
        self.room.happened(
            Happening.PARTICIPANT_LEFT if was_active else Happening.PARTICIPANT_CONNECTION_ABORTED,
            self,
        )
        self.subscriber.close()
        self.publisher.close()

    async def finished(self) -> None:
        """Wait until everything that was sent is out, then drop what is left."""
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=_LEAVE_TIMEOUT)
        await self._tasks.cancel()

    async def _write(self, socket: SignalSocket) -> None:
        try:
            while (response := await self._outbox.get()) is not None:
                if self._text:
                    await socket.send_str(json_format.MessageToJson(response))
                else:
                    await socket.send_bytes(response.SerializeToString())
            async with asyncio.timeout(_LEAVE_TIMEOUT):
                await socket.close()
        except (ConnectionError, RuntimeError, TimeoutError) as error:
            _log.debug("%r: signalling ended: %s", self.identity, error)
            self.signal_closed()

    # -- from the connections

    def _on_connected(self) -> None:
        self.info.state = models.ParticipantInfo.ACTIVE
        self.announce()
        self.room.happened(Happening.PARTICIPANT_JOINED, self)
        self.room.offer_tracks_to(self)

    def _on_lost(self, _why: str) -> None:
        if self._media_lost is None:
            self._media_lost = time.monotonic()

    def _on_published(self, track: PublishedTrack) -> None:
        self.info.tracks.append(track.info)
        self.info.is_publisher = True
        self.announce()
        self.room.publishers_changed()
        self.room.happened(Happening.TRACK_PUBLISHED, self, track.info)
        self.room.offer_track(self, track)

    def _on_unpublished(self, track: PublishedTrack) -> None:
        kept = [info for info in self.info.tracks if info.sid != track.sid]
        del self.info.tracks[:]
        self.info.tracks.extend(kept)
        self.info.is_publisher = bool(kept)
        self.room.withdraw(track)
        self.announce()
        self.room.publishers_changed()
        self.room.happened(Happening.TRACK_UNPUBLISHED, self, track.info)

    def _on_started(self, subscription: Subscription) -> None:
        track = subscription.track
        first = not track.subscriptions
        track.subscriptions[self.sid] = subscription
        publisher = self.room.publisher_of(track.sid)
        if first and publisher is not None:
            publisher.send(
                rtc.SignalResponse(track_subscribed=rtc.TrackSubscribed(track_sid=track.sid))
            )

    def _on_data(self, label: str, payload: bytes) -> None:
        if len(payload) <= MAX_PACKET + 1024 and self.claims.grants.may_send_data:
            self.room.relay(self, label, payload)


def _participant_info(claims: Claims, options: SignalOptions) -> models.ParticipantInfo:
    grants = claims.grants
    now = time.time()
    return models.ParticipantInfo(
        sid=sid("PA_"),
        identity=claims.identity,
        name=claims.name,
        metadata=claims.metadata,
        attributes=dict(claims.attributes),
        state=models.ParticipantInfo.JOINED,
        joined_at=int(now),
        joined_at_ms=int(now * 1000),
        version=1,
        client_protocol=options.client_protocol,
        capabilities=[name for name in options.capabilities if name in _CAPABILITIES],
        permission=models.ParticipantPermission(
            can_subscribe=grants.can_subscribe,
            can_publish=grants.can_publish,
            can_publish_data=grants.may_send_data,
            can_publish_sources=[
                name.upper() for name in grants.can_publish_sources if name.upper() in _SOURCES
            ],
            can_update_metadata=grants.can_update_own_metadata,
            hidden=grants.hidden,
            recorder=grants.recorder,
        ),
    )
