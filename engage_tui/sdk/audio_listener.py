"""The listener: whose ears everything is rendered for."""

from __future__ import annotations

from engage_tui.spatial import vectors
from engage_tui.spatial.coordinates import Axes, facing
from engage_tui.spatial.scene import Listener
from engage_tui.spatial.vectors import FARTHEST, Quaternion, Vector3D


class AudioListener:
    """The one listener of a space (`Space.audio_listener`); at the origin, looking ahead, until told otherwise.

    All coordinates are in the space's coordinate system.
    """

    def __init__(self, listener: Listener, axes: Axes) -> None:
        self._listener = listener
        self._axes = axes

    def get_position(self) -> Vector3D:
        """Where the listener is, metres."""
        return self._axes.outward(self._listener.pose.position)

    def set_position(self, x: float, y: float, z: float) -> None:
        """Stand elsewhere, metres.

        Raises:
            UsageError: A coordinate is not finite, or beyond a thousand kilometres.
        """
        self._listener.move(self._axes.inward(vectors.place(x, y, z, "The listener's position")))

    def set_orientation(self, forward: Vector3D, upward: Vector3D) -> None:
        """Look along `forward`, the head's top towards `upward`.

        Raises:
            UsageError: They have not length 1 (``Vector3D.normalize()``), or are not perpendicular.
        """
        forward, upward = vectors.axes(forward, upward)
        self._listener.turn(facing(self._axes.inward(forward), self._axes.inward(upward)))

    def set_rotation(self, yaw: float, pitch: float, roll: float) -> None:
        """Turn by radians from looking ahead: yaw, then pitch, then roll, about the head's own axes.

        Each is about an axis of the coordinate system (up, across, along), by that system's hand.

        Raises:
            UsageError: An angle is not finite.
        """
        named = zip((yaw, pitch, roll), ("yaw", "pitch", "roll"), strict=True)
        angles = [
            vectors.number(angle, f"The {name}", -FARTHEST, FARTHEST) for angle, name in named
        ]
        self._listener.turn(self._axes.angles(*angles))

    def get_rotation_quaternion(self) -> Quaternion:
        """Which way the listener looks."""
        return self._axes.outward_rotation(self._listener.pose.rotation)

    def set_rotation_quaternion(self, x: float, y: float, z: float, w: float) -> None:
        """Look elsewhere.

        Raises:
            UsageError: It is not finite, or has not length 1.
        """
        self._listener.turn(self._axes.inward_rotation(vectors.rotation(x, y, z, w)))
