"""A voice over a bad network on virtual time: our playout, and aiortc's buffer for comparison.

Each sample's value is its own media time, so that the delay of everything that is heard can be read from the sound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

from engage_tui.rtc.opus import FRAME, SAMPLE_RATE, Decoder, Mono
from engage_tui.rtc.playout import Playout
from tests.lossy import Link, Weather

BLOCK = 480
_MADE_UP = -1.0


class RulerDecoder:
    """Packet n becomes the samples ``n * FRAME + 1`` and on: each is its own media time."""

    def decode(self, payload: bytes) -> Mono:
        start = int.from_bytes(payload, "big") * FRAME
        return np.arange(start + 1, start + FRAME + 1, dtype=np.float32)

    def conceal(self, samples: int) -> Mono:
        return np.full(samples, _MADE_UP, np.float32)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came out.

    Attributes:
        latency: Median of seconds between a packet's undisturbed arrival and its sound, packet length not counted.
        latency_95: The 95th percentile of the same.
        latency_end: Median of the last second.
        concealed: Share of the time filled with made-up sound.
        silent: Share of the time without any sound.
        blocks: Latency of each block of 10 ms, in order; NaN where nothing real was heard.
    """

    latency: float
    latency_95: float
    latency_end: float
    concealed: float
    silent: float
    blocks: Mono


def arrivals(
    weather: Weather, seconds: float, seed: int, packets_lost: tuple[int, ...] = ()
) -> list[tuple[float, int]]:
    """``(arrival, packet)`` of a voice that sends each 20 ms; the link's own delay is 0 unless the weather says so."""
    link = Link(weather, seed)
    came = []
    for number in range(round(seconds * 50)):
        at = link.arrival(number * 0.02)
        if at is not None and number not in packets_lost:
            came.append((at, number))
    return came


def listen(
    weather: Weather,
    *,
    red: bool,
    seconds: float = 30.0,
    seed: int = 3,
    drift: float = 0.0,
    decoder: Decoder | None = None,
    block: int = BLOCK,
) -> tuple[Heard, Playout]:
    """Our playout, pulled every 10 ms.

    Args:
        weather: The network.
        red: Each packet also carries the one before.
        seconds: Of virtual time.
        seed: Of the network.
        drift: By which the listener's clock is faster, as a share.
        decoder: Instead of the ruler.
        block: Samples of a pull.
    """
    playout = Playout(decoder or RulerDecoder())
    waiting = arrivals(weather, seconds, seed)
    waiting.reverse()
    out: list[Mono] = []
    times: list[float] = []
    for step in range(round(seconds * SAMPLE_RATE / block * (1 + drift))):
        now = 0.003 + step * block / SAMPLE_RATE / (
            1 + drift
        )  # the card's clock, seen from the sender's
        while waiting and waiting[-1][0] <= now:
            at, number = waiting.pop()
            if red and number:
                playout.add(number - 1, (number - 1) * FRAME, _payload(number - 1), at, 1)
            playout.add(number, number * FRAME, _payload(number), at)
        out.append(playout.pull(block, now))
        times.append(now)
    return _heard(np.concatenate(out), np.asarray(times), weather.delay, block), playout


def listen_stock(weather: Weather, *, seconds: float = 30.0, seed: int = 3) -> Heard:
    """aiortc's audio buffer: a packet is handed out when later ones come, and only then."""
    buffer = JitterBuffer(capacity=16, prefetch=4)
    delays: list[float] = []
    for at, number in arrivals(weather, seconds, seed):
        packet = RtpPacket(sequence_number=number, timestamp=number * FRAME)
        packet._data = _payload(number)  # type: ignore[attr-defined]
        _, frame = buffer.add(packet)
        if frame is not None:
            delays.append(at - frame.timestamp / SAMPLE_RATE - weather.delay)
    expected = round(seconds * 50) - 4  # the last ones are still on their way
    late = np.asarray(delays, np.float32)
    return Heard(
        float(np.median(late)),
        float(np.percentile(late, 95)),
        float(np.median(late[-50:])),
        0.0,
        max(0.0, 1 - len(delays) / expected),
        late,
    )


def _payload(number: int) -> bytes:
    return number.to_bytes(4, "big")


def _heard(sound: Mono, times: Mono, delay: float, block: int) -> Heard:
    begin = int(np.argmax(sound > 0))
    after = sound[begin:]
    blocks = sound.reshape(-1, block)
    first = blocks[:, 0]
    latency = np.where(first > 0, times - delay - (first - 1) / SAMPLE_RATE, np.nan)
    real = latency[~np.isnan(latency)]
    return Heard(
        float(np.median(real)),
        float(np.percentile(real, 95)),
        float(np.median(real[-100:])),
        float(np.mean(after == _MADE_UP)),
        float(np.mean(after == 0)),
        latency,
    )
