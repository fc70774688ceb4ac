"""Distance models: how loud things are by how far they are; shared by everything that they were given to."""

from __future__ import annotations

from typing import NamedTuple

from engage_tui.spatial.distance import DistanceCurve, DistanceModelDataPoint
from engage_tui.spatial.scene import Curve


class DistanceModelDataPoints(NamedTuple):
    """The points of a model.

    Attributes:
        A: The nearest; nearer than it, its gain stays.
        B: The middle one.
        C: The farthest; beyond it the slope from B goes on.
        max_distance: Metres beyond which nothing is heard.
    """

    A: DistanceModelDataPoint
    B: DistanceModelDataPoint
    C: DistanceModelDataPoint
    max_distance: float


class DistanceModel:
    """One of a space's models (`Space.distance_models`); changing it changes everything that uses it.

    Attributes:
        name: A label, for whoever wants one.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._curve = Curve()

    def get_data_points(self) -> DistanceModelDataPoints:
        """The points in force; until told otherwise (1 m, 0 dB), (4, -12), (20, -40) and 25 m."""
        curve = self._curve.value
        return DistanceModelDataPoints(curve.a, curve.b, curve.c, curve.max_distance)

    def set_data_points(
        self,
        a: DistanceModelDataPoint,
        b: DistanceModelDataPoint,
        c: DistanceModelDataPoint,
        max_distance: float,
    ) -> None:
        """Change the curve: straight lines in decibels from A to B to C and on, silence beyond the maximum.

        Raises:
            UsageError: Not ``0 <= A <= B <= C <= max_distance``, or a number is not finite.
        """
        self._curve.value = DistanceCurve(a, b, c, max_distance)
