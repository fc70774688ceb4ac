"""Cells to text: one pre-encoded string a row, exactly as many cells wide as the picture.

Every cell of a row takes the same number of characters (numbers are padded with zeros, which ECMA-48 allows), so that a
row can be filled in by array operations, and cut between cells by slicing the string.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engage_tui.render.cells import Canvas, CellMode, Cells, ColourDepth, cells
from engage_tui.render.picture import Pixels, Rgb

RESET = "\x1b[0m"

CANCEL = "\x18\x1b\\"
"""Ends a sequence that may have been torn: CAN ends a control sequence, ST a string as sixels and images are."""

_TRUE = b"\x1b[38;2;NNN;NNN;NNN;48;2;NNN;NNN;NNNm"
_INDEXED = b"\x1b[38;5;NNN;48;5;NNNm"
_SIXTEEN = b"\x1b[NNN;NNNm"
_ESCAPES = {ColourDepth.TRUE: _TRUE, ColourDepth.INDEXED: _INDEXED, ColourDepth.SIXTEEN: _SIXTEEN}


Words = npt.NDArray[np.uint32]


def _numbers(before: bytes) -> Words:
    """``000`` to ``255`` behind `before`, each as one 32-bit word: four bytes are written at once."""
    return np.frombuffer(b"".join(before + b"%03d" % n for n in range(256)), np.uint32)


_FIRST = _numbers(b"[")
_NEXT = _numbers(b";")


class Row(NamedTuple):
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
    """Encodes pictures of one size after another; keeps the grid of characters, so one a thread."""

    def __init__(self, colour: ColourDepth) -> None:
        self.colour = colour
        self._grid = _Grid(0, 0, _ESCAPES.get(colour, _SIXTEEN))

    def encode(self, picture: Cells) -> list[Row]:
        """Encode every row of cells, top to bottom."""
        glyph, fg, bg = picture.glyph, picture.fg, picture.bg
        rows, columns = glyph.shape
        if fg is None or bg is None or self.colour is ColourDepth.MONO or not columns:
            return [Row(_text(row), 1, columns) for row in glyph]
        if (self._grid.rows, self._grid.columns) != (rows, columns):
            self._grid = _Grid(rows, columns, _ESCAPES[self.colour])
        grid = self._grid
        if self.colour is ColourDepth.TRUE:
            grid.put(_NEXT.take(fg, mode="clip"), _NEXT.take(bg, mode="clip"))
        else:
            indexed = self.colour is ColourDepth.INDEXED
            front, back = colour_codes(fg, indexed, False), colour_codes(bg, indexed, True)
            words = _NEXT if indexed else _FIRST
            grid.put(words.take(front)[..., None], _NEXT.take(back)[..., None])
        return [Row(text, grid.step, columns) for text in grid.texts(glyph)]


class _Grid:
    """The characters of a picture of one size: a byte each to put the numbers in, then four each to make strings of.

    numpy makes a string of an array of code points several times faster than any decoder of Python's. Numbers go in as
    items of several bytes: a loop along so short an axis would cost more than the copy.
    """

    def __init__(self, rows: int, columns: int, escape: bytes) -> None:
        self.rows, self.columns, self.step = rows, columns, len(escape) + 1
        row = np.frombuffer((escape + b" ") * columns + RESET.encode(), np.uint8)
        self._narrow = np.tile(row, (rows, 1))
        self._wide = np.empty(self._narrow.shape, np.uint32)
        self._row = np.dtype(f"U{len(row)}")
        count = escape.count(b"NNN") // 2
        self._item = np.dtype(f"V{4 * count}")
        front = escape.index(b"NNN") - 1  # with what stands before it
        back = escape.index(b"NNN", front + 4 * count) - 1
        self._front = self._each(self._narrow, front, self._item)
        self._back = self._each(self._narrow, back, self._item)
        self._glyphs = self._each(self._wide, self.step - 1, self._wide.dtype)

    def put(self, front: Words, back: Words) -> None:
        """Put in the numbers of every cell's colours, shape (rows, columns, numbers), each with what is before it."""
        self._front[...] = front.view(self._item)[..., 0]
        self._back[...] = back.view(self._item)[..., 0]

    def texts(self, glyph: npt.NDArray[np.uint32]) -> list[str]:
        """The rows with those glyphs."""
        self._wide[...] = self._narrow
        self._glyphs[...] = glyph
        made: list[str] = self._wide.view(self._row)[:, 0].tolist()
        return made

    def _each(self, grid: npt.NDArray[Any], first: int, item: np.dtype[Any]) -> npt.NDArray[Any]:
        """One item of every cell, the first at that character."""
        line, character = grid.strides
        return np.ndarray(
            (self.rows, self.columns),
            item,
            grid.data,
            first * character,
            (line, self.step * character),
        )


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
