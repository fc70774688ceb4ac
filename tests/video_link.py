"""A video over a bad network on virtual time: our receiver, and aiortc's parts for comparison.

The server between is a model of livekit-server's rules: a lost packet is sent again on a NACK that comes later than
``min(100 ms, 2 RTT)`` after it was last sent, in whole milliseconds, three times at most, and never between a keyframe
request and the keyframe; that follows at the publisher's next picture, at most each half second.
"""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcrtpreceiver import NackGenerator
from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRtpfbPacket, RtpPacket

from engage_tui.rtc.frames import EncodedFrame
from engage_tui.rtc.receiver import Feedback, Stream
from engage_tui.rtc.video_receiver import VideoReceiver
from engage_tui.wire.rtp import is_keyframe
from engage_tui.wire.sdp import Codec
from tests import virtual_time
from tests.lossy import Link, Weather

SSRC, FPS, PACKETS, KEY_PACKETS = 7, 15, 5, 18
"""640x360 at 15 pictures a second and 700 kbit/s: five packets a picture, more for a keyframe."""

VP8 = Codec(96, "VP8", 90_000, None, {}, ["nack", "nack pli"])
STREAM = Stream("1", "video", SSRC, None, ((96, "VP8"),), "PA_x", "TR_x")


@dataclass(frozen=True, slots=True)
class Seen:
    """What came out.

    Attributes:
        fps: Pictures shown a second.
        frozen: Share of the time in gaps longer than 0.25 s.
        repair: Median seconds from the first NACK for a packet to its arrival; 0 without any.
        latency: Median of seconds from capture to picture, link delay included.
        latency_95: The 95th percentile of the same.
        asks: NACKs a second.
        times: When pictures were shown.
        captured: When each of them was captured.
    """

    fps: float
    frozen: float
    repair: float
    latency: float
    latency_95: float
    asks: float
    times: list[float]
    captured: list[float]

    def back_after(self, moment: float) -> float:
        """Seconds from a moment to the first picture captured after it; infinite if none was shown."""
        shown = zip(self.times, self.captured, strict=True)
        return (
            min((at for at, captured in shown if captured >= moment), default=float("inf")) - moment
        )


@dataclass
class Server:
    """Publisher and server: pictures in time, retransmissions and keyframes on request."""

    link: Link
    deliver: Callable[[RtpPacket], None]
    rtt: float
    resends: bool = True
    history: dict[int, tuple[RtpPacket, float, int]] = field(default_factory=dict)
    keyframe: bool = True
    key_at: float = float("-inf")
    number: int = 0
    picture: int = 0
    first_asked: dict[int, float] = field(default_factory=dict)
    repairs: list[float] = field(default_factory=list)
    asks: int = 0

    def send_picture(self) -> None:
        now = asyncio.get_running_loop().time()
        key, self.keyframe = self.keyframe, False
        count = KEY_PACKETS if key else PACKETS
        for part in range(count):
            content = (b"\x10" if part == 0 else b"\x00") + bytes([0 if key else 1]) + bytes(900)
            packet = RtpPacket(
                payload_type=96,
                marker=int(part == count - 1),
                sequence_number=self.number & 0xFFFF,
                timestamp=self.picture * 90_000 // FPS,
                ssrc=SSRC,
                payload=content,
            )
            self.history[packet.sequence_number] = (packet, now, 0)
            self.number += 1
            self.send(packet)
        self.picture += 1

    def send(self, packet: RtpPacket) -> None:
        loop = asyncio.get_running_loop()
        if (at := self.link.arrival(loop.time())) is not None:
            loop.call_at(at, self.arrive, packet)

    def arrive(self, packet: RtpPacket) -> None:
        asked = self.first_asked.pop(packet.sequence_number, None)
        if asked is not None:
            self.repairs.append(asyncio.get_running_loop().time() - asked)
        self.deliver(packet)

    def feedback(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        for packet in RtcpPacket.parse(data):
            if isinstance(packet, RtcpPsfbPacket) and now - self.key_at >= 0.5:
                self.keyframe, self.key_at = True, now
            elif isinstance(packet, RtcpRtpfbPacket) and self.resends:
                for number in packet.lost:
                    self.resend(number, now)

    def resend(self, number: int, now: float) -> None:
        packet, sent, times = self.history.get(number, (None, 0.0, 9))
        guard = min(100, 2 * max(1, round(self.rtt * 1000)))
        if packet is None or times >= 3 or self.keyframe or int((now - sent) * 1000) <= guard:
            return
        self.history[number] = packet, now, times + 1
        self.send(packet)

    def asked(self, numbers: list[int]) -> None:
        now = asyncio.get_running_loop().time()
        self.asks += 1
        for number in numbers:
            self.first_asked.setdefault(number, now)


class _Shown:
    """In the decoder's place: notes when each picture could be decoded."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.late: list[float] = []
        self.frames, self.size = 0, (0, 0)

    def add(self, frame: EncodedFrame, arrived: float) -> bool:
        del arrived
        self.show(frame.timestamp, asyncio.get_running_loop().time())
        return True

    def show(self, timestamp: int, now: float) -> None:
        self.times.append(now)
        self.late.append(now - timestamp / 90_000)

    def clear(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing to end."""


Make = Callable[[_Shown, Feedback, float], Callable[[RtpPacket], None]]


def _ours(shown: _Shown, feedback: Feedback, rtt: float) -> Callable[[RtpPacket], None]:
    receiver = VideoReceiver(STREAM, [VP8], feedback, 1)
    receiver._decoder = shown  # type: ignore[assignment]
    receiver.round_trip = max(0.001, rtt)
    loop = asyncio.get_running_loop()
    return lambda packet: receiver.take(packet, VP8, loop.time())


def _stock(shown: _Shown, feedback: Feedback, _rtt: float) -> Callable[[RtpPacket], None]:
    buffer, nacks = JitterBuffer(capacity=128, is_video=True), NackGenerator()
    loop, decodable = asyncio.get_running_loop(), [False]

    def take(packet: RtpPacket) -> None:
        packet._data = packet.payload  # type: ignore[attr-defined]
        if nacks.add(packet):
            lost = sorted(nacks.missing)
            feedback(bytes(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=SSRC, lost=lost)))
        pli, frame = buffer.add(packet)
        if pli:
            decodable[0] = False
            feedback(bytes(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=SSRC)))
        if frame is not None:
            decodable[0] = decodable[0] or is_keyframe("VP8", frame.data)
            if decodable[0]:
                shown.show(frame.timestamp, loop.time())

    return take


