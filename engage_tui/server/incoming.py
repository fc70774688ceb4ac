"""What a publisher sends: one `IncomingStream` an SSRC, with its losses, reports and keyframe requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from engage_tui.server.fan import Audience
from engage_tui.server.measures import Measures
from engage_tui.server.outlet import BURST
from engage_tui.server.temporal import Tempo, temporal_place
from engage_tui.wire import red, rtcp
from engage_tui.wire.rtp import RtpPacket, keyframe_test
from engage_tui.wire.svc import Av1Layers, parse_vp9

if TYPE_CHECKING:
    from engage_tui.server.fast_path import Route
    from engage_tui.server.forward import Subscription
    from engage_tui.server.published import PublishedTrack
    from engage_tui.server.steady import SteadyStream

_RING_MASK = (
    511  # packets kept for repetitions, less one (a power of two), shared by all subscribers
)
_METER = 0.5  # seconds of one measurement of the rate
_SMOOTH = 0.3  # the share of a new measurement
_PLI_GAP = 0.5  # seconds between keyframe requests that somebody asked for
_PLI_REPEAT = 1.0  # … and between repetitions while none came
_REPLAY = 0.5  # seconds for which a keyframe serves who comes after it: none is asked for meanwhile
_MAX_REPLAY = 64  # packets that are given to somebody at once
_NACK_GAP = 0.08
_NACK_TRIES = 6
_NACK_SPAN = 200  # a larger hole is no loss but a pause; a keyframe mends it
_MAX_MISSING = 400
_PAUSED = 1.0  # seconds without a packet of a layer


class IncomingStream:
    """One SSRC of a publisher: asks for what is missing, hands on what came.

    Args:
        track: The track that it belongs to.
        rid: The simulcast layer; empty without simulcast.
        send_rtcp: Takes feedback to the publisher.
        touched: Told when there is something to hand on; see to it that `hand_on` is called soon, and then `note`.
        measures: Takes what packets say beside their media.

    Attributes:
        takers: The subscriptions that want its packets, as current layer or as the one to switch to.
        arrived: Monotonic time of the last packet; 0 before the first.
        report: The last sender report and when it came.
        rate: Bits a second of payload, smoothed; kept while the stream pauses.
        tempo: Pictures a second of its temporal layers.
        route: Passes packets on without asking here; None where nothing can.
    """

    def __init__(
        self,
        track: PublishedTrack,
        ssrc: int,
        rid: str,
        send_rtcp: Callable[[bytes], None],
        touched: Callable[[IncomingStream], None],
        measures: Measures,
    ) -> None:
        self.track = track
        self.ssrc = ssrc
        self.rid = rid
        self.takers: list[Subscription] = []  # changed by `join` and `part` alone
        self.route: Route | None = None
        self.arrived = 0.0
        self.report: tuple[rtcp.SenderReport, float] | None = None
        self._send_rtcp = send_rtcp
        self._touched, self._measures = touched, measures
        self._fresh: list[RtpPacket] = []
        self._unseen: list[tuple[list[RtpPacket], float]] = []  # handed on, not noted yet
        self._audience, self._wrapped = Audience(), Audience()  # the latter takes RED
        self._ring: list[RtpPacket | None] = [None] * (_RING_MASK + 1)
        self._video = track.video
        self._placed = track.layered
        self._is_keyframe = keyframe_test(track.codec)
        self._av1 = Av1Layers()
        self._highest = self._base = -1
        self.rate = 0.0
        self.tempo = Tempo()
        self._picture = -1  # timestamp of its present picture
        self._octets = 0  # since `_metered`
        self._metered = 0.0
        self._cycles = self._received = 0
        self._jitter = 0.0
        self._transit = 0.0
        self._reported = (0, 0)  # expected and received at the last report
        self._missing: dict[int, list[float]] = {}
        self._pli_sent = -_PLI_REPEAT
        self._pli_due = 0.0  # 0: nobody waits for a keyframe
        # Number, timestamp and arrival of the newest keyframe.
        self._key: tuple[int, int, float] | None = None

    def receive(self, packet: RtpPacket, now: float) -> None:
        """Take a packet; it goes on with the next `hand_on`."""
        self.arrived = now
        fresh = self._fresh
        fresh.append(packet)
        if len(fresh) == 1:
            self._touched(self)
        elif len(fresh) >= BURST:
            self.hand_on()

    def hand_on(self) -> None:
        """Hand what was received to every taker, at once where nobody has to choose by what is in it."""
        fresh, self._fresh = self._fresh, []
        if not fresh:
            return
        self._unseen.append((fresh, self.arrived))
        if self._placed or self._audience.whole(self.takers) is None:
            self.note()
        if self.track.redundant_type:
            self._unwrap(fresh)
            return
        self._audience.serve(self.takers, self, fresh, self.arrived)
        self._go_on(self._audience, self.track.payload_type)

    def _go_on(self, audience: Audience, payload_type: int) -> None:
        """Have packets with this payload type passed on, if everybody gets all of them as they come."""
        if self.route is not None and (fan := audience.whole(self.takers)) is not None:
            self.route.go_on(fan, payload_type, *self._measures.wanted(self.track))

    def passed(self, packets: list[RtpPacket], values: Sequence[int], now: float) -> None:
        """Keep the books of packets that went to everybody without being received here.

        Args:
            packets: They, without their header extensions.
            values: Of those, as `Measures` wants them.
            now: Monotonic time.
        """
        assert self.route is not None
        assert self.route.fan is not None  # nothing that it dissolves for has happened since
        self.arrived = now
        self.route.fan.count(
            len(packets), sum(len(each.payload) for each in packets), packets[-1], now
        )
        self._measures.take(self.track, values, now)
        self._count(packets, now)
        self._look_into(packets, now)

    def join(self, taker: Subscription) -> None:
        """One more wants its packets."""
        self.takers = [*self.takers, taker]
        self.stop_passing()

    def part(self, taker: SteadyStream) -> None:
        """One does not want them any more."""
        self.takers = [each for each in self.takers if each is not taker]
        self.stop_passing()

    def stop_passing(self) -> None:
        """Look into what comes next before it goes on."""
        if self.route is not None:
            self.route.stop()

    def close(self) -> None:
        """It is over."""
        if self.route is not None:
            self.route.close()
            self.route = None

    def is_paused(self, now: float) -> bool:
        """Whether it is a layer of which nothing came for a while, or ever."""
        return bool(self.rid) and now - self.arrived > _PAUSED

    def resume(self, now: float) -> None:
        """The layer comes (again): somebody may want it."""
        for subscription in self.track.subscriptions.values():
            subscription.reselect(now)

    def note(self) -> None:
        """Keep the books of what was received; the takers need not wait for that."""
        unseen, self._unseen = self._unseen, []
        for packets, now in unseen:
            for packet in packets:
                if packet.extension_profile:
                    self._measures.read(self.track, packet, now)
            self._count(packets, now)
            self._look_into(packets, now)

    def _look_into(self, packets: list[RtpPacket], now: float) -> None:
        """Note what the packets hold, and keep them for repetitions."""
        ring, video, placed, codec = self._ring, self._video, self._placed, self.track.codec
        for packet in packets:
            ring[packet.sequence & _RING_MASK] = packet
            if not video:
                packet.keyframe = bool(packet.payload)
                continue
            if placed:
                self._find_place(packet)
            elif self._is_keyframe(packet.payload):
                packet.keyframe = True
                self._pli_due = 0.0
                if self._key is None or self._key[1] != packet.timestamp:
                    self._key = packet.sequence, packet.timestamp, now
            if packet.timestamp != self._picture and packet.payload:
                self._picture = packet.timestamp
                self.tempo.count(temporal_place(codec, packet)[0], now)

    @property
    def missing(self) -> int:
        """How many packets never came, of those between the first and the newest."""
        return max(0, self._cycles + self._highest - self._base + 1 - self._received)

    def take_report(self, report: rtcp.SenderReport, now: float) -> None:
        """The publisher ties its timestamps to its wall clock; subscribers are told at once."""
        self.report = report, now
        for taker in self.takers:
            taker.report(self, now)

    def _find_place(self, packet: RtpPacket) -> None:
        """Note which layer of a layered stream the packet belongs to."""
        if self.track.codec == "VP9":
            place = parse_vp9(packet.payload)
        else:
            place = self._av1.read(packet.descriptor) if packet.descriptor else None
        if place is not None and packet.payload:
            packet.spatial, packet.keyframe, packet.ends, packet.temporal, packet.opens = place
            if packet.keyframe:
                self._pli_due = 0.0
            if packet.descriptor and place.spatial and packet.timestamp == self._picture:
                packet.joins = bool(packet.descriptor[0] & 0x80)

    def _unwrap(self, fresh: list[RtpPacket]) -> None:
        """Hand on audio that may come with redundancy: as it is, or the packet's own content alone."""
        track = self.track
        wrapped = [each for each in fresh if each.payload_type == track.redundant_type]
        bare = [
            replace(each, payload=_own(each.payload)) if each in wrapped else each for each in fresh
        ]
        full = [
            each
            if each in wrapped or not each.payload
            else replace(each, payload=red.build(track.payload_type, [], each.payload))
            for each in fresh
        ]
        bared = [each for each in self.takers if not each.redundant]
        filled = [each for each in self.takers if each.redundant]
        self._audience.serve(bared, self, bare, self.arrived)
        self._wrapped.serve(filled, self, full, self.arrived)
        self._go_on(self._wrapped, track.redundant_type)

    def recall(self, number: int) -> RtpPacket | None:
        """A packet that came a moment ago; None if it did not, or was overwritten since."""
        packet = self._ring[number & _RING_MASK]
        return packet if packet is not None and packet.sequence == number else None

    def since_keyframe(self, now: float) -> list[RtpPacket]:
        """The packets from the newest keyframe on, for somebody who begins with them; none if that was long ago.

        What was received is handed on before, so that whoever becomes a taker next gets what follows.
        """
        self.hand_on()
        self.note()
        if self._key is None or now - self._key[2] > _REPLAY:
            return []
        first = self._key[0]
        span = (self._highest - first) & 0xFFFF
        if span >= _MAX_REPLAY:
            return []
        packets = [self.recall((first + place) & 0xFFFF) for place in range(span + 1)]
        whole = [packet for packet in packets if packet is not None]
        return whole if len(whole) == len(packets) else []

    def request_keyframe(self, now: float) -> None:
        """Ask the publisher for a keyframe: at once or as soon as the last request is old enough."""
        if not self._pli_due:
            self._pli_due = max(now, self._pli_sent + _PLI_GAP)
        self._pli_due = min(self._pli_due, max(now, self._pli_sent + _PLI_GAP))
        self._ask(now)

    def tick(self, now: float) -> None:
        """Repeat what was asked for and did not come; called about 20 times a second."""
        if self._missing:
            self._nack(now)
        if self._pli_due:
            self._ask(now)
        if (elapsed := now - self._metered) >= _METER:
            if self._octets and elapsed < 2 * _METER:
                rate = 8 * self._octets / elapsed
                self.rate += (rate - self.rate) * (_SMOOTH if self.rate else 1.0)
            self._octets, self._metered = 0, now

    def reception(self, now: float) -> rtcp.Reception | None:
        """The block for a receiver report; None before the first packet."""
        if self._base < 0:
            return None
        highest = self._cycles + self._highest
        expected = highest - self._base + 1
        before_expected, before_received = self._reported
        self._reported = expected, self._received
        span = expected - before_expected
        lost = span - (self._received - before_received)
        fraction = max(0, min(255, 256 * lost // span)) if span > 0 else 0
        last = delay = 0
        if self.report is not None:
            last = self.report[0].ntp >> 16 & 0xFFFFFFFF
            delay = int((now - self.report[1]) * 65536)
        total = max(0, expected - self._received)
        return rtcp.Reception(self.ssrc, fraction, total, highest, int(self._jitter), last, delay)

    def _count(self, packets: list[RtpPacket], now: float) -> None:
        clock = now * self.track.clock_rate
        wrapped = 10 * self.track.clock_rate  # a longer wobble: the timestamp wrapped or jumped
        highest, transit, jitter, octets = self._highest, self._transit, self._jitter, 0
        if self._base < 0:
            self._base = highest = packets[0].sequence
            transit = clock - packets[0].timestamp
        for packet in packets:
            sequence = packet.sequence
            octets += len(packet.payload)
            ahead = (sequence - highest) & 0xFFFF
            if ahead == 1:
                if not sequence:
                    self._cycles += 0x10000
                highest = sequence
            elif 0 < ahead < 0x8000:
                if self._video and ahead < _NACK_SPAN:
                    self._lost(sequence, ahead, now)
                if sequence < highest:
                    self._cycles += 0x10000
                highest = sequence
            elif self._missing:
                self._missing.pop(sequence, None)
            wobble = abs(clock - packet.timestamp - transit)
            if wobble < wrapped:
                jitter += (wobble - jitter) / 16
            transit = clock - packet.timestamp
        self._highest, self._transit, self._jitter = highest, transit, jitter
        self._octets += octets
        self._received += len(packets)

    def _lost(self, sequence: int, ahead: int, now: float) -> None:
        if len(self._missing) + ahead > _MAX_MISSING:
            self._missing.clear()
            self.request_keyframe(now)
            return
        for back in range(ahead - 1, 0, -1):
            self._missing[(sequence - back) & 0xFFFF] = [0.0, 0]
        self._nack(now)

    def _nack(self, now: float) -> None:
        wanted = []
        for sequence, state in list(self._missing.items()):
            if state[1] >= _NACK_TRIES:
                del self._missing[sequence]
            elif now - state[0] >= _NACK_GAP:
                state[0] = now
                state[1] += 1
                wanted.append(sequence)
        if wanted:
            self._send_rtcp(rtcp.build_nack(self.ssrc, wanted))

    def _ask(self, now: float) -> None:
        if now >= self._pli_due:
            self._pli_sent = now
            self._pli_due = now + _PLI_REPEAT
            self._send_rtcp(rtcp.build_pli(self.ssrc))


def _own(payload: bytes) -> bytes:
    """The content of a redundant packet without what it repeats; empty if it is malformed."""
    blocks = red.parse(payload)
    return blocks[-1].payload if blocks else b""
