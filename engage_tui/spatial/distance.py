"""How loud something is by its distance: three points, straight lines in decibels between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from engage_tui.errors import UsageError
from engage_tui.spatial.vectors import number

LOUDEST_DB = 40.0
"""Decibels to which a curve that rises is held."""

_QUIETEST_DB = -200.0


@dataclass(frozen=True, slots=True)
class DistanceModelDataPoint:
    """One point of a curve.

    Attributes:
        distance: Metres.
        gain_in_decibels: Gain there.
    """

    distance: float
    gain_in_decibels: float


Lines = tuple[float, float, float, float, float, float]
"""A and B in metres; A's gain and decibels a metre from there; the same from B on. Made once, used each block."""


@dataclass(frozen=True, slots=True)
class DistanceCurve:
    """Gain by distance: A's nearer than A, straight to B and C, on with the slope B-C, silent beyond the maximum.

    Where B and C are at one distance there is no slope, and C's gain goes on. Immutable, so that the mixing thread
    may read it while another takes its place.

    Args:
        a: The nearest point.
        b: The middle point.
        c: The farthest point.
        max_distance: Metres beyond which nothing is heard.

    Raises:
        UsageError: Not ``0 <= A <= B <= C <= maximum``, or something is not finite.
    """

    a: DistanceModelDataPoint
    b: DistanceModelDataPoint
    c: DistanceModelDataPoint
    max_distance: float
    _lines: Lines = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, point in (("A", self.a), ("B", self.b), ("C", self.c)):
            number(point.distance, f"The distance of {name}", 0)
            number(point.gain_in_decibels, f"The gain of {name}", _QUIETEST_DB, LOUDEST_DB)
        number(self.max_distance, "The maximum distance", 0)
        order = (self.a.distance, self.b.distance, self.c.distance, self.max_distance)
        if list(order) != sorted(order):
            named = ", ".join(f"{value:g}" for value in order)
            raise UsageError(
                f"A distance model's points are out of order: {named} m.",
                "They must be 0 <= A <= B <= C <= maximum distance.",
            )

        object.__setattr__(self, "_lines", self._two_lines())  # the class is frozen

    def _two_lines(self) -> Lines:
        a, b, c = self.a, self.b, self.c
        first, second = b.distance - a.distance, c.distance - b.distance
        rise = (b.gain_in_decibels - a.gain_in_decibels) / first if first > 0 else 0.0
        on = (c.gain_in_decibels - b.gain_in_decibels) / second if second > 0 else 0.0
        after = (b if second > 0 else c).gain_in_decibels
        return a.distance, b.distance, a.gain_in_decibels, rise, after, on

    def decibels(self, distance: float) -> float:
        """Gain at `distance` metres; minus infinity beyond the maximum."""
        if distance > self.max_distance:
            return -math.inf
        near, middle, level, rise, after, on = self._lines
        if distance <= near:
            return level
        if distance <= middle:
            return level + rise * (distance - near)
        decibels = after + on * (distance - middle)
        return decibels if decibels < LOUDEST_DB else LOUDEST_DB

    def gain(self, distance: float) -> float:
        """Linear gain at `distance` metres."""
        decibels = self.decibels(distance)
        return 10 ** (decibels / 20) if decibels > _QUIETEST_DB else 0.0


DEFAULT_CURVE = DistanceCurve(
    DistanceModelDataPoint(1, 0),
    DistanceModelDataPoint(4, -12),
    DistanceModelDataPoint(20, -40),
    25,
)
"""Of everybody and everything, until told otherwise."""
