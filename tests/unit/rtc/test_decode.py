"""Decoding off the loop: the newest picture wins, and nothing stands still for a viewer or for nonsense."""

from __future__ import annotations

import threading
from collections.abc import Callable

import av
import numpy as np
import pytest

from engage_tui.rtc import decode
from engage_tui.rtc.decode import PictureDecoder
from engage_tui.rtc.frames import EncodedFrame
from tests.waiting import until_sync


def encoded(count: int) -> list[EncodedFrame]:
    """So many VP8 pictures, each brighter than the one before."""
    codec = av.VideoCodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = 64, 48, "yuv420p"
    codec.options = {"deadline": "realtime", "lag-in-frames": "0"}
    frames = []
    for number in range(count):
        planes = np.full((72, 64), 60 + 10 * number, np.uint8)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.pts = number
        for packet in codec.encode(picture):
            frames.append(EncodedFrame("VP8", bytes(packet), 6000 * number, number == 0))
    return frames


def never() -> None:
    raise AssertionError("no keyframe is needed")


class Viewer:
    """Notes what it is shown, and keeps the first picture until it is told to go on."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.seeing, self.go_on = threading.Event(), threading.Event()

    def show(self, _picture: av.VideoFrame, time: float) -> None:
        self.times.append(time)
        self.seeing.set()
        assert self.go_on.wait(10)


def test_the_newest_picture_wins_and_those_before_it_are_only_decoded() -> None:
    viewer, frames = Viewer(), encoded(6)
    decoder = PictureDecoder(viewer.show, never)
    decoder.add(frames[0], 0.0)
    assert viewer.seeing.wait(10)
    for number, frame in enumerate(frames[1:], 1):
        assert decoder.add(frame, float(number))
    viewer.go_on.set()
    until_sync(lambda: decoder.frames == 6)
    until_sync(lambda: viewer.times == [0.0, 5.0])
    decoder.close()


def test_who_is_hopelessly_behind_drops_everything_and_asks_for_a_keyframe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decode, "MAX_WAITING", 3)
    viewer, frames = Viewer(), encoded(6)
    decoder = PictureDecoder(viewer.show, never)
    decoder.add(frames[0], 0.0)
    assert viewer.seeing.wait(10)
    taken = [decoder.add(frame, 1.0) for frame in frames[1:]]
    assert taken == [True, True, True, False, True]
    viewer.go_on.set()
    decoder.close()


@pytest.mark.parametrize("fail", [lambda: 1 / 0, lambda: None])
def test_nonsense_and_failing_viewers_end_nothing(fail: Callable[[], object]) -> None:
    shown, failed = threading.Event(), threading.Event()

    def show(_picture: av.VideoFrame, _time: float) -> None:
        shown.set()
        fail()

    decoder = PictureDecoder(show, failed.set)
    decoder.add(EncodedFrame("VP8", b"\xff" * 40, 0, True), 0.0)
    assert failed.wait(10)
    for frame in encoded(2):
        decoder.add(frame, 1.0)
    assert shown.wait(10)
    until_sync(lambda: decoder.frames == 2)
    decoder.close()
