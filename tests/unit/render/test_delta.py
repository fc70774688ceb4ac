"""What a terminal shows after pictures of which only the differences were sent."""

from __future__ import annotations

import numpy as np
import pyte
import pytest

from engage_tui.render.cells import Canvas, CellMode, Cells, ColourDepth, cell_pixels, cells
from engage_tui.render.delta import LEVELS, DeltaEncoder, SteadyCells
from engage_tui.render.picture import Pixels
from engage_tui.render.rows import RowEncoder

COLUMNS, ROWS = 23, 6


def frames(mode: CellMode, count: int = 8) -> list[Pixels]:
    """A bright square that moves over shades, with noise."""
    across, down = cell_pixels(mode)
    height, width = ROWS * down, COLUMNS * across
    random = np.random.default_rng(4)
    made = []
    for n in range(count):
        y, x = np.mgrid[:height, :width]
        rgb = np.stack([x * 3, y * 5, 255 - x], axis=2) + random.integers(-2, 3, (height, width, 3))
        rgb[:down, n * across : (n + 4) * across] = (250, 220, 40)
        made.append(np.clip(rgb, 0, 255).astype(np.uint8))
    return made


def feed(screen: pyte.Screen, rows: list[tuple[int, str]]) -> None:
    stream = pyte.Stream(screen)
    for y, text in rows:
        stream.feed(f"\x1b[{y + 1};1H{text}")
        assert screen.cursor.x == COLUMNS
        assert (screen.cursor.attrs.fg, screen.cursor.attrs.bg) == ("default", "default")


def whole(picture: Cells, colour: ColourDepth) -> pyte.Screen:
    screen = pyte.Screen(COLUMNS + 2, ROWS)
    feed(screen, [(y, row.text) for y, row in enumerate(RowEncoder(colour).encode(picture))])
    return screen


@pytest.mark.parametrize("mode", CellMode)
@pytest.mark.parametrize("colour", ColourDepth)
def test_differences_add_up_to_the_picture(mode: CellMode, colour: ColourDepth) -> None:
    encoder, steady = DeltaEncoder(colour), SteadyCells()
    screen = pyte.Screen(COLUMNS + 2, ROWS)
    for rgb in frames(mode):
        feed(screen, encoder.encode(steady.cells(rgb, mode, Canvas(colour))))
        assert encoder.shown is not None
        expected = whole(encoder.shown, colour)
        for y in range(ROWS):
            for x in range(COLUMNS):
                got, want = screen.buffer[y][x], expected.buffer[y][x]
                assert (got.data, got.bg) == (want.data, want.bg)
                assert got.fg == want.fg or got.data == " "


@pytest.mark.parametrize("mode", [CellMode.HALF, CellMode.ASCII])
def test_what_is_shown_is_never_far_from_the_picture(mode: CellMode) -> None:
    encoder = DeltaEncoder(ColourDepth.TRUE)
    for rgb in frames(mode):
        now = cells(rgb, mode)
        encoder.encode(now)
        assert encoder.shown is not None
        assert encoder.shown.bg is not None
        assert now.bg is not None
        assert np.abs(encoder.shown.bg.astype(int) - now.bg).max() <= LEVELS


@pytest.mark.parametrize("mode", [CellMode.HALF, CellMode.QUADRANT, CellMode.SEXTANT])
def test_noise_is_not_sent_and_movement_is(mode: CellMode) -> None:
    encoder, steady = DeltaEncoder(ColourDepth.TRUE), SteadyCells()
    sizes = [
        sum(len(text) for _, text in encoder.encode(steady.cells(rgb, mode, Canvas())))
        for rgb in frames(mode)
    ]
    assert max(sizes[1:]) < sizes[0] / 3
    assert min(sizes[1:]) > 0


def test_the_same_picture_is_nothing_and_a_reset_or_another_size_is_all() -> None:
    encoder = DeltaEncoder(ColourDepth.TRUE)
    picture = cells(frames(CellMode.HALF)[0], CellMode.HALF)
    assert len(encoder.encode(picture)) == ROWS
    assert encoder.encode(picture) == []
    encoder.reset()
    assert len(encoder.encode(picture)) == ROWS
    letters = cells(frames(CellMode.ASCII)[0][:8], CellMode.ASCII)
    assert len(encoder.encode(letters)) == 2
    assert encoder.encode(Cells(np.empty((0, 4), np.uint32), None, None)) == []


def test_the_bytes_of_a_difference_are_pinned() -> None:
    rgb = np.zeros((2, 5, 3), np.uint8)
    encoder = DeltaEncoder(ColourDepth.TRUE)
    assert encoder.encode(cells(rgb, CellMode.HALF)) == [
        (0, "\x1b[38;2;0;0;0;48;2;0;0;0m▀▀▀▀▀\x1b[0m")
    ]
    rgb[0, 1] = rgb[0, 3] = (1, 22, 255)
    assert encoder.encode(cells(rgb, CellMode.HALF)) == [
        (0, "\x1b[C\x1b[38;2;1;22;255;48;2;0;0;0m▀\x1b[C▀\x1b[0m\x1b[C")
    ]


def test_a_glyph_stays_until_another_is_clearly_better() -> None:
    steady, canvas = SteadyCells(), Canvas()
    rgb = np.full((2, 2, 3), 90, np.uint8)
    rgb[0] = 110
    assert chr(steady.cells(rgb, CellMode.QUADRANT, canvas).glyph[0, 0]) == "▀"
    rgb[1, 0] = 104
    assert chr(SteadyCells().cells(rgb, CellMode.QUADRANT, canvas).glyph[0, 0]) == "▛"
    assert chr(steady.cells(rgb, CellMode.QUADRANT, canvas).glyph[0, 0]) == "▀"
    rgb[0] = 250
    rgb[1, 0] = 240
    assert chr(steady.cells(rgb, CellMode.QUADRANT, canvas).glyph[0, 0]) == "▛"


def test_a_letter_stays_until_another_is_clearly_better_or_the_cell_changes() -> None:
    steady, canvas = SteadyCells(), Canvas()

    def letter(upper: int, lower: int) -> str:
        rgb = np.full((4, 2, 3), upper, np.uint8)
        rgb[3:] = lower
        return chr(steady.cells(rgb, CellMode.ASCII, canvas).glyph[0, 0])

    flat = letter(100, 100)
    assert letter(100, 108) == flat
    assert letter(100, 220) == "_"
    assert letter(100, 215) == "_"
    assert letter(90, 90) != "_"
    assert letter(200, 200) not in (flat, "_")


def test_a_colour_of_the_palette_is_sent_once() -> None:
    canvas, encoder = Canvas(ColourDepth.INDEXED, photo=False), DeltaEncoder(ColourDepth.INDEXED)
    rgb = np.full((2, 4, 3), (98, 122, 202), np.uint8)
    assert encoder.encode(cells(rgb, CellMode.HALF, canvas))
    assert encoder.encode(cells(rgb + 8, CellMode.HALF, canvas)) == []
    assert encoder.encode(cells(rgb + 40, CellMode.HALF, canvas))
    true = DeltaEncoder(ColourDepth.TRUE)
    assert true.encode(cells(rgb, CellMode.HALF))
    assert true.encode(cells(rgb + 8, CellMode.HALF))
