"""A piece of floor in a window of cells: which metre is which cell, and which piece shows everybody. Pure."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]
"""Metres: to the right and ahead."""

_LEAST = 2.4  # metres across that are shown at the least, or faces would be giants
_MOST = 60.0  # metres across at the most; who is beyond stands at the edge
_SIDE, _ABOVE = (
    6,
    1,
)  # cells kept free at the sides and above for names, and below for the rings' words
_ROOM = 1.15  # how much more than needed is shown, so that the first step of somebody moves nothing
_LOOSE = 0.4  # how little of the window may be used before it is fitted anew

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # braille, by row and column

RINGS = (1, 2, 4, 8, 16, 32)
"""Metres of the rings that may be drawn."""


@dataclass(frozen=True, slots=True)
class View:
    """What a window shows.

    Attributes:
        x: Metres at the window's middle; likewise `y`.
        scale: Metres a column.
        width: Columns.
        height: Rows.
        aspect: Height of a cell divided by its width.
    """

    x: float
    y: float
    scale: float
    width: int
    height: int
    aspect: float = 2.0

    def cell(self, point: Point) -> tuple[int, int]:
        """Column and row of a point; may lie outside of the window."""
        column = (point[0] - self.x) / self.scale + (self.width - 1) / 2
        row = (self.y - point[1]) / (self.scale * self.aspect) + (self.height - 1) / 2
        return round(column), round(row)

    def dot(self, point: Point) -> tuple[int, int, int]:
        """Column, row and the bit of the braille dot at a point (two dots across, four along)."""
        x = math.floor(((point[0] - self.x) / self.scale + self.width / 2) * 2)
        along = self.scale * self.aspect
        y = math.floor(((self.y - point[1]) / along + self.height / 2) * 4)
        return x // 2, y // 4, _DOTS[y % 4][x % 2]

    def point(self, column: int, row: int) -> Point:
        """The point in the middle of a cell."""
        x = self.x + (column - (self.width - 1) / 2) * self.scale
        y = self.y - (row - (self.height - 1) / 2) * self.scale * self.aspect
        return x, y

    def holds(self, column: int, row: int) -> bool:
        """Whether a cell is in the window."""
        return 0 <= column < self.width and 0 <= row < self.height


def fit(
    points: Sequence[Point], width: int, height: int, aspect: float, before: View | None = None
) -> View:
    """A view of all `points`; as before, as long as that shows them and is not far too wide.

    Args:
        points: Who is to be seen, metres; first oneself. Who is farther off than can be shown stands at the edge.
        width: Columns of the window.
        height: Its rows.
        aspect: Height of a cell divided by its width.
        before: What is shown now.
    """
    points = [each for each in points if math.dist(each, points[0]) <= _MOST / 2]
    columns, rows = max(4, width - 2 * _SIDE), max(2, height - 2 * _ABOVE - 1)
    x, across = _middle([each[0] for each in points])
    y, along = _middle([each[1] for each in points])
    needed = max(across / columns, along / (rows * aspect))
    shape = (width, height, aspect)
    if before is not None and (before.width, before.height, before.aspect) == shape:
        inside = all(_inside(before, point) for point in points)
        if inside and needed > _LOOSE * before.scale:
            return before
    least = _LEAST / min(columns, rows * aspect)
    most = max(least, _MOST / min(columns, rows * aspect))
    return View(x, y, min(max(needed * _ROOM, least), most), width, height, aspect)


def _middle(values: Sequence[float]) -> Point:
    low, high = min(values, default=0.0), max(values, default=0.0)
    return (low + high) / 2, high - low


def _inside(view: View, point: Point) -> bool:
    column, row = view.cell(point)
    side = min(_SIDE, view.width // 4)
    return side <= column < view.width - side and _ABOVE <= row < view.height - _ABOVE - 1


@functools.lru_cache(maxsize=16)
def ring(view: View, middle: Point, radius: float) -> tuple[tuple[tuple[int, int], int], ...]:
    """The cells of a circle in the window, clockwise from ahead, each with the braille dots that it takes."""
    dots = max(8, round(2 * math.pi * radius / view.scale * 2))  # two a column
    radius -= (
        view.scale / 8
    )  # a quarter of a dot, so that the outermost dots do not stand alone in the next cells
    found: dict[tuple[int, int], int] = {}
    for number in range(dots):
        angle = 2 * math.pi * number / dots
        point = (middle[0] + radius * math.sin(angle), middle[1] + radius * math.cos(angle))
        column, row, bit = view.dot(point)
        if view.holds(column, row):
            found[column, row] = found.get((column, row), 0) | bit
    return tuple(found.items())


def rings(view: View) -> list[int]:
    """The radii that are worth drawing: neither a blot nor far outside."""
    across = math.hypot(view.width, view.height * view.aspect) * view.scale
    worth = [each for each in RINGS if each / view.scale >= 5 and each < across]
    return worth[:4]


def ray(
    view: View, start: Point, degrees: float, rows: float, *, steps: int
) -> tuple[tuple[tuple[int, int], int], ...]:
    """The cells along a direction, without the first, as many rows far, each with the braille dots that it takes.

    Args:
        view: What the window shows.
        start: Where it begins.
        degrees: Clockwise from ahead.
        rows: How far; a row counts as its height.
        steps: Points a row.
    """
    angle = math.radians(degrees)
    found: dict[tuple[int, int], int] = {}
    for step in range(1, round(rows * steps) + 1):
        far = step / steps * view.scale * view.aspect
        point = (start[0] + far * math.sin(angle), start[1] + far * math.cos(angle))
        column, row, bit = view.dot(point)
        if (column, row) != view.dot(start)[:2] and view.holds(column, row):
            found[column, row] = found.get((column, row), 0) | bit
    return tuple(found.items())


def where(me: Point, facing: float, other: Point) -> tuple[float, float]:
    """How far away another is, metres, and in which direction: degrees clockwise from where one looks, -180 to 180."""
    x, y = other[0] - me[0], other[1] - me[1]
    away = math.hypot(x, y)
    if away < 0.01:
        return away, 0.0
    return away, math.remainder(math.degrees(math.atan2(x, y)) - facing, 360)
