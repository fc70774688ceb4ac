"""A participant's subscribing connection (v0): our offers, its answers."""

from __future__ import annotations

import asyncio
import logging
import time

from livekit.protocol import rtc

from engage_tui.server.channels import LABELS, DataChannels
from engage_tui.server.descriptions import (
    complete,
    offered_redundancy,
    redundancy,
    subscribed_codec,
)
from engage_tui.server.downlink import (
    ANSWER_TIMEOUT,
    GATHER,
    MANY_SLOTS,
    Downlink,
    DownlinkEvents,
    Slot,
)
from engage_tui.server.forward import Subscription
from engage_tui.server.mux import UdpMux
from engage_tui.server.transport import PeerTransport
from engage_tui.wire import rtcp
from engage_tui.wire.sdp import Description, Section

_log = logging.getLogger(__name__)


class SubscriberConnection(Downlink):
    """The connection on which a participant receives; we offer, one offer at a time."""

    def __init__(self, mux: UdpMux, name: str, events: DownlinkEvents) -> None:
        transport = PeerTransport(mux, f"{name!r} (subscriber)")
        super().__init__(transport, DataChannels(transport, lambda *_: None, LABELS), events)
        self._mux = mux
        self._slots: list[Slot] = []
        self._offered = self._answered = 0
        self._changed = True
        self._timer: asyncio.TimerHandle | None = None
        transport.on_rtcp = self._on_rtcp
        transport.on_connected = self._on_connected

    @property
    def settled(self) -> bool:
        """No offer is due or waits for its answer."""
        return not self._changed and self._answered == self._offered

    def begin(self) -> None:
        """Send the first offer."""
        self.negotiate()

    def negotiate(self) -> None:
        """Send an offer soon: after the changes of this moment, and after the answer to the last one."""
        self._changed = True
        if self._timer is None and self._answered == self._offered and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._offer)

    def resume(self) -> None:
        """Offer anew with fresh ICE credentials; an offer that was on its way is forgotten."""
        self.transport.restart_ice()
        self._answered = self._offered
        self._stop_timer()
        self.negotiate()

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
        first = next((each for each in described.sections if each.ice_ufrag), None)
        if first is not None:
            self.transport.addresses.meet(first.ice_ufrag, first.ice_pwd)
        for section in described.sections:
            if section.fingerprint:
                self.transport.expect(section.fingerprint)
            if section.kind == "application" and section.port:
                self._channels.negotiate(
                    section.sctp_port or 5000, section.max_message_size or 65536
                )
        refused = {s.mid for s in described.sections if s.port == 0 or s.direction == "inactive"}
        for subscription in list(self.subscriptions.values()):
            if subscription.started or not self._was_offered(subscription):
                continue
            if subscription.mid in refused:
                _log.debug("%s refused %s", self.transport.name, subscription.track.sid)
                continue
            taken = described.section(subscription.mid)
            codec = subscribed_codec(subscription.track.codec)
            if taken is not None and (wrapper := redundancy(taken, codec)) is not None:
                subscription.payload_type, subscription.redundant = wrapper.payload_type, True
            self._start(subscription)
        if self._changed:
            self.negotiate()

    def close(self) -> None:
        """End the connection and every subscription."""
        super().close()
        self._stop_timer()
        self._channels.close()
        self.transport.close()

    # -- negotiation

    def _place(self, subscription: Subscription) -> None:
        track = subscription.track
        self._free_slot("video" if track.video else "audio", track.sid).fill(subscription)
        subscription.payload_type = subscribed_codec(track.codec).payload_type

    def _displace(self, subscription: Subscription) -> None:
        for slot in self._slots:
            if slot.subscription is subscription:
                slot.subscription = None

    def _free_slot(self, kind: str, track_sid: str) -> Slot:
        idle = [
            slot
            for slot in self._slots
            if slot.kind == kind and slot.subscription is None and 0 < slot.idle <= self._answered
        ]
        # LiveKit's Rust clients miss a track that comes back into the very section that it left.
        fresh = [slot for slot in idle if slot.track_sid != track_sid]
        if fresh:
            return fresh[0]
        if idle and len(self._slots) >= MANY_SLOTS:
            return idle[0]
        slot = Slot(kind, str(len(self._slots) + 1))
        self._slots.append(slot)
        return slot

    def _was_offered(self, subscription: Subscription) -> bool:
        return 0 < subscription.offer <= self._answered

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
        self._timer = loop.call_later(ANSWER_TIMEOUT, self._unanswered)
        offer = rtc.SessionDescription(
            type="offer", sdp=str(description), id=self._offered, mid_to_track_id=mids
        )
        self._events.send(rtc.SignalResponse(offer=offer))

    def _section(self, slot: Slot) -> Section:
        subscription = slot.subscription
        section = Section(kind=slot.kind, mid=slot.mid, direction="inactive")
        if subscription is None:
            slot.idle = slot.idle or self._offered
            section.codecs.append(subscribed_codec("VP8" if slot.kind == "video" else "opus"))
            return section
        if not subscription.offer:
            subscription.offer = self._offered
            subscription.foresee(time.monotonic())
        track, codec = subscription.track, subscribed_codec(subscription.track.codec)
        if track.redundant_type and track.payload_type == codec.payload_type:
            section.codecs.append(offered_redundancy())
        section.codecs.append(codec)
        subscription.describe(section)
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
        for part in rtcp.parse(data):
            self.on_rtcp(part)
