"""A publisher with three layers, our forwarder, a narrow link and a receiver that decodes, on a virtual clock.

The forwarder's parts are the real ones (`IncomingStream`, `Subscription`, `Governor`); link and receiver are models: a
tail-drop queue, and a receiver that asks again like libwebrtc, reports each second and shows complete frames only.
"""

from __future__ import annotations

import heapq
import itertools
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from livekit.protocol import models

from engage_tui.server.forward import Subscription
from engage_tui.server.governor import Governor
from engage_tui.server.incoming import IncomingStream
from engage_tui.server.measures import Measures
from engage_tui.server.outlet import Packet
from engage_tui.server.published import PublishedTrack
from engage_tui.server.transport import PeerTransport
from engage_tui.wire import rtcp
from engage_tui.wire.rtp import RtpPacket, is_keyframe

LAYERS = (("q", 180, 150_000), ("h", 360, 500_000), ("f", 720, 1_850_000))
"""Name, height and bits a second: 2.5 Mbit/s together."""

FRAMES = 20
"""Of each layer a second."""

_STEP = 0.005
_PACKET = 1100
_OVERHEAD = 12 + 16 + 28  # RTP header, SRTP tag, IP and UDP
_KEY = 3  # a keyframe is so many times as large


@dataclass(slots=True)
class Outcome:
    """What the receiver saw.

    Attributes:
        shown: When which layer was shown, a frame each.
        sent: Packets that went into the link, repetitions included.
        repeated: Repetitions among them.
        dropped: Packets that the link's queue did not take.
        asked: Packets asked for again, each time counted.
        states: When the subscriber was told that the video is paused (True) or goes on.
    """

    shown: list[tuple[float, str]] = field(default_factory=list)
    sent: int = 0
    repeated: int = 0
    dropped: int = 0
    asked: int = 0
    states: list[tuple[float, bool]] = field(default_factory=list)

    def frames(self, start: float, end: float) -> int:
        """How many were shown in a span."""
        return sum(start <= at < end for at, _ in self.shown)

    def longest_gap(self, start: float, end: float) -> float:
        """The longest time without a new frame in a span."""
        times = [start, *(at for at, _ in self.shown if start <= at < end), end]
        return max(b - a for a, b in itertools.pairwise(times))

    def back_at(self, layer: str, after: float, hold: float = 3.0) -> float:
        """When `layer` was shown again for `hold` seconds on end; infinite if never."""
        since = math.inf
        for at, each in self.shown:
            if at < after:
                continue
            since = min(since, at) if each == layer else math.inf
            if at - since >= hold:
                return since
        return math.inf


