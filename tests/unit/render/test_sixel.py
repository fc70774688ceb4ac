"""Sixels, seen with a decoder that others wrote and with a strict one of our own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engage_tui.render.images import PixelMode, Place, image_encoder
from engage_tui.render.picture import Pixels
from engage_tui.render.sixel import COLOURS, LEVELS, SixelEncoder
from tests.require import need
from tests.unit.render.decoders import draw_sixels

PLACE = Place(12, 5, (8, 16))


def scene(seed: int = 0, size: tuple[int, int] = (80, 96)) -> Pixels:
    """Shades with a bright square somewhere, and noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    rgb = np.stack([x * 2, y * 2, 255 - x - y], axis=2) + random.integers(-2, 3, (*size, 3))
    top, left = random.integers(0, 50, 2)
    rgb[top : top + 20, left : left + 20] = (250, 200, 40)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def shown(text: str, tmp_path: Path) -> Pixels:
    """What libsixel makes of it."""
    need(shutil.which("sixel2png") is not None, "sixel2png (Debian: libsixel-bin)")
    (tmp_path / "picture.six").write_text(text)
    subprocess.run(
        ["sixel2png", "-i", tmp_path / "picture.six", "-o", tmp_path / "picture.png"],
        check=True,
        timeout=20,
    )
    with Image.open(tmp_path / "picture.png") as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("colours", [2, 16, 64, 256])
def test_libsixel_sees_every_pixel_as_our_decoder_does(colours: int, tmp_path: Path) -> None:
    text = SixelEncoder(colours).encode(scene(), PLACE)
    screen = np.zeros((80, 96, 3), np.uint8)
    assert (draw_sixels(text, screen) == 1).all()
    assert (shown(text, tmp_path) == screen).all()
    assert len(np.unique(screen.reshape(-1, 3), axis=0)) <= colours


@pytest.mark.parametrize(("registers", "most"), [(0, COLOURS), (16, 16), (1, 2), (1024, COLOURS)])
def test_no_more_colours_than_the_terminal_has(registers: int, most: int) -> None:
    encoder = image_encoder(PixelMode.SIXEL, 1, registers=registers)
    screen = np.zeros((80, 96, 3), np.uint8)
    draw_sixels(encoder.encode(scene(), PLACE), screen)
    assert most // 2 < len(np.unique(screen.reshape(-1, 3), axis=0)) <= most


def test_the_picture_is_close_to_what_was_given() -> None:
    rgb, screen = scene(), np.zeros((80, 96, 3), np.uint8)
    draw_sixels(SixelEncoder(256).encode(rgb, PLACE), screen)
    assert 10 * np.log10(255**2 / ((screen.astype(float) - rgb) ** 2).mean()) > 30


def test_what_moved_is_sent_and_nothing_else() -> None:
    encoder, screen = SixelEncoder(), np.zeros((80, 96, 3), np.uint8)
    draw_sixels(encoder.encode(scene(1), PLACE), screen)
    still = scene(1)
    assert encoder.encode(still, PLACE) == ""
    noisy = np.clip(
        still.astype(int) + np.random.default_rng(5).integers(-3, 4, still.shape), 0, 255
    )
    assert encoder.encode(noisy.astype(np.uint8), PLACE) == ""
    moved = still.copy()
    moved[30:41, 10:20] = (250, 200, 40)
    before = screen.copy()
    text = encoder.encode(moved, PLACE)
    written = draw_sixels(text, screen)
    assert written.max() == 1
    assert not np.delete(np.delete(written, slice(30, 41), axis=0), slice(10, 20), axis=1).any()
    assert (screen[written == 0] == before[written == 0]).all()
    again = np.zeros_like(screen)
    draw_sixels(encoder.encode(moved, PLACE, full=True), again)
    assert np.abs(again.astype(int) - screen).mean() < 2
    assert len(text) < len(encoder.encode(moved, PLACE, full=True)) / 5


def test_libsixel_sees_what_moved_as_our_decoder_does(tmp_path: Path) -> None:
    encoder = SixelEncoder()
    encoder.encode(scene(1), PLACE)
    moved = scene(1)
    moved[30:41, 10:20] = (250, 200, 40)
    text = encoder.encode(moved, PLACE)
    screen = np.zeros((80, 96, 3), np.uint8)
    written = draw_sixels(text, screen) > 0
    assert written.any()
    assert (shown(text, tmp_path)[written] == screen[written]).all()


def test_many_pictures_leave_no_trace_of_earlier_ones() -> None:
    encoder, screen = SixelEncoder(128), np.zeros((80, 96, 3), np.uint8)
    for seed in range(12):
        text = encoder.encode(scene(seed), PLACE)
        if text:
            draw_sixels(text, screen)
        distance = np.abs(screen.astype(int) - scene(seed)).max(axis=2)
        assert np.percentile(distance, 99) < 40
        assert distance.mean() < 8 + LEVELS


def test_another_scene_another_size_and_another_place_are_drawn_whole() -> None:
    encoder = SixelEncoder()
    encoder.encode(scene(), PLACE)
    other = np.full((80, 96, 3), (9, 80, 200), np.uint8)
    other[::2] = (200, 9, 9)
    screen = np.zeros_like(other)
    assert draw_sixels(encoder.encode(other, PLACE), screen).all()
    assert np.abs(screen.astype(int) - other).max() < 12
    smaller = scene(2, (33, 41))
    assert draw_sixels(encoder.encode(smaller, PLACE), np.zeros_like(smaller)).all()
    assert draw_sixels(encoder.encode(smaller, Place(9, 5, (8, 16))), np.zeros_like(smaller)).all()
    encoder.clear()
    assert draw_sixels(encoder.encode(smaller, Place(9, 5, (8, 16))), np.zeros_like(smaller)).all()


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (6, 1), (7, 500), (31, 2)])
def test_any_size(size: tuple[int, int]) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    screen = np.zeros_like(rgb)
    assert (draw_sixels(SixelEncoder().encode(rgb, Place(100, 10, (8, 16))), screen) == 1).all()


def test_nothing_to_show_and_too_much_to_show() -> None:
    encoder = SixelEncoder()
    assert encoder.encode(np.zeros((0, 7, 3), np.uint8), PLACE) == ""
    assert encoder.encode(scene(), Place(0, 5, (8, 16))) == ""
    huge = np.zeros((3000, 2000, 3), np.uint8)
    assert draw_sixels(encoder.encode(huge, PLACE), np.zeros((80, 96, 3), np.uint8)).all()
    with pytest.raises(ValueError, match="2 to 256"):
        SixelEncoder(300)
