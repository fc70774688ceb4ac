"""Coordinate systems: what a program's axes mean, and how its numbers become the scene's.

Inside, the scene is right-handed as in OpenGL: x right, y up, z back; looking along -z. Conversion happens once, at the
border. A rotation's angles are each about the program's own axes, by that system's own hand.
"""

from __future__ import annotations

from dataclasses import dataclass

from engage_tui.spatial.vectors import Quaternion, Vector3D

FORWARD, UPWARD, RIGHT = Vector3D(0, 0, -1), Vector3D(0, 1, 0), Vector3D(1, 0, 0)
"""Of somebody who has not turned, in the scene."""

_X, _Y, _Z = Vector3D(1, 0, 0), Vector3D(0, 1, 0), Vector3D(0, 0, 1)


@dataclass(frozen=True, slots=True)
class Axes:
    """One coordinate system, by where its axes point in the scene.

    Attributes:
        x: The scene's direction of its x axis; likewise `y` and `z`.
        handedness: 1 right-handed, -1 left-handed.
        yaw: Its axis for yaw (up); likewise for `pitch` (across) and `roll` (along).
    """

    x: Vector3D
    y: Vector3D
    z: Vector3D
    yaw: Vector3D
    pitch: Vector3D
    roll: Vector3D
    handedness: int = 1

    def inward(self, vector: Vector3D) -> Vector3D:
        """A program's vector in the scene."""
        return self.x * vector.x + self.y * vector.y + self.z * vector.z

    def outward(self, vector: Vector3D) -> Vector3D:
        """A scene's vector in the program's numbers."""
        return Vector3D(self.x.dot(vector), self.y.dot(vector), self.z.dot(vector))

    def inward_rotation(self, turn: Quaternion) -> Quaternion:
        """A program's rotation in the scene; in a left-handed system the same numbers turn the other way."""
        axis = self.inward(Vector3D(turn.x, turn.y, turn.z)) * self.handedness
        return Quaternion(axis.x, axis.y, axis.z, turn.w)

    def outward_rotation(self, turn: Quaternion) -> Quaternion:
        """A scene's rotation in the program's numbers."""
        axis = self.outward(Vector3D(turn.x, turn.y, turn.z)) * self.handedness
        return Quaternion(axis.x, axis.y, axis.z, turn.w)

    def angles(self, yaw: float, pitch: float, roll: float) -> Quaternion:
        """The scene's rotation for intrinsic yaw, then pitch, then roll (radians, about the program's own axes)."""
        turn = (
            Quaternion.about(self.yaw, yaw)
            * Quaternion.about(self.pitch, pitch)
            * Quaternion.about(self.roll, roll)
        )
        return self.inward_rotation(turn)


def facing(forward: Vector3D, upward: Vector3D) -> Quaternion:
    """The rotation of somebody who looks along `forward` with the head's top towards `upward` (perpendicular units)."""
    return Quaternion.from_axes(forward.cross(upward), upward, forward * -1.0)


OPENGL = Axes(RIGHT, UPWARD, FORWARD * -1.0, yaw=_Y, pitch=_X, roll=_Z)
"""x right, y up, z back; looks along -z."""

UNITY = Axes(RIGHT, UPWARD, FORWARD, yaw=_Y, pitch=_X, roll=_Z, handedness=-1)
"""Left-handed: x right, y up, z ahead; looks along z."""

ATMOKY = Axes(FORWARD, RIGHT * -1.0, UPWARD, yaw=_Z, pitch=_Y, roll=_X)
"""x ahead, y left, z up; looks along x."""
