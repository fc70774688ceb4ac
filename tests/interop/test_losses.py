"""Calls in which packets get lost, both ways, with LiveKit's SDK through a real livekit-server and through ours."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import av
import numpy as np
import pytest

from engage_tui import RemoteTrackPublication, Space
from engage_tui.media.source import VideoFrame
from engage_tui.media.synthetic import PatternSource
from engage_tui.rtc.audio_receiver import AudioReceiver
from engage_tui.rtc.peer import Peer
from engage_tui.rtc.video_receiver import VideoReceiver
from engage_tui.rtc.video_sender import VideoSender
from engage_tui.sdk.local_track import LocalVideoTrack
from engage_tui.sdk.room import Room
from tests.integration.meeting import join
from tests.lossy import Link, Weather, bad_network
from tests.require import need
from tests.servers import TestServer
from tests.waiting import until

pytestmark = pytest.mark.interop
need(find_spec("livekit.rtc") is not None, "the official SDK: pip install livekit")

from tests.interop.official import OfficialPeer  # noqa: E402

FULL = (640, 360)


@pytest.fixture(params=["livekit", "embedded"])
def real_server(request: pytest.FixtureRequest, livekit_server: TestServer) -> TestServer:
    """The real one, and ours beside it: not without it, for these tests take long."""
    server = (
        livekit_server if request.param == "livekit" else request.getfixturevalue("room_server")
    )
    assert isinstance(server, TestServer)
    return server


def received(room: Room) -> list[RemoteTrackPublication]:
    """Everybody's tracks that come."""
    people = room.participants.values()
    return [p for who in people for p in who.tracks.values() if p.stats.frames > 5]


async def test_two_voices_and_two_pictures_are_repaired(
    real_server: TestServer, room_name: str
) -> None:
    peers = [OfficialPeer(), OfficialPeer()]
    async with Space() as space:
        room = await join(space, real_server, "ada", room_name, subscribe="all")
        try:
            for number, peer in enumerate(peers):
                await peer.join(real_server, room_name, f"official {number}")
                await peer.publish()
            await until(lambda: len(received(room)) == 4, 20, "two voices and two pictures")
            receivers: list[Any] = [p.track._receiver for p in received(room)]  # type: ignore
            pictures = [each for each in receivers if isinstance(each, VideoReceiver)]
            voices = [each for each in receivers if isinstance(each, AudioReceiver)]
            assert room._connection is not None
            assert room._connection.subscriber is not None
            there, back = Link(Weather(loss=0.1, delay=0.02)), Link(Weather(delay=0.02))
            async with bad_network(room._connection.subscriber, there, back):
                shown = [each.stats.frames for each in pictures]
                await until(
                    lambda: (
                        all(each._playout.recovered > 10 for each in voices)
                        and all(each._buffer.recovered > 3 for each in pictures)
                    ),
                    30,
                    "lost packets that came after all, of each",
                )
                for picture, frames in zip(pictures, shown, strict=True):
                    assert picture.stats.frames > frames
                    assert picture.keyframes_requested < picture._buffer.recovered
                for voice in voices:
                    # Two lost in a row are more than redundancy repairs, and so is a machine that is late.
                    assert voice._playout.recovered > 0.5 * voice.stats.lost
        finally:
            for peer in peers:
                await peer.leave()


class Leaves(PatternSource):
    """Pictures that take as many bits as they are given."""

    def __init__(self) -> None:
        super().__init__(FULL, 15.0)
        chance = np.random.default_rng(1)
        coarse = chance.integers(40, 200, (FULL[1] // 8, FULL[0] // 8), np.uint8)
        self._leaves = np.kron(coarse, np.ones((8, 8), np.uint8))
        self._grain = chance.integers(0, 12, (9, FULL[1], FULL[0]), np.uint8)
        self._number = 0

    def push(self, frame: VideoFrame) -> None:
        self._number += 1
        luma = np.roll(self._leaves, self._number * 3, axis=1) + self._grain[self._number % 9]
        grey = np.full((FULL[1] // 2, FULL[0]), 128, np.uint8)
        picture = av.VideoFrame.from_ndarray(np.concatenate((luma, grey)), format="yuv420p")
        super().push(VideoFrame(picture, frame.time))


@dataclass
class Watched:
    """Our camera, and somebody who watches it with LiveKit's SDK."""

    publisher: Peer
    sender: VideoSender
    track: Any

    async def seen(self) -> tuple[int, int]:
        """Pictures that were decoded so far, and keyframes among them."""
        for each in await self.track.get_stats():
            if each.HasField("inbound_rtp"):
                video = each.inbound_rtp.inbound
                return int(video.frames_decoded), int(video.key_frames_decoded)
        raise AssertionError("no incoming stream")

    async def sees(self, pictures: int, timeout: float) -> None:
        """Wait until so many more were decoded."""
        before, _ = await self.seen()
        end = time.monotonic() + timeout
        while (await self.seen())[0] < before + pictures:
            assert time.monotonic() < end, f"{await self.seen()} pictures, {before} before"
            sent = self.sender.stats.frames
            await until(lambda now=sent: self.sender.stats.frames > now + 2)  # type: ignore[misc]


@asynccontextmanager
async def watched(server: TestServer, room_name: str) -> AsyncIterator[Watched]:
    peer, tracks = OfficialPeer(), list[Any]()
    peer.room.on("track_subscribed", lambda track, *_: tracks.append(track))
    async with Space() as space:
        room = await join(space, server, "ada", room_name)
        try:
            await peer.join(server, room_name)
            camera = LocalVideoTrack(Leaves())
            await camera.start()
            await room.local_participant.publish_track(camera)
            await until(lambda: peer.sizes.count(FULL) > 5, 20, "our full layer")
            assert room._connection is not None
            publisher = room._connection.publisher
            assert publisher is not None
            (sender,) = (s.sender for s in publisher._slots if isinstance(s.sender, VideoSender))
            yield Watched(publisher, sender, tracks[0])
        finally:
            await peer.leave()


async def test_what_we_send_is_repaired(real_server: TestServer, room_name: str) -> None:
    async with watched(real_server, room_name) as ada:
        link = Link(Weather(every=10, delay=0.01))
        shares: list[float] = []
        async with bad_network(ada.publisher, Link(Weather(delay=0.01)), link):
            _, keys = await ada.seen()
            # What is under way when they are counted may be much on a busy machine.
            while not shares or (shares[-1] < 0.8 and len(shares) < 3):
                sent, (seen, _) = ada.sender.stats.frames, await ada.seen()
                await until(lambda n=sent: ada.sender.stats.frames >= n + 45, 15)  # type: ignore[misc]
                shares.append(((await ada.seen())[0] - seen) / (ada.sender.stats.frames - sent))
            _, more_keys = await ada.seen()
        assert link.lost > 20
        assert shares[-1] >= 0.8, "of the pictures came"
        assert more_keys - keys <= 1, "and not by beginning anew"


async def test_pictures_go_on_over_a_way_that_became_narrow(
    real_server: TestServer, room_name: str
) -> None:
    async with watched(real_server, room_name) as ada:
        narrow = Link(Weather(rate=400_000, queue=0.4))  # of the 950 kbit/s of both layers
        async with bad_network(ada.publisher, Link(Weather()), narrow):
            await ada.sees(40, 20)
            assert ada.sender.streams[-1]._encoder.share < 0.6
