from __future__ import annotations

import av
import numpy as np
import pytest

from engage_tui.media.scale import Scaler, fit


def _flat(width: int, height: int, y: int, u: int = 128, v: int = 128) -> av.VideoFrame:
    picture = av.VideoFrame(width, height, "yuv420p")
    for plane, value in zip(picture.planes, (y, u, v), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    return picture


@pytest.mark.parametrize(
    ("source", "box", "size"),
    [
        ((640, 360), (120, 80), (120, 68)),
        ((640, 360), (40, 80), (40, 22)),
        ((641, 359), (33, 33), (33, 18)),
        ((320, 192), (640, 640), (640, 384)),
        ((1920, 8), (5, 5), (5, 1)),
    ],
)
def test_keeps_the_proportions_inside_the_box(
    source: tuple[int, int], box: tuple[int, int], size: tuple[int, int]
) -> None:
    rgb, width, height = Scaler().to_rgb(_flat(*source, 126), *box)
    assert (width, height) == size == fit(*source, *box)
    assert len(rgb) == width * height * 3
    pixels = np.frombuffer(rgb, np.uint8).astype(int)
    assert abs(pixels - 128).max() <= 2


@pytest.mark.parametrize(
    ("colour", "full_range", "rgb"),
    [
        ((16, 128, 128), False, (0, 0, 0)),
        ((235, 128, 128), False, (255, 255, 255)),
        ((0, 128, 128), True, (0, 0, 0)),
        ((255, 128, 128), True, (255, 255, 255)),
        ((82, 90, 240), False, (255, 0, 0)),
    ],
)
def test_heeds_the_colour_range(
    colour: tuple[int, int, int], full_range: bool, rgb: tuple[int, int, int]
) -> None:
    picture = _flat(64, 64, *colour)
    picture.color_range = 2 if full_range else 0
    data, _, _ = Scaler().to_rgb(picture, 20, 20)
    mean = np.frombuffer(data, np.uint8).reshape(-1, 3).mean(0)
    assert np.abs(mean - np.array(rgb)).max() <= 4


def test_one_scaler_follows_changing_sizes() -> None:
    scaler = Scaler()
    for source, box in (((640, 360), (90, 90)), ((321, 181), (7, 9)), ((640, 360), (90, 90))):
        rgb, width, height = scaler.to_rgb(_flat(*source, 200), *box)
        assert len(rgb) == width * height * 3
        assert np.frombuffer(rgb, np.uint8).min() > 200


def test_averages_instead_of_sampling() -> None:
    planes = np.full((96, 64), 128, np.uint8)
    planes[:64] = 16
    planes[:64, ::2] = 235  # stripes a pixel wide become an even grey
    picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    data, _, _ = Scaler().to_rgb(picture, 8, 8)
    pixels = np.frombuffer(data, np.uint8).astype(int)
    assert abs(pixels - 128).max() < 12
