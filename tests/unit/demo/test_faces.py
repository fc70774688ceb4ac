"""The faces: distinct, moving, speaking, and published like a camera's pictures."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from engage_tui.demo.faces import LOOKS, SIZE, FaceCamera, backdrop, draw
from engage_tui.demo.paint import Canvas
from engage_tui.demo.slides import SlideScreen
from engage_tui.demo.voices import SpokenVoice, load_clip
from engage_tui.media.source import AudioFrame, VideoFrame
from tests.waiting import until_sync

Image = npt.NDArray[np.int16]


def face(name: str, now: float = 1.0, mouth: float = 0.0) -> Image:
    canvas = backdrop(LOOKS[name])
    draw(canvas, LOOKS[name], now, mouth)
    return canvas.to_rgb().astype(np.int16)


def difference(one: Image, other: Image) -> float:
    return float(np.abs(one - other).mean())


def test_ellipse_covers_its_area() -> None:
    canvas = Canvas(100, 80)
    canvas.ellipse(50, 40, 30, 20, (200, 0, 100), angle=0.5)
    assert canvas.pixels[0].sum() / 200 == pytest.approx(np.pi * 30 * 20, rel=0.02)
    assert canvas.pixels[1].max() == 0
    canvas.ellipse(-500, 40, 30, 20, (0, 255, 0))  # outside: nothing, and no error
    assert canvas.pixels[1].max() == 0


def test_ring_has_a_hole() -> None:
    canvas = Canvas(100, 100)
    canvas.ellipse(50, 50, 40, 40, (255, 255, 255), hole=0.5)
    assert canvas.pixels[0, 50, 50] == 0
    assert canvas.pixels[0, 50, 20] == 255
    assert canvas.pixels[0].sum() / 255 == pytest.approx(np.pi * (40**2 - 20**2), rel=0.03)


def test_box_blends_between_pixels() -> None:
    canvas = Canvas(10, 10)
    canvas.box(2.5, 3, 4, 2, (100, 0, 0))
    assert canvas.pixels[0].sum() == pytest.approx(800)
    assert canvas.pixels[0, 3, 2] == pytest.approx(50)


def test_faces_differ_from_each_other_even_when_small() -> None:
    # 40 x 22 dots: what a tile of 40 x 11 half-block cells shows.
    small = {
        name: face(name)[:176].reshape(22, 8, 40, 8, 3).mean(axis=(1, 3)).astype(np.int16)
        for name in LOOKS
    }
    for one, other in itertools.combinations(small, 2):
        assert difference(small[one], small[other]) > 20, (one, other)


@pytest.mark.parametrize("name", LOOKS)
def test_face_moves_and_speaks(name: str) -> None:
    still = face(name)
    assert difference(still, face(name, now=1.2)) > 0.1
    open_mouth = face(name, mouth=1.0)
    centre = np.s_[100:170, 110:210]
    assert difference(still[centre], open_mouth[centre]) > 5


def test_face_camera_pushes_pictures_and_reopens() -> None:
    pictures: list[VideoFrame] = []
    camera = FaceCamera("mira", lambda: 0.0)
    camera.add_sink(pictures.append)
    for _ in range(2):  # off and on again, as in a call
        pictures.clear()
        camera.open()
        until_sync(lambda: len(pictures) >= 3)
        camera.close()
        assert not camera.is_open
    picture = pictures[-1].picture
    assert (picture.width, picture.height) == SIZE
    assert picture.format.name == "yuv420p"
    assert 0.04 < pictures[2].time - pictures[1].time < 0.1


def test_slides_grow() -> None:
    pictures: list[VideoFrame] = []
    screen = SlideScreen("mira")
    screen.add_sink(pictures.append)
    screen.open()
    until_sync(lambda: len(pictures) >= 4)
    screen.close()
    first, last = (each.picture.to_ndarray(format="rgb24") for each in (pictures[0], pictures[-1]))
    assert difference(first.astype(np.int16), last.astype(np.int16)) > 0.1


def test_voice_says_its_clip_once() -> None:
    blocks: list[AudioFrame] = []
    voice = SpokenVoice("mira")
    voice.add_sink(blocks.append)
    clip = load_clip("mira-unmute.ogg")[:24_000]
    length = voice.say(clip)
    assert length == pytest.approx(len(clip) / 48_000)
    voice.open()
    until_sync(lambda: voice.loudness > 0.2, what="the mouth moves")
    until_sync(lambda: len(blocks) * 480 >= len(clip) + 960)
    voice.close()
    heard = np.concatenate([block.samples for block in blocks])
    assert np.array_equal(heard[: len(clip)], clip)
    assert not heard[len(clip) :].any()
    assert voice.loudness == 0.0
