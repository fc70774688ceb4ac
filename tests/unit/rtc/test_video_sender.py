"""Which layers a video is sent in, and what the encoder makes of its bit rate and size."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import av
import numpy as np
import pytest

from engage_tui.rtc.encode import TOLERANCE, PictureEncoder, default_bitrate
from engage_tui.rtc.video_sender import KEYFRAME_INTERVAL, STILL, Layer, LayerStream, layers_for
from engage_tui.wire.rtp import is_keyframe


def picture(number: int, width: int = 640, height: int = 360) -> av.VideoFrame:
    rng = np.random.default_rng(1)
    one = np.kron(
        rng.integers(40, 200, (height // 8, width // 8), np.uint8), np.ones((8, 8), np.uint8)
    )
    luma = np.roll(one, number * 3, axis=1)
    planes = np.concatenate((luma, np.full((height // 2, width), 128, np.uint8)))
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


@pytest.mark.parametrize(
    ("size", "layers"),
    [
        ((1280, 720), [("q", 4), ("h", 1)]),
        ((640, 360), [("q", 2), ("h", 1)]),
        ((640, 480), [("q", 3), ("h", 1)]),
        ((320, 180), [("", 1)]),
        ((0, 0), [("", 1)]),
    ],
)
def test_a_small_layer_where_there_is_something_to_save(
    size: tuple[int, int], layers: list[tuple[str, int]]
) -> None:
    assert [(layer.rid, layer.shrink) for layer in layers_for(*size)] == layers


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_the_bit_rate_is_kept_and_followed(codec: str) -> None:
    encoder = PictureEncoder(codec, 150_000, shrink=2)
    sizes = []
    for number in range(45):
        if number == 30:
            encoder.share = 0.5
        payloads = encoder.encode(picture(number), number * 6000, number == 0)
        sizes.append(sum(map(len, payloads)))
    before, after = sum(sizes[10:30]) * 8 * 15 / 20, sum(sizes[35:]) * 8 * 15 / 10
    assert 40_000 < before < 220_000
    assert after < before
    assert max(map(len, payloads)) <= 1400
    assert encoder.size(picture(0)) == (320, 180)


def test_small_changes_of_the_rate_cost_no_keyframe() -> None:
    encoder = PictureEncoder("vp8", 300_000)
    encoder.encode(picture(0), 0, True)
    codec = encoder._codec
    encoder.share = 1 - TOLERANCE / 2
    encoder.encode(picture(1), 6000, False)
    assert encoder._codec is codec
    encoder.share = 1 - 2 * TOLERANCE
    encoder.encode(picture(2), 12_000, False)
    assert encoder._codec is not codec


def test_rates_grow_with_size_within_bounds() -> None:
    rates = [default_bitrate(w, w * 9 // 16) for w in (64, 320, 640, 1280, 3840)]
    assert rates == sorted(rates)
    assert rates[2] == 700_000
    assert rates[0] >= 100_000
    assert rates[-1] <= 2_000_000


async def test_a_still_source_sends_its_last_picture_again_soon_after_a_keyframe_is_asked_for() -> (
    None
):
    nobody: Any = None
    stream = LayerStream(Layer(""), "vp8", 100_000, nobody)

    async def next_keyframe() -> float:
        async with asyncio.timeout(2):
            frame = await stream.next_frame()
        assert frame is not None
        assert is_keyframe("VP8", frame.payloads[0])
        return time.monotonic()

    stream.push(picture(0, 160, 96), time.monotonic())
    first = await next_keyframe()
    stream.request_keyframe()
    second = await next_keyframe()
    assert second - first >= KEYFRAME_INTERVAL - 0.05, "asked for too often"
    stream._last_keyframe = float("-inf")  # long ago
    asked = time.monotonic()
    stream.request_keyframe()
    assert await next_keyframe() - asked >= STILL - 0.01, "a new picture may come first"
    await stream.end()
    assert stream._encoder._codec is None
