"""Brightness, paper, dither and initials."""

from __future__ import annotations

import numpy as np
import pytest

from engage_tui.render.cells import (
    Canvas,
    CellMode,
    ColourDepth,
    cells,
    luma,
    wanted_pixels,
)
from engage_tui.render.initials import colour_of, initials, portrait, round_portrait
from engage_tui.render.picture import Pixels

MONO = Canvas(ColourDepth.MONO)


def ramp(width: int = 64, height: int = 8) -> Pixels:
    shade = np.linspace(0, 255, width).astype(np.uint8)
    return np.repeat(np.repeat(shade[None, :, None], height, axis=0), 3, axis=2)


def ink(glyphs: np.ndarray[tuple[int, ...], np.dtype[np.uint32]]) -> float:
    weight = {" ": 0, "▀": 0.5, "▄": 0.5, "█": 1} | {
        char: share / 16 for share, char in enumerate(" .:;+=cxso%a$&#W@")
    }
    return float(np.mean([weight[chr(code)] for code in glyphs.flat]))


@pytest.mark.parametrize("mode", [CellMode.HALF, CellMode.ASCII_MONO])
def test_without_colours_brighter_means_more_ink_on_dark_and_less_on_light(mode: CellMode) -> None:
    left, right = cells(ramp(), mode, MONO).glyph[:, :20], cells(ramp(), mode, MONO).glyph[:, -20:]
    assert ink(left) < 0.3 < 0.7 < ink(right)
    light = cells(ramp(), mode, Canvas(ColourDepth.MONO, dark=False)).glyph
    assert ink(light[:, :20]) > 0.7 > 0.3 > ink(light[:, -20:])


@pytest.mark.parametrize("mode", CellMode)
@pytest.mark.parametrize("depth", ColourDepth)
def test_paper_stays_paper(mode: CellMode, depth: ColourDepth) -> None:
    rgb = np.full((12, 8, 3), 30, np.uint8)
    drawn = cells(rgb, mode, Canvas(depth, paper=(30, 30, 30)))
    if drawn.fg is None or drawn.bg is None:
        assert set(drawn.glyph.flat) == {ord(" ")}
    else:
        assert (drawn.bg == 30).all()
        assert (drawn.glyph == ord(" ")).all() or (drawn.fg == 30).all()


def test_dither_keeps_the_mean_and_letters_keep_the_colour() -> None:
    rgb = np.full((16, 16, 3), 110, np.uint8)
    dithered = cells(rgb, CellMode.HALF, Canvas(ColourDepth.INDEXED))
    assert dithered.fg is not None
    assert dithered.bg is not None
    assert abs(float(np.mean([dithered.fg.mean(), dithered.bg.mean()])) - 110) < 1
    assert len(np.unique(dithered.fg)) > 1
    letters = cells(np.full((4, 4, 3), (200, 40, 40), np.uint8), CellMode.ASCII)
    assert letters.fg is not None
    assert letters.bg is not None
    assert letters.fg[0, 0].argmax() == letters.bg[0, 0].argmax() == 0
    assert letters.fg.mean() > letters.bg.mean()


def test_a_picture_of_broken_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="whole 1x2 cells"):
        cells(np.zeros((3, 4, 3), np.uint8), CellMode.HALF)


def test_wanted_pixels_are_square() -> None:
    assert wanted_pixels(CellMode.HALF, 40, 12) == (40, 24)
    assert wanted_pixels(CellMode.ASCII, 40, 12) == (80, 48)


def test_luma_sees_green_brightest() -> None:
    red, green, blue = luma(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8))[0]
    assert green > red > blue > 0


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("ada lovelace", "AL"),
        ("Åsa Öberg", "AO"),
        ("bob", "B"),
        ("李 明", ""),
        ("", ""),
        ("jean de la tour", "JT"),
        ("mira 2", "M2"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_a_round_portrait_has_room_for_its_ring_and_soft_edges() -> None:
    background, disc, ring = (10, 20, 30), (84, 104, 176), (0, 200, 100)
    plain = round_portrait("AL", (200, 160), background, disc)
    ringed = round_portrait("AL", (200, 160), background, disc, ring=ring)
    assert plain is not None
    assert ringed is not None
    assert tuple(plain[80, 100 - 66]) == tuple(ringed[80, 100 - 66]) == disc
    assert tuple(ringed[80, 100 - 79]) == ring
    assert tuple(plain[80, 100 - 79]) == tuple(ringed[80, 100 - 72]) == background
    assert np.any(plain != ringed, axis=2).mean() < 0.25
    ink = (plain > 230).all(axis=2)
    assert 0.05 < ink.mean() < 0.25
    letters = plain[np.any(ink, axis=1)][:, np.any(ink, axis=0)]
    assert len(np.unique(letters.reshape(-1, 3), axis=0)) > 5  # between letter and disc
    assert round_portrait("AL", (40, 40), background, disc) is None
    assert round_portrait("", (200, 160), background, disc) is None


def test_a_portrait_stands_in_the_middle_and_small_places_have_none() -> None:
    background, disc = (10, 10, 10), colour_of("ada")
    drawn = portrait("HH", (60, 40), background, disc)
    assert drawn is not None
    assert drawn.shape == (40, 60, 3)
    inked = np.argwhere((drawn > 240).all(axis=2))
    assert abs(inked.mean(axis=0) - (19.5, 29.5)).max() <= 1
    assert tuple(drawn[0, 0]) == background
    assert tuple(drawn[20, 30]) in (disc, (244, 244, 248))
    assert portrait("HH", (60, 6), background, disc) is None
    assert colour_of("ada") == disc
