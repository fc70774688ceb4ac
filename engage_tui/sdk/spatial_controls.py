"""What can be set of everything that has a place: remote participants and audio objects alike."""

from __future__ import annotations

import math
from collections.abc import Callable

from engage_tui.sdk.distance_model import DistanceModel
from engage_tui.sdk.enums import PositionMode, RenderingMode
from engage_tui.spatial import vectors
from engage_tui.spatial.coordinates import FORWARD, Axes
from engage_tui.spatial.directivity import Cone
from engage_tui.spatial.scene import Anchor, Curve, Source, SourceSettings
from engage_tui.spatial.vectors import Vector3D

LOUDEST = 100.0
"""Linear gain (40 dB) beyond which a gain is taken for a mistake."""


def linear(decibels: float, what: str) -> float:
    """A gain in decibels as a checked linear one; minus infinity is silence.

    Raises:
        UsageError: It is no number, or above 40 dB.
    """
    if decibels == -math.inf:
        return 0.0
    return 10 ** (vectors.number(decibels, what, most=20 * math.log10(LOUDEST)) / 20)


def decibels(gain: float) -> float:
    """A linear gain in decibels; minus infinity for silence."""
    return 20 * math.log10(gain) if gain > 0 else -math.inf


class SpatialControls:
    """Place, levels and manner of a source; coordinates are in the space's coordinate system.

    Every setter may be called at any time and is heard within 10 to 20 ms, without a click.

    Args:
        axes: That coordinate system.
    """

    def __init__(self, axes: Axes) -> None:
        self._axes = axes
        self._source = Source(SourceSettings(curve=Curve()))
        self._moved: Callable[[Vector3D], None] | None = None  # told of each new place
        self._distance_model: DistanceModel | None = None
        self._reverb_distance_model: DistanceModel | None = None

    # -- place -------------------------------------------------------------------------------------

    def get_position(self) -> Vector3D:
        """Where it is, metres."""
        return self._axes.outward(self._source.position)

    def set_position(self, x: float, y: float, z: float) -> None:
        """Put it elsewhere, metres; relative to the head when it is head-locked.

        Raises:
            UsageError: A coordinate is not finite, or beyond a thousand kilometres.
        """
        self._place(self._axes.inward(vectors.place(x, y, z)))

    def _place(self, position: Vector3D) -> None:
        """Put it elsewhere, in the scene's axes."""
        self._source.position = position
        if self._moved is not None:
            self._moved(position)

    def set_orientation_quaternion(self, x: float, y: float, z: float, w: float) -> None:
        """Turn it; matters only with a directivity.

        Raises:
            UsageError: It is not finite, or has not length 1.
        """
        turn = self._axes.inward_rotation(vectors.rotation(x, y, z, w))
        self._source.update(front=turn.rotate(FORWARD))

    @property
    def position_mode(self) -> PositionMode:
        """What its position is relative to."""
        head = self._source.settings.anchor is Anchor.HEAD
        return PositionMode.HEAD_LOCKED if head else PositionMode.SCENE_LOCKED

    def set_position_mode(self, mode: PositionMode) -> None:
        """Place it in the scene, or relative to the head, which then may move and turn without changing it."""
        head = PositionMode(mode) is PositionMode.HEAD_LOCKED
        self._source.update(anchor=Anchor.HEAD if head else Anchor.SCENE)

    @property
    def rendering_mode(self) -> RenderingMode:
        """Whether it has a place."""
        through = self._source.settings.direct_through
        return RenderingMode.DIRECT_THROUGH if through else RenderingMode.SPATIALIZED

    def set_rendering_mode(self, mode: RenderingMode) -> None:
        """Give it a place, or send it straight to the output: then only its gain matters."""
        through = RenderingMode(mode) is RenderingMode.DIRECT_THROUGH
        self._source.update(direct_through=through)

    # -- levels ------------------------------------------------------------------------------------

    def get_gain_linear(self) -> float:
        """Gain over everything that it gives; 1 unless set."""
        return self._source.settings.gain

    def get_gain_db(self) -> float:
        """The same in decibels."""
        return decibels(self._source.settings.gain)

    def set_gain_linear(self, gain: float) -> None:
        """Set the gain over everything that it gives, 0 to 100."""
        self._source.update(gain=vectors.number(gain, "A gain", 0, LOUDEST))

    def set_gain_db(self, gain: float) -> None:
        """The same in decibels, at most 40."""
        self._source.update(gain=linear(gain, "A gain in decibels"))

    def set_direct_gain_linear(self, gain: float) -> None:
        """Set the gain of the direct sound alone, 0 to 100; the reverb send keeps its own."""
        self._source.update(direct_gain=vectors.number(gain, "A direct gain", 0, LOUDEST))

    def get_direct_gain_linear(self) -> float:
        """Gain of the direct sound alone; 1 unless set."""
        return self._source.settings.direct_gain

    def get_reverb_send_linear(self) -> float:
        """How much goes into the reverb; 0 unless set."""
        return self._source.settings.reverb_send

    def get_reverb_send_db(self) -> float:
        """The same in decibels."""
        return decibels(self._source.settings.reverb_send)

    def set_reverb_send_linear(self, gain: float) -> None:
        """Set how much goes into the reverb, 0 to 100."""
        self._source.update(reverb_send=vectors.number(gain, "A reverb send", 0, LOUDEST))

    def set_reverb_send_db(self, gain: float) -> None:
        """The same in decibels, at most 40."""
        self._source.update(reverb_send=linear(gain, "A reverb send in decibels"))

    def get_occlusion(self) -> float:
        """How much stands between it and the listener, 0 to 1."""
        return self._source.settings.occlusion

    def set_occlusion(self, occlusion: float) -> None:
        """Put something between: 0 nothing, 1 a wall; softer and duller."""
        self._source.update(occlusion=vectors.number(occlusion, "An occlusion", 0, 1))

    # -- distance and direction --------------------------------------------------------------------

    def get_distance_model(self) -> DistanceModel | None:
        """The model of the direct sound; None: the default one."""
        return self._distance_model

    def set_distance_model(self, model: DistanceModel | None) -> None:
        """Have the direct sound follow a model; None: the default one."""
        self._distance_model = model
        self._source.update(curve=Curve() if model is None else model._curve)

    def get_reverb_send_distance_model(self) -> DistanceModel | None:
        """The model of the reverb send; None: distance does not matter to it."""
        return self._reverb_distance_model

    def set_reverb_send_distance_model(self, model: DistanceModel | None) -> None:
        """Have the reverb send follow a model too; None: distance does not matter to it."""
        self._reverb_distance_model = model
        self._source.update(reverb_curve=None if model is None else model._curve)

    def get_directivity(self) -> Cone:
        """Its directivity; everywhere alike unless set."""
        return self._source.settings.cone

    def set_directivity(
        self,
        inner_angle: float,
        outer_angle: float,
        outer_gain: float,
        outer_low_pass: float = 0.0,
    ) -> None:
        """Set how it sounds from the side and behind.

        Args:
            inner_angle: Degrees of the whole spread around its front within which it is heard in full.
            outer_angle: Degrees beyond which the outer values hold; a straight blend between.
            outer_gain: Linear, 0 to 1.
            outer_low_pass: 0 none to 1 full.

        Raises:
            UsageError: A value is out of range, or the inner angle is the larger.
        """
        self._source.update(cone=Cone(inner_angle, outer_angle, outer_gain, outer_low_pass))
