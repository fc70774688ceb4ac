"""A row of a picture as Textual takes it: already encoded, and cut between cells like any other strip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from engage_tui.render.cells import Cells
from engage_tui.render.rows import Row


class CellStrip(Strip):
    """A strip whose text was encoded beforehand.

    Textual writes what `render` returns, and asks `divide` and `crop` where something lies above the tile: both slice
    the encoded row. Segments, one a cell, are made only for who really reads them: the tinted background of a modal
    screen, and screenshots.
    """

    __slots__ = ["_cells", "_made", "_row"]

    def __init__(self, row: Row, cells: Cells) -> None:
        """Make a strip of an encoded row.

        Args:
            row: What to write.
            cells: The same as cells, one row; arrays of shape (columns,) and (columns, 3).
        """
        self._made: list[Segment] | None = None
        super().__init__((), row.columns)
        self._row = row
        self._cells = cells
        self._made = None
        self._cell_count = row.columns
        self._render_cache = row.text  # `Strip.join` joins these

    @property
    def _segments(self) -> list[Segment]:
        if self._made is None:
            self._made = _segments(self._cells)
        return self._made

    @_segments.setter
    def _segments(self, segments: list[Segment]) -> None:
        self._made = segments

    @property
    def encoded(self) -> Row:
        """The row behind the strip."""
        return self._row

    def __bool__(self) -> bool:
        return self._row.columns > 0

    def render(self, console: Console) -> str:  # noqa: ARG002 - Strip.render takes it
        """The encoded row."""
        return self._row.text

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """Cut the row at cell positions."""
        result: list[Strip] = []
        start = 0
        for cut in cuts:
            if cut <= self._row.columns:
                result.append(self.crop(start, cut))
                start = cut
        return result

    def crop(self, start: int, end: int | None = None) -> Strip:
        """The cells from `start` to before `end`."""
        columns = self._row.columns
        start, end = max(0, start), columns if end is None else min(columns, end)
        if (start, end) == (0, columns):
            return self
        if end <= start:
            return Strip([], 0)
        return CellStrip(self._row.cut(start, end), _slice(self._cells, start, end))


def strips(rows: Sequence[Row], cells: Cells) -> list[Strip]:
    """Make strips of encoded rows and the cells they were made of (arrays of rows x columns)."""
    return [CellStrip(row, _line(cells, y)) for y, row in enumerate(rows)]


def _line(cells: Cells, y: int) -> Cells:
    return Cells(
        cells.glyph[y],
        None if cells.fg is None else cells.fg[y],
        None if cells.bg is None else cells.bg[y],
    )


def _slice(cells: Cells, start: int, end: int) -> Cells:
    return Cells(
        cells.glyph[start:end],
        None if cells.fg is None else cells.fg[start:end],
        None if cells.bg is None else cells.bg[start:end],
    )


def _segments(cells: Cells) -> list[Segment]:
    """One segment for every run of cells of the same colours."""
    text = cells.glyph.astype("<u4").tobytes().decode("utf-32-le")
    if cells.fg is None or cells.bg is None:
        return [Segment(text)]
    both = np.concatenate([cells.fg, cells.bg], axis=1)
    changes = np.flatnonzero((both[1:] != both[:-1]).any(axis=1)) + 1
    edges = [0, *changes.tolist(), len(text)]
    return [
        Segment(text[start:end], _style(both[start].tobytes()))
        for start, end in zip(edges, edges[1:], strict=False)
        if end > start
    ]


@lru_cache(maxsize=8192)
def _style(colours: bytes) -> Style:
    return Style(
        color=Color.from_rgb(colours[0], colours[1], colours[2]),
        bgcolor=Color.from_rgb(colours[3], colours[4], colours[5]),
    )