class Model:
    """The whole chain.

    Args:
        capacity: Bits a second of the link at a time.
        control: Let the governor decide; without it everything is sent that is wanted.
        estimates: The receiver tells what it believes (REMB), 1.5 times what comes, as libwebrtc does on a good link.
        delay: Seconds one way.
        queue: Seconds of data that the link holds.
    """

    connected = True
    way = None

    def __init__(
        self,
        capacity: Callable[[float], float],
        *,
        control: bool = True,
        estimates: bool = False,
        delay: float = 0.02,
        queue: float = 0.5,
    ) -> None:
        self.outcome = Outcome()
        self.now = 100.0
        self._capacity, self._delay, self._queue = capacity, delay, queue
        self._estimates = estimates
        self._free = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        info = models.TrackInfo(sid="TR_1", type=models.TrackType.VIDEO)
        for quality, (_, height, bits) in enumerate(LAYERS):
            info.layers.add(
                quality=models.VideoQuality.ValueType(quality),
                height=height,
                width=height * 16 // 9,
                bitrate=bits,
            )
        self._track = PublishedTrack("cid", info)
        self._track.codec, self._track.rids = "VP8", [name for name, _, _ in LAYERS]
        self._sources = [Source(self, n) for n in range(len(LAYERS))]
        self.subscription = Subscription(self._track, cast(PeerTransport, self), "PA_a")
        self.subscription.payload_type = 96
        by_sid, by_ssrc = {"TR_1": self.subscription}, {self.subscription.ssrc: self.subscription}
        self.governor = Governor(by_sid, by_ssrc, self._told)
        if not control:
            self.governor.look = lambda now: None  # type: ignore[method-assign]
        self._receiver = Receiver(self)
        self._packets = 0

    @property
    def track(self) -> PublishedTrack:
        """The published track."""
        return self._track

    def run(self, seconds: float) -> Outcome:
        """Let the time pass."""
        start = self.now
        self._track.subscriptions["PA_b"] = self.subscription
        self.subscription.start(self.now)
        ticks = frames = second = 0
        while (elapsed := self.now - start) < seconds:
            if elapsed >= frames / FRAMES:
                frames += 1
                for source in self._sources:
                    source.frame(frames)
                if frames == 2:
                    self.subscription.reselect(self.now)
            if elapsed >= ticks * 0.05:
                ticks += 1
                for stream in self._track.streams.values():
                    stream.tick(self.now)
            if elapsed >= second:
                second += 1
                for source in self._sources:
                    source.report()
                self.subscription.tick(self.now)
                self.governor.look(self.now)
                self._receiver.report()
            self._receiver.tick()
            self.now += _STEP
            while self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()
        return self.outcome

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something after a time."""
        heapq.heappush(self._events, (self.now + seconds, next(self._order), do))

    # -- the transport that the subscription sends on

    def send_rtp(self, _ssrc: int, packets: Sequence[Packet]) -> None:
        """Through the link."""
        for kind, number, _, payload in packets:
            self.outcome.sent += 1
            bits = 8 * (len(payload) + _OVERHEAD)
            self._free = max(self._free, self.now)
            if self._free - self.now > self._queue:
                self.outcome.dropped += 1
                continue
            capacity = self._capacity(self.now - 100.0)
            self._free += 0 if math.isinf(capacity) else bits / capacity
            arrive = self._free - self.now + self._delay
            got = RtpPacket(96, kind & 0x80, number, 0, 0, 0, b"", payload)
            self.later(arrive, lambda got=got: self._receiver.take(got))  # type: ignore[misc]
        self.outcome.repeated = self.outcome.sent - self.subscription.packets

    def send_rtcp(self, compound: bytes) -> None:
        """A sender report, through the same queue."""
        wait = max(0.0, self._free - self.now) + self._delay
        self.later(wait, lambda: self._receiver.hear(compound))

    def feed_back(self, compound: bytes) -> None:
        """From the receiver to the forwarder."""

        def deliver() -> None:
            for part in rtcp.parse(compound):
                self.governor.on_feedback(part, self.now)

        self.later(self._delay, deliver)

    def _told(self, subscription: Subscription) -> None:
        self.outcome.states.append((self.now - 100.0, subscription.held))


def _pass_on(stream: IncomingStream) -> None:
    stream.hand_on()
    stream.note()


class Source:
    """The publisher's encoder of one layer: a keyframe at once when it is asked."""

    def __init__(self, model: Model, place: int) -> None:
        self._model, self.place = model, place
        self.name, _, self._bits = LAYERS[place]
        self._number = self._picture = 0
        self._wanted = True
        self.stream = IncomingStream(
            model.track, 1000 + place, self.name, self._asked, _pass_on, Measures(self._asked)
        )
        model.track.streams[self.name] = self.stream

    def frame(self, count: int) -> None:
        """Send the next picture."""
        key, self._wanted = self._wanted, False
        self._picture += 1
        left = int(self._bits / FRAMES / 8 * (_KEY if key else 1))
        start = True
        while left > 0:
            size, left = min(_PACKET, left), left - _PACKET
            head = bytes((0x90 if start else 0x80, 0xE0)) + struct.pack(
                "!HBB", 0x8000 | self._picture & 0x7FFF, self._picture & 0xFF, 0x20
            )
            body = bytes((0 if key or not start else 1, self.place))
            payload = head + body + bytes(max(0, size - 8))
            self._number = (self._number + 1) & 0xFFFF
            packet = RtpPacket(
                96, 0x80 * (left <= 0), self._number, count * 4500, 1000, 0, b"", payload
            )
            self.stream.receive(packet, self._model.now)
            start = False

    def report(self) -> None:
        """A sender report."""
        ntp = int(self._model.now * 65536) << 16 | self.place
        self.stream.report = rtcp.SenderReport(1000, ntp, 0), self._model.now

    def _asked(self, compound: bytes) -> None:
        for part in rtcp.parse(compound):
            if rtcp.parse_keyframe_requests(part):
                self._model.later(0.04, self._request)

    def _request(self) -> None:
        self._wanted = True


