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


@pytest.mark.parametrize("size", [(1, 1), (16383, 1), (1, 16383), (7680, 4320)])
def test_the_smallest_and_the_hugest_are_pictures_too(size: tuple[int, int]) -> None:
    data, width, height = Scaler().to_rgb(_flat(*size, 126), 120, 80)
    assert 1 <= width <= 120
    assert 1 <= height <= 80
    assert np.abs(np.frombuffer(data, np.uint8).astype(int) - 128).max() <= 2


def test_a_frame_without_pixels_is_black() -> None:
    assert Scaler().to_rgb(av.VideoFrame(), 40, 30) == (bytes(3), 1, 1)


@pytest.mark.parametrize("name", ["rgba", "bgra", "gbrap", "yuva444p", "rgba64le"])
def test_what_is_transparent_lies_on_black(name: str) -> None:
    rgba = np.zeros((32, 32, 4), np.uint8)
    rgba[...] = (200, 100, 40, 255)
    rgba[:, 16:, 3] = 0
    rgba[16:, :16, 3] = 128
    picture = av.VideoFrame.from_ndarray(rgba, format="rgba").reformat(format=name)
    data, width, height = Scaler().to_rgb(picture, 32, 32)
    pixels = np.frombuffer(data, np.uint8).reshape(height, width, 3).astype(int)
    assert np.abs(pixels[4:12, 4:12] - (200, 100, 40)).max() <= 4
    assert np.abs(pixels[20:28, 4:12] - (100, 50, 20)).max() <= 4
    assert pixels[:, 20:].max() == 0
