from __future__ import annotations

import threading
from typing import Any

import av
import numpy as np
import pytest

from engage_tui.media.devices import open_source
from engage_tui.media.levels import rms
from engage_tui.media.source import AudioFrame, FrameSource, FrameT, VideoFrame
from engage_tui.media.synthetic import TONE_PEAK, PatternSource, read_counter
from tests.waiting import until_sync


def collect(source: FrameSource[FrameT], count: int) -> list[FrameT]:
    """The first `count` frames of a source, which is opened and closed for them."""
    frames: list[FrameT] = []
    source.add_sink(frames.append)
    source.open()
    until_sync(lambda: len(frames) >= count, 20, "frames")
    source.close()
    return frames


def test_tone_has_its_level_and_an_unbroken_phase() -> None:
    frames: list[AudioFrame] = collect(open_source("audio", "test"), 30)
    assert all(frame.samples.shape == (480, 1) for frame in frames)
    tone = np.concatenate([frame.samples for frame in frames])[:, 0].astype(float) / 32767
    assert rms(tone.astype(np.float32)) == pytest.approx(TONE_PEAK / 2**0.5, rel=0.01)
    wanted = np.sin(2 * np.pi * 440 / 48_000 * np.arange(len(tone))) * TONE_PEAK
    assert np.abs(tone - wanted).max() < 1e-4
    gaps = np.diff([frame.time for frame in frames])
    assert gaps == pytest.approx(0.01, abs=0.3)


def test_pattern_counts_its_frames_through_scaling_and_a_codec() -> None:
    frames: list[VideoFrame] = collect(PatternSource((640, 360), 60.0), 5)
    assert [read_counter(frame.picture) for frame in frames[:5]] == [0, 1, 2, 3, 4]
    small = frames[4].picture.reformat(160, 90)
    assert read_counter(small) == 4
    encoder: Any = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 160, 90, "yuv420p"
    encoder.bit_rate, encoder.framerate = 100_000, 15
    encoder.options = {"deadline": "realtime", "cpu-used": "8"}
    decoder: Any = av.CodecContext.create("vp8", "r")
    packets = [*encoder.encode(small), *encoder.encode(None)]
    decoded = [picture for packet in packets for picture in decoder.decode(packet)]
    assert [read_counter(picture) for picture in decoded] == [4]


def test_other_pictures_carry_no_counter() -> None:
    assert (
        read_counter(av.VideoFrame.from_ndarray(np.full((96, 64), 90, np.uint8), "yuv420p")) is None
    )


def test_closing_ends_the_thread_and_opening_again_starts_anew() -> None:
    source = open_source("video", "test")
    before = threading.active_count()
    for _ in range(2):
        source.open()
        source.open()  # idempotent
        assert source.is_open
        assert threading.active_count() == before + 1
        source.close()
        source.close()
        assert not source.is_open
    assert threading.active_count() == before


def test_a_failing_sink_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    source = open_source("audio", "test")
    frames: list[AudioFrame] = []

    def broken(frame: AudioFrame) -> None:
        raise RuntimeError("broken sink")

    source.add_sink(broken)
    source.add_sink(frames.append)
    source.open()
    until_sync(lambda: len(frames) >= 5)
    source.close()
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_a_sink_may_close_its_source() -> None:
    source = open_source("audio", "test")
    source.add_sink(lambda _: source.close())
    source.open()
    until_sync(lambda: not source.is_open)
    source.close()
