"""Brightness, contrast and dither: what pictures need before few colours, or none, can show them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engage_tui.render.grid import Canvas, ColourDepth
from engage_tui.render.picture import Pixels

Floats = npt.NDArray[np.float32]

_BAYER = (
    np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16
    - 15 / 32
)
"""Ordered dither, -0.5 to 0.5, mean 0: fixed to the place, so that a still picture stays still."""

_CUBE_STEP, _BASIC_STEP = 30, 96  # between the levels of a palette's colours
_RED, _GREEN, _BLUE = np.uint16(77), np.uint16(150), np.uint16(29)  # BT.601 in 1/256


def weighted(rgb: npt.NDArray[np.uint8], axis: int = -1) -> npt.NDArray[np.uint16]:
    """Brightness of every pixel in 1/256, with the colours along `axis`."""
    bright: npt.NDArray[np.uint16] = np.take(rgb, 0, axis) * _RED
    bright += np.take(rgb, 1, axis) * _GREEN
    bright += np.take(rgb, 2, axis) * _BLUE
    return bright


def luma(rgb: Pixels) -> npt.NDArray[np.uint8]:
    """Brightness of every pixel, 0 to 255."""
    return np.asarray(weighted(rgb) >> 8, np.uint8)


def is_paper(rgb: Pixels, canvas: Canvas) -> npt.NDArray[np.bool_]:
    """Which pixels are the canvas's paper."""
    if canvas.paper is None:
        return np.zeros(rgb.shape[:2], np.bool_)
    return np.asarray((rgb == np.array(canvas.paper, np.uint8)).all(axis=2), np.bool_)


def reduced(rgb: Pixels, canvas: Canvas) -> Pixels:
    """Prepare a picture for a palette: ordered dither, and with 16 colours more colour than there was."""
    if not canvas.photo or canvas.colour is ColourDepth.TRUE:
        return rgb
    wide = rgb.astype(np.float32)
    step = _CUBE_STEP
    if canvas.colour is ColourDepth.SIXTEEN:
        step = _BASIC_STEP
        grey = wide.mean(axis=2, keepdims=True)
        wide = grey + (wide - grey) * 1.6
    wide += pattern(rgb.shape[0], rgb.shape[1])[..., None] * step
    keep = is_paper(rgb, canvas)[..., None]
    return np.where(keep, rgb, np.clip(wide, 0, 255).astype(np.uint8))


def pattern(height: int, width: int) -> Floats:
    """The dither's pattern, -0.5 to 0.5."""
    tiled = np.tile(_BAYER, (height // 4 + 1, width // 4 + 1))[:height, :width]
    return np.asarray(tiled, np.float32)


def lit(rgb: Pixels, canvas: Canvas) -> npt.NDArray[np.bool_]:
    """Which pixels are ink when there are no colours: dithered, paper never."""
    bright = contrast(rgb, canvas)
    dithered = bright + pattern(*rgb.shape[:2]) * 0.9 > 0.5
    return np.asarray(dithered & (bright > 0), np.bool_)


def contrast(rgb: Pixels, canvas: Canvas) -> Floats:
    """Brightness from 0 (paper) to 1 (full ink), with the edges a little stronger: all that mono modes have."""
    bright = share(rgb)
    if canvas.photo:
        bright = np.clip((bright + 0.8 * (bright - _blurred(bright)) - 0.04) * 1.12, 0, 1)
    if not canvas.dark:
        bright = 1 - bright
    return np.asarray(np.where(is_paper(rgb, canvas), 0, bright), np.float32)


def share(rgb: Pixels) -> Floats:
    """Brightness from 0 to 1."""
    return np.asarray(luma(rgb) / np.float32(255), np.float32)


def _blurred(bright: Floats) -> Floats:
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
