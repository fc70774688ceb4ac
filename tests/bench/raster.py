"""What cells look like, and how close that comes to the picture that they stand for.

A cell is compared at 4x8 pixels. Blocks are computed; letters are taken from a font (DejaVu Sans Mono, in which most of
the world's terminals are set), drawn eight times as large and averaged.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from engage_tui.render.blocks import QUADRANTS, SEXTANTS
from engage_tui.render.cells import Cells
from engage_tui.render.picture import Pixels

WIDTH, HEIGHT = 4, 8
"""Pixels of a cell."""

_FONT = "DejaVuSansMono.ttf"
_LARGE = 8

Share = npt.NDArray[np.float32]
"""How much of every pixel of a cell is ink, shape (HEIGHT, WIDTH)."""


def psnr(picture: Pixels, shown: Pixels | npt.NDArray[np.float32]) -> float:
    """Peak signal to noise, in dB."""
    error = (shown.astype(np.float32) - picture) ** 2
    return 10 * math.log10(255**2 / float(error.mean()))


def drawn(cells: Cells) -> npt.NDArray[np.float32]:
    """The cells as a picture, shape (rows * HEIGHT, columns * WIDTH, 3)."""
    rows, columns = cells.glyph.shape
    known, which = np.unique(cells.glyph, return_inverse=True)
    shares = np.stack([ink(int(code)) for code in known])[which.reshape(rows, columns)]
    white = np.full((rows, columns, 3), 255, np.uint8)
    front = white if cells.fg is None else cells.fg
    back = np.zeros_like(white) if cells.bg is None else cells.bg
    step = front.astype(np.float32) - back
    made = back[:, :, None, None] + shares[..., None] * step[:, :, None, None]
    return np.asarray(
        made.transpose(0, 2, 1, 3, 4).reshape(rows * HEIGHT, columns * WIDTH, 3), np.float32
    )


@cache
def ink(code: int) -> Share:
    """The share of ink of a character."""
    for table, (across, down) in ((QUADRANTS, (2, 2)), (SEXTANTS, (2, 3))):
        found = np.flatnonzero(table == code)
        if len(found):
            return _blocks(int(found[0]), across, down)
    return _letter(chr(code))


def _blocks(bits: int, across: int, down: int) -> Share:
    marked = np.array([bits >> n & 1 for n in range(across * down)], np.float32)
    fine = marked.reshape(down, across).repeat(HEIGHT * 3 // down, 0).repeat(WIDTH // across, 1)
    return np.asarray(fine.reshape(HEIGHT, 3, WIDTH).mean(axis=1), np.float32)


@cache
def _font() -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(_FONT, _size())
    except OSError as error:
        raise SystemExit(f"{_FONT} is missing (Debian: fonts-dejavu-core)") from error


def _size() -> int:
    """The font's size at which a cell of it is as wide as ours, enlarged."""
    return round(WIDTH * _LARGE / 0.602)  # the advance of its letters, in ems


def _letter(char: str) -> Share:
    font, width, height = _font(), WIDTH * _LARGE, HEIGHT * _LARGE
    image = Image.new("L", (width, height), 0)
    ascent, descent = font.getmetrics()
    top = (height - ascent - descent) / 2
    ImageDraw.Draw(image).text((0, top), char, fill=255, font=font)
    large = np.asarray(image, np.float32) / 255
    return np.asarray(large.reshape(HEIGHT, _LARGE, WIDTH, _LARGE).mean(axis=(1, 3)), np.float32)
