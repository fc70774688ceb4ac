"""Placing a voice between two loudspeakers."""

from __future__ import annotations

import math


def pan_gains(azimuth: float) -> tuple[float, float]:
    """Gains of the left and right channel for a direction, at constant power (their squares sum to 1).

    Args:
        azimuth: Degrees, 0 ahead, 90 right, -90 left; what is behind sounds from its mirror image in front, since
            two plain channels cannot tell them apart.
    """
    side = math.sin(
        math.radians(azimuth)
    )  # -1 left, 1 right, also for angles behind or beyond a turn
    angle = (math.asin(side) / (math.pi / 2) + 1) * math.pi / 4
    return math.cos(angle), math.sin(angle)
