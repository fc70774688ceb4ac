"""Drawing with block elements: two colours a cell, the border between them along halves, quarters or sixths.

The two colours of a cell are the means of its pixels above and below the middle of the cell's range of brightness.
An exhaustive search for the best split gains less than 0.1 dB and takes ten times as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from engage_tui.render.grid import Canvas, Cells, ColourDepth
from engage_tui.render.picture import Pixels
from engage_tui.render.tones import lit, reduced, weighted

UPPER_HALF = 0x2580
_HALVES = np.array([0x20, 0x2580, 0x2584, 0x2588], np.uint32)  # nothing, upper, lower, both

QUADRANTS = np.array([ord(char) for char in " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"], np.uint32)
"""By which quarters are ink: bit 0 the upper left, 1 the upper right, 2 the lower left, 3 the lower right."""


def _sextants() -> npt.NDArray[np.uint32]:
    """U+1FB00 and on, in the order of their bits, without the four that existed before."""
    older = {0: 0x20, 0b010101: 0x258C, 0b101010: 0x2590, 0b111111: 0x2588}
    codes, new = [], iter(range(0x1FB00, 0x1FB3C))
    for bits in range(64):
        codes.append(older[bits] if bits in older else next(new))
    return np.array(codes, np.uint32)


SEXTANTS = _sextants()
"""By which sixths are ink: bits along the rows, from the upper left."""

Planes = npt.NDArray[np.uint8]
"""Pixels by their place in the cell: shape (pixels of a cell, 3, cells)."""

Mask = npt.NDArray[np.bool_]
"""Which pixels of each cell are ink, shape (pixels of a cell, cells)."""


def half(rgb: Pixels, canvas: Canvas) -> Cells:
    """Two pixels a cell, each with its own colour."""
    rows, columns = rgb.shape[0] // 2, rgb.shape[1]
    if canvas.colour is ColourDepth.MONO:
        return inked(rgb, canvas, (1, 2), _HALVES)
    halves = reduced(rgb, canvas).reshape(rows, 2, columns, 3)
    return Cells(_upper_halves(rows, columns), halves[:, 0], halves[:, 1])


@lru_cache(maxsize=64)
def _upper_halves(rows: int, columns: int) -> npt.NDArray[np.uint32]:
    """The glyphs of every picture of one size; not to be written to."""
    glyphs = np.full((rows, columns), UPPER_HALF, np.uint32)
    glyphs.setflags(write=False)
    return glyphs


def quadrant(rgb: Pixels, canvas: Canvas) -> Cells:
    """Four pixels a cell, in two colours."""
    return _split(rgb, canvas, (2, 2), QUADRANTS)


def sextant(rgb: Pixels, canvas: Canvas) -> Cells:
    """Six pixels a cell, in two colours."""
    return _split(rgb, canvas, (2, 3), SEXTANTS)


def _split(
    rgb: Pixels, canvas: Canvas, pixels: tuple[int, int], table: npt.NDArray[np.uint32]
) -> Cells:
    if canvas.colour is ColourDepth.MONO:
        return inked(rgb, canvas, pixels, table)
    planes, grid = by_place(reduced(rgb, canvas), pixels)
    return two_colours(planes, split(planes)).cells(table, grid)


def inked(
    rgb: Pixels, canvas: Canvas, pixels: tuple[int, int], table: npt.NDArray[np.uint32]
) -> Cells:
    """Without colours: ink where the dithered picture is bright."""
    across, down = pixels
    rows, columns = rgb.shape[0] // down, rgb.shape[1] // across
    parts = lit(rgb, canvas).reshape(rows, down, columns, across).transpose(1, 3, 0, 2)
    return Cells(table[bits(parts.reshape(across * down, -1))].reshape(rows, columns), None, None)


def by_place(rgb: Pixels, pixels: tuple[int, int]) -> tuple[Planes, tuple[int, int]]:
    """Sort the pixels of a picture by their place in the cell, and count its rows and columns of cells."""
    across, down = pixels
    rows, columns = rgb.shape[0] // down, rgb.shape[1] // across
    parts = rgb.reshape(rows, down, columns, across, 3).transpose(1, 3, 4, 0, 2)
    return parts.reshape(across * down, 3, rows * columns), (rows, columns)


def split(planes: Planes) -> Mask:
    """Ink is what lies above the middle of the cell's range of brightness."""
    bright = weighted(planes, axis=1)
    low, high = bright.min(axis=0), bright.max(axis=0)
    high -= low
    high >>= 1
    high += low
    return np.asarray(bright > high, np.bool_)


def bits(mask: Mask) -> npt.NDArray[np.uint8]:
    """The number of every cell's glyph: bit n is its pixel n."""
    return np.asarray(np.packbits(mask, axis=0, bitorder="little")[0], np.uint8)


@dataclass(frozen=True, slots=True)
class TwoColours:
    """Cells of two colours each.

    Attributes:
        mask: Which pixels have the first one.
        ink: The first colour, shape (3, cells), 0 to 255; the second one where nothing has the first.
        ground: The second colour, likewise.
    """

    mask: Mask
    ink: npt.NDArray[np.float32]
    ground: npt.NDArray[np.float32]

    def cells(self, table: npt.NDArray[np.uint32], grid: tuple[int, int]) -> Cells:
        """The same as glyphs and colours."""
        rows, columns = grid
        shape = (rows, columns, 3)
        return Cells(
            table[bits(self.mask)].reshape(grid),
            _rounded(self.ink).T.reshape(shape),
            _rounded(self.ground).T.reshape(shape),
        )

    def error(self, planes: Planes) -> npt.NDArray[np.float32]:
        """The squared error of every cell, over all pixels and colours."""
        shown = np.where(self.mask[:, None], self.ink, self.ground)
        shown -= planes
        shown *= shown
        return np.asarray(shown.sum(axis=(0, 1)), np.float32)


def two_colours(planes: Planes, mask: Mask) -> TwoColours:
    """The mean colour of the ink and that of the rest."""
    count = len(mask)
    marked = mask.view(np.uint8)
    inks = marked.sum(axis=0, dtype=np.uint8)
    every = planes.sum(axis=0, dtype=np.uint16)
    of_ink = (planes * marked[:, None]).sum(axis=0, dtype=np.uint16)
    parts = np.zeros(count + 1, np.float32)
    parts[1:] = 1 / np.arange(1, count + 1, dtype=np.float32)
    ink = of_ink * parts[inks]
    ground = (every - of_ink) * parts[count - inks]
    np.copyto(ink, ground, where=inks == 0)
    np.copyto(ground, ink, where=inks == count)
    return TwoColours(mask, ink, ground)


def _rounded(colour: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return np.asarray(colour + np.float32(0.5), np.uint8)
