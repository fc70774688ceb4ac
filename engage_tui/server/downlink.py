"""What a participant receives: its subscriptions and their feedback, whoever makes the offers."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from livekit.protocol import rtc

from engage_tui.server.channels import DataChannels
from engage_tui.server.forward import Subscription
from engage_tui.server.governor import Governor
from engage_tui.server.published import PublishedTrack
from engage_tui.server.transport import PeerTransport
from engage_tui.server.weakly import weakly
from engage_tui.wire import rtcp

ANSWER_TIMEOUT = 15.0
"""Seconds that a client may take to answer an offer, or to make one that it was asked for."""

GATHER = 0.005
"""Seconds in which several changes become one negotiation."""

MANY_SLOTS = 64
"""Sections from which on saving them counts most."""


@dataclass(frozen=True, slots=True)
class DownlinkEvents:
    """What the receiving side of a participant tells its owner."""

    send: Callable[[rtc.SignalResponse], None]
    connected: Callable[[], None]
    started: Callable[[Subscription], None]
    failed: Callable[[str], None]


@dataclass(slots=True)
class Slot:
    """One media section. It is used again for another track of its kind once the peer has seen it idle.

    Attributes:
        track_sid: Of the last track in it.
        idle: The number of the negotiation that first showed it idle; 0 while none did.
    """

    kind: str
    mid: str
    subscription: Subscription | None = None
    track_sid: str = ""
    idle: int = 0

    def fill(self, subscription: Subscription) -> None:
        """Carry this subscription from the next negotiation on."""
        self.subscription = subscription
        self.track_sid, self.idle = subscription.track.sid, 0
        subscription.mid = self.mid


class Downlink(ABC):
    """The receiving side of a participant.

    Attributes:
        transport: ICE, DTLS and SRTP; with one connection for both directions the publisher's.
        subscriptions: By track SID.
        governor: Fits them into what the participant's link carries.
    """

    def __init__(
        self, transport: PeerTransport, channels: DataChannels, events: DownlinkEvents
    ) -> None:
        self.transport = transport
        self.subscriptions: dict[str, Subscription] = {}
        self._events = events
        self._channels = channels
        self._by_ssrc: dict[int, Subscription] = {}
        self._closed = False
        transport.on_moved = weakly(self._moved)
        self.governor = Governor(self.subscriptions, self._by_ssrc, weakly(self._tell_state))

    @property
    @abstractmethod
    def settled(self) -> bool:
        """No negotiation is due or under way."""

    @abstractmethod
    def begin(self) -> None:
        """The client has its join message: whoever makes the offers may begin."""

    @abstractmethod
    def negotiate(self) -> None:
        """Negotiate soon: after the changes of this moment, and after what is under way."""

    @abstractmethod
    def accept(self, answer: rtc.SessionDescription) -> None:
        """Apply the client's answer; means nothing where the client makes the offers.

        Raises:
            SdpError: The answer is malformed.
        """

    def resume(self) -> None:
        """The client's signalling is back: repeat what it may have missed."""
        self.negotiate()

    def subscribe(self, track: PublishedTrack, publisher_sid: str) -> None:
        """Negotiate `track`; it flows once that is done. Does nothing if it is subscribed already."""
        if track.sid in self.subscriptions or track.ended or not track.codec or self._closed:
            return
        subscription = Subscription(track, self.transport, publisher_sid)
        self.subscriptions[track.sid] = subscription
        self._by_ssrc[subscription.ssrc] = subscription
        self._place(subscription)
        self.negotiate()

    def flow(self) -> None:
        """Media can be sent from now on: begin with what is negotiated already."""
        now = time.monotonic()
        for subscription in self.subscriptions.values():
            subscription.reselect(now)

    def unsubscribe(self, track_sid: str) -> bool:
        """Stop a track at once; whether it was subscribed."""
        subscription = self.subscriptions.pop(track_sid, None)
        if subscription is None:
            return False
        subscription.stop()
        self._by_ssrc.pop(subscription.ssrc, None)
        self._displace(subscription)
        self.negotiate()
        return True

    def send(self, label: str, payload: bytes) -> None:
        """Send a data channel message to the participant; see `DataChannels.send`."""
        self._channels.send(label, payload)

    def tick(self, now: float) -> None:
        """Once a second: layers, keyframes, sender reports."""
        for subscription in self.subscriptions.values():
            if subscription.started:
                subscription.tick(now)
        self.governor.look(now)

    def close(self) -> None:
        """End every subscription."""
        self._closed = True
        for subscription in self.subscriptions.values():
            subscription.stop()

    def on_rtcp(self, part: rtcp.RtcpPart) -> None:
        """Take one packet of the participant's feedback."""
        self.governor.on_feedback(part, time.monotonic())
        if part.kind == rtcp.EXTENDED_REPORT:
            asked = rtcp.parse_reference_time(part.body)
            if asked is not None:
                self.transport.send_rtcp(rtcp.build_reference_answer(1, *asked))

    def _moved(self) -> None:
        """Packets leave for another address, or none."""
        for subscription in self.subscriptions.values():
            subscription.dissolve()

    def _tell_state(self, subscription: Subscription) -> None:
        """Say that a video is paused for want of bandwidth, or goes on."""
        state = rtc.StreamState.PAUSED if subscription.held else rtc.StreamState.ACTIVE
        info = rtc.StreamStateInfo(
            participant_sid=subscription.publisher_sid,
            track_sid=subscription.track.sid,
            state=state,
        )
        update = rtc.StreamStateUpdate(stream_states=[info])
        self._events.send(rtc.SignalResponse(stream_state_update=update))

    @abstractmethod
    def _place(self, subscription: Subscription) -> None:
        """Find a section for it, now or in a later negotiation."""

    @abstractmethod
    def _displace(self, subscription: Subscription) -> None:
        """Take it out of its section."""

    def _start(self, subscription: Subscription) -> None:
        subscription.start(time.monotonic())
        self._events.started(subscription)
