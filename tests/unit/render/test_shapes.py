"""Letters chosen by their shape."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from engage_tui.render import shapes
from engage_tui.render.cells import Canvas, CellMode, ColourDepth, cells
from engage_tui.render.shapes import CODES, LIFT, Planes, choose, colours
from tests.require import need

BRIGHT, DARK = np.array([255, 250, 240], np.float32), np.array([0, 9, 30], np.float32)


def drawn(letter: int) -> Planes:
    """A cell that looks like that letter, in two colours."""
    share = shapes._SHARES[letter][:, None]
    return np.asarray(np.round(DARK + share * (BRIGHT - DARK)), np.uint8)[..., None]


def test_a_cell_that_looks_like_a_letter_becomes_that_letter_in_its_colours() -> None:
    found = 0
    for letter, code in enumerate(CODES):
        choice = choose(drawn(letter))
        ink, ground = colours(drawn(letter), np.array([letter]))
        if chr(code) in "%a_LmFJ*pPqd/":
            assert chr(CODES[choice.letter[0]]) == chr(code)
            # what is finer than the pixels counts against the contrast, so that it stays below the drawn one
            assert np.dot(ink[:, 0] - ground[:, 0], BRIGHT - DARK) > 0
            assert np.abs(ink[:, 0] - ground[:, 0]).max() <= np.abs(BRIGHT - DARK).max() + 1
            found += 1
    assert found == 13


def test_the_colours_keep_the_mean_and_the_letter_is_seen() -> None:
    random = np.random.default_rng(3)
    planes = random.integers(90, 160, (8, 3, 200), np.uint8)
    choice = choose(planes)
    ink, ground = colours(planes, choice.letter)
    share = shapes._SHARES[choice.letter].mean(axis=1)
    mean = ground + share * (ink - ground)
    assert np.abs(mean - planes.mean(axis=0)).max() < 0.1
    apart = np.array([0.3, 0.59, 0.11]) @ (ink - ground)
    assert np.abs(apart).min() > LIFT - 0.1


def test_colours_stay_colours_at_the_ends() -> None:
    for shade in (0, 1, 254, 255):
        planes = np.full((8, 3, len(CODES)), shade, np.uint8)
        for each in colours(planes, np.arange(len(CODES))):
            assert each.min() >= 0
            assert each.max() <= 255
            assert np.isfinite(each).all()


def test_flat_cells_get_letters_by_brightness_and_paper_gets_none() -> None:
    shade = np.linspace(0, 255, 64).astype(np.uint8)
    rgb = shade[None, :, None].repeat(4, 0).repeat(2, 1).repeat(3, 2)
    glyphs = "".join(map(chr, cells(rgb, CellMode.ASCII).glyph[0]))
    assert "".join(dict.fromkeys(glyphs)) == shapes._RAMP
    half = np.full((4, 4, 3), 9, np.uint8)
    half[:, :2] = 200
    shown = cells(half, CellMode.ASCII, Canvas(paper=(9, 9, 9)))
    assert shown.glyph[0, 0] != ord(" ")
    assert shown.glyph[0, 1] == ord(" ")
    assert shown.bg is not None
    assert shown.bg[0, 1].tolist() == [9, 9, 9]


@pytest.mark.parametrize("depth", [ColourDepth.INDEXED, ColourDepth.SIXTEEN])
def test_few_colours_keep_the_mean(depth: ColourDepth) -> None:
    rgb = np.full((64, 64, 3), 128, np.uint8)
    shown = cells(rgb, CellMode.ASCII, Canvas(depth))
    assert shown.bg is not None
    assert abs(float(shown.bg.mean()) - 124) < 8


def test_the_table_of_ink_is_the_fonts() -> None:
    try:
        font = ImageFont.truetype("DejaVuSansMono.ttf", 53)
    except OSError:
        need(False, "DejaVu Sans Mono (Debian: fonts-dejavu-core)")
        return
    ascent, descent = font.getmetrics()
    for letter, code in enumerate(CODES):
        image = Image.new("L", (32, 64), 0)
        pen = ImageDraw.Draw(image)
        pen.text((0, (64 - ascent - descent) / 2), chr(code), fill=255, font=font)
        eighths = np.asarray(image, np.float32).reshape(4, 16, 2, 16).mean(axis=(1, 3)) / 255
        assert np.abs(eighths.ravel() - shapes._SHARES[letter]).max() < 0.06, chr(code)
