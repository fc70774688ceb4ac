"""Where in a place of cells a picture of pixels goes, and which pixels it is sent as."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engage_tui.render.images import PixelMode, Place
from engage_tui.render.picture import Pixels, Rgb, cover, fit, letterbox

_FRAME = 80  # a frame is one pixel thick for so many of the picture's height


@dataclass(frozen=True, slots=True)
class Box:
    """Whole cells of a larger place.

    Attributes:
        x: Column of the left upper cell.
        y: Row of it.
        place: How many cells, and how large they are.
    """

    x: int
    y: int
    place: Place


def box(
    size: tuple[int, int], columns: int, rows: int, cell: tuple[int, int], *, fill: bool = False
) -> Box:
    """Find the whole cells that a picture covers with its shape kept, in the middle of a place.

    Args:
        size: Width and height of the picture.
        columns: Of the place.
        rows: Of the place.
        cell: Width and height of a cell in pixels.
        fill: Cover the whole place; what does not fit will be cut.
    """
    if fill:
        return Box(0, 0, Place(columns, rows, cell))
    width, height = fit(*size, (columns * cell[0], rows * cell[1]))
    across = max(1, min(columns, -(-width // cell[0])))
    down = max(1, min(rows, -(-height // cell[1])))
    return Box((columns - across) // 2, (rows - down) // 2, Place(across, down, cell))


def wanted(mode: PixelMode, place: Place, source: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """The box of square pixels that a picture should fit into.

    Args:
        mode: How it is sent: sixels are shown as they are, the others are scaled by the terminal.
        place: Where.
        source: What there is, zeros if unknown: more need not be sent where the terminal scales.
    """
    width, height = place.pixels
    if mode is PixelMode.SIXEL or not all(source):
        return width, height
    return min(width, source[0]), min(height, source[1])


def laid(
    pixels: Pixels,
    where: Box,
    mode: PixelMode,
    background: Rgb,
    *,
    fill: bool = False,
    frame: Rgb | None = None,
) -> Pixels:
    """Make of a picture what an `ImageEncoder` takes for that box.

    Args:
        pixels: RGB24 in square pixels.
        where: From `box`, made for the picture's size.
        mode: How it will be sent.
        background: Behind what the picture does not cover.
        fill: Cut what does not fit.
        frame: Colour of a frame around it; None: there is none.
    """
    size = where.place.pixels
    if mode is PixelMode.SIXEL:
        canvas = _exact(pixels, size, where.place.cell, background, fill)
    else:
        canvas = _cut(pixels, size) if fill else pixels
    return canvas if frame is None else _framed(canvas, frame)


def _exact(
    pixels: Pixels, size: tuple[int, int], cell: tuple[int, int], background: Rgb, fill: bool
) -> Pixels:
    """Exactly so many pixels; a picture that nearly fits is laid into the middle as it is."""
    height, width = pixels.shape[:2]
    if fill:
        return cover(pixels, size, background)
    if (width, height) == size:
        return pixels
    left, top = size[0] - width, size[1] - height
    if not (0 <= left <= cell[0] and 0 <= top <= cell[1]):
        return letterbox(pixels, size, background)
    canvas = np.empty((size[1], size[0], 3), np.uint8)
    canvas[...] = background
    canvas[top // 2 : top // 2 + height, left // 2 : left // 2 + width] = pixels
    return canvas


def _cut(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The middle of a picture in the proportion of `size`; the terminal scales it."""
    height, width = pixels.shape[:2]
    wide = max(1, min(width, round(height * size[0] / max(1, size[1]))))
    high = max(1, min(height, round(width * size[1] / max(1, size[0]))))
    left, top = (width - wide) // 2, (height - high) // 2
    return pixels[top : top + high, left : left + wide]


def _framed(pixels: Pixels, colour: Rgb) -> Pixels:
    framed = pixels.copy()
    thick = max(1, round(framed.shape[0] / _FRAME))
    framed[:thick] = framed[-thick:] = framed[:, :thick] = framed[:, -thick:] = colour
    return framed
