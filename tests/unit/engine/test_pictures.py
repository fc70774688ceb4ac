"""Tiles get the newest frame, at their size and rate, only with credit, and never the same one twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import av
import numpy as np
import pytest

from engage_tui.engine.messages import Credit, Picture, Watch
from engage_tui.engine.pictures import Pictures
from engage_tui.media.source import VideoFrame
from tests.waiting import until_sync

KEY = "ada/camera/camera"


def frame(luma: int) -> VideoFrame:
    yuv = np.full((36 * 3 // 2, 64), 128, np.uint8)
    yuv[:36] = luma
    return VideoFrame(av.VideoFrame.from_ndarray(yuv, format="yuv420p"), time.monotonic())


@pytest.fixture
def sent() -> list[Picture]:
    return []


@pytest.fixture
def pictures(sent: list[Picture]) -> Iterator[Pictures]:
    made = Pictures(sent.append)
    yield made
    made.close()


def test_a_tile_gets_a_picture_at_its_size_and_the_next_after_credit(
    pictures: Pictures, sent: list[Picture]
) -> None:
    pictures.watch(Watch(3, KEY, 32, 32, 1000.0))
    pictures.frame(KEY, frame(200))
    until_sync(lambda: len(sent) == 1)
    first = sent[0]
    assert (first.tile, first.key, first.width, first.height) == (3, KEY, 32, 18)
    assert len(first.pixels) == 32 * 18 * 3
    pictures.frame(KEY, frame(10))
    pictures.frame(KEY, frame(60))
    pictures.credit(Credit(3, first.number - 1))  # an older picture's credit counts for nothing
    assert len(sent) == 1
    pictures.credit(Credit(3, first.number))
    until_sync(lambda: len(sent) == 2)
    assert 30 < sent[1].pixels[0] < 80, "the newest frame, not the one before"
    pictures.credit(Credit(3, sent[1].number))
    pictures.watch(
        Watch(9, "nobody/camera/", 8, 8)
    )  # wakes the thread: still nothing new for tile 3
    assert len(sent) == 2


def test_a_new_size_is_served_from_the_frame_at_hand(
    pictures: Pictures, sent: list[Picture]
) -> None:
    pictures.watch(Watch(1, KEY, 16, 16))
    pictures.frame(KEY, frame(100))
    until_sync(lambda: len(sent) == 1)
    pictures.watch(Watch(1, KEY, 64, 64))
    until_sync(lambda: len(sent) == 2)
    assert (sent[1].width, sent[1].height) == (64, 36)


def test_the_rate_is_kept(pictures: Pictures, sent: list[Picture]) -> None:
    pictures.watch(Watch(1, KEY, 16, 16, 5.0))
    began = time.monotonic()
    while len(sent) < 3:
        pictures.frame(KEY, frame(100))
        if sent:
            pictures.credit(Credit(1, sent[-1].number))
        assert time.monotonic() - began < 10
        threading.Event().wait(0.005)
    assert time.monotonic() - began > 2 * 0.8 / 5.0


def test_who_watches_nothing_gets_nothing(pictures: Pictures, sent: list[Picture]) -> None:
    pictures.watch(Watch(1, KEY, 16, 16))
    pictures.watch(Watch(2, KEY, 40, 20, 30.0))
    wants = pictures.wanted()
    assert (wants[KEY].width, wants[KEY].height, wants[KEY].frame_rate) == (40, 20, 30.0)
    pictures.watch(Watch(1, ""))
    pictures.watch(Watch(2, ""))
    assert pictures.wanted() == {}
    pictures.frame(KEY, frame(1))
    pictures.watch(Watch(2, "bob/camera/", 8, 8))
    pictures.frame("bob/camera/", frame(1))
    until_sync(lambda: sent)
    assert [each.key for each in sent] == ["bob/camera/"]


def test_a_frame_that_cannot_be_scaled_ends_nothing(sent: list[Picture]) -> None:
    class Broken:
        calls = 0

        def to_rgb(self, picture: av.VideoFrame, width: int, height: int) -> tuple[bytes, int, int]:
            Broken.calls += 1
            if Broken.calls == 1:
                raise ValueError("on purpose")
            return b"rgb", 1, 1

    pictures = Pictures(sent.append, Broken)  # type: ignore[arg-type]
    try:
        pictures.watch(Watch(1, KEY, 16, 16, 1000.0))
        pictures.frame(KEY, frame(1))
        until_sync(lambda: Broken.calls == 1)
        pictures.frame(KEY, frame(1))
        until_sync(lambda: len(sent) == 1)
    finally:
        pictures.close()
