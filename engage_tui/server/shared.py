"""The receiving side of a participant with one connection for both directions (v1): it offers, we answer.

Tracks go into the sections that the client offers to receive in. Where there are too few we ask for more, and where
there are enough we ask for an offer alone (``MediaSectionsRequirement``).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from livekit.protocol import rtc

from engage_tui.server.descriptions import matching_codec, redundancy, sent_section
from engage_tui.server.downlink import (
    ANSWER_TIMEOUT,
    GATHER,
    MANY_SLOTS,
    Downlink,
    DownlinkEvents,
    Slot,
)
from engage_tui.server.forward import Subscription
from engage_tui.server.publisher import PublisherConnection
from engage_tui.wire.sdp import Section

_log = logging.getLogger(__name__)


class SharedDownlink(Downlink):
    """Receives on the connection of `publisher`, which asks it to fill each section that it does not use itself."""

    def __init__(self, publisher: PublisherConnection, events: DownlinkEvents) -> None:
        super().__init__(publisher.transport, publisher.channels, events)
        self._slots: dict[str, Slot] = {}
        self._waiting: list[Subscription] = []  # not in a section yet
        self._ready: list[Subscription] = []  # in the answer that is being made
        self._answers = 0
        self._changed = False
        self._progress = False  # an offer brought or freed sections since the last request
        self._asked: Counter[str] | None = None  # sections after the offer that we asked for
        self._timer: asyncio.TimerHandle | None = None
        publisher.downlink = self

    @property
    def settled(self) -> bool:
        """No offer is due."""
        return self._timer is None and self._asked is None and not self._waiting

    def begin(self) -> None:
        """The first offer is the client's."""

    def negotiate(self) -> None:
        """Ask for an offer soon, unless one is asked for already; then after that one."""
        self._changed = True
        if self._answers and self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._ask)

    def accept(self, answer: rtc.SessionDescription) -> None:
        """Nothing to apply: we make no offers."""

    def resume(self) -> None:
        """The client makes an offer by itself; what was asked for before is void."""
        self._asked = None
        self._stop_timer()
        if self._changed:
            self.negotiate()

    def close(self) -> None:
        """End every subscription; the connection is the publisher's to end."""
        super().close()
        self._stop_timer()

    # -- called while an offer is answered

    def fill(self, offered: Section, answered: Section) -> tuple[Section, str]:
        """Answer a section that carries nothing of the client's: with a track if one fits.

        Args:
            offered: The client's.
            answered: The idle answer to it.

        Returns:
            The answer, and the SID of the track in it (empty if none).
        """
        if offered.direction != "recvonly" or not offered.port:
            if (lost := self._slots.pop(offered.mid, None)) is not None:
                self._release(lost)
            return answered, ""
        slot = self._slots.get(offered.mid)
        if slot is None:
            slot = self._slots[offered.mid] = Slot(offered.kind, offered.mid, idle=1)
            self._progress = True
        if slot.subscription is None and 0 < slot.idle <= self._answers + 1:
            self._occupy(slot, offered)
        subscription = slot.subscription
        codec = matching_codec(offered, subscription.track.codec) if subscription else None
        if subscription is None or codec is None:
            self._release(slot)
            if not slot.idle:
                slot.idle = self._answers + 2  # to be taken from the next offer on
                self._progress = True
            return answered, ""
        track = subscription.track
        wrapper = redundancy(offered, codec) if track.redundant_type else None
        if codec.payload_type != track.payload_type:
            wrapper = None  # what is inside bears the publisher's number
        filled = sent_section(offered, codec, wrapper)
        subscription.payload_type = (wrapper or codec).payload_type
        subscription.redundant = wrapper is not None
        subscription.describe(filled)
        if not subscription.started:
            self._ready.append(subscription)
            self._progress = True
        return filled, subscription.track.sid

    def answered(self) -> None:
        """The answer is on its way: start what is new in it, and ask for what did not fit."""
        self._answers += 1
        ready, self._ready = self._ready, []
        for subscription in ready:
            self._start(subscription)
        self._stop_timer()
        if self._asked is not None and self._asked - self._sections():
            self._arm()  # an offer that crossed our request; the one with more sections follows
            return
        self._asked = None
        # Without progress the next offer would not differ: what waits has no codec in common.
        again = bool(self._waiting) and (self._progress or self._changed)
        self._progress = self._changed = False
        if again:
            self.negotiate()

    # -- negotiation

    def _place(self, subscription: Subscription) -> None:
        self._waiting.append(subscription)

    def _displace(self, subscription: Subscription) -> None:
        if subscription in self._waiting:
            self._waiting.remove(subscription)
        for slot in self._slots.values():
            if slot.subscription is subscription:
                slot.subscription = None

    def _release(self, slot: Slot) -> None:
        if slot.subscription is not None:
            self._waiting.append(slot.subscription)
            slot.subscription = None

    def _occupy(self, slot: Slot, offered: Section) -> None:
        crowded = len(self._slots) >= MANY_SLOTS
        for subscription in self._waiting:
            track = subscription.track
            if track.video != (slot.kind == "video") or not matching_codec(offered, track.codec):
                continue
            # LiveKit's Rust clients miss a track that comes back into the very section that it left.
            if slot.track_sid != track.sid or crowded:
                self._waiting.remove(subscription)
                slot.fill(subscription)
                return

    def _ask(self) -> None:
        self._timer = None
        if self._closed:
            return
        missing = self._missing()
        self._asked = self._sections() + missing
        self._changed = False
        self._arm()
        requirement = rtc.MediaSectionsRequirement(
            num_audios=missing["audio"], num_videos=missing["video"]
        )
        self._events.send(rtc.SignalResponse(media_sections_requirement=requirement))

    def _arm(self) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(ANSWER_TIMEOUT, self._unanswered)

    def _missing(self) -> Counter[str]:
        """How many sections are wanted beyond the free ones, by kind."""
        wanted = Counter("video" if s.track.video else "audio" for s in self._waiting)
        left = {
            kind: {s.track.sid for s in self._waiting if s.track.video == (kind == "video")}
            for kind in ("audio", "video")
        }
        free = Counter(
            slot.kind
            for slot in self._slots.values()
            if slot.subscription is None and left[slot.kind] - {slot.track_sid}
        )
        return wanted - free

    def _sections(self) -> Counter[str]:
        return Counter(slot.kind for slot in self._slots.values())

    def _unanswered(self) -> None:
        self._timer = self._asked = None
        _log.info("%s made no offer although asked for one", self.transport.name)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
