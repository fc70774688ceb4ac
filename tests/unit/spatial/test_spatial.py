from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_tui.spatial.pan import pan_gains
from engage_tui.spatial.vectors import Vector3, distance

_HALF = 0.5**0.5


@pytest.mark.parametrize(
    ("azimuth", "left", "right"),
    [(0, _HALF, _HALF), (90, 0, 1), (-90, 1, 0), (180, _HALF, _HALF), (270, 1, 0), (450, 0, 1)],
)
def test_pan_of_known_directions(azimuth: float, left: float, right: float) -> None:
    assert pan_gains(azimuth) == pytest.approx((left, right), abs=1e-6)


@given(st.floats(-720, 720))
def test_pan_keeps_the_power_and_mirrors(azimuth: float) -> None:
    left, right = pan_gains(azimuth)
    assert left**2 + right**2 == pytest.approx(1.0)
    assert min(left, right) >= -1e-9
    assert pan_gains(-azimuth) == pytest.approx((right, left), abs=1e-6)


def test_vectors() -> None:
    one, other = Vector3(1, 2, 3), Vector3(4, 6, 3)
    assert other - one == Vector3(3, 4, 0)
    assert one + other == Vector3(5, 8, 6)
    assert one * 2 == Vector3(2, 4, 6)
    assert distance(one, other) == distance(other, one) == 5.0