class Receiver:
    """Puts frames together, shows what can be decoded, asks for what is missing."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._packets: dict[int, RtpPacket] = {}
        self._first: int | None = None
        self._highest = self._next = 0  # unwrapped numbers
        self._missing: dict[int, list[float]] = {}
        self._stuck = 0.0
        self._asked_picture = -1.0
        self._received = self._reported = 0
        self._before = 0
        self._heard = (0, 0.0)
        self._octets = 0

    def take(self, packet: RtpPacket) -> None:
        """A packet arrived."""
        if self._first is None:
            self._first = self._highest = self._next = packet.sequence + 0x10000
            self._before = self._highest - 1
        number = self._highest + ((packet.sequence - self._highest + 0x8000) & 0xFFFF) - 0x8000
        self._received += 1
        self._octets += len(packet.payload) + _OVERHEAD
        for gap in range(self._highest + 1, number):
            self._missing[gap] = [0.0, 0]
        self._highest = max(self._highest, number)
        self._missing.pop(number, None)
        if number >= self._next:
            self._packets[number] = packet
        self._show()

    def tick(self) -> None:
        """Ask again for what is missing, and for a keyframe when nothing can be shown any more."""
        now = self._model.now
        wanted = []
        for number, state in list(self._missing.items()):
            if number < self._next or state[1] >= 10:
                del self._missing[number]
            elif now - state[0] > 0.1:
                state[0] = now
                state[1] += 1
                wanted.append(number & 0xFFFF)
        ssrc = self._model.subscription.ssrc
        if wanted:
            self._model.outcome.asked += len(wanted)
            self._model.feed_back(rtcp.build_nack(ssrc, wanted))
        if self._packets and now - self._stuck > 0.4 and now - self._asked_picture > 0.4:
            self._asked_picture = now
            self._model.feed_back(rtcp.build_pli(ssrc))

    def report(self) -> None:
        """A receiver report, and perhaps an estimate."""
        if self._first is None:
            return
        expected = self._highest - self._before
        lost = max(0, expected - (self._received - self._reported))
        self._before, self._reported = self._highest, self._received
        last, at = self._heard
        now = self._model.now
        block = rtcp.Reception(
            self._model.subscription.ssrc,
            256 * lost // expected if expected else 0,
            lost,
            self._highest & 0xFFFFFFFF,
            0,
            last,
            int((now - at) * 65536) if last else 0,
        )
        self._model.feed_back(rtcp.build_receiver_report([block]))
        if self._model._estimates:
            self._model.feed_back(estimate(int(1.5 * 8 * self._octets)))
        self._octets = 0

    def hear(self, compound: bytes) -> None:
        """A sender report."""
        for part in rtcp.parse(compound):
            if (report := rtcp.parse_sender_report(part.body)) is not None:
                self._heard = report.ntp >> 16 & 0xFFFFFFFF, self._model.now

    def _show(self) -> None:
        """Show every frame that is complete and follows what was shown, or starts anew."""
        while True:
            start = self._next
            if (end := self._end(start)) is None:
                keys = (n for n, p in self._packets.items() if is_keyframe("VP8", p.payload))
                start = next((n for n in sorted(keys) if self._end(n) is not None), -1)
                if start < 0 or (end := self._end(start)) is None:
                    return
            place = self._packets[start].payload[7]
            self._model.outcome.shown.append((self._model.now - 100.0, LAYERS[place][0]))
            self._next, self._stuck = end + 1, self._model.now
            for number in [n for n in self._packets if n <= end]:
                del self._packets[number]

    def _end(self, start: int) -> int | None:
        number = start
        while (packet := self._packets.get(number)) is not None:
            if packet.marker:
                return number
            number += 1
        return None


def estimate(bits: int) -> bytes:
    """A REMB packet."""
    exponent = max(0, bits.bit_length() - 18)
    mantissa = bits >> exponent
    body = struct.pack("!II", 1, 0) + b"REMB" + bytes((1, exponent << 2 | mantissa >> 16))
    body += struct.pack("!H", mantissa & 0xFFFF) + struct.pack("!I", 7)
    return struct.pack("!BBH", 0x80 | rtcp.REMB, rtcp.PAYLOAD_FEEDBACK, len(body) // 4) + body
