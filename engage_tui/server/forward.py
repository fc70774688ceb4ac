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
from engage_tui.server.transport import PeerTransport
from engage_tui.wire import rtcp
from engage_tui.wire.rtp import MARKER, RtpPacket, is_newer
from engage_tui.wire.sdp import Section

_REPEAT_GAP = 0.1  # seconds before the same packet is repeated again
_REPEATS = 3
_REPEAT_SHARE = 0.15  # of the stream's packets may be repetitions, or a slow link only gets slower
_REPEAT_CREDIT = 60.0  # packets of that share which may be saved up
_REMEMBERED = 1024  # repetitions
_REPORTS = 4  # sender reports whose time is remembered
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
        self._target: IncomingStream | None = None
        self._numbering = Numbering()
        self._later = random.getrandbits(32)  # added to timestamps
        self._pictures: Pictures | None = None  # of several VP8 layers
        self._spatial = 0  # the highest layer sent of a layered stream
        self._picture = -1  # timestamp of its present picture
        self._newest = 0  # incoming number of the current stream
        self._last: RtpPacket | None = None  # the newest packet sent, as it came
        self._sent_at = 0.0
        self.packets = self.octets = 0
        self._repeated: dict[int, tuple[float, int]] = {}
        self._asked: set[int] = set()
        self._entered = 0  # outgoing number of the last packet before the present layer
        self._heard = -1  # the highest number that a report spoke of
        self._reports: dict[
            int, float
        ] = {}  # our last sender reports: their middle 32 bits of NTP, when
        self._credit = _REPEAT_CREDIT
        self._credited = 0  # packets for which credit was given
        self._send = transport.send_rtp

    def describe(self, section: Section) -> None:
        """Write into a section that it carries this track."""
        sid = self.track.sid
        section.direction = "sendonly"
        section.msid = (f"{self.publisher_sid}|{sid}", sid)
        section.ssrcs.append(self.ssrc)

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
        if not self.started or self.track.ended:
            return
        if self.wish.disabled or self.held or self.track.info.muted:
            self.stop()
            return
        stream = self.track.layer(min(self.cap, self.wanted), now)
        if stream is None or stream is self._target:
            return
        if self._target is not None and self._target is not self._current:
            self._target.takers.remove(self)
        self._target = stream
        if stream is not self._current:
            stream.takers.append(self)
            if self.track.video:
                stream.request_keyframe(now)

    @property
    def wanted(self) -> int:
        """The quality that the subscriber wants."""
        return self.wish.wanted_quality(list(self.track.info.layers))

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

    def heard(self, block: rtcp.Reception, now: float) -> tuple[int, float, float | None]:
        """Read a receiver's report on this stream.

        Returns:
            Packets that it expected since the report before, those of them that were lost, and the round trip in
            seconds if the report tells it.
        """
        expected = (block.highest - self._heard) & 0xFFFF if self._heard >= 0 else 0
        self._heard = block.highest
        sent = self._reports.pop(block.last_report, None)
        trip = None if sent is None else max(0.0, now - sent - block.delay / 65536)
        return expected, expected * block.fraction_lost / 256, trip

    def tick(self, now: float) -> None:
        """Once a second: follow layers that came or went, keep asking for the first keyframe, report."""
        if self.track.rids or self._target is None:
            self.reselect(now)
        if self.track.video and self._target is not None and self._target is not self._current:
            self._target.request_keyframe(now)
        self._report(now)

    def request_keyframe(self, now: float) -> None:
        """The subscriber cannot decode: ask the publisher."""
        stream = self._target or self._current
        if stream is not None:
            stream.request_keyframe(now)

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
        # From here on every packet of every subscriber passes: each line costs.
        numbering, newest, later = self._numbering, self._newest, self._later
        shift, pictures = numbering.shift, self._pictures
        kind, last, layered = self.payload_type, self._last, self.track.layered
        sent: list[Packet] = []
        for packet in packets:
            number, payload, marker = packet.sequence, packet.payload, packet.marker
            if layered and payload:
                if packet.timestamp != self._picture:
                    self._choose_spatial(packet, now)
                if packet.spatial > self._spatial:
                    if 0 < (number - newest) & 0xFFFF < 0x8000:
                        newest = number
                        shift = numbering.skip(number)
                    continue
                if packet.ends and packet.spatial == self._spatial:
                    marker = MARKER
            if not 0 < (number - newest) & 0xFFFF < 0x8000:
                if (late := numbering.outgoing(number)) is None:
                    continue  # from before the switch, or left out: its number is taken
                out = late
            elif payload:
                newest, last = number, packet
                out = (number + shift) & 0xFFFF
            else:
                # Padding probes the publisher's path, not ours; leave it out and close the gap.
                newest = number
                shift = numbering.skip(number)
                continue
            if pictures is not None:
                payload = pictures.rewrite(payload)
            sent.append((kind | marker, out, (packet.timestamp + later) & 0xFFFFFFFF, payload))
            self.octets += len(payload)
        self._newest, self._last = newest, last
        if sent:
            self.packets += len(sent)
            self._sent_at = now
            self._send(self.ssrc, sent)
            numbering.renew(newest)

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
        fresh = [n for n in numbers if n not in self._asked and is_newer(n, self._entered)]
        if len(self._asked) > _REMEMBERED:
            self._asked.clear()
        self._asked.update(fresh)
        earned = (self.packets - self._credited) * _REPEAT_SHARE
        self._credit = min(_REPEAT_CREDIT, self._credit + earned)
        self._credited = self.packets
        again: list[Packet] = []
        for number in numbers:
            if self._credit < 1:
                break
            at, times = self._repeated.get(number, (0.0, 0))
            if now - at < _REPEAT_GAP or times >= _REPEATS:
                continue
            if (packet := self._sent_as(number)) is None:
                continue
            if len(self._repeated) > _REMEMBERED:
                self._repeated.clear()
            self._repeated[number] = now, times + 1
            self._credit -= 1
            again.append(packet)
        for start in range(0, len(again), BURST):
            self._send(self.ssrc, again[start : start + BURST])
        return len(fresh)

    def _sent_as(self, number: int) -> Packet | None:
        """The packet that was sent under `number`, made again from what the publisher sent."""
        if (span := self._numbering.span_of(number)) is None:
            return None
        packet = span.stream.recall((number - span.shift) & 0xFFFF)
        if packet is None or not packet.payload or self.track.redundant_type:
            return None
        marker = packet.marker
        if self.track.layered and packet.ends and packet.spatial == self._spatial:
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
        if self._pictures is not None:
            payload = self._pictures.rewrite(payload)
        if last is not None:
            step = max(1, round((now - self._sent_at) * self.track.clock_rate))
            self._later = (last.timestamp + self._later + step - packet.timestamp) & 0xFFFFFFFF
        if self._current is not None and self._current is not stream:
            # A new list: the old one may be the one that is being walked through.
            self._current.takers = [each for each in self._current.takers if each is not self]
        several = bool(self.track.rids) and self.track.codec == "VP8"
        self._pictures = Pictures.after(payload, packet.payload) if several else None
        self._numbering.enter(
            stream,
            packet.sequence,
            None if last is None else self._newest,
            self._later,
            self._pictures,
        )
        self._entered = (packet.sequence + self._numbering.shift - 1) & 0xFFFF
        self._current = stream
        self._picture = -1
        self._newest = (packet.sequence - 1) & 0xFFFF

    def _report(self, now: float) -> None:
        """Tell the subscriber which wall time the publisher's clock showed, in our timestamps."""
        if self._current is None or self._current.report is None or not self.packets:
            return
        report = self._current.report[0]
        self._reports[report.ntp >> 16 & 0xFFFFFFFF] = now
        while len(self._reports) > _REPORTS:
            del self._reports[next(iter(self._reports))]
        timestamp = (report.rtp + self._later) & 0xFFFFFFFF
        self._transport.send_rtcp(
            rtcp.build_sender_report(
                rtcp.SenderReport(self.ssrc, report.ntp, timestamp), self.packets, self.octets
            )
        )
