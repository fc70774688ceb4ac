"""A bad network that can be replayed: seeded loss, delay, jitter, bursts, outages and narrowness.

`Link` decides on a clock that is handed in, so most tests run it on virtual time; `bad_network` puts one in front of a
real `Peer`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiortc.rtp import is_rtcp

from engage_tui.rtc.peer import Peer
from engage_tui.tasks import TaskGroup


@dataclass(frozen=True, slots=True)
class Weather:
    """What a link does to packets.

    Attributes:
        loss: Share of the packets lost, each on its own.
        every: The last of so many packets is lost, so that no two in a row are; 0: none.
        delay: Seconds one way.
        jitter: Up to this many seconds more, at random; packets keep their order.
        burst: Everything is lost for this many seconds …
        burst_every: … once in this many.
        outages: Spans ``(from, to)`` in seconds since the first packet in which everything is lost.
        rate: Bits a second that pass; 0: any number.
        queue: Seconds for which packets wait for that; what would have to wait longer is lost.
    """

    loss: float = 0.0
    every: int = 0
    delay: float = 0.0
    jitter: float = 0.0
    burst: float = 0.0
    burst_every: float = 1.0
    outages: tuple[tuple[float, float], ...] = ()
    rate: float = 0.0
    queue: float = 0.5


class Link:
    """One direction of a bad network; the same seed and times give the same fate to each packet.

    Attributes:
        sent: Packets that went in.
        lost: Packets that did not come out.
    """

    def __init__(self, weather: Weather, seed: int = 3) -> None:
        self.weather = weather
        self.sent = 0
        self.lost = 0
        self._random = random.Random(seed)
        self._origin: float | None = None
        self._last = self._free = float("-inf")

    def arrival(self, now: float, size: int = 0) -> float | None:
        """When a packet of `size` bytes sent at `now` (seconds of any clock) arrives; None if it is lost."""
        self.sent += 1
        if self._origin is None:
            self._origin = now
        since, weather = now - self._origin, self.weather
        lost = self._random.random() < weather.loss
        jitter = self._random.random() * weather.jitter
        waits = max(0.0, self._free - now) if weather.rate else 0.0
        lost = lost or waits > weather.queue
        lost = lost or (weather.every > 0 and self.sent % weather.every == 0)
        in_burst = weather.burst > 0 and since % weather.burst_every < weather.burst
        if lost or in_burst or any(start <= since < end for start, end in weather.outages):
            self.lost += 1
            return None
        if weather.rate:
            waits += 8 * size / weather.rate
            self._free = now + waits
        self._last = max(self._last + 1e-6, now + waits + weather.delay + jitter)
        return self._last


@contextlib.asynccontextmanager
async def bad_network(
    peer: Peer, incoming: Link, outgoing: Link | None = None, *, prompt_reports: bool = False
) -> AsyncIterator[None]:
    """Put links in front of a peer's RTP and RTCP; what connects (STUN, DTLS, data) is left in peace.

    Media are lost as they come, enciphered: what was deciphered once would be a forgery when it is sent again. What is
    still under way when the context is left is lost. With `prompt_reports` the other side's RTCP comes at once.
    """
    dtls, loop, tasks = peer._dtls, asyncio.get_running_loop(), TaskGroup("bad_network")
    under_way: set[asyncio.TimerHandle] = set()
    take, handle_rtcp, send = dtls.take_media, dtls._handle_rtcp_data, dtls._send_rtp
    back = outgoing or Link(Weather())

    def later(link: Link, size: int, arrive: Callable[[], object]) -> None:
        if (at := link.arrival(loop.time(), size)) is None:
            return

        def arrived() -> None:
            under_way.discard(timer)
            arrive()

        timer = loop.call_at(at, arrived)
        under_way.add(timer)

    def receive_rtp(data: bytes) -> bool:
        if len(data) < 12 or not 127 < data[0] < 192 or is_rtcp(data):
            return take(data)
        later(incoming, len(data), lambda: take(data))
        return True

    async def receive_rtcp(data: bytes) -> None:
        if prompt_reports:
            await handle_rtcp(data)
            return
        later(incoming, len(data), lambda: tasks.spawn(handle_rtcp(data), "receive"))

    async def deliver(data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            await send(data)

    async def send_rtp(data: bytes) -> None:
        later(back, len(data), lambda: tasks.spawn(deliver(data), "deliver"))

    def hang_in(on_media: Callable[[bytes], bool]) -> None:
        peer._ice.on_media = on_media
        if peer._ice._connection is not None:
            peer._ice._connection.on_media = on_media

    hang_in(receive_rtp)
    dtls._handle_rtcp_data = receive_rtcp  # type: ignore[method-assign]
    dtls._send_rtp = send_rtp  # type: ignore[method-assign]
    try:
        yield
    finally:
        hang_in(take)
        del dtls._handle_rtcp_data, dtls._send_rtp
        for timer in under_way:
            timer.cancel()
        await tasks.cancel()
