"""Cells to text: one pre-encoded string a row, exactly as many cells wide as the picture.

Every cell of a row takes the same number of characters (numbers are padded with zeros, which ECMA-48 allows), so that a
row can be filled in by array operations, and cut between cells by slicing the string.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from engage_tui.render.cells import Canvas, CellMode, Cells, ColourDepth, cells
from engage_tui.render.picture import Pixels, Rgb

RESET = "\x1b[0m"
_TRUE = b"\x1b[038;2;RRR;GGG;BBB;00048;2;RRR;GGG;BBBm"
_INDEXED = b"\x1b[038;5;NNN;048;5;NNNm"
_SIXTEEN = b"\x1b[NNN;NNNm"


def _numbers(end: bytes) -> npt.NDArray[np.uint32]:
    """``000`` to ``255``, each with `end`, as one 32-bit word: four bytes are written at once."""
    return np.frombuffer(b"".join(b"%03d" % n + end for n in range(256)), np.uint32)


_NEXT = _numbers(b";")
_LAST = _numbers(b"m")
_TO_LAST = (
    _LAST[0] - _NEXT[0]
)  # the end is the highest byte on a little machine, the lowest on a big one
_MARK = 0x7F


@dataclass(frozen=True, slots=True)
class Row:
    """One encoded row of cells.

    Attributes:
        text: What to write, the reset at its end included.
        step: Characters a cell; cell `n` is ``text[n * step : (n + 1) * step]``.
        columns: Cells in the row.
    """

    text: str
    step: int
    columns: int

    def cut(self, start: int, end: int) -> Row:
        """The cells from `start` to before `end`."""
        start, end = max(0, start), min(self.columns, end)
        if end <= start:
            return Row("", self.step, 0)
        tail = RESET if self.step > 1 else ""
        return Row(self.text[start * self.step : end * self.step] + tail, self.step, end - start)


class RowEncoder:
    """Encodes pictures of one size after another; keeps the grid of bytes, so one a thread."""

    def __init__(self, colour: ColourDepth) -> None:
        self.colour = colour
        self._grid = np.empty((0, 0, 0), np.uint8)

    def encode(self, picture: Cells) -> list[Row]:
        """Encode every row of cells, top to bottom."""
        glyph, fg, bg = picture.glyph, picture.fg, picture.bg
        columns = glyph.shape[1]
        if fg is None or bg is None or self.colour is ColourDepth.MONO:
            return [Row(_text(row), 1, columns) for row in glyph]
        escape = {ColourDepth.TRUE: _TRUE, ColourDepth.INDEXED: _INDEXED}.get(self.colour, _SIXTEEN)
        grid, size = self._fill(escape, fg, bg), len(escape)
        first = int(glyph.flat[0]) if glyph.size else 0x20
        if bool((glyph < 0x80).all()):
            grid[..., size] = glyph
            encoded = [row.tobytes().decode("ascii") for row in grid]
        elif bool((glyph == first).all()):
            # Half-blocks: one character put in by `replace` costs less than decoding it from UTF-8 in every cell.
            grid[..., size] = _MARK
            char = chr(first)
            encoded = [row.tobytes().decode("ascii").replace("\x7f", char) for row in grid]
        else:
            wide = grid.astype("<u4")
            wide[..., size] = glyph
            encoded = [row.tobytes().decode("utf-32-le") for row in wide]
        return [Row(text + RESET, size + 1, columns) for text in encoded]

    def _fill(self, escape: bytes, fg: Pixels, bg: Pixels) -> npt.NDArray[np.uint8]:
        rows, columns = fg.shape[:2]
        size = len(escape)
        if self._grid.shape != (rows, columns, size + 1):
            self._grid = np.empty((rows, columns, size + 1), np.uint8)
            self._grid[..., :size] = np.frombuffer(escape, np.uint8)
        grid = self._grid
        if self.colour is ColourDepth.TRUE:
            grid[..., 8:20] = _NEXT.take(fg).view(np.uint8).reshape(rows, columns, 12)
            behind = _NEXT.take(bg)
            behind[..., 2] += _TO_LAST
            grid[..., 28:40] = behind.view(np.uint8).reshape(rows, columns, 12)
        else:
            indexed = self.colour is ColourDepth.INDEXED
            front, back = (8, 18) if indexed else (2, 6)
            grid[..., front : front + 4] = _bytes(_NEXT.take(colour_codes(fg, indexed, False)))
            grid[..., back : back + 4] = _bytes(_LAST.take(colour_codes(bg, indexed, True)))
        return grid


def encode_rows(rgb: Pixels, mode: CellMode, canvas: Canvas | None = None) -> list[str]:
    """Turn a picture into rows of text at once; tiles keep a `RowEncoder` instead.

    Returns:
        One string a row of cells, each exactly as many cells wide as the picture.

    Raises:
        ValueError: The picture does not consist of whole cells.
    """
    canvas = canvas or Canvas()
    return [row.text for row in RowEncoder(canvas.colour).encode(cells(rgb, mode, canvas))]


def _text(codes: npt.NDArray[np.uint32]) -> str:
    return codes.astype("<u4").tobytes().decode("utf-32-le")


def _bytes(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    return np.asarray(words.view(np.uint8).reshape(*words.shape, 4), np.uint8)


def colour_codes(rgb: Pixels, indexed: bool, behind: bool) -> npt.NDArray[np.uint8]:
    """The SGR number of the palette's nearest colour: of 256, or of 16 as ink or as what lies behind."""
    short = rgb >> 3
    place = (
        (short[..., 0].astype(np.uint16) << 10)
        | (short[..., 1].astype(np.uint16) << 5)
        | short[..., 2]
    )
    nearest = np.asarray(_nearest(indexed)[place], np.uint8)
    if indexed:
        return nearest
    base = np.array([40, 100] if behind else [30, 90], np.uint8)
    codes: npt.NDArray[np.uint8] = base[nearest >> 3] + (nearest & 7)
    return codes


