"""Pictures to cells: what each terminal cell shows, as arrays of glyphs and colours. Pure numpy.

A mode is one entry of `MODES`: how many pixels of the picture a cell holds, and the function that turns pixels into
cells. Everything else (tiles, rows, detection) asks that table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

from engage_tui.render.picture import Pixels, Rgb

CELL_ASPECT = 2.0
"""Height of a terminal cell divided by its width; fonts lie between 1.9 and 2.2."""

UPPER_HALF = 0x2580
_BLOCKS = np.array([0x20, 0x2580, 0x2584, 0x2588], np.uint32)  # nothing, upper, lower, both
_RAMP = np.frombuffer(b" .:;+=cxso%a$&#W@", np.uint8).astype(np.uint32)  # by the share of ink
_LUMA = np.array([77, 150, 29], np.uint16)  # BT.601 in 1/256
_BAYER = (
    np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16
    - 15 / 32
)
"""Ordered dither, -0.5 to 0.5, mean 0: fixed to the place, so that a still picture stays still."""

_CUBE_STEP, _BASIC_STEP = 30, 96  # between the levels of a palette's colours


class CellMode(StrEnum):
    """How a picture is drawn with text."""

    HALF = "half"
    """Two square pixels a cell, with U+2580."""
    ASCII = "ascii"
    """Letters by brightness, in the picture's colour on a darker tint of it."""
    ASCII_MONO = "ascii-mono"
    """Letters by brightness alone."""


class ColourDepth(IntEnum):
    """How many colours the terminal shows."""

    MONO = 2
    SIXTEEN = 16
    INDEXED = 256
    TRUE = 1 << 24


@dataclass(frozen=True, slots=True)
class Cells:
    """What the cells of a picture show.

    Attributes:
        glyph: Code points, uint32, shape (rows, columns); every one is one cell wide.
        fg: Colour of the glyph, uint8, shape (rows, columns, 3); None: the terminal's own.
        bg: Colour behind it, the same shape; None with `fg`.
    """

    glyph: npt.NDArray[np.uint32]
    fg: Pixels | None
    bg: Pixels | None


@dataclass(frozen=True, slots=True)
class Canvas:
    """What is drawn upon.

    Attributes:
        colour: How many colours the terminal shows.
        dark: Whether ink is brighter than paper; matters without colours alone.
        paper: A colour that stays as it is, neither dithered nor inked: the bars beside a picture; None: no such.
        photo: Whether a picture is drawn, and not a flat drawing, which neither dither nor more contrast improves.
    """

    colour: ColourDepth = ColourDepth.TRUE
    dark: bool = True
    paper: Rgb | None = None
    photo: bool = True


Draw = Callable[[Pixels, Canvas], Cells]


@dataclass(frozen=True, slots=True)
class Mode:
    """One way of drawing.

    Attributes:
        pixels: Pixels of the picture in one cell, across and down.
        draw: The function that makes the cells.
        coloured: Whether the mode has colours of its own.
    """

    pixels: tuple[int, int]
    draw: Draw
    coloured: bool = True

    @property
    def tall(self) -> float:
        """Height of one of its pixels divided by its width."""
        return CELL_ASPECT * self.pixels[0] / self.pixels[1]


def cell_pixels(mode: CellMode) -> tuple[int, int]:
    """Pixels of the picture in one cell, across and down."""
    return MODES[mode].pixels


def wanted_pixels(mode: CellMode, columns: int, rows: int) -> tuple[int, int]:
    """The box of square pixels that a place of `columns` x `rows` cells can show."""
    across, down = MODES[mode].pixels
    return columns * across, round(rows * down * MODES[mode].tall)


def cells(rgb: Pixels, mode: CellMode, canvas: Canvas | None = None) -> Cells:
    """Turn a picture into cells.

    Args:
        rgb: Shape (rows * pixels down, columns * pixels across, 3), as `cell_pixels` has it.
        mode: How to draw.
        canvas: What is drawn upon; fewer colours are dithered, and MONO has none at all. Default: true colours.

    Raises:
        ValueError: The picture does not consist of whole cells.
    """
    across, down = MODES[mode].pixels
    height, width = rgb.shape[:2]
    if height % down or width % across or rgb.shape[2:] != (3,):
        raise ValueError(f"{rgb.shape} is no RGB picture of whole {across}x{down} cells")
    return MODES[mode].draw(rgb, canvas or Canvas())


def luma(rgb: Pixels) -> npt.NDArray[np.uint8]:
    """Brightness of every pixel, 0 to 255."""
    return np.asarray(rgb @ _LUMA >> 8, np.uint8)


def _is_paper(rgb: Pixels, canvas: Canvas) -> npt.NDArray[np.bool_]:
    if canvas.paper is None:
        return np.zeros(rgb.shape[:2], np.bool_)
    return np.asarray((rgb == np.array(canvas.paper, np.uint8)).all(axis=2), np.bool_)


