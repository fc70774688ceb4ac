"""A participant's subscribing connection: our offers, its answers, what it asks us to repeat."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from livekit.protocol import rtc

from engage_tui.server.channels import LABELS, DataChannels
from engage_tui.server.descriptions import complete, subscribed_codec
from engage_tui.server.forward import Subscription
from engage_tui.server.incoming import PublishedTrack
from engage_tui.server.mux import UdpMux
from engage_tui.server.transport import PeerTransport
from engage_tui.wire import rtcp
from engage_tui.wire.sdp import Description, Section

_log = logging.getLogger(__name__)

_GATHER = 0.02  # seconds in which several changes become one offer
_ANSWER_TIMEOUT = 15.0
_MANY_SLOTS = 64  # sections from which on saving them counts most


@dataclass(frozen=True, slots=True)
class SubscriberEvents:
    """What a subscribing connection tells its owner."""

    offer: Callable[[rtc.SessionDescription], None]
    connected: Callable[[], None]
    started: Callable[[Subscription], None]
    failed: Callable[[str], None]


@dataclass(slots=True)
class _Slot:
    """One media section. It is used again for another track of its kind once the peer has seen it idle.

    Attributes:
        track_sid: Of the last track in it.
        offered_idle: The number of the first offer that showed it idle; 0 while none did.
    """

    kind: str
    mid: str
    subscription: Subscription | None = None
    track_sid: str = ""
    offered_idle: int = 0
    codec: str = ""
    publisher_sid: str = ""


class SubscriberConnection:
    """The connection on which a participant receives; we offer, one offer at a time.

    Attributes:
        transport: ICE, DTLS and SRTP.
        subscriptions: By track SID.
    """

    def __init__(self, mux: UdpMux, name: str, events: SubscriberEvents) -> None:
        self.transport = PeerTransport(mux, f"{name!r} (subscriber)")
        self.subscriptions: dict[str, Subscription] = {}
        self._mux = mux
        self._events = events
        self._channels = DataChannels(self.transport, lambda *_: None, LABELS)
        self._slots: list[_Slot] = []
        self._by_ssrc: dict[int, Subscription] = {}
        self._offered = self._answered = 0
        self._changed = True
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.transport.on_rtcp = self._on_rtcp
        self.transport.on_connected = self._on_connected

    @property
    def settled(self) -> bool:
        """No offer is due or waits for its answer."""
        return not self._changed and self._answered == self._offered

    def subscribe(self, track: PublishedTrack, publisher_sid: str) -> None:
        """Offer `track`; it flows once the answer is there. Does nothing if it is subscribed already."""
        if track.sid in self.subscriptions or track.ended or not track.codec or self._closed:
            return
        slot = self._free_slot("video" if track.video else "audio", track.sid)
        payload_type = subscribed_codec(track.codec).payload_type
        subscription = Subscription(track, self.transport, slot.mid, payload_type)
        slot.subscription, slot.codec, slot.publisher_sid = subscription, track.codec, publisher_sid
        slot.track_sid, slot.offered_idle = track.sid, 0
        self.subscriptions[track.sid] = subscription
        self._by_ssrc[subscription.ssrc] = subscription
        self.negotiate()

    def unsubscribe(self, track_sid: str) -> bool:
        """Stop a track at once; whether it was subscribed."""
        subscription = self.subscriptions.pop(track_sid, None)
        if subscription is None:
            return False
        subscription.stop()
        self._by_ssrc.pop(subscription.ssrc, None)
        for slot in self._slots:
            if slot.subscription is subscription:
                slot.subscription = None
        self.negotiate()
        return True

    def negotiate(self) -> None:
        """Send an offer soon: after the changes of this moment, and after the answer to the last one."""
        self._changed = True
        if self._timer is None and self._answered == self._offered and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(_GATHER, self._offer)

    def accept(self, answer: rtc.SessionDescription) -> None:
        """Apply the client's answer.

        Raises:
            SdpError: The answer is malformed.
        """
        if self._closed or self._answered == self._offered or answer.id not in (0, self._offered):
            return
        described = Description.parse(answer.sdp)
        self._answered = self._offered
        self._stop_timer()
        for section in described.sections:
            if section.fingerprint:
                self.transport.expect(section.fingerprint)
            if section.kind == "application" and section.port:
                self._channels.negotiate(
                    section.sctp_port or 5000, section.max_message_size or 65536
                )
        refused = {s.mid for s in described.sections if s.port == 0 or s.direction == "inactive"}
        now = time.monotonic()
        for subscription in list(self.subscriptions.values()):
            if subscription.started or not self._was_offered(subscription):
                continue
            if subscription.mid in refused:
                _log.debug("%s refused %s", self.transport.name, subscription.track.sid)
                continue
            subscription.start(now)
            self._events.started(subscription)
        if self._changed:
            self.negotiate()

    def send(self, label: str, payload: bytes) -> None:
        """Send a data channel message to the participant; see `DataChannels.send`."""
        self._channels.send(label, payload)

    def tick(self, now: float) -> None:
        """Once a second: layers, keyframes, sender reports."""
        for subscription in self.subscriptions.values():
            if subscription.started:
                subscription.tick(now)

    def close(self) -> None:
        """End the connection and every subscription."""
        self._closed = True
        self._stop_timer()
        for subscription in self.subscriptions.values():
            subscription.stop()
        self._channels.close()
        self.transport.close()

    # -- negotiation

    def _free_slot(self, kind: str, track_sid: str) -> _Slot:
        idle = [
            slot
            for slot in self._slots
            if slot.kind == kind
            and slot.subscription is None
            and 0 < slot.offered_idle <= self._answered
        ]
        # LiveKit's Rust clients miss a track that comes back into the very section that it left.
        fresh = [slot for slot in idle if slot.track_sid != track_sid]
        if fresh:
            return fresh[0]
        if idle and len(self._slots) >= _MANY_SLOTS:
            return idle[0]
        slot = _Slot(kind, str(len(self._slots) + 1))
        self._slots.append(slot)
        return slot

    def _was_offered(self, subscription: Subscription) -> bool:
        return subscription.offer <= self._answered and subscription.offer > 0

    def _offer(self) -> None:
        self._timer = None
        if self._closed:
            return
        self._changed = False
        self._offered += 1
        description = Description(
            ice_lite=True, extmap_allow_mixed=True, version=self._offered, sections=[]
        )
        description.sections.append(Section(kind="application", mid="0"))
        mids: dict[str, str] = {}
        for slot in self._slots:
            description.sections.append(self._section(slot))
            if slot.subscription is not None:
                mids[slot.mid] = slot.subscription.track.sid
        for section in description.sections:
            complete(section, self._mux, self.transport, "actpass")
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_ANSWER_TIMEOUT, self._unanswered)
        self._events.offer(
            rtc.SessionDescription(
                type="offer", sdp=str(description), id=self._offered, mid_to_track_id=mids
            )
        )

    def _section(self, slot: _Slot) -> Section:
        subscription = slot.subscription
        section = Section(kind=slot.kind, mid=slot.mid, direction="inactive")
        section.codecs.append(subscribed_codec(slot.codec))
        if subscription is None:
            slot.offered_idle = slot.offered_idle or self._offered
            return section
        subscription.offer = subscription.offer or self._offered
        sid = subscription.track.sid
        section.direction = "sendonly"
        section.msid = (f"{slot.publisher_sid}|{sid}", sid)
        section.ssrcs.append(subscription.ssrc)
        return section

    def _unanswered(self) -> None:
        self._timer = None
        self._events.failed("no answer to an offer")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- packets

    def _on_connected(self) -> None:
        self._channels.start()
        self._events.connected()

    def _on_rtcp(self, data: bytes) -> None:
        now = time.monotonic()
        for part in rtcp.parse(data):
            if part.kind == rtcp.TRANSPORT_FEEDBACK and part.format == rtcp.NACK:
                nack = rtcp.parse_nack(part.body)
                if nack is not None and (subscription := self._by_ssrc.get(nack[0])) is not None:
                    subscription.repeat(nack[1], now)
            for ssrc in rtcp.parse_keyframe_requests(part):
                if (subscription := self._by_ssrc.get(ssrc)) is not None:
                    subscription.request_keyframe(now)
