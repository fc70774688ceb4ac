"""The acoustic scene: one listener, sources around it, and where each source stands as the ears have it.

Setters are called from any thread and checked by their callers; each replaces one frozen value, which the mixing
thread reads once a block. Axes are the scene's (`engage_tui.spatial.coordinates`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple

from engage_tui.spatial.coordinates import FORWARD
from engage_tui.spatial.directivity import OMNIDIRECTIONAL, Cone
from engage_tui.spatial.distance import DEFAULT_CURVE, DistanceCurve
from engage_tui.spatial.vectors import IDENTITY, ORIGIN, Matrix, Quaternion, Vector3D

OCCLUDED_DB = -6.0
"""Decibels that full occlusion takes from the level, besides what its low-pass takes."""


_OCCLUDED = OCCLUDED_DB / 20
_DEGREES = 180 / math.pi


class Anchor(Enum):
    """What a source's place is relative to."""

    SCENE = "scene"
    """The scene: the listener's place and turn both matter."""

    LISTENER = "listener"
    """The listener's place, but not its turn: a bed around the listener."""

    HEAD = "head"
    """The head: neither matters."""


class Curve:
    """A distance curve that can be replaced while sources use it.

    Attributes:
        value: The curve in force.
    """

    def __init__(self, value: DistanceCurve = DEFAULT_CURVE) -> None:
        self.value = value


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Everything that is set of a source but its place.

    Attributes:
        front: Where it faces; a unit vector.
        gain: Linear, over everything that the source gives.
        direct_gain: Linear, of the direct sound alone.
        reverb_send: Linear; 0: none.
        occlusion: 0 none to 1 full.
        curve: Distance curve of the direct sound; None: distance does not matter.
        reverb_curve: The same for the reverb send.
        cone: Directivity.
        anchor: What the source's position is relative to.
        direct_through: Past everything but `gain`.
    """

    front: Vector3D = FORWARD
    gain: float = 1.0
    direct_gain: float = 1.0
    reverb_send: float = 0.0
    occlusion: float = 0.0
    curve: Curve | None = None
    reverb_curve: Curve | None = None
    cone: Cone = OMNIDIRECTIONAL
    anchor: Anchor = Anchor.SCENE
    direct_through: bool = False


class Source:
    """A source whose settings and place may change at any time.

    Attributes:
        position: Metres, relative to the anchor; replaced as a whole. Apart from the settings, since it changes often.
        settings: The settings in force; replaced as a whole.
    """

    __slots__ = ("position", "settings")

    def __init__(self, settings: SourceSettings | None = None, position: Vector3D = ORIGIN) -> None:
        self.position = position
        self.settings = settings or SourceSettings()

    def update(self, **changes: Any) -> None:
        """Replace some settings."""
        self.settings = replace(self.settings, **changes)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the listener is, and which way the head is turned.

    Attributes:
        position: Metres.
        rotation: From the unturned head, which looks along -z.
        inward: The rotation back, as a matrix: from the scene's directions to the head's.
    """

    position: Vector3D = ORIGIN
    rotation: Quaternion = IDENTITY
    inward: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    @staticmethod
    def at(position: Vector3D, rotation: Quaternion) -> Pose:
        """A pose with its matrix."""
        return Pose(position, rotation, rotation.inverse().matrix())


class Listener:
    """The one listener of a scene.

    Attributes:
        pose: Replaced as a whole.
    """

    def __init__(self) -> None:
        self.pose = Pose()

    def move(self, position: Vector3D) -> None:
        """Stand elsewhere."""
        self.pose = Pose.at(position, self.pose.rotation)

    def turn(self, rotation: Quaternion) -> None:
        """Look elsewhere."""
        self.pose = Pose.at(self.pose.position, rotation)


class Placement(NamedTuple):
    """A source as the ears have it.

    Attributes:
        azimuth: Degrees, 0 ahead, 90 right, -180 to 180.
        elevation: Degrees, 90 above.
        direct: Linear gain of the direct sound.
        send: Linear gain into the reverb.
        low_pass: Dullness of the direct sound, 0 to 1.
    """

    azimuth: float = 0.0
    elevation: float = 0.0
    direct: float = 1.0
    send: float = 0.0
    low_pass: float = 0.0


def place(source: SourceSettings, position: Vector3D, pose: Pose) -> Placement:
    """Where a source stands for a listener, and how much of it is heard.

    What is closer than 0.3 m sounds as it does from there: the filters are a far source's at every distance, and the
    level is what the distance model says, without the boost that a real ear close by would get. At no distance at all
    it is ahead.

    Runs for every moving source in every block, hence plain arithmetic.
    """
    x, y, z = position.x, position.y, position.z
    anchor = source.anchor
    if anchor is Anchor.SCENE:
        own = pose.position
        x, y, z = x - own.x, y - own.y, z - own.z
    distance = math.sqrt(x * x + y * y + z * z)
    direct, dull, occlusion = source.gain * source.direct_gain, 0.0, source.occlusion
    if source.cone is not OMNIDIRECTIONAL and not source.cone.is_omnidirectional:
        gain, dull = _cone(source, x, y, z, distance)
        direct *= gain
    if pose.rotation is not IDENTITY and anchor is not Anchor.HEAD:
        (a, b, c), (d, e, f), (g, h, i) = pose.inward
        x, y, z = a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z
    if source.curve is not None:
        direct *= source.curve.value.gain(distance)
    if occlusion:
        direct *= 10 ** (_OCCLUDED * occlusion)
        dull = 1 - (1 - dull) * (1 - occlusion)
    send = source.gain * source.reverb_send
    if send and source.reverb_curve is not None:
        send *= source.reverb_curve.value.gain(distance)
    if distance == 0:
        return Placement(0.0, 0.0, direct, send, dull)
    height = y / distance  # a hair beyond 1 by rounding, at times
    elevation = math.asin(height) if -1 < height < 1 else math.copysign(math.pi / 2, height)
    return Placement(math.atan2(x, -z) * _DEGREES, elevation * _DEGREES, direct, send, dull)


def _cone(
    source: SourceSettings, x: float, y: float, z: float, distance: float
) -> tuple[float, float]:
    """Gain and low-pass of the cone; (x, y, z) leads from the listener to the source, before the head's turn."""
    if distance == 0:
        return 1.0, 0.0
    front = source.front
    cosine = -(front.x * x + front.y * y + front.z * z) / distance
    return source.cone.towards(math.degrees(math.acos(max(-1.0, min(1.0, cosine)))))
