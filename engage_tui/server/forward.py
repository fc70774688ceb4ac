"""What a subscriber gets: `Subscription` chooses what goes on to it."""

from __future__ import annotations

from collections.abc import Sequence

from livekit.protocol import models

from engage_tui.server.budget import PAUSED
from engage_tui.server.incoming import IncomingStream
from engage_tui.server.outlet import BURST
from engage_tui.server.published import PublishedTrack
from engage_tui.server.steady import SteadyStream
from engage_tui.server.transport import PeerTransport
from engage_tui.wire.rtp import RtpPacket
from engage_tui.wire.sdp import Section

_NO_PRIORITY = 1000  # comes after every priority that was given; 1 is the highest


class Subscription(SteadyStream):
    """One track as one subscriber receives it: which layer, and when.

    What is in `wish` may be changed; call `reselect` then.

    Attributes:
        publisher_sid: Of the participant whose track it is.
        mid: Of its section in the subscriber's description; empty while it has none.
        offer: Number of the first offer that showed it; 0 before.
        started: The subscriber knows the SSRC; packets may flow.
        redundant: The subscriber takes audio with its redundancy (RED), under `payload_type`.
        held: Its link carries not even the lowest layer: paused by us.
    """

    def __init__(self, track: PublishedTrack, transport: PeerTransport, publisher_sid: str) -> None:
        super().__init__(track, transport)
        self.publisher_sid = publisher_sid
        self.mid = ""
        self.offer = 0
        self.started = False
        self.held = False
        self.redundant = False
        self._begins = True  # no second has passed since the first packet

    def describe(self, section: Section) -> None:
        """Write into a section that it carries this track."""
        sid = self.track.sid
        section.direction = "sendonly"
        section.msid = (f"{self.publisher_sid}|{sid}", sid)
        section.ssrcs.append(self.ssrc)

    def foresee(self, now: float) -> None:
        """It will start soon: ask for the keyframe with which it begins."""
        if self.track.annotated:
            return
        stream = self.track.layer(min(self.cap, self.wanted), now)
        if stream is not None and self.wants_video and not stream.since_keyframe(now):
            stream.request_keyframe(now)

    def start(self, now: float) -> None:
        """The section is negotiated: begin to forward."""
        self.started = True
        self.reselect(now)

    def stop(self) -> None:
        """Forward nothing any more, until `reselect`."""
        self.dissolve()
        for stream in (self._current, self._target):
            if stream is not None:
                stream.part(self)
        self._current = self._target = None

    def reselect(self, now: float) -> None:
        """Choose the layer anew, after a wish changed, a layer came or went, or the track was muted."""
        if not self.started or self.track.ended or not self._transport.connected:
            return
        if self.wish.disabled or self.held or self.track.info.muted:
            self.stop()
            return
        self._set_pace()
        stream = self.track.layer(min(self.cap, self.wanted), now)
        if stream is None or stream is self._target:
            return
        if self._target is not None and self._target is not self._current:
            self._target.part(self)
        self._target = stream
        if stream is self._current:
            return
        begins = self.track.video and not self.packets and not self.track.annotated
        recent = stream.since_keyframe(now) if begins else []
        stream.join(self)
        self._replay(stream, recent, now)
        if self.track.video and not recent:
            stream.request_keyframe(now)

    @property
    def wants_video(self) -> bool:
        """It is a video, and would be sent if the link carries it."""
        return self.track.video and not self.wish.disabled and not self.track.info.muted

    @property
    def importance(self) -> tuple[int, ...]:
        """What is lowered and paused last: shared screens, what was asked for first, what is shown large."""
        screen = self.track.info.source == models.TrackSource.SCREEN_SHARE
        return (
            int(screen),
            -(self.wish.priority or _NO_PRIORITY),
            self.wish.width * self.wish.height,
        )

    def costs(self) -> list[float]:
        """Bits a second of each layer up to the wanted one."""
        top = max(0, min(self.track.heights - 1, self.wanted))
        return [self.track.rate(place) for place in range(top + 1)]

    @property
    def level(self) -> int:
        """The layer that is sent, counted from the smallest; `budget.PAUSED` for none."""
        if self._current is None:
            return PAUSED
        if self.track.layered:
            return self._spatial
        return self.track.rids.index(self._current.rid) if self.track.rids else 0

    def allow(self, level: int, now: float) -> None:
        """Set what the link carries: the highest layer, or `budget.PAUSED`."""
        held, cap = level == PAUSED, max(0, level)
        if (held, cap) != (self.held, self.cap):
            self.held, self.cap = held, cap
            self.reselect(now)

    def tick(self, now: float) -> None:
        """Once a second: follow layers that came or went, keep asking for the first keyframe, report."""
        self._begins = self._begins and not self.packets
        if self.track.rids or self._target is None:
            self.reselect(now)
        if self._pace is not None:
            self._set_pace()
            # Where the publisher never says that a layer may be begun, a keyframe does.
            if self._pace.lacked() and self._current is not None:
                self._current.request_keyframe(now)
        if self.track.video and self._target is not None and self._target is not self._current:
            self._target.request_keyframe(now)
        self._report(now)

    def request_keyframe(self, now: float) -> None:
        """The subscriber cannot decode: ask the publisher.

        Unless it has just begun: libwebrtc drops what comes before its receiver is made, so the keyframe that went
        out is sent once more, under the same number.
        """
        stream = self._target or self._current
        if stream is None:
            return
        if self._begins and stream is self._current:
            self._begins = False
            if recent := stream.since_keyframe(now):
                self._replay(stream, recent, now)
                return
        stream.request_keyframe(now)

    def _replay(self, stream: IncomingStream, packets: Sequence[RtpPacket], now: float) -> None:
        for start in range(0, len(packets), BURST):
            self.forward(stream, packets[start : start + BURST], now)
