"""What our microphone sends, counted and heard by LiveKit's own SDK, on a real livekit-server."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from engage_tui import Space
from engage_tui.media.source import AudioFrame
from engage_tui.media.synthetic import ToneSource
from engage_tui.sdk.local_track import LocalAudioTrack
from engage_tui.sdk.room import Room
from tests.integration.meeting import join
from tests.lossy import Link, Weather, bad_network
from tests.require import need
from tests.servers import TestServer
from tests.waiting import until

pytestmark = pytest.mark.interop
need(find_spec("livekit.rtc") is not None, "the official SDK: pip install livekit")

from tests.interop.official import TONE, OfficialPeer  # noqa: E402

FRAME = 960  # samples of a packet


class Voice(ToneSource):
    """The test tone as somebody who speaks, or says nothing.

    Attributes:
        silent: Whether nothing is said.
        blocks: Of 10 ms that were captured.
    """

    def __init__(self) -> None:
        super().__init__()
        self.silent = False
        self.blocks = 0

    def push(self, frame: AudioFrame) -> None:
        samples = np.zeros_like(frame.samples) if self.silent else frame.samples
        super().push(AudioFrame(samples, frame.time))
        self.blocks += 1

    async def goes_on(self, blocks: int) -> None:
        """Wait until so many more blocks were captured."""
        wanted = self.blocks + blocks
        await until(lambda: self.blocks >= wanted, 10)


@dataclass
class Listener:
    """Somebody who hears our voice with LiveKit's SDK."""

    peer: OfficialPeer
    track: Any
    room: Room
    voice: Voice

    async def stats(self) -> Any:
        """What WebRTC says of the incoming stream."""
        for each in await self.track.get_stats():
            if each.HasField("inbound_rtp"):
                return each.inbound_rtp
        raise AssertionError("no incoming stream")

    async def packets(self) -> int:
        """That came so far."""
        return int((await self.stats()).received.packets_received)

    async def hears_the_tone(self) -> None:
        """Wait until the last second was the tone within 1 dB."""
        await until(lambda: abs(20 * math.log10(max(self.peer.rms, 1e-9) / TONE)) < 1, 15)


@asynccontextmanager
async def listener(server: TestServer, room_name: str) -> AsyncIterator[Listener]:
    peer, tracks, voice = OfficialPeer(), list[Any](), Voice()
    peer.room.on("track_subscribed", lambda track, *_: tracks.append(track))
    async with Space() as space:
        room = await join(space, server, "ada", room_name)
        try:
            await peer.join(server, room_name)
            track = LocalAudioTrack(voice)
            await track.start()
            await room.local_participant.publish_track(track)
            await until(lambda: tracks, 10, "our voice")
            both = Listener(peer, tracks[0], room, voice)
            await both.hears_the_tone()
            yield both
        finally:
            await peer.leave()


async def test_who_says_nothing_sends_next_to_nothing(
    livekit_server: TestServer, room_name: str
) -> None:
    async with listener(livekit_server, room_name) as ada:
        before = await ada.packets()
        await ada.voice.goes_on(50)
        assert await ada.packets() - before > 15, "25 were sent"
        ada.voice.silent = True
        await until(lambda: ada.peer.rms < TONE / 1000, 10, "silence")
        before = await ada.packets()
        await ada.voice.goes_on(100)
        assert await ada.packets() - before < 10, "fifty would come without a pause"
        ada.voice.silent = False
        await ada.hears_the_tone()
        before = await ada.packets()
        await ada.voice.goes_on(50)
        assert await ada.packets() - before > 15


async def test_lost_packets_are_heard_all_the_same(
    livekit_server: TestServer, room_name: str
) -> None:
    """Each packet carries the one before once more (RED): a single loss costs nothing."""
    async with listener(livekit_server, room_name) as ada:
        assert ada.room._connection is not None
        assert ada.room._connection.publisher is not None
        link = Link(Weather(every=10))
        shares: list[float] = []
        async with bad_network(ada.room._connection.publisher, Link(Weather()), link):
            # A busy machine may come late once, which sounds like a loss.
            while not shares or (shares[-1] > 0.3 and len(shares) < 3):
                lost, before = link.lost, await ada.stats()
                await until(lambda since=lost: link.lost >= since + 10, 10)  # type: ignore[misc]
                after = await ada.stats()
                made_up = after.inbound.concealed_samples - before.inbound.concealed_samples
                shares.append(made_up / FRAME / (link.lost - lost))
        assert shares[-1] <= 0.3, "of what was lost had to be made up"
        assert after.received.packets_lost - before.received.packets_lost >= 5
        await ada.hears_the_tone()