def watch(
    weather: Weather, *, stock: bool = False, seconds: float = 60.0, seed: int = 3, first: int = 0
) -> tuple[Seen, Server]:
    """Watch a video over a network with this weather each way (its delay is half the round trip).

    Args:
        weather: Of the network.
        stock: With aiortc's parts instead of ours.
        seconds: For how long.
        seed: Of the weather.
        first: The number of the first packet.
    """
    return virtual_time.run(_watch(weather, _stock if stock else _ours, seconds, seed, first))


async def _watch(
    weather: Weather, make: Make, seconds: float, seed: int, first: int
) -> tuple[Seen, Server]:
    loop, shown = asyncio.get_running_loop(), _Shown()
    back = Link(Weather(delay=weather.delay, outages=weather.outages), seed + 1000)
    back.arrival(0.0)

    def feedback(data: bytes) -> None:
        for packet in RtcpPacket.parse(data):
            if isinstance(packet, RtcpRtpfbPacket):
                server.asked(packet.lost)
        if (at := back.arrival(loop.time())) is not None:
            loop.call_at(at, server.feedback, data)

    take = make(shown, feedback, 2 * weather.delay)
    server = Server(Link(weather, seed), take, 2 * weather.delay, number=first)
    for number in range(round(seconds * FPS)):
        loop.call_at(number / FPS, server.send_picture)
    done = loop.create_future()
    loop.call_at(seconds, done.set_result, None)
    await done
    return _seen(shown, server, seconds), server


def _seen(shown: _Shown, server: Server, seconds: float) -> Seen:
    ends = [*shown.times, seconds]
    gaps = [after - before for before, after in zip(ends, ends[1:], strict=False)]
    late = sorted(shown.late) or [0.0]
    return Seen(
        len(shown.times) / seconds,
        sum(gap for gap in gaps if gap > 0.25) / seconds,
        statistics.median(server.repairs) if server.repairs else 0.0,
        late[len(late) // 2],
        late[int(len(late) * 0.95)],
        server.asks / seconds,
        shown.times,
        [at - late for at, late in zip(shown.times, shown.late, strict=True)],
    )


def random_packet(rng: random.Random, payload_types: tuple[int, ...]) -> RtpPacket:
    """Any packet at all of these payload types."""
    return RtpPacket(
        payload_type=rng.choice(payload_types),
        marker=rng.randrange(2),
        sequence_number=rng.choice((rng.getrandbits(16), rng.randrange(40))),
        timestamp=rng.choice((rng.getrandbits(32), rng.randrange(9) * 960)),
        ssrc=SSRC,
        payload=rng.randbytes(rng.choice((0, 1, 2, 3, 5, 12, 60))),
    )
