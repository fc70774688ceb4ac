"""One participant on the server: what the others know of them, their two connections, their signalling."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from engage_tui.errors import EngageError
from engage_tui.server import requests
from engage_tui.server.data_tracks import DataTracks
from engage_tui.server.downlink import Downlink, DownlinkEvents
from engage_tui.server.events import Happening
from engage_tui.server.forward import Subscription
from engage_tui.server.line import SignalLine, SignalSocket
from engage_tui.server.mux import UdpMux
from engage_tui.server.participant import first_info
from engage_tui.server.published import PublishedTrack
from engage_tui.server.publisher import PublisherConnection, PublisherEvents
from engage_tui.server.shared import SharedDownlink
from engage_tui.server.subscriber import SubscriberConnection
from engage_tui.server.transport import PeerTransport
from engage_tui.server.weakly import weakly
from engage_tui.tasks import TaskGroup
from engage_tui.wire.data import MAX_PACKET
from engage_tui.wire.signal import SignalOptions
from engage_tui.wire.token import Claims

if TYPE_CHECKING:
    from engage_tui.server.room import Room

_log = logging.getLogger(__name__)

JOIN_TIMEOUT = 60.0
"""Seconds that a participant may take until its media connection stands."""

SIGNAL_GRACE = 5.0
"""Seconds that a participant stays after its signalling was lost, unless its media goes on."""

RESUME_LIMIT = 60.0
"""Seconds after which it has to join anew even so."""

_MEDIA_GRACE = 10.0  # seconds without a connectivity check after which media does not go on
_TOKEN_LIFE = (
    600.0  # seconds; a fresh token is sent at half of that, so that a resume finds a valid one
)
_GOODBYE_GRACE = 2.0  # after a DTLS goodbye: the leave is on its way, by another road
_SILENCE = 20.0  # seconds without a connectivity check after which a connection is lost
_MAX_TEXT = 128 * 1024  # characters of a JSON frame: parsing one takes long
_COMPLAINTS = 5

LeaveAction = rtc.LeaveRequest.Action


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
        data_tracks: Those that it publishes and wants.
        closed: The session has ended.
        cut_on_resume: The next resume is cut off once, for tests of clients.
        last_reliable: Number of the last reliable data packet that came from it.
        renew: Makes a fresh token for a client with this life in seconds; the server sets it.
    """

    def __init__(self, room: Room, mux: UdpMux, claims: Claims, options: SignalOptions) -> None:
        self.room = room
        self.claims = claims
        self.options = options
        self.info = first_info(claims, options)
        single = options.single
        self.publisher = PublisherConnection(
            mux,
            claims.identity,
            PublisherEvents(
                weakly(self._on_published),
                weakly(self._on_unpublished),
                weakly(self._on_data),
                weakly(self._on_connected) if single else lambda: None,
                weakly(self._on_wanted),
            ),
        )
        events = DownlinkEvents(
            weakly(self.send),
            weakly(self._on_connected),
            weakly(self._on_started),
            weakly(self.fail),
        )
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
        self.data_tracks = DataTracks()
        self.closed = False
        self.cut_on_resume = False
        self.last_reliable = 0
        self.renew: Callable[[Client, float], str] | None = None
        self._complaints = 0
        self._tasks = TaskGroup(f"client {claims.identity}")
        self._line = SignalLine(claims.identity, self._tasks)
        self._joined = self._renewed = time.monotonic()
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

    def open(self, socket: SignalSocket) -> SignalLine:
        """Start to write to the client's socket; the first offer follows the join message."""
        self._line.open(socket, self.signal_closed)
        self.subscriber.begin()
        return self._line

    def resume(self, socket: SignalSocket) -> SignalLine:
        """Go on with the session on a new socket: the client hears what changed, and ICE restarts."""
        self._line.end()
        self._line = SignalLine(self.identity, self._tasks, text=self._line.text)
        self._signal_lost = None
        now = time.monotonic()
        for transport in self._transports:
            transport.heard = now
        _log.info("%r resumes", self.identity)
        self.send(
            rtc.SignalResponse(reconnect=rtc.ReconnectResponse(last_message_seq=self.last_reliable))
        )
        self.room.describe(self)
        self._line.open(socket, self.signal_closed)
        if self.cut_on_resume:
            self.cut_on_resume = False
            self._line.end()
        self.subscriber.governor.renew(now)
        self.subscriber.resume()
        return self._line

    @property
    def resumable(self) -> bool:
        """The session goes on, and ICE alone can mend its connections."""
        return not self.closed and self._media_lost is None

    def hangs_on(self, line: SignalLine) -> bool:
        """Whether `line` is the one in use, and the session goes on."""
        return not self.closed and line is self._line

    def send(self, response: rtc.SignalResponse) -> None:
        """Send a message to the client; a client that does not read loses its session.

        While its signalling is lost nothing is kept: a resume tells everything anew.
        """
        if self.closed or self._signal_lost is not None:
            return
        if not self._line.put(response):
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
                self._line.text = True
            else:
                request.ParseFromString(frame)
                self._line.text = False
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

    def signal_closed(self, line: SignalLine) -> None:
        """The WebSocket is gone; the session stays for a while."""
        if self.hangs_on(line) and self._signal_lost is None:
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
        if self._signal_lost is not None:
            if self._is_lost(now, self._signal_lost):
                self.end(models.DisconnectReason.SIGNAL_CLOSE)
        elif not self.active and now - self._joined > JOIN_TIMEOUT:
            self.leave(models.DisconnectReason.JOIN_FAILURE, LeaveAction.DISCONNECT)
        elif self._media_lost is not None and now - self._media_lost > _GOODBYE_GRACE:
            self.fail("its media connection ended")
        elif any(each.connected and now - each.heard > _SILENCE for each in self._transports):
            self._suspend("its media connection fell silent")
        elif self.renew is not None and now - self._renewed > _TOKEN_LIFE / 2:
            self._renewed = now
            self.send(rtc.SignalResponse(refresh_token=self.renew(self, _TOKEN_LIFE)))

    @property
    def _transports(self) -> set[PeerTransport]:
        return {self.publisher.transport, self.subscriber.transport}

    def _is_lost(self, now: float, since: float) -> bool:
        """Without signalling: whether a resume is not to be waited for any longer."""
        alive = any(each.connected and now - each.heard < _MEDIA_GRACE for each in self._transports)
        return now - since > (RESUME_LIMIT if alive else SIGNAL_GRACE)

    def _suspend(self, why: str) -> None:
        """Ask the client to resume, which restarts ICE; its session is kept for that."""
        _log.info("%r: %s", self.identity, why)
        leave = rtc.LeaveRequest(
            reason=models.DisconnectReason.CONNECTION_TIMEOUT,
            action=LeaveAction.RESUME,
            can_reconnect=True,
        )
        self.send(rtc.SignalResponse(leave=leave))
        self._line.end()
        self._signal_lost = time.monotonic()

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
        self._line.end()
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
        await self._line.drained()
        await self._tasks.cancel()

    # -- from the connections

    def _on_connected(self) -> None:
        self.subscriber.flow()
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

    def _on_wanted(self, update: rtc.SubscribedQualityUpdate) -> None:
        self.send(rtc.SignalResponse(subscribed_quality_update=update))

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
