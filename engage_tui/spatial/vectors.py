"""Points and directions in the acoustic scene."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vector3:
    """A point or direction; metres where it is a place.

    The axes' meaning is the scene's: this class only calculates.
    """

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0

    def __add__(self, other: Vector3) -> Vector3:
        return Vector3(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other: Vector3) -> Vector3:
        return Vector3(self.x - other.x, self.y - other.y, self.z - other.z)

    def __mul__(self, factor: float) -> Vector3:
        return Vector3(self.x * factor, self.y * factor, self.z * factor)

    @property
    def length(self) -> float:
        """Euclidean length."""
        return math.hypot(self.x, self.y, self.z)


def distance(one: Vector3, other: Vector3) -> float:
    """How far two points are from each other, in their unit."""
    return (one - other).length
