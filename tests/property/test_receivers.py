"""Any packet at all at the receivers: dropped or taken, never an error, never a loss of what comes after."""

from __future__ import annotations

import asyncio
import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engage_tui.rtc.audio_receiver import AudioReceiver
from engage_tui.rtc.opus import FRAME, create_encoder
from engage_tui.rtc.receiver import Stream
from engage_tui.rtc.video_receiver import VideoReceiver
from engage_tui.wire.sdp import Codec
from tests import virtual_time
from tests.video_link import SSRC, random_packet

OPUS = Codec(111, "opus", 48_000, 2)
RED = Codec(63, "red", 48_000, 2, {"": "111/111"})
VP8 = Codec(96, "VP8", 90_000)
H264 = Codec(108, "H264", 90_000)
RTX = Codec(97, "rtx", 90_000, None, {"apt": "96"})
LOST = Codec(98, "rtx", 90_000, None, {"apt": "no"})


def stream(kind: str) -> Stream:
    return Stream("1", kind, SSRC, None, (), "PA_x", "TR_x")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_a_voice_outlives_any_packets(seed: int) -> None:
    rng = random.Random(seed)
    sent: list[bytes] = []
    receiver = AudioReceiver(stream("audio"), [RED, OPUS], sent.append, 1)
    for step in range(150):
        packet = random_packet(rng, (63, 111))
        codec = RED if packet.payload_type == 63 else OPUS
        receiver.take(packet, codec, step / 100)
        block = receiver.pull(480)
        assert block.shape == (480,)
        assert block.dtype == np.float32
        assert np.isfinite(block).all()
    assert receiver.delay < 60


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_a_video_outlives_any_packets(seed: int) -> None:
    async def feed() -> None:
        rng = random.Random(seed)
        sent: list[bytes] = []
        receiver = VideoReceiver(stream("video"), [VP8, RTX, H264, LOST], sent.append, 1)
        codecs = {codec.payload_type: codec for codec in (VP8, RTX, H264, LOST)}
        for _ in range(150):
            packet = random_packet(rng, tuple(codecs))
            receiver.take(packet, codecs[packet.payload_type], asyncio.get_running_loop().time())
            await asyncio.sleep(rng.random() / 20)
        assert all(len(each) < 1500 for each in sent)
        assert receiver.report() is None or len(bytes(receiver.report() or b"")) == 24
        receiver.close()

    virtual_time.run(feed())


def test_silence_is_hardly_sent_and_speech_is() -> None:
    encoder = create_encoder()
    rng = np.random.default_rng(1)
    silent = [encoder.encode(np.zeros((FRAME, 2), np.int16)) for _ in range(200)]
    assert sum(map(bool, silent)) < 40
    loud = rng.integers(-9000, 9000, (50, FRAME, 2)).astype(np.int16)
    assert all(encoder.encode(block) for block in loud)