def _reduced(rgb: Pixels, canvas: Canvas) -> Pixels:
    """Prepare a picture for a palette: ordered dither, and with 16 colours more colour than there was."""
    if not canvas.photo or canvas.colour is ColourDepth.TRUE:
        return rgb
    wide = rgb.astype(np.float32)
    step = _CUBE_STEP
    if canvas.colour is ColourDepth.SIXTEEN:
        step = _BASIC_STEP
        grey = wide.mean(axis=2, keepdims=True)
        wide = grey + (wide - grey) * 1.6
    wide += _pattern(rgb.shape[0], rgb.shape[1])[..., None] * step
    keep = _is_paper(rgb, canvas)[..., None]
    return np.where(keep, rgb, np.clip(wide, 0, 255).astype(np.uint8))


def _pattern(height: int, width: int) -> npt.NDArray[np.float32]:
    tiled = np.tile(_BAYER, (height // 4 + 1, width // 4 + 1))[:height, :width]
    return np.asarray(tiled, np.float32)


def _contrast(rgb: Pixels, canvas: Canvas) -> npt.NDArray[np.float32]:
    """Brightness from 0 (paper) to 1 (full ink), with the edges a little stronger: all that mono modes have."""
    bright = _share(rgb)
    if canvas.photo:
        bright = np.clip((bright + 0.8 * (bright - _blurred(bright)) - 0.04) * 1.12, 0, 1)
    if not canvas.dark:
        bright = 1 - bright
    return np.asarray(np.where(_is_paper(rgb, canvas), 0, bright), np.float32)


def _share(rgb: Pixels) -> npt.NDArray[np.float32]:
    return np.asarray(luma(rgb) / np.float32(255), np.float32)


def _blurred(bright: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The mean of nine columns and five rows around every pixel, by differences of running sums."""
    for axis, radius in ((0, 2), (1, 4)):
        size = bright.shape[axis]
        ends = np.clip(np.arange(size) + radius + 1, 0, size)
        starts = np.clip(np.arange(size) - radius, 0, size)
        pad = [(1, 0), (0, 0)] if axis == 0 else [(0, 0), (1, 0)]
        sums = np.pad(np.cumsum(bright, axis=axis), pad)
        count = (ends - starts).astype(np.float32)
        count = count[:, None] if axis == 0 else count
        bright = (np.take(sums, ends, axis=axis) - np.take(sums, starts, axis=axis)) / count
    return bright


def _half(rgb: Pixels, canvas: Canvas) -> Cells:
    rows, columns = rgb.shape[0] // 2, rgb.shape[1]
    if canvas.colour is ColourDepth.MONO:
        bright = _contrast(rgb, canvas)
        lit = bright + _pattern(*rgb.shape[:2]) * 0.9 > 0.5
        pairs = (lit & (bright > 0)).reshape(rows, 2, columns).astype(np.uint8)
        return Cells(_BLOCKS[pairs[:, 0] + 2 * pairs[:, 1]], None, None)
    halves = _reduced(rgb, canvas).reshape(rows, 2, columns, 3)
    return Cells(np.full((rows, columns), UPPER_HALF, np.uint32), halves[:, 0], halves[:, 1])


def _ascii(rgb: Pixels, canvas: Canvas) -> Cells:
    if canvas.colour is ColourDepth.MONO:
        return _ascii_mono(rgb, canvas)
    paper = _is_paper(rgb, canvas)
    # Ink covers a small part of a cell: the tint carries the colour, and the letter is lifted above it.
    wide = _reduced(rgb, canvas).astype(np.uint16)
    fg = np.minimum(wide * 5 // 4 + 24, 255).astype(np.uint8)
    bg = np.where(paper[..., None], rgb, (wide * 3 >> 2).astype(np.uint8))
    return Cells(_ink(_share(rgb), paper), fg, bg)


def _ascii_mono(rgb: Pixels, canvas: Canvas) -> Cells:
    return Cells(_ink(_contrast(rgb, canvas), _is_paper(rgb, canvas)), None, None)


def _ink(bright: npt.NDArray[np.float32], paper: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32]:
    steps = np.minimum(bright * len(_RAMP), len(_RAMP) - 1).astype(np.uint8)
    return np.asarray(np.where(paper, _RAMP[0], _RAMP[steps]), np.uint32)


MODES: dict[CellMode, Mode] = {
    CellMode.HALF: Mode((1, 2), _half),
    CellMode.ASCII: Mode((1, 1), _ascii),
    CellMode.ASCII_MONO: Mode((1, 1), _ascii_mono, coloured=False),
}
"""Every mode that can be drawn."""
