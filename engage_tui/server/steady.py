"""The packets of one or several streams become one steady stream, as one subscriber gets it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from engage_tui.server.fan import Fan
from engage_tui.server.incoming import IncomingStream
from engage_tui.server.layers import Wish
from engage_tui.server.numbering import Numbering, Pictures
from engage_tui.server.outlet import BURST, Packet
from engage_tui.server.published import PublishedTrack
from engage_tui.server.repetitions import Repetitions
from engage_tui.server.reports import Reports
from engage_tui.server.run import Run
from engage_tui.server.temporal import ANY, Pace
from engage_tui.server.timeline import Timeline
from engage_tui.server.transport import PeerTransport, Way
from engage_tui.wire.rtp import MARKER, RtpPacket, is_newer
from engage_tui.wire.svc import bind_av1

_ANY = 99  # a layer above all


class SteadyStream:
    """What one subscriber gets of one track, under an SSRC of its own.

    Layers change at keyframes only; sequence numbers, timestamps and VP8 picture ids go on without a gap, so that
    the receiver sees a single stream. Header extensions are left out.

    Attributes:
        track: It.
        fan: Sends what comes, together with others, while all of it goes on; None while nothing does so.
        wish: What the subscriber wants to see.
        cap: The highest layer (an index of the track's) that the subscriber's link carries.
        reports: Those sent, and what the subscriber says of them.
    """

    def __init__(self, track: PublishedTrack, transport: PeerTransport) -> None:
        self.track = track
        self._payload_type = 0
        self.ssrc = random.getrandbits(32)
        self.wish = Wish()
        self.cap = _ANY
        self._transport = transport
        self._send = transport.send_rtp
        self.fan: Fan | None = None
        self._current: IncomingStream | None = None
        self._before: IncomingStream | None = None  # the last one that was current
        self._target: IncomingStream | None = None  # the one to change to at its next keyframe
        self._numbering = Numbering()
        self._timeline = Timeline(track.clock_rate)
        self._pace: Pace | None = None  # once fewer pictures were asked for
        self._left_out = -1  # timestamp of the last picture that was left out for that
        self._pictures: Pictures | None = None  # of VP8 that does not go on as it came
        self._layered = False  # the current stream has layers within
        self._plain = False  # what comes goes on with other numbers, and nothing else is to be done
        self._spatial = 0  # the highest layer sent of a layered stream
        self._picture = -1  # timestamp of its present picture
        self._newest = 0  # incoming number of the current stream
        self._last: RtpPacket | None = None  # the newest packet sent, as it came …
        self._last_pictures: Pictures | None = None  # … and how it was rewritten
        self._sent_at = 0.0
        self._packets = self._octets = 0
        self._repetitions = Repetitions()
        self.reports = Reports(self.ssrc)

    @property
    def payload_type(self) -> int:
        """As negotiated with the subscriber."""
        return self._payload_type

    @payload_type.setter
    def payload_type(self, value: int) -> None:
        self.dissolve()
        self._payload_type = value

    @property
    def packets(self) -> int:
        """Sent, repetitions left out."""
        return self._packets + (self.fan.packets if self.fan is not None else 0)

    @property
    def octets(self) -> int:
        """… and their payloads' bytes."""
        return self._octets + (self.fan.octets if self.fan is not None else 0)

    @property
    def wanted(self) -> int:
        """The quality that the subscriber wants."""
        return self.wish.wanted_quality(list(self.track.info.layers))

    def _set_pace(self) -> None:
        """Follow how many pictures a second are wanted, and how many the layers bring."""
        if self._pace is None:
            if not self.wish.fps or not self.track.video:
                return
            self.dissolve()
            self._pace = Pace(self.track.codec)
            self._judge()
        stream = self._current or self._target
        self._pace.most = ANY if stream is None else stream.tempo.layer_for(self.wish.fps)

    @property
    def source(self) -> IncomingStream | None:
        """What is sent on at present; None while nothing is."""
        return self._current

    # -- as long as all goes on as it comes, in a fan

    def is_ready(self, stream: IncomingStream) -> bool:
        """Whether a fan may send what comes next of `stream`: all of it, with other numbers."""
        return self._plain and stream is self._current and self._transport.connected

    def rides(self, stream: IncomingStream, packet: RtpPacket) -> bool:
        """Whether a fan may take over with `packet`."""
        return self.is_ready(stream) and is_newer(packet.sequence, self._newest)

    @property
    def way(self) -> Way | None:
        """Where the packets leave; see `PeerTransport.way`."""
        return self._transport.way

    @property
    def pictures(self) -> Pictures | None:
        """How payloads are rewritten; None if they are not."""
        return self._pictures

    @property
    def distances(self) -> tuple[int, int, int, int]:
        """SSRC and payload type, and what is added to sequence numbers and timestamps."""
        return self.ssrc, self._payload_type, self._numbering.shift, self._timeline.later

    def relay(self, run: Run) -> None:
        """Send what all in the fan get."""
        if self._pictures is not None:
            run = run.rewritten(self._pictures)
        ssrc, kind, shift, later = self.distances
        self._send(ssrc, run.packets(kind, shift, later))

    def renew(self, newest: int) -> None:
        """To be called now and then with the newest number that came."""
        self._numbering.renew(newest)

    def catch_up(self, fan: Fan, last: RtpPacket) -> None:
        """Enter into the own books what came through the fan; `last` was the newest."""
        self._newest, self._last, self._last_pictures = last.sequence, last, self._pictures
        self._packets += fan.packets
        self._octets += fan.octets
        self._sent_at = fan.sent_at
        self._numbering.renew(last.sequence)

    def dissolve(self) -> None:
        """Something is about to change: leave the fan."""
        if self.fan is not None:
            self.fan.dissolve()

    # -- whatever comes

    def forward(self, stream: IncomingStream, packets: Sequence[RtpPacket], now: float) -> None:
        """Send packets of `stream` on, unless it is not this stream's turn.

        They may begin, come late, pad, or not all be wanted.

        Args:
            stream: Whose packets these are.
            packets: In the order of arrival, `outlet.BURST` at most.
            now: Monotonic time.
        """
        self.dissolve()
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
        numbering, newest, later = self._numbering, self._newest, self._timeline.later
        shift, pictures, last_pictures = numbering.shift, self._pictures, self._last_pictures
        kind, last = self._payload_type, self._last
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
                if self._layered:
                    marker, payload = self._bind(packet)
            if not newer:
                if (late := self._late(packet, payload)) is not None:
                    sent.append((kind | marker, *late))
                    self._octets += len(payload)
                continue
            if payload:
                newest, last, last_pictures = number, packet, pictures
                if pictures is not None:
                    payload = pictures.rewrite(payload)
                timestamp = (packet.timestamp + later) & 0xFFFFFFFF
                sent.append((kind | marker, (number + shift) & 0xFFFF, timestamp, payload))
                self._octets += len(payload)
            else:
                # Padding probes the publisher's path, not ours; leave it out and close the gap.
                newest = number
                shift = numbering.skip(number, pictures)
        self._newest, self._last, self._last_pictures = newest, last, last_pictures
        if sent:
            self._packets += len(sent)
            self._sent_at = now
            self._send(self.ssrc, sent)
            numbering.renew(newest)

    def _judge(self) -> None:
        """See whether all of the current stream goes on as it comes, but for its numbers."""
        self._plain = self._pace is None and not self._layered and self._timeline.exact is None

    def _late(self, packet: RtpPacket, payload: bytes) -> tuple[int, int, bytes] | None:
        """Number, timestamp and payload of a late packet; None from before a switch, or where its number is taken."""
        if (found := self._numbering.outgoing(packet.sequence)) is None:
            return None
        out, span = found
        if span.pictures is not None:
            payload = span.pictures.rewrite(payload)
        return out, (packet.timestamp + span.later) & 0xFFFFFFFF, payload

    def _catch_up(self, packet: RtpPacket) -> None:
        """After a switch to a layer that takes longer: come back to the publisher's clock."""
        last, timeline = self._last, self._timeline
        if last is not None and packet.timestamp != last.timestamp:
            timeline.catch_up(packet.timestamp, (last.timestamp + timeline.later) & 0xFFFFFFFF)
            self._judge()
            self._numbering.retime(self._newest, timeline.later)

    def _takes(self, packet: RtpPacket, now: float, *, late: bool) -> bool:
        """Whether the packet is of a layer that is sent."""
        if self._layered:
            if packet.timestamp != self._picture:
                self._choose_spatial(packet, now)
            if packet.spatial > self._spatial:
                return False
        return self._pace is None or self._pace.takes(packet, late=late)

    def _bind(self, packet: RtpPacket) -> tuple[int, bytes]:
        """Marker and payload of a layered stream's packet: the layers of a picture that are sent are one unit."""
        marker = MARKER if packet.ends and packet.spatial >= self._spatial else packet.marker
        goes_on = packet.ends and not marker
        if packet.descriptor and (goes_on or packet.joins):
            return marker, bind_av1(packet.payload, joins=packet.joins, goes_on=goes_on)
        return marker, packet.payload

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
        marker, payload = self._bind(packet) if self._layered else (packet.marker, packet.payload)
        timestamp = (packet.timestamp + span.later) & 0xFFFFFFFF
        if span.pictures is not None:
            payload = span.pictures.rewrite(payload)
        return self._payload_type | marker, number, timestamp, payload

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
            self._current.part(self)
        several = last is not None and bool(self.track.rids) and self.track.codec == "VP8"
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
        self._judge()

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
