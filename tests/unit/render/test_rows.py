"""What a terminal makes of the encoded rows."""

from __future__ import annotations

import numpy as np
import pyte
import pytest

from engage_tui.render.cells import Canvas, CellMode, Cells, ColourDepth, cell_pixels, cells
from engage_tui.render.picture import Pixels
from engage_tui.render.rows import (
    CANCEL,
    RESET,
    RowEncoder,
    basic_colour,
    colour_codes,
    encode_rows,
    palette,
)


def noise(width: int, height: int) -> Pixels:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


def on_terminal(rows: list[str], columns: int) -> pyte.Screen:
    screen = pyte.Screen(columns + 4, len(rows))
    stream = pyte.Stream(screen)
    for y, row in enumerate(rows):
        stream.feed(f"\x1b[{y + 1};1H{row}|")
    return screen


def colour(value: str) -> tuple[int, int, int]:
    return int(value[:2], 16), int(value[2:4], 16), int(value[4:], 16)


def test_a_half_block_shows_the_upper_pixel_as_ink_and_the_lower_as_paper() -> None:
    rgb = noise(9, 6)
    screen = on_terminal(encode_rows(rgb, CellMode.HALF), 9)
    for y in range(3):
        for x in range(9):
            cell = screen.buffer[y][x]
            assert cell.data == "▀"
            assert colour(cell.fg) == tuple(rgb[2 * y, x])
            assert colour(cell.bg) == tuple(rgb[2 * y + 1, x])
        assert screen.buffer[y][9].data == "|"
        assert screen.buffer[y][9].fg == screen.buffer[y][9].bg == "default"  # colours are reset


def test_the_bytes_of_a_row_are_pinned() -> None:
    rgb = np.array([[[1, 20, 255]], [[0, 7, 99]]], np.uint8)
    assert encode_rows(rgb, CellMode.HALF) == ["\x1b[38;2;001;020;255;48;2;000;007;099m▀\x1b[0m"]
    sixteen = Canvas(ColourDepth.SIXTEEN, photo=False)
    assert encode_rows(rgb, CellMode.HALF, sixteen) == ["\x1b[094;040m▀\x1b[0m"]


@pytest.mark.parametrize("mode", CellMode)
@pytest.mark.parametrize("depth", ColourDepth)
def test_every_mode_fills_exactly_its_columns_in_every_depth(
    mode: CellMode, depth: ColourDepth
) -> None:
    across, down = cell_pixels(mode)
    rows = encode_rows(noise(13 * across, 5 * down), mode, Canvas(depth))
    assert len(rows) == 5
    screen = on_terminal(rows, 13)
    assert [screen.buffer[y][13].data for y in range(5)] == ["|"] * 5
    if depth is ColourDepth.MONO:
        assert "\x1b" not in "".join(rows)


@pytest.mark.parametrize("mode", CellMode)
@pytest.mark.parametrize("depth", [ColourDepth.TRUE, ColourDepth.INDEXED])
def test_a_terminal_shows_every_cell_as_it_was_drawn(mode: CellMode, depth: ColourDepth) -> None:
    across, down = cell_pixels(mode)
    drawn = cells(noise(17 * across, 6 * down), mode, Canvas(depth))
    screen = on_terminal([row.text for row in RowEncoder(depth).encode(drawn)], 17)
    table = palette(True)
    for y, x in np.ndindex(6, 17):
        cell = screen.buffer[y][x]
        assert cell.data == chr(drawn.glyph[y, x])
        if drawn.fg is None or drawn.bg is None:
            assert cell.fg == cell.bg == "default"
            continue
        for shown, wanted, behind in (
            (cell.fg, drawn.fg[y, x], False),
            (cell.bg, drawn.bg[y, x], True),
        ):
            if depth is ColourDepth.INDEXED:
                wanted = table[colour_codes(wanted[None], True, behind)[0]]
            assert colour(shown) == tuple(wanted)


@pytest.mark.parametrize("mode", CellMode)
def test_a_row_that_is_torn_anywhere_can_be_cancelled(mode: CellMode) -> None:
    across, down = cell_pixels(mode)
    drawn = cells(noise(3 * across, down), mode)
    (row,) = RowEncoder(ColourDepth.TRUE).encode(drawn)
    letters = [chr(code) for code in drawn.glyph[0]]
    for end in range(row.step * row.columns):
        screen = pyte.Screen(12, 2)
        pyte.Stream(screen).feed(f"{row.text[:end]}{CANCEL}{RESET}X")
        whole = "".join(letters[: end // row.step])
        assert screen.display[0] == f"{whole}X".ljust(12)
        assert screen.buffer[0][len(whole)].fg == "default"


def test_indexed_rows_show_the_nearest_palette_colour() -> None:
    colours = palette(True)
    rgb = colours[[16, 21, 46, 196, 231, 244]][None].repeat(2, axis=0)
    screen = on_terminal(
        encode_rows(rgb, CellMode.HALF, Canvas(ColourDepth.INDEXED, photo=False)), 6
    )
    for x in range(6):
        assert colour(screen.buffer[0][x].fg) == tuple(rgb[0, x])
        assert colour(screen.buffer[0][x].bg) == tuple(rgb[1, x])


def test_basic_colours_are_told_apart() -> None:
    shown = [
        basic_colour(rgb) for rgb in ((0, 0, 0), (255, 10, 10), (10, 250, 20), (255, 255, 255))
    ]
    assert shown == [0, 9, 10, 15]


def test_glyphs_of_any_length_are_encoded() -> None:
    glyph = np.array([[ord(char) for char in "a▀🬀█"]], np.uint32)
    paint = np.zeros((1, 4, 3), np.uint8)
    (row,) = RowEncoder(ColourDepth.TRUE).encode(Cells(glyph, paint, paint))
    assert [row.cut(n, n + 1).text[-5] for n in range(4)] == list("a▀🬀█")


def test_an_encoder_is_not_confused_by_pictures_before() -> None:
    encoder = RowEncoder(ColourDepth.TRUE)
    first, second = cells(noise(8, 4), CellMode.HALF), cells(255 - noise(8, 4), CellMode.HALF)
    letters = cells(noise(16, 8), CellMode.ASCII)
    alone = [RowEncoder(ColourDepth.TRUE).encode(each) for each in (first, letters, second)]
    assert [encoder.encode(each) for each in (first, letters, second)] == alone
