"""Two of our own peers back to back: one offers and sends, the other answers and receives."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import av
import numpy as np
import numpy.typing as npt
import psutil
import pytest

from engage_tui.errors import ConnectError
from engage_tui.rtc.audio_receiver import AudioReceiver
from engage_tui.rtc.peer import Peer, PeerRole
from engage_tui.rtc.receiver import Receiver
from engage_tui.rtc.video_receiver import VideoReceiver
from engage_tui.wire.data import LOSSY, RELIABLE
from engage_tui.wire.sdp import Description
from tests.lossy import Link, Weather, bad_network
from tests.waiting import until

TONE = 0.25  # peak of full scale


def tone(block: int, channels: int = 1) -> npt.NDArray[np.int16]:
    """The `block`-th 10 ms of 440 Hz."""
    t = (np.arange(480) + block * 480) / 48_000
    mono = (np.sin(2 * np.pi * 440 * t) * TONE * 32767).astype(np.int16)
    return np.repeat(mono.reshape(-1, 1), channels, axis=1)


def picture(number: int, width: int = 320, height: int = 180) -> av.VideoFrame:
    """Noise that moves, so that a picture takes several packets."""
    rng = np.random.default_rng(number % 7)
    luma = rng.integers(0, 255, (height, width), np.uint8)
    chroma = np.full((height // 2, width), 128, np.uint8)
    return av.VideoFrame.from_ndarray(np.concatenate((luma, chroma)), format="yuv420p")


@dataclass
class Pair:
    """A connected publisher and subscriber, and what the subscriber was told."""

    publisher: Peer
    subscriber: Peer
    receivers: list[Receiver] = field(default_factory=list)
    gone: list[Receiver] = field(default_factory=list)
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    async def negotiate(self) -> None:
        offer = await self.publisher.offer()
        await self.publisher.apply_answer(await self.subscriber.answer(offer))

    def video(self) -> VideoReceiver:
        assert isinstance(self.receivers[-1], VideoReceiver)
        return self.receivers[-1]


@asynccontextmanager
async def pair(*, connected: bool = True) -> AsyncIterator[Pair]:
    receivers: list[Receiver] = []
    gone: list[Receiver] = []
    messages: list[tuple[str, bytes]] = []
    closed: list[str] = []
    publisher = Peer(PeerRole.PUBLISHER)
    subscriber = Peer(
        PeerRole.SUBSCRIBER,
        on_receiver=receivers.append,
        on_receiver_gone=gone.append,
        on_data=lambda label, data: messages.append((label, data)),
        on_closed=closed.append,
    )
    both = Pair(publisher, subscriber, receivers, gone, messages, closed)
    try:
        publisher.create_channels()
        await both.negotiate()
        if connected:
            await asyncio.gather(publisher.connected(), subscriber.connected())
        yield both
    finally:
        await publisher.close()
        await subscriber.close()


@asynccontextmanager
async def feeding(push: Callable[[int], None], interval: float) -> AsyncIterator[None]:
    """Call `push(number)` on a thread of its own every `interval` seconds."""
    stop = threading.Event()

    def run() -> None:
        start, number = time.monotonic(), 0
        while not stop.wait(max(0.0, start + number * interval - time.monotonic())):
            push(number)
            number += 1

    thread = threading.Thread(target=run, name="feed")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        await asyncio.to_thread(thread.join)


@asynccontextmanager
async def pulling(
    receiver: AudioReceiver, blocks: list[npt.NDArray[np.float32]]
) -> AsyncIterator[None]:
    """Pull 10 ms at a time on a thread, as the mixer does."""
    async with feeding(lambda _: blocks.append(receiver.pull(480)), 0.01):
        yield


def show_into(video: VideoReceiver) -> list[tuple[int, int, float]]:
    shown: list[tuple[int, int, float]] = []

    def sink(seen: av.VideoFrame, when: float) -> None:
        shown.append((seen.width, seen.height, when))

    video.sink = sink
    return shown


async def test_a_tone_arrives_at_its_level_and_mute_is_silence() -> None:
    async with pair() as both:
        sender = both.publisher.add_audio_sender("TR_tone")
        await both.negotiate()
        receiver = both.receivers[0]
        assert isinstance(receiver, AudioReceiver)
        assert (receiver.kind, receiver.codec, receiver.track_sid) == ("audio", "opus", "TR_tone")
        blocks: list[npt.NDArray[np.float32]] = []

        def rms() -> float:
            return float(np.sqrt(np.mean(np.concatenate(blocks[-20:]) ** 2))) if blocks else 0.0

        wanted = TONE / np.sqrt(2)
        async with (
            feeding(lambda n: sender.push(tone(n)), 0.01),
            pulling(receiver, blocks),
        ):
            await until(lambda: abs(20 * np.log10(max(rms(), 1e-9) / wanted)) < 1, 5, "the tone")
            assert {block.dtype for block in blocks} == {np.dtype(np.float32)}
            assert {block.shape for block in blocks} == {(480,)}
            sender.muted = True
            await until(lambda: rms() == 0.0, 5, "silence")
            sent = sender.stats.bytes
            sender.muted = False
            await until(lambda: abs(20 * np.log10(max(rms(), 1e-9) / wanted)) < 1, 5, "the tone")
            assert receiver.delay < 0.15
            assert sender.stats.bytes > sent
        figures = sender.stats
        assert figures.rms_max == pytest.approx(wanted, rel=0.05)
        # All that was sent came, and payloads are counted alike on both ends.
        await until(lambda: receiver.stats.bytes == figures.bytes, 2)
        assert receiver.stats.packets == figures.frames


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_pictures_of_changing_size_arrive(codec: str) -> None:
    async with pair() as both:
        sender = both.publisher.add_video_sender("TR_cam", codec=codec)
        await both.negotiate()
        receiver = both.video()
        shown = show_into(receiver)
        original = picture(0)
        size = (320, 180)
        async with feeding(lambda n: sender.push(picture(n, *size), time.monotonic()), 1 / 15):
            await until(lambda: (320, 180) in {each[:2] for each in shown})
            size = (426, 240)
            await until(lambda: shown[-1][:2] == (426, 240))
        assert receiver.codec == sender.codec
        assert (receiver.stats.width, receiver.stats.height) == (426, 240)
        assert (sender.stats.width, sender.stats.height) == (426, 240)
        sender.push(original, time.monotonic())
        assert original.pts is None  # a shared picture is only read


async def test_lost_packets_are_repaired_and_pictures_go_on() -> None:
    async with pair() as both:
        sender = both.publisher.add_video_sender("TR_cam")
        await both.negotiate()
        receiver = both.video()
        shown = show_into(receiver)
        there, back = Link(Weather(loss=0.05, delay=0.02)), Link(Weather(delay=0.02))
        async with (
            feeding(lambda n: sender.push(picture(n), time.monotonic()), 1 / 30),
            bad_network(both.subscriber, there, back),
        ):
            await until(lambda: len(shown) >= 30, 10)
            await until(lambda: receiver._buffer.recovered > 5, 10)
        assert there.lost > 5
        assert receiver.nacked > 0
        gaps = np.diff([when for _, _, when in shown])
        assert max(gaps) < 1.0


async def test_an_undecoded_track_is_counted_and_begins_again_with_a_keyframe() -> None:
    async with pair() as both:
        sender = both.publisher.add_video_sender("TR_cam")
        await both.negotiate()
        receiver = both.video()
        shown = show_into(receiver)
        async with feeding(lambda n: sender.push(picture(n), time.monotonic()), 1 / 15):
            await until(lambda: len(shown) > 3)
            receiver.decoding = False
            packets = receiver.stats.packets
            await until(lambda: receiver.stats.packets > packets + 20)
            asked, count, frames = receiver.keyframes_requested, len(shown), receiver.stats.frames
            await until(lambda: receiver.stats.packets > packets + 40)
            assert receiver.stats.frames <= frames + 1, "one was in the decoder"
            receiver.decoding = True
            await until(lambda: len(shown) > count + 3)
            assert receiver.keyframes_requested > asked


async def test_a_still_picture_answers_a_keyframe_request() -> None:
    async with pair() as both:
        sender = both.publisher.add_video_sender("TR_screen")
        await both.negotiate()
        receiver = both.video()
        shown = show_into(receiver)
        sender.push(picture(1), time.monotonic())
        await until(lambda: len(shown) == 1)
        receiver.decoding = False
        receiver.decoding = True  # as a viewer who comes late
        await until(lambda: len(shown) == 2)


async def test_a_recycled_section_gives_pictures_again_each_time() -> None:
    async with pair() as both:
        for turn in range(4):
            sender = both.publisher.add_video_sender(f"TR_{turn}")
            await both.negotiate()
            receiver = both.video()
            assert (receiver.track_sid, receiver.mid) == (f"TR_{turn}", "1")
            shown = show_into(receiver)
            async with feeding(
                lambda n, to=sender: to.push(picture(n), time.monotonic()),  # type: ignore[misc]
                1 / 30,
            ):
                await until(lambda seen=shown: len(seen) > 2, 5, f"turn {turn}")  # type: ignore[misc]
            await both.publisher.remove_sender(sender)
            await both.negotiate()
            assert both.gone[-1] is receiver
            assert receiver.closed
        assert len(both.receivers) == 4
        offer = Description.parse(await both.publisher.offer())
        assert [(s.kind, s.direction) for s in offer.sections[1:]] == [("video", "recvonly")]


async def test_tracks_offered_while_dtls_is_still_connecting_arrive() -> None:
    async with pair(connected=False) as both:
        voice = both.publisher.add_audio_sender("TR_voice")
        cameras = [both.publisher.add_video_sender(f"TR_{each}") for each in range(3)]
        await both.negotiate()
        await both.negotiate()  # and once more before anything is connected

        def push(number: int) -> None:
            voice.push(tone(number, channels=2))
            if number % 5 == 0:
                for camera in cameras:
                    camera.push(picture(number), time.monotonic())

        async with feeding(push, 0.01):
            await until(lambda: all(r.stats.packets > 5 for r in both.receivers), 10)
            await until(lambda: all(r.stats.frames > 2 for r in both.receivers[1:]), 10)
        assert [receiver.mid for receiver in both.receivers] == ["1", "2", "3", "4"]


async def test_data_flows_on_both_channels_and_says_when_it_cannot() -> None:
    async with pair(connected=False) as both:
        with pytest.raises(ConnectError):
            both.publisher.send_data(RELIABLE, b"too early")
        await both.publisher.data_ready(RELIABLE)
        await both.publisher.data_ready(LOSSY)
        both.publisher.send_data(RELIABLE, b"kept")
        both.publisher.send_data(LOSSY, b"quick")
        await until(lambda: len(both.messages) == 2)
        assert sorted(both.messages) == [(LOSSY, b"quick"), (RELIABLE, b"kept")]
        with pytest.raises(ConnectError):
            both.publisher.send_data(RELIABLE, bytes(100_000))


def raising(*_: object) -> None:
    raise RuntimeError("a handler that fails")


async def test_the_peer_outlives_nonsense(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair() as both:
        sender = both.publisher.add_audio_sender("TR_voice")
        await both.negotiate()
        for text in ("", "{", "[]", '{"candidate": 7}', '{"candidate": "candidate:1 x"}', "null"):
            await both.subscriber.add_candidate(text)
        # Anybody may send datagrams to our sockets.
        target = both.subscriber._ice._require().local_candidates[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for data in (b"", b"\x00", b"\x80" * 3, b"\x16\xfe\xfd" + bytes(50), bytes(1500)):
                stranger.sendto(data, (target.host, target.port))
        # The server's own packets, correctly encrypted but malformed within.
        dtls = both.publisher._dtls
        await dtls._send_rtp(b"\x90\x6f" + bytes(10) + b"\xbe\xde\x00\x05" + b"\x1f" * 20)
        await dtls._send_rtp(b"\x80\xc9\x00\x09" + bytes(8))
        await dtls._send_data(b"\x13\x88\x13\x88" + bytes(40))
        assert sender.ssrcs is not None
        broken = b"\x80\xef\x00\x01" + bytes(4) + sender.ssrcs[0].to_bytes(4, "big") + b"\xff"
        await dtls._send_rtp(broken)
        await both.publisher.data_ready(RELIABLE)
        again = b"\x03" + bytes(7) + b"\x00\x01\x00\x00x"  # opens a channel that is open
        await both.publisher._sctp._send(1, 50, again)
        await until(lambda: "an SCTP packet" in caplog.text)
        monkeypatch.setattr(both.receivers[0], "take", raising)
        async with feeding(lambda n: sender.push(tone(n)), 0.01):
            await until(lambda: both.receivers[0].stats.packets > 20)
            await until(lambda: "an RTP packet" in caplog.text)
            monkeypatch.undo()
            await until(lambda: both.receivers[0].stats.packets > 40)
        both.publisher.send_data(RELIABLE, b"still here")
        await until(lambda: both.messages == [(RELIABLE, b"still here")])
        assert not both.closed


async def test_low_latency_is_twice_the_packets_and_the_same_sound() -> None:
    async with pair() as both:
        sender = both.publisher.add_audio_sender("TR_quick", low_latency=True)
        await both.negotiate()
        receiver = both.receivers[0]
        assert isinstance(receiver, AudioReceiver)
        blocks: list[npt.NDArray[np.float32]] = []
        pushed = [0]

        def push(number: int) -> None:
            sender.push(tone(number))
            pushed[0] += 1

        async with feeding(push, 0.01), pulling(receiver, blocks):
            await until(lambda: receiver.stats.frames > 30, 10)
            wanted = pytest.approx(TONE / np.sqrt(2), rel=0.1)
            # For a fifth of a second without a gap, which a busy machine may make before.
            await until(lambda: np.sqrt(np.mean(np.concatenate(blocks[-20:]) ** 2)) == wanted, 10)
        assert sender.stats.frames > 0.8 * pushed[0]


async def test_the_end_of_the_other_side_is_told_once() -> None:
    async with pair() as both:
        await both.publisher.close()
        await until(lambda: both.closed)
        await both.subscriber.close()
        await both.subscriber.close()
        assert len(both.closed) == 1


async def test_messages_into_a_connection_that_just_ended_fail_in_silence() -> None:
    async with pair() as both:
        await both.publisher.data_ready(RELIABLE)
        await both.publisher._dtls.stop()  # as by the other side's goodbye, before anybody is told
        with contextlib.suppress(ConnectError):
            both.publisher.send_data(RELIABLE, b"too late")
        both.publisher._sctp._t3_expired()
        await asyncio.sleep(0)  # a failure of theirs would fail this test
        await asyncio.sleep(0)
        gc.collect()


async def test_without_an_answer_connecting_fails_in_time() -> None:
    peer = Peer(PeerRole.PUBLISHER)
    try:
        await peer.offer()
        with pytest.raises(ConnectError, match="publisher"):
            await peer.connected(timeout=0.05)
        with pytest.raises(ConnectError):
            await peer.data_ready(RELIABLE, timeout=0.05)
    finally:
        await peer.close()


@pytest.mark.parametrize("connected", [False, True])
async def test_closing_at_any_time_leaves_no_socket(connected: bool) -> None:
    def sockets() -> int:
        return len(psutil.Process().net_connections("udp"))

    before = sockets()
    async with pair(connected=connected) as both:
        both.publisher.add_video_sender("TR_cam")
        await both.negotiate()
        assert sockets() > before
    await until(lambda: sockets() == before)
