"""Where people sit around a listener who looks ahead: positions in the scene's axes, metres, in the order of joining.

Nobody sits behind the listener, where a head that cannot turn hears worst who it is.
"""

from __future__ import annotations

import math
from enum import StrEnum

from engage_tui.spatial.coordinates import FORWARD, RIGHT
from engage_tui.spatial.vectors import Vector3D

_APART = 1.0  # metres between neighbours
_WIDTH = 1.4  # metres across a table


class Seating(StrEnum):
    """How seats are arranged."""

    CIRCLE = "circle"
    TABLE = "table"
    ROW = "row"


def seats(seating: Seating, people: int) -> list[Vector3D]:
    """A seat for each of so many people."""
    return {Seating.CIRCLE: circle, Seating.TABLE: table, Seating.ROW: row}[seating](people)


def circle(people: int) -> list[Vector3D]:
    """A round table at which the listener has a seat too; the first to come sits next, on the left."""
    step = 2 * math.pi / (people + 1)
    radius = max(_APART, _APART / 2 / math.sin(step / 2)) if people else _APART
    return [
        FORWARD * (radius * (1 - math.cos(step * number)))
        + RIGHT * (-radius * math.sin(step * number))
        for number in range(1, people + 1)
    ]


def table(people: int) -> list[Vector3D]:
    """Two rows that face each other, the listener at the head: left, right, left, right, ever farther off."""
    return [
        FORWARD * (_APART * (1 + number // 2)) + RIGHT * (_WIDTH / 2 if number % 2 else -_WIDTH / 2)
        for number in range(people)
    ]


def row(people: int) -> list[Vector3D]:
    """One row in front, from left to right, a little bent so that nobody is much farther off than the others."""
    ahead = max(1.5, people * _APART / 2)
    arc = min(math.radians(120), _APART / ahead * max(0, people - 1))
    angles = [arc * (n / (people - 1) - 0.5) if people > 1 else 0.0 for n in range(people)]
    return [FORWARD * (ahead * math.cos(a)) + RIGHT * (ahead * math.sin(a)) for a in angles]
