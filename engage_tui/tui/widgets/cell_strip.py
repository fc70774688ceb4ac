"""A row of a picture as Textual takes it: encoded at once or when it is wanted, and cut between cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np
from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from engage_tui.render.cells import Cells, ColourDepth
from engage_tui.render.rows import Row, RowEncoder


class CellStrip(Strip):
    """A strip whose text was encoded beforehand.

    Textual writes what `render` returns, and asks `divide` and `crop` where something lies above the tile: both slice
    the encoded row. Segments, one a cell, are made only for who really reads them: the tinted background of a modal
    screen, and screenshots.
    """

    __slots__ = ["_colour", "_encoded", "_made", "_picture", "_row"]

    def __init__(
        self, row: Row | None, picture: Cells, y: int, colour: ColourDepth = ColourDepth.TRUE
    ) -> None:
        """Make a strip of an encoded row.

        Args:
            row: What to write; None: it is encoded when somebody wants it.
            picture: The same as cells; arrays of shape (rows, columns) and (rows, columns, 3).
            y: Which row of them.
            colour: How many colours a row that is encoded later has.
        """
        self._made: list[Segment] | None = None
        columns = picture.glyph.shape[1]
        super().__init__((), columns)
        self._encoded = row
        self._picture = picture
        self._row = y
        self._colour = colour
        self._made = None
        self._cell_count = columns
        if row is not None:
            self._render_cache = row.text  # `Strip.join` joins these

    @property
    def _segments(self) -> list[Segment]:
        if self._made is None:
            self._made = _segments(self.cells)
        return self._made

    @_segments.setter
    def _segments(self, segments: list[Segment]) -> None:
        self._made = segments

    @property
    def encoded(self) -> Row:
        """The row behind the strip."""
        if self._encoded is None:
            self._encoded = RowEncoder(self._colour).encode(_only(self._picture, self._row))[0]
            self._render_cache = self._encoded.text
        return self._encoded

    @property
    def cells(self) -> Cells:
        """The row as cells: arrays of shape (columns,) and (columns, 3)."""
        return _line(self._picture, self._row)

    def __bool__(self) -> bool:
        return self.cell_length > 0

    def render(self, console: Console) -> str:  # noqa: ARG002 - Strip.render takes it
        """The encoded row."""
        return self.encoded.text

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """Cut the row at cell positions."""
        result: list[Strip] = []
        start = 0
        for cut in cuts:
            if cut <= self.cell_length:
                result.append(self.crop(start, cut))
                start = cut
        return result

    def crop(self, start: int, end: int | None = None) -> Strip:
        """The cells from `start` to before `end`."""
        columns = self.cell_length
        start, end = max(0, start), columns if end is None else min(columns, end)
        if (start, end) == (0, columns):
            return self
        if end <= start:
            return Strip([], 0)
        row = None if self._encoded is None else self._encoded.cut(start, end)
        part = _columns(_only(self._picture, self._row), start, end)
        return CellStrip(row, part, 0, self._colour)


class ImageStrip(Strip):
    """A row over which a picture of pixels hangs: written, it leaves the picture alone.

    Who reads it otherwise (screenshots, the background of a modal screen, whatever lies over a part of it) finds the
    row as cells.
    """

    __slots__ = ["_beside", "_cells", "_made"]

    def __init__(self, cells: Callable[[], Strip], columns: int, beside: tuple[str, str]) -> None:
        """Make a strip under a picture.

        Args:
            cells: Gives the same row as cells.
            columns: Cells in the row.
            beside: What is written left of the picture, and from over it to the right end.
        """
        self._made: list[Segment] | None = None
        super().__init__((), columns)
        self._cells = cells
        self._beside = beside
        self._made = None
        self._cell_count = columns

    @property
    def _segments(self) -> list[Segment]:
        if self._made is None:
            self._made = list(self._cells())
        return self._made

    @_segments.setter
    def _segments(self, segments: list[Segment]) -> None:
        self._made = segments

    def __bool__(self) -> bool:
        return self.cell_length > 0

    def render(self, console: Console) -> str:  # noqa: ARG002 - Strip.render takes it
        """What is beside the picture, and a step over it."""
        return "".join(self._beside)

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """Cut the row: the whole of it stays, parts of it are cells."""
        places = list(cuts)
        if places == [self.cell_length]:
            return [self]
        return self._cells().divide(places)

    def crop(self, start: int, end: int | None = None) -> Strip:
        """The row from `start` to before `end`: the whole of it stays, a part of it is cells."""
        end = self.cell_length if end is None else end
        if start <= 0 and end >= self.cell_length:
            return self
        return self._cells().crop(start, end)


def strips(rows: Sequence[Row], cells: Cells) -> list[Strip]:
    """Make strips of encoded rows and the cells they were made of (arrays of rows x columns)."""
    return [CellStrip(row, cells, y) for y, row in enumerate(rows)]


def later(cells: Cells, y: int, colour: ColourDepth) -> CellStrip:
    """A strip of one row of cells that is encoded when it is needed."""
    return CellStrip(None, cells, y, colour)


def _only(cells: Cells, y: int) -> Cells:
    return Cells(
        cells.glyph[y : y + 1],
        None if cells.fg is None else cells.fg[y : y + 1],
        None if cells.bg is None else cells.bg[y : y + 1],
    )


def _line(cells: Cells, y: int) -> Cells:
    return Cells(
        cells.glyph[y],
        None if cells.fg is None else cells.fg[y],
        None if cells.bg is None else cells.bg[y],
    )


def _columns(cells: Cells, start: int, end: int) -> Cells:
    return Cells(
        cells.glyph[:, start:end],
        None if cells.fg is None else cells.fg[:, start:end],
        None if cells.bg is None else cells.bg[:, start:end],
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
