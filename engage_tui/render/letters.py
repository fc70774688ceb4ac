"""Drawing with letters and dots, whose ink covers only part of a cell: the colour behind them carries the picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engage_tui.render import shapes
from engage_tui.render.blocks import Planes, bits, by_place, inked, split, two_colours
from engage_tui.render.grid import Canvas, Cells, ColourDepth, Ramp
from engage_tui.render.picture import Pixels
from engage_tui.render.tones import Floats, contrast, is_paper, reduced, share

RAMPS: dict[Ramp, npt.NDArray[np.uint32]] = {
    ramp: np.array([ord(char) for char in chars], np.uint32)
    for ramp, chars in {
        Ramp.PLAIN: " .:;+=cxso%a$&#W@",
        Ramp.LONG: " .'`,:-~;_!\"^/\\rLc*v<>)(|Ti?zJxs7=}{1t]f[jlYuynFoe2CIVZX3S5PKa4bd9kqpOhmwU6GEA8&D0RNHQBM@W#$%",
        Ramp.SHORT: " .:+%@",
        Ramp.DIGITS: " 1742536908",
        Ramp.SHADES: " ░▒▓█",
    }.items()
}
"""Letters by the share of a cell that their ink covers, from none."""

_DOTS = (0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80)  # along the rows of a cell, two a row
BRAILLE = np.array(
    [0x20]  # some fonts draw the empty pattern as eight rings
    + [0x2800 + sum(dot for n, dot in enumerate(_DOTS) if each >> n & 1) for each in range(1, 256)],
    np.uint32,
)
"""By which of the eight dots are set: bits along the rows, from the upper left."""

_DOT_INK = np.float32(0.6)  # the share of its eighth that a dot is taken to cover


def ascii_colour(rgb: Pixels, canvas: Canvas) -> Cells:
    """Letters by their shape, in two colours; by brightness on a darker tint where a ramp is asked for."""
    if canvas.colour is ColourDepth.MONO:
        return ascii_mono(whole(rgb), canvas)
    if canvas.ramp is not None:
        return _tinted(whole(rgb), canvas)
    planes, grid = by_place(rgb, shapes.PIXELS)
    return shaped(rgb, canvas, planes, grid, shapes.choose(planes))


def shaped(
    rgb: Pixels, canvas: Canvas, planes: Planes, grid: tuple[int, int], choice: shapes.Choice
) -> Cells:
    """The chosen letters in the colours that suit them, and nothing where the paper is."""
    shape = (*grid, 3)
    ink, ground = shapes.colours(planes, choice.letter)
    fg, bg = ((each + 0.5).astype(np.uint8).T.reshape(shape) for each in (ink, ground))
    glyph = shapes.CODES[choice.letter].reshape(grid)
    if canvas.paper is not None:
        across, down = shapes.PIXELS
        bare = is_paper(rgb, canvas).reshape(grid[0], down, grid[1], across).all(axis=(1, 3))
        glyph = np.where(bare, np.uint32(0x20), glyph)
        fg[bare] = bg[bare] = canvas.paper
    return Cells(glyph, reduced(fg, canvas), reduced(bg, canvas))


def whole(rgb: Pixels) -> Pixels:
    """One pixel a cell, the mean of those that lie there."""
    planes, grid = by_place(rgb, shapes.PIXELS)
    mean = planes.mean(axis=0, dtype=np.float32) + np.float32(0.5)
    return np.ascontiguousarray(mean.astype(np.uint8).T.reshape(*grid, 3))


def _tinted(rgb: Pixels, canvas: Canvas) -> Cells:
    paper = is_paper(rgb, canvas)
    # Ink covers a small part of a cell: the tint carries the colour, and the letter is lifted above it.
    wide = reduced(rgb, canvas).astype(np.uint16)
    fg = np.minimum(wide * 5 // 4 + 24, 255).astype(np.uint8)
    bg = np.where(paper[..., None], rgb, (wide * 3 >> 2).astype(np.uint8))
    return Cells(_ink(share(rgb), paper, canvas.ramp), fg, bg)


def ascii_mono(rgb: Pixels, canvas: Canvas) -> Cells:
    """Letters by brightness alone."""
    return Cells(_ink(contrast(rgb, canvas), is_paper(rgb, canvas), canvas.ramp), None, None)


def _ink(bright: Floats, paper: npt.NDArray[np.bool_], ramp: Ramp | None) -> npt.NDArray[np.uint32]:
    letters = RAMPS[Ramp.PLAIN if ramp is None else ramp]
    steps = np.minimum(bright * len(letters), len(letters) - 1).astype(np.uint8)
    return np.asarray(np.where(paper, letters[0], letters[steps]), np.uint32)


def braille(rgb: Pixels, canvas: Canvas) -> Cells:
    """Eight pixels a cell: dots for the fewer ones, on the colour of the others."""
    if canvas.colour is ColourDepth.MONO:
        return inked(rgb, canvas, (2, 4), BRAILLE)
    planes, (rows, columns) = by_place(reduced(rgb, canvas), (2, 4))
    mask = split(planes)
    mask ^= mask.sum(axis=0) > 4
    colours = two_colours(planes, mask)
    ink = colours.ground + (colours.ink - colours.ground) / _DOT_INK
    shape = (rows, columns, 3)
    fg = np.clip(ink + 0.5, 0, 255).astype(np.uint8).T.reshape(shape)
    bg = (colours.ground + 0.5).astype(np.uint8).T.reshape(shape)
    return Cells(BRAILLE[bits(mask)].reshape(rows, columns), fg, bg)
