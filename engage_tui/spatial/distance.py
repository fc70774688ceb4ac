"""How loud something is by its distance: three points, straight lines in decibels between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

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

    def decibels(self, distance: float) -> float:
        """Gain at `distance` metres; minus infinity beyond the maximum."""
        if distance > self.max_distance:
            return -math.inf
        if distance <= self.a.distance:
            return self.a.gain_in_decibels
        one, other = (self.a, self.b) if distance <= self.b.distance else (self.b, self.c)
        span = other.distance - one.distance
        if span <= 0:
            return other.gain_in_decibels
        slope = (other.gain_in_decibels - one.gain_in_decibels) / span
        return min(LOUDEST_DB, one.gain_in_decibels + slope * (distance - one.distance))

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
