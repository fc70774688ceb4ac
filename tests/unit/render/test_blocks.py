"""Quarters, sixths and dots: which glyph stands for which pixels."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from engage_tui.render.blocks import QUADRANTS, SEXTANTS, split, two_colours
from engage_tui.render.cells import Canvas, CellMode, ColourDepth, Ramp, cell_pixels, cells
from engage_tui.render.letters import BRAILLE, RAMPS
from engage_tui.render.picture import Pixels

PLACES = {
    "UPPER LEFT": 1,
    "UPPER RIGHT": 2,
    "LOWER LEFT": 4,
    "LOWER RIGHT": 8,
    "UPPER HALF": 3,
    "LOWER HALF": 12,
    "LEFT HALF": 5,
    "RIGHT HALF": 10,
    "FULL": 15,
}


def pixels(mask: int, mode: CellMode) -> Pixels:
    """One cell with the mask's bits white and the others black."""
    across, down = cell_pixels(mode)
    on = np.array([mask >> n & 1 for n in range(across * down)], np.uint8) * 255
    return np.repeat(on.reshape(down, across, 1), 3, axis=2)


def test_quadrants_are_where_their_names_say() -> None:
    for mask, code in enumerate(QUADRANTS.tolist()):
        named = unicodedata.name(chr(code)).removeprefix("QUADRANT ")
        parts = [part for part in named.replace(" BLOCK", "").split(" AND ") if part != "SPACE"]
        assert sum(PLACES[part] for part in parts) == mask


def test_sextants_are_where_their_names_say() -> None:
    for mask, code in enumerate(SEXTANTS.tolist()):
        if code >= 0x1FB00:
            places = unicodedata.name(chr(code)).removeprefix("BLOCK SEXTANT-")
            assert sum(1 << int(place) - 1 for place in places) == mask
    assert [chr(SEXTANTS[mask]) for mask in (0, 21, 42, 63)] == [" ", "▌", "▐", "█"]


def test_braille_dots_are_where_their_names_say() -> None:
    order = (1, 4, 2, 5, 3, 6, 7, 8)  # the numbers of the dots along the rows
    for mask, code in enumerate(BRAILLE.tolist()[1:], 1):
        dots = unicodedata.name(chr(code)).removeprefix("BRAILLE PATTERN DOTS-")
        assert sum(1 << order.index(int(dot)) for dot in dots) == mask


@pytest.mark.parametrize(
    ("mode", "table"), [(CellMode.QUADRANT, QUADRANTS), (CellMode.SEXTANT, SEXTANTS)]
)
def test_two_colours_in_a_cell_are_kept_exactly(
    mode: CellMode, table: np.ndarray[tuple[int, ...], np.dtype[np.uint32]]
) -> None:
    for mask in range(1, len(table) - 1):
        drawn = cells(
            np.where(pixels(mask, mode) > 0, (250, 240, 9), (7, 90, 3)).astype(np.uint8), mode
        )
        assert drawn.fg is not None
        assert drawn.bg is not None
        assert drawn.glyph[0, 0] == table[mask]
        assert drawn.fg[0, 0].tolist() == [250, 240, 9]
        assert drawn.bg[0, 0].tolist() == [7, 90, 3]
    flat = cells(np.full_like(pixels(0, mode), 77), mode)
    assert flat.fg is not None
    assert flat.bg is not None
    assert flat.glyph[0, 0] == ord(" ")
    assert flat.fg[0, 0].tolist() == flat.bg[0, 0].tolist() == [77, 77, 77]


def test_the_two_colours_are_the_means_of_what_they_stand_for() -> None:
    planes = np.random.default_rng(2).integers(0, 256, (6, 3, 50), np.uint8)
    mask = split(planes)
    colours = two_colours(planes, mask)
    for cell in range(50):
        marked = mask[:, cell]
        assert 0 < marked.sum() < 6
        assert np.allclose(colours.ink[:, cell], planes[marked, :, cell].mean(axis=0), atol=1e-3)
        assert np.allclose(
            colours.ground[:, cell], planes[~marked, :, cell].mean(axis=0), atol=1e-3
        )
    wrong = ((planes - np.where(mask[:, None], colours.ink, colours.ground)) ** 2).sum(axis=(0, 1))
    assert np.allclose(colours.error(planes), wrong, rtol=1e-4)


def test_dots_stand_for_the_fewer_pixels_on_the_colour_of_the_others() -> None:
    drawn = cells(pixels(0b00010000, CellMode.BRAILLE), CellMode.BRAILLE)
    dark = cells(255 - pixels(0b00010000, CellMode.BRAILLE), CellMode.BRAILLE)
    for each, fg, bg in ((drawn, 255, 0), (dark, 0, 255)):
        assert each.fg is not None
        assert each.bg is not None
        assert chr(each.glyph[0, 0]) == "⠄"
        assert (each.fg == fg).all()
        assert (each.bg == bg).all()


@pytest.mark.parametrize(
    ("mode", "glyph"), [(CellMode.QUADRANT, "▌"), (CellMode.SEXTANT, "▌"), (CellMode.BRAILLE, "⡇")]
)
@pytest.mark.parametrize("dark", [True, False])
def test_without_colours_ink_is_where_the_picture_is_bright(
    mode: CellMode, glyph: str, dark: bool
) -> None:
    across, down = cell_pixels(mode)
    left = np.zeros((down, across, 3), np.uint8)
    left[:, 0 if dark else 1] = 255
    drawn = cells(left, mode, Canvas(ColourDepth.MONO, dark=dark, photo=False))
    assert drawn.fg is drawn.bg is None
    assert chr(drawn.glyph[0, 0]) == glyph


@pytest.mark.parametrize("ramp", Ramp)
@pytest.mark.parametrize("mode", [CellMode.ASCII, CellMode.ASCII_MONO])
def test_a_ramp_goes_from_nothing_to_its_heaviest_letter(mode: CellMode, ramp: Ramp) -> None:
    shade = np.linspace(0, 255, 256).astype(np.uint8)
    across, down = cell_pixels(mode)
    rgb = shade[None, :, None].repeat(down, 0).repeat(across, 1).repeat(3, 2)
    glyphs = cells(rgb, mode, Canvas(photo=False, ramp=ramp)).glyph[0].tolist()
    letters = RAMPS[ramp].tolist()
    assert (glyphs[0], glyphs[-1]) == (letters[0], letters[-1])
    places = [letters.index(glyph) for glyph in glyphs]
    assert places == sorted(places)
    assert set(places) == set(range(len(letters)))
    assert len(set(letters)) == len(letters)
    if ramp is not Ramp.SHADES:
        assert max(letters) < 0x7F
