"""Vectors and rotations: plain numbers, checked when they come from outside."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engage_tui.errors import UsageError

FARTHEST = 1e6
"""Metres: coordinates beyond it (or not finite) are refused, since nothing there could be told apart."""

_UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Vector3D:
    """A point or direction; metres where it is a place.

    The axes' meaning is the scene's: this class only calculates.
    """

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0

    def __add__(self, other: Vector3D) -> Vector3D:
        return Vector3D(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other: Vector3D) -> Vector3D:
        return Vector3D(self.x - other.x, self.y - other.y, self.z - other.z)

    def __mul__(self, factor: float) -> Vector3D:
        return Vector3D(self.x * factor, self.y * factor, self.z * factor)

    @property
    def length(self) -> float:
        """Euclidean length."""
        return math.hypot(self.x, self.y, self.z)

    def dot(self, other: Vector3D) -> float:
        """Scalar product."""
        return self.x * other.x + self.y * other.y + self.z * other.z

    def cross(self, other: Vector3D) -> Vector3D:
        """Vector product, by the rule of a right-handed system."""
        return Vector3D(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )

    def normalize(self) -> Vector3D:
        """The same direction with length 1.

        Raises:
            UsageError: The vector has no direction: it is zero, or not finite.
        """
        length = self.length
        if not 0 < length < math.inf:
            raise UsageError(f"{self} has no direction.", "Give a vector that is not zero.")
        return self * (1 / length)


ORIGIN = Vector3D()


def distance(one: Vector3D, other: Vector3D) -> float:
    """How far two points are from each other, in their unit."""
    return (one - other).length


@dataclass(frozen=True, slots=True)
class Quaternion:
    """A rotation; unit length.

    Attributes:
        x: With `y` and `z` the axis times the sine of half the angle.
        w: The cosine of half the angle.
    """

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    w: float = 1.0

    def __mul__(self, other: Quaternion) -> Quaternion:
        """The rotation that turns by `other` first and by this one then."""
        ax, ay, az, aw = self.x, self.y, self.z, self.w
        bx, by, bz, bw = other.x, other.y, other.z, other.w
        return Quaternion(
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        )

    def rotate(self, vector: Vector3D) -> Vector3D:
        """`vector`, turned."""
        axis = Vector3D(self.x, self.y, self.z)
        turned = axis.cross(vector) * 2.0
        return vector + turned * self.w + axis.cross(turned)

    def inverse(self) -> Quaternion:
        """The rotation back."""
        return Quaternion(-self.x, -self.y, -self.z, self.w)

    def matrix(self) -> Matrix:
        """The same rotation as rows of a 3x3 matrix, which turns many vectors cheaply."""
        rows = [self.rotate(axis) for axis in (_X, _Y, _Z)]
        return (
            (rows[0].x, rows[1].x, rows[2].x),
            (rows[0].y, rows[1].y, rows[2].y),
            (rows[0].z, rows[1].z, rows[2].z),
        )

    @staticmethod
    def about(axis: Vector3D, angle: float) -> Quaternion:
        """The rotation by `angle` radians about a unit `axis`."""
        sine = math.sin(angle / 2)
        return Quaternion(axis.x * sine, axis.y * sine, axis.z * sine, math.cos(angle / 2))

    @staticmethod
    def from_axes(x: Vector3D, y: Vector3D, z: Vector3D) -> Quaternion:
        """The rotation that takes the coordinate axes to three perpendicular unit vectors of a right-handed system."""
        # The largest of the four squares comes first, so that no root of almost nothing divides (Shepperd's choice).
        trace = x.x + y.y + z.z
        squares = [x.x, y.y, z.z, trace]
        largest = squares.index(max(squares))
        root = 2 * math.sqrt(max(0.0, 1 + 2 * squares[largest] - trace))
        if largest == 3:
            return Quaternion((y.z - z.y) / root, (z.x - x.z) / root, (x.y - y.x) / root, root / 4)
        if largest == 0:
            return Quaternion(root / 4, (y.x + x.y) / root, (z.x + x.z) / root, (y.z - z.y) / root)
        if largest == 1:
            return Quaternion((y.x + x.y) / root, root / 4, (z.y + y.z) / root, (z.x - x.z) / root)
        return Quaternion((z.x + x.z) / root, (z.y + y.z) / root, root / 4, (x.y - y.x) / root)


Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]

_X, _Y, _Z = Vector3D(1, 0, 0), Vector3D(0, 1, 0), Vector3D(0, 0, 1)
IDENTITY = Quaternion()


def number(value: float, what: str, least: float = -FARTHEST, most: float = FARTHEST) -> float:
    """`value` as a float, checked.

    Args:
        value: What was given.
        what: Its name for the error.
        least: The smallest value that is taken.
        most: The largest.

    Raises:
        UsageError: It is no number, not finite, or out of range.
    """
    try:
        checked = float(value)
    except (TypeError, ValueError):
        raise UsageError(f"{what} must be a number, not {value!r}.") from None
    if not least <= checked <= most:  # NaN fails every comparison
        raise UsageError(f"{what} cannot be {checked:g}.", f"It takes {least:g} to {most:g}.")
    return checked


def place(x: float, y: float, z: float, what: str = "A position") -> Vector3D:
    """A checked point.

    Raises:
        UsageError: A coordinate is no number, not finite, or beyond `FARTHEST`.
    """
    return Vector3D(
        *(number(value, f"{what}'s {axis}") for value, axis in zip((x, y, z), "xyz", strict=True))
    )


def unit(vector: Vector3D, what: str) -> Vector3D:
    """`vector`, if its length is 1 within a thousandth (and then exactly so).

    Raises:
        UsageError: It is not.
    """
    if not abs(vector.length - 1) <= _UNIT_TOLERANCE:
        raise UsageError(
            f"{what} must have length 1, not {vector.length:g}.", "Use Vector3D.normalize()."
        )
    return vector.normalize()


def rotation(x: float, y: float, z: float, w: float) -> Quaternion:
    """A checked quaternion.

    Raises:
        UsageError: A part is no number or not finite, or the length is not 1.
    """
    parts = [
        number(value, f"A quaternion's {name}", -2, 2)
        for value, name in zip((x, y, z, w), "xyzw", strict=True)
    ]
    length = math.hypot(*parts)
    if abs(length - 1) > _UNIT_TOLERANCE:
        raise UsageError(
            f"A quaternion must have length 1, not {length:g}.", "Divide each part by the length."
        )
    return Quaternion(*(part / length for part in parts))


def axes(forward: Vector3D, upward: Vector3D) -> tuple[Vector3D, Vector3D]:
    """Checked directions of a pose.

    Raises:
        UsageError: One of them has not length 1, or they are not perpendicular (within a thousandth).
    """
    forward, upward = unit(forward, "The forward vector"), unit(upward, "The upward vector")
    overlap = forward.dot(upward)
    if abs(overlap) > _UNIT_TOLERANCE:
        raise UsageError(
            "The forward and upward vectors must be perpendicular.",
            f"Their scalar product is {overlap:.3g}, and must be 0.",
        )
    return forward, (upward - forward * overlap).normalize()