def basic_colour(rgb: Rgb) -> int:
    """The nearest of the 16 colours, by its number."""
    return int(_nearest(False)[(rgb[0] >> 3) << 10 | (rgb[1] >> 3) << 5 | rgb[2] >> 3])


def palette(indexed: bool) -> npt.NDArray[np.uint8]:
    """Xterm's palette, shape (256 or 16, 3); the first 16 differ from terminal to terminal."""
    level = np.array([0, 95, 135, 175, 215, 255])
    cube = np.stack(np.meshgrid(level, level, level, indexing="ij"), axis=-1).reshape(-1, 3)
    grey = np.repeat((8 + 10 * np.arange(24))[:, None], 3, axis=1)
    bits = np.array([[n & 1, n >> 1 & 1, n >> 2 & 1] for n in range(8)])
    basic = np.concatenate([bits * 205, np.maximum(bits * 255, 0)])
    basic[7], basic[8] = (229, 229, 229), (127, 127, 127)
    return np.concatenate([basic, cube, grey] if indexed else [basic]).astype(np.uint8)


@cache
def _nearest(indexed: bool) -> npt.NDArray[np.uint8]:
    """For every 15-bit colour the number of the nearest one of the palette.

    Of the 256 the first 16 are left out: people choose those themselves, and their real colours are unknown.
    """
    axis = np.arange(32) * 255 // 31
    every = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    first = 16 if indexed else 0
    colours = palette(indexed)[first:].astype(np.float32)
    weight = np.sqrt(
        np.array([0.3, 0.59, 0.11], np.float32)
    )  # the eye's: green errors are seen most
    points, centres = every.astype(np.float32) * weight, colours * weight
    # |p - c|^2 without the |p|^2 that is the same for every colour
    distance = (centres * centres).sum(axis=1) - 2 * points @ centres.T
    return np.asarray(distance.argmin(axis=1) + first, np.uint8)
