"""What a subscriber gets: `Subscription` turns the packets of one or several streams into one steady stream."""

from __future__ import annotations

import random
from collections.abc import Sequence

from livekit.protocol import models

from engage_tui.server.budget import PAUSED
from engage_tui.server.incoming import IncomingStream, PublishedTrack
from engage_tui.server.layers import Wish
from engage_tui.server.numbering import Numbering, Pictures
from engage_tui.server.outlet import BURST, Packet
from engage_tui.server.repetitions import Repetitions
from engage_tui.server.reports import Reports
from engage_tui.server.temporal import ANY, Pace
from engage_tui.server.timeline import Timeline
from engage_tui.server.transport import PeerTransport
from engage_tui.wire.rtp import MARKER, RtpPacket
from engage_tui.wire.sdp import Section

_ANY = 99  # a layer above all
_NO_PRIORITY = 1000  # comes after every priority that was given; 1 is the highest


class Subscription:
    """One track as one subscriber receives it, under an SSRC of its own.

    Layers change at keyframes only; sequence numbers, timestamps and VP8 picture ids go on without a gap, so that
    the receiver sees a single stream. Header extensions are left out.

    Attributes:
        publisher_sid: Of the participant whose track it is.
        mid: Of its section in the subscriber's description; empty while it has none.
        payload_type: In that section.
        wish: What the subscriber wants to see; call `reselect` after a change.
        offer: Number of the first offer that showed it; 0 before.
        started: The subscriber knows the SSRC; packets may flow.
        cap: The highest layer (an index of the track's) that the subscriber's link carries.
        redundant: The subscriber takes audio with its redundancy (RED), under `payload_type`.
        held: Not even the lowest one: paused by us.
        packets, octets: Sent, repetitions left out.
        reports: Those sent, and what the subscriber says of them.
    """

    def __init__(self, track: PublishedTrack, transport: PeerTransport, publisher_sid: str) -> None:
        self.track = track
        self.publisher_sid = publisher_sid
        self.mid = ""
        self.payload_type = 0
        self.ssrc = random.getrandbits(32)
        self.wish = Wish()
        self.offer = 0
        self.started = False
        self.cap = _ANY
        self.held = False
        self.redundant = False
        self._transport = transport
        self._current: IncomingStream | None = None
        self._before: IncomingStream | None = None  # the last one that was current
        self._target: IncomingStream | None = None
        self._numbering = Numbering()
        self._begins = True  # no second has passed since the first packet
        self._timeline = Timeline(track.clock_rate)
        self._pace: Pace | None = None  # once fewer pictures were asked for
        self._left_out = -1  # timestamp of the last picture that was left out for that
        self._pictures: Pictures | None = None  # of VP8 that does not go on as it came
        self._layered = False  # the current stream has layers within
        self._spatial = 0  # the highest layer sent of a layered stream
        self._picture = -1  # timestamp of its present picture
        self._newest = 0  # incoming number of the current stream
        self._last: RtpPacket | None = None  # the newest packet sent, as it came …
        self._last_pictures: Pictures | None = None  # … and how it was rewritten
        self._sent_at = 0.0
        self.packets = self.octets = 0
        self._repetitions = Repetitions()
        self.reports = Reports(self.ssrc)
        self._send = transport.send_rtp

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
        for stream in (self._current, self._target):
            if stream is not None and self in stream.takers:
                stream.takers.remove(self)
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
            self._target.takers.remove(self)
        self._target = stream
        if stream is self._current:
            return
        begins = self.track.video and self._last is None and not self.track.annotated
        recent = stream.since_keyframe(now) if begins else []
        stream.takers.append(self)
        self._replay(stream, recent, now)
        if self.track.video and not recent:
            stream.request_keyframe(now)

    @property
    def wanted(self) -> int:
        """The quality that the subscriber wants."""
        return self.wish.wanted_quality(list(self.track.info.layers))

    @property
    def source(self) -> IncomingStream | None:
        """What is sent on at present; None while nothing is."""
        return self._current

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

    def _set_pace(self) -> None:
        """Follow how many pictures a second are wanted, and how many the layers bring."""
        if self._pace is None:
            if not self.wish.fps or not self.track.video:
                return
            self._pace = Pace(self.track.codec)
        stream = self._current or self._target
        self._pace.most = ANY if stream is None else stream.tempo.layer_for(self.wish.fps)

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

    def forward(self, stream: IncomingStream, packets: Sequence[RtpPacket], now: float) -> None:
        """Send packets of `stream` on, unless it is not this stream's turn.

        Args:
            stream: Whose packets these are.
            packets: In the order of arrival, `outlet.BURST` at most.
            now: Monotonic time.
        """
        if stream is not self._current:
            if stream is not self._target:
                return
            start = next((n for n, each in enumerate(packets) if each.keyframe), None)
            if start is None:
                return
            packets = packets[start:]
            self._enter(stream, packets[0], now)
        elif self._timeline.exact is not None:
            self._catch_up(packets[0])
        # From here on every packet of every subscriber passes: each line costs.
        numbering, newest, later = self._numbering, self._newest, self._timeline.later
        shift, pictures, last_pictures = numbering.shift, self._pictures, self._last_pictures
        kind, last = self.payload_type, self._last
        choosy = self._layered or self._pace is not None
        sent: list[Packet] = []
        for packet in packets:
            number, payload, marker = packet.sequence, packet.payload, packet.marker
            newer = 0 < (number - newest) & 0xFFFF < 0x8000
            if choosy and payload:
                if not self._takes(packet, now, late=not newer):
                    if newer:
                        newest = number
                        pictures = self._leave_out(packet, pictures)
                        shift = numbering.skip(number, pictures)
                    continue
                if packet.ends and packet.spatial == self._spatial:
                    marker = MARKER
            if not newer:
                if (late := self._late(packet)) is not None:
                    sent.append((kind | marker, *late))
                    self.octets += len(payload)
                continue
            if payload:
                newest, last, last_pictures = number, packet, pictures
                if pictures is not None:
                    payload = pictures.rewrite(payload)
                timestamp = (packet.timestamp + later) & 0xFFFFFFFF
                sent.append((kind | marker, (number + shift) & 0xFFFF, timestamp, payload))
                self.octets += len(payload)
            else:
                # Padding probes the publisher's path, not ours; leave it out and close the gap.
                newest = number
                shift = numbering.skip(number, pictures)
        self._newest, self._last, self._last_pictures = newest, last, last_pictures
        if sent:
            self.packets += len(sent)
            self._sent_at = now
            self._send(self.ssrc, sent)
            numbering.renew(newest)

    def _late(self, packet: RtpPacket) -> tuple[int, int, bytes] | None:
        """Number, timestamp and payload of a late packet; None from before a switch, or where its number is taken."""
        if (found := self._numbering.outgoing(packet.sequence)) is None:
            return None
        out, span = found
        payload = packet.payload
        if span.pictures is not None:
            payload = span.pictures.rewrite(payload)
        return out, (packet.timestamp + span.later) & 0xFFFFFFFF, payload

    def _catch_up(self, packet: RtpPacket) -> None:
        """After a switch to a layer that takes longer: come back to the publisher's clock."""
        last, timeline = self._last, self._timeline
        if last is not None and packet.timestamp != last.timestamp:
            timeline.catch_up(packet.timestamp, (last.timestamp + timeline.later) & 0xFFFFFFFF)
            self._numbering.retime(self._newest, timeline.later)

    def _takes(self, packet: RtpPacket, now: float, *, late: bool) -> bool:
        """Whether the packet is of a layer that is sent."""
        if self._layered:
            if packet.timestamp != self._picture:
                self._choose_spatial(packet, now)
            if packet.spatial > self._spatial:
                return False
        return self._pace is None or self._pace.takes(packet, late=late)

    def _leave_out(self, packet: RtpPacket, pictures: Pictures | None) -> Pictures | None:
        """How payloads are rewritten after a packet that is left out: VP8's picture ids have no gap."""
        if self.track.codec == "VP8" and packet.timestamp != self._left_out:
            self._left_out = packet.timestamp
            pictures = self._pictures = (pictures or Pictures(0, 0)).without_one()
        return pictures

    def _choose_spatial(self, packet: RtpPacket, now: float) -> None:
        """A picture of a layered stream begins: down is possible at each, up at keyframes only."""
        self._picture = packet.timestamp
        wanted = max(0, min(self.cap, self.wanted))
        if wanted < self._spatial or packet.keyframe:
            self._spatial = wanted
        elif wanted > self._spatial and self._current is not None:
            self._current.request_keyframe(now)

    def repeat(self, numbers: list[int], now: float) -> int:
        """Answer a NACK, within bounds; returns how many packets of the present layer it asks for first."""
        again, fresh = self._repetitions.choose(numbers, self.packets, self._sent_as, now)
        for start in range(0, len(again), BURST):
            self._send(self.ssrc, again[start : start + BURST])
        return fresh

    def _sent_as(self, number: int) -> Packet | None:
        """The packet that was sent under `number`, made again from what the publisher sent."""
        if (span := self._numbering.span_of(number)) is None:
            return None
        packet = span.stream.recall((number - span.shift) & 0xFFFF)
        if packet is None or not packet.payload or self.track.redundant_type:
            return None
        marker = packet.marker
        if self._layered and packet.ends and packet.spatial == self._spatial:
            marker = MARKER
        timestamp = (packet.timestamp + span.later) & 0xFFFFFFFF
        payload = packet.payload
        if span.pictures is not None:
            payload = span.pictures.rewrite(payload)
        return self.payload_type | marker, number, timestamp, payload

    def _enter(self, stream: IncomingStream, packet: RtpPacket, now: float) -> None:
        """Make `stream` the current one, so that `packet` follows what was sent last."""
        last = self._last
        payload = b"" if last is None else last.payload
        if self._last_pictures is not None:
            payload = self._last_pictures.rewrite(payload)
        if last is not None:
            sent = (last.timestamp + self._timeline.later) & 0xFFFFFFFF
            elapsed = now - self._sent_at
            self._timeline.go_on(
                self._current or self._before, stream, packet.timestamp, sent, elapsed
            )
        self._before = stream
        if self._current is not None and self._current is not stream:
            # A new list: the old one may be the one that is being walked through.
            self._current.takers = [each for each in self._current.takers if each is not self]
        several = bool(self.track.rids) and self.track.codec == "VP8"
        self._pictures = Pictures.after(payload, packet.payload) if several else None
        self._numbering.enter(
            stream,
            packet.sequence,
            None if last is None else self._newest,
            self._timeline.later,
            self._pictures,
        )
        self._repetitions.entered = (packet.sequence + self._numbering.shift - 1) & 0xFFFF
        self._current, self._layered = stream, self.track.layered
        self._picture = -1
        if self._pace is not None:
            self._set_pace()
            self._pace.layer = self._pace.most  # at a keyframe every layer may be begun
        self._newest = (packet.sequence - 1) & 0xFFFF

    def report(self, stream: IncomingStream, now: float) -> None:
        """The publisher's clock was told of `stream`: pass that on if it is what the subscriber gets."""
        if stream is self._current:
            self._report(now)

    def _report(self, now: float) -> None:
        """Tell the subscriber which wall time the publisher's clock showed, in our timestamps."""
        if self._current is None or self._current.report is None or not self.packets:
            return
        report = self._current.report[0]
        timestamp = (report.rtp + self._timeline.later) & 0xFFFFFFFF
        self._transport.send_rtcp(
            self.reports.build(report.ntp, timestamp, self.packets, self.octets, now)
        )
