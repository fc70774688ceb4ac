"""Directivity: how much of a talker is heard from the side and from behind."""

from __future__ import annotations

from dataclasses import dataclass

from engage_tui.errors import UsageError
from engage_tui.spatial.vectors import number


@dataclass(frozen=True, slots=True)
class Cone:
    """Full level inside the inner angle, the outer values outside the outer one, a straight blend between.

    Args:
        inner_angle: Degrees of the whole spread around the front, 0 to 360.
        outer_angle: The same; at least the inner one.
        outer_gain: Linear, 0 to 1.
        outer_low_pass: 0 none to 1 full.

    Raises:
        UsageError: A value is out of range, or the inner angle is the larger.
    """

    inner_angle: float = 360.0
    outer_angle: float = 360.0
    outer_gain: float = 1.0
    outer_low_pass: float = 0.0

    def __post_init__(self) -> None:
        number(self.inner_angle, "The inner angle", 0, 360)
        number(self.outer_angle, "The outer angle", 0, 360)
        number(self.outer_gain, "The outer gain", 0, 1)
        number(self.outer_low_pass, "The outer low-pass", 0, 1)
        if self.inner_angle > self.outer_angle:
            raise UsageError(
                f"The inner angle ({self.inner_angle:g}) is larger than the outer ({self.outer_angle:g}).",
                "Give 0 <= inner <= outer <= 360.",
            )

    @property
    def is_omnidirectional(self) -> bool:
        """Whether every direction sounds alike."""
        return self.inner_angle >= 360 or (self.outer_gain == 1 and self.outer_low_pass == 0)

    def towards(self, angle: float) -> tuple[float, float]:
        """What is heard from aside.

        Args:
            angle: Degrees between the front and the way to the listener, 0 to 180.

        Returns:
            Linear gain, and low-pass from 0 to 1.
        """
        spread = 2 * angle
        if spread <= self.inner_angle:
            return 1.0, 0.0
        if spread >= self.outer_angle:
            return self.outer_gain, self.outer_low_pass
        outward = (spread - self.inner_angle) / (self.outer_angle - self.inner_angle)
        return 1 + (self.outer_gain - 1) * outward, self.outer_low_pass * outward


OMNIDIRECTIONAL = Cone()
