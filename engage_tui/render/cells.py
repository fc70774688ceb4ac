"""Pictures to cells: what each terminal cell shows, as arrays of glyphs and colours. Pure numpy.

A mode is one entry of `MODES`: how many pixels of the picture a cell holds, and the function that turns pixels into
cells. Everything else (tiles, rows, detection) asks that table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from engage_tui.render import blocks, letters, shapes
from engage_tui.render.grid import Canvas, Cells, ColourDepth, Ramp
from engage_tui.render.picture import Pixels
from engage_tui.render.tones import luma

__all__ = [
    "CELL_ASPECT",
    "MODES",
    "Canvas",
    "CellMode",
    "Cells",
    "ColourDepth",
    "Draw",
    "Mode",
    "Ramp",
    "cell_pixels",
    "cells",
    "luma",
    "wanted_pixels",
]

CELL_ASPECT = 2.0
"""Height of a terminal cell divided by its width; fonts lie between 1.9 and 2.2."""


class CellMode(StrEnum):
    """How a picture is drawn with text."""

    HALF = "half"
    """Two square pixels a cell, with U+2580."""
    QUADRANT = "quadrant"
    """Four pixels a cell in two colours, with U+2596 to U+259F; nearly every font has them."""
    SEXTANT = "sextant"
    """Six pixels a cell in two colours, with U+1FB00 to U+1FB3B; few fonts have them, some terminals draw them."""
    BRAILLE = "braille"
    """Eight dots a cell."""
    ASCII = "ascii"
    """Letters by their shape, in two colours a cell."""
    ASCII_MONO = "ascii-mono"
    """Letters by brightness alone."""


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
        """Height of one of its pixels divided by its width, in a cell of the usual shape."""
        return self.shape(CELL_ASPECT)

    def shape(self, aspect: float) -> float:
        """Height of one of its pixels divided by its width, in a cell of that shape (height by width)."""
        return aspect * self.pixels[0] / self.pixels[1]


def cell_pixels(mode: CellMode) -> tuple[int, int]:
    """Pixels of the picture in one cell, across and down."""
    return MODES[mode].pixels


def wanted_pixels(
    mode: CellMode, columns: int, rows: int, aspect: float = CELL_ASPECT
) -> tuple[int, int]:
    """The box of square pixels that a place of `columns` x `rows` cells of that shape can show."""
    across, down = MODES[mode].pixels
    return columns * across, round(rows * down * MODES[mode].shape(aspect))


def cells(rgb: Pixels, mode: CellMode, canvas: Canvas | None = None) -> Cells:
    """Turn a picture into cells.

    Args:
        rgb: Shape (rows * pixels down, columns * pixels across, 3), as `cell_pixels` has it.
        mode: How to draw.
        canvas: What is drawn upon; fewer colours are dithered, and MONO has none at all. Default: true colours.

    Raises:
        ValueError: The picture does not consist of whole cells.
    """
    way = MODES[mode]
    across, down = way.pixels
    height, width = rgb.shape[:2]
    if height % down or width % across or rgb.shape[2:] != (3,):
        raise ValueError(f"{rgb.shape} is no RGB picture of whole {across}x{down} cells")
    return way.draw(rgb, canvas or Canvas())


MODES: dict[CellMode, Mode] = {
    CellMode.HALF: Mode((1, 2), blocks.half),
    CellMode.QUADRANT: Mode((2, 2), blocks.quadrant),
    CellMode.SEXTANT: Mode((2, 3), blocks.sextant),
    CellMode.BRAILLE: Mode((2, 4), letters.braille),
    CellMode.ASCII: Mode(shapes.PIXELS, letters.ascii_colour),
    CellMode.ASCII_MONO: Mode((1, 1), letters.ascii_mono, coloured=False),
}
"""Every mode that can be drawn."""
