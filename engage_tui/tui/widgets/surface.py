"""A tile's picture on its way to the terminal: whole rows of cells, what differs in them, or one image of pixels."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual.strip import Strip

from engage_tui.render.cells import Cells, cells
from engage_tui.render.delta import DeltaEncoder, SteadyCells
from engage_tui.render.picture import Pixels
from engage_tui.render.placing import Box
from engage_tui.render.rows import Row, RowEncoder
from engage_tui.tui.widgets.cell_strip import CellStrip, ImageStrip, later, strips
from engage_tui.tui.widgets.drawing import Look


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a picture that is not shown yet.

    Attributes:
        row: Where it begins.
        column: Where it begins.
        strip: What Textual draws in that row from now on; None: as before.
        text: What shows it when the cursor is there; empty: the strip itself.
    """

    row: int
    strip: Strip | None
    text: str = ""
    column: int = 0

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        if self.text or self.strip is None:
            return len(self.text)
        return (
            len(self.strip.encoded.text)
            if isinstance(self.strip, CellStrip)
            else self.strip.cell_length
        )

    def written(self, console: Console) -> str:
        """What shows it."""
        if self.text or self.strip is None:
            return self.text
        return self.strip.render(console)


Plain = Callable[[Row], Strip]
"""Makes a strip of a row without colours, in the theme's."""


class Surface:
    """The rows of a tile, and the parts of the newest picture that are not in them yet.

    Attributes:
        rows: What Textual draws, top to bottom.
    """

    def __init__(self, plain: Plain) -> None:
        self.rows: list[Strip] = []
        self._plain = plain
        self._pending: deque[Part] = deque()  # at most a row of the tile each
        self._canvas: Pixels | None = None
        self._encoder: RowEncoder | None = None
        self._steady = SteadyCells()
        self._delta: DeltaEncoder | None = None

    @property
    def unfinished(self) -> bool:
        """Whether parts of the newest picture are not shown yet."""
        return bool(self._pending)

    def forget(self) -> None:
        """Something else stands there: the next picture is shown whole."""
        self._canvas = None
        self._pending.clear()
        if self._delta is not None:
            self._delta.reset()

    def strips(self, canvas: Pixels, look: Look, *, photo: bool) -> list[Strip]:
        """All rows of a canvas."""
        return self._encoded(cells(canvas, look.mode, look.paper(photo=photo)), look)

    # -- cells -------------------------------------------------------------------------------------------------------

    def begin(self, canvas: Pixels, look: Look, *, sparing: bool) -> None:
        """Encode a picture, and show nothing of it yet.

        Args:
            canvas: Whole cells.
            look: How to draw.
            sparing: Send the cells alone that moved: fewer bytes for more work.
        """
        if sparing and not look.mono:
            self._begin_cells(canvas, look)
        else:
            self._begin_rows(canvas, look)

    def _begin_rows(self, canvas: Pixels, look: Look) -> None:
        """Encode the rows that differ from what was encoded last."""
        if self._delta is not None:
            self._delta, self._canvas = None, None
        count = len(self.rows)
        last, self._canvas = self._canvas, canvas
        changed = np.arange(count)
        if last is not None and last.shape == canvas.shape and not self._pending:
            changed = np.flatnonzero((last != canvas).reshape(count, -1).any(axis=1))
        self._pending.clear()
        if not len(changed):
            return
        if len(changed) < count:
            lines = canvas.reshape(count, -1, *canvas.shape[1:])
            canvas = lines[changed].reshape(-1, *canvas.shape[1:])
        made = self.strips(canvas, look, photo=True)
        self._pending.extend(map(Part, changed.tolist(), made))

    def _begin_cells(self, canvas: Pixels, look: Look) -> None:
        """Encode the cells that differ from what the terminal shows."""
        self._canvas = None
        if self._delta is None or self._delta.colour is not look.colour:
            self._delta = DeltaEncoder(look.colour)
        if self._pending:
            self._pending.clear()
            self._delta.reset()
        drawn = self._steady.cells(canvas, look.mode, look.paper(photo=True))
        changed = self._delta.encode(drawn)
        shown = self._delta.shown
        assert shown is not None or not changed
        for row, text in changed:
            assert shown is not None
            self._pending.append(Part(row, later(shown, row, look.colour), text))

    def _encoded(self, drawn: Cells, look: Look) -> list[Strip]:
        if self._encoder is None or self._encoder.colour is not look.colour:
            self._encoder = RowEncoder(look.colour)
        rows = self._encoder.encode(drawn)
        if drawn.fg is not None:
            return strips(rows, drawn)
        return [self._plain(row) for row in rows]

    def take(self, budget: int | None = None) -> list[Part]:
        """Parts that are to be shown now, of about `budget` bytes, at least one; None: all."""
        parts: list[Part] = []
        size = 0
        while self._pending and (budget is None or not parts or size < budget):
            part = self._pending.popleft()
            size += part.size
            if part.strip is not None:
                self.rows[part.row] = part.strip
            parts.append(part)
        return parts

    # -- pixels ------------------------------------------------------------------------------------------------------

    def hang(self, text: str, where: Box, rows: list[Strip]) -> None:
        """Begin a picture of pixels.

        Args:
            text: What shows it, with the cursor on its left upper cell; empty: it hangs already.
            where: Its cells.
            rows: What Textual draws meanwhile, from `image_rows`.
        """
        self.forget()
        self.rows = rows
        if text:
            self._pending.append(Part(where.y, None, text, where.x))


def image_rows(
    where: Box, width: int, count: int, draw: Callable[[], list[CellStrip]], style: Style
) -> list[Strip]:
    """The rows of a tile over which a picture of pixels hangs.

    Args:
        where: The picture's cells.
        width: Cells of a row.
        count: Rows.
        draw: Makes the same rows as cells, for who cannot show pixels.
        style: Of what the picture does not cover.
    """
    empty = (_blank(width, style), "")
    inside = range(where.y, where.y + where.place.rows)
    drawn = _Once(draw)
    return [
        image_row(where, width, drawn.row(y), style)
        if y in inside
        else ImageStrip(drawn.row(y), width, empty)
        for y in range(count)
    ]


def image_row(where: Box, width: int, draw: Callable[[], Strip], style: Style) -> Strip:
    """One of the rows that a picture of pixels covers; see `image_rows`."""
    over = f"\x1b[{where.place.columns}C"
    right = width - where.x - where.place.columns
    return ImageStrip(draw, width, (_blank(where.x, style), over + _blank(right, style)))


def cell_rows(canvas: Pixels, look: Look) -> list[CellStrip]:
    """All rows of a canvas, encoded when somebody writes them."""
    drawn = cells(canvas, look.mode, look.paper(photo=True))
    return [later(drawn, y, look.colour) for y in range(len(drawn.glyph))]


def _blank(columns: int, style: Style) -> str:
    """What is written for so many empty cells."""
    return style.render(" " * columns, color_system=ColorSystem.TRUECOLOR) if columns else ""


class _Once:
    """Rows that are drawn when the first of them is wanted."""

    def __init__(self, draw: Callable[[], list[CellStrip]]) -> None:
        self._draw = draw
        self._rows: list[CellStrip] | None = None

    def row(self, y: int) -> Callable[[], CellStrip]:
        """Gives the row."""

        def give() -> CellStrip:
            if self._rows is None:
                self._rows = self._draw()
            return self._rows[y]

        return give
