from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_tui.errors import UsageError
from engage_tui.spatial import vectors
from engage_tui.spatial.coordinates import (
    ATMOKY,
    FORWARD,
    OPENGL,
    RIGHT,
    UNITY,
    UPWARD,
    Axes,
    facing,
)
from engage_tui.spatial.vectors import IDENTITY, Quaternion, Vector3D, distance

_numbers = st.floats(-1000, 1000)
_vectors = st.builds(Vector3D, _numbers, _numbers, _numbers)
_turns = st.tuples(*[st.floats(-math.pi, math.pi)] * 3)
_QUARTER = math.pi / 2


def near(one: Vector3D, other: Vector3D, tolerance: float = 1e-6) -> bool:
    return (one - other).length <= tolerance * max(1, other.length)


def test_vectors_calculate() -> None:
    one, other = Vector3D(1, 2, 3), Vector3D(4, 6, 3)
    assert other - one == Vector3D(3, 4, 0)
    assert one + other == Vector3D(5, 8, 6)
    assert one * 2 == Vector3D(2, 4, 6)
    assert distance(one, other) == distance(other, one) == 5.0
    assert one.dot(other) == 25
    assert one.cross(other).dot(one) == one.cross(other).dot(other) == 0
    assert near(Vector3D(0, 3, 4).normalize(), Vector3D(0, 0.6, 0.8))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e7, "far", None])
def test_coordinates_that_are_no_place_are_refused(value: float) -> None:
    with pytest.raises(UsageError, match="position's y"):
        vectors.place(0, value, 0)


@pytest.mark.parametrize("parts", [(0, 0, 0, 0), (math.nan, 0, 0, 1), (0, 0, 0, 2), (1, 1, 0, 0)])
def test_quaternions_that_are_no_rotation_are_refused(parts: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="quaternion"):
        vectors.rotation(*parts)


def test_orientations_that_are_none_are_refused() -> None:
    with pytest.raises(UsageError, match="length 1"):
        vectors.axes(Vector3D(0, 0, -2), UPWARD)
    with pytest.raises(UsageError, match="perpendicular"):
        vectors.axes(FORWARD, Vector3D(0, 0.6, -0.8))
    with pytest.raises(UsageError):
        vectors.axes(Vector3D(math.nan, 0, 0), UPWARD)
    with pytest.raises(UsageError, match="no direction"):
        Vector3D().normalize()


@given(_turns, _vectors)
def test_a_rotation_keeps_lengths_and_can_be_taken_back(
    angles: tuple[float, float, float], vector: Vector3D
) -> None:
    turn = OPENGL.angles(*angles)
    turned = turn.rotate(vector)
    assert turned.length == pytest.approx(vector.length, rel=1e-9, abs=1e-9)
    assert near(turn.inverse().rotate(turned), vector)
    rows = turn.matrix()
    by_matrix = Vector3D(*(Vector3D(*row).dot(vector) for row in rows))
    assert near(by_matrix, turned)


@given(_turns)
def test_a_rotation_is_found_again_from_where_it_looks(angles: tuple[float, float, float]) -> None:
    turn = OPENGL.angles(*angles)
    found = facing(turn.rotate(FORWARD), turn.rotate(UPWARD))
    assert near(found.rotate(RIGHT), turn.rotate(RIGHT))
    assert near(found.rotate(UPWARD), turn.rotate(UPWARD))


@pytest.mark.parametrize(
    ("system", "ahead", "right", "up"),
    [
        (OPENGL, Vector3D(0, 0, -1), Vector3D(1, 0, 0), Vector3D(0, 1, 0)),
        (UNITY, Vector3D(0, 0, 1), Vector3D(1, 0, 0), Vector3D(0, 1, 0)),
        (ATMOKY, Vector3D(1, 0, 0), Vector3D(0, -1, 0), Vector3D(0, 0, 1)),
    ],
)
def test_each_system_says_ahead_right_and_up_its_own_way(
    system: Axes, ahead: Vector3D, right: Vector3D, up: Vector3D
) -> None:
    assert system.inward(ahead) == FORWARD
    assert system.inward(right) == RIGHT
    assert system.inward(up) == UPWARD


@pytest.mark.parametrize("system", [OPENGL, UNITY, ATMOKY])
@given(_turns, _vectors)
def test_turning_outside_or_inside_is_the_same(
    system: Axes, angles: tuple[float, float, float], vector: Vector3D
) -> None:
    inside = system.angles(*angles)
    outside = system.outward_rotation(inside)
    back = system.inward_rotation(outside)
    assert near(back.rotate(vector), inside.rotate(vector))
    assert near(system.outward(system.inward(vector)), vector)
    if system is not UNITY:  # a right-handed system's rotation is the plain one of its own numbers
        turned = system.inward(outside.rotate(vector))
        assert near(turned, inside.rotate(system.inward(vector)))


@pytest.mark.parametrize(("system", "to"), [(OPENGL, -1), (UNITY, 1), (ATMOKY, -1)])
def test_a_positive_yaw_turns_by_the_hand_of_the_system(system: Axes, to: int) -> None:
    turn = system.angles(_QUARTER, 0, 0)
    assert near(turn.rotate(FORWARD), RIGHT * to)
    assert near(turn.rotate(UPWARD), UPWARD)


def test_angles_are_yaw_then_pitch_then_roll_about_the_turned_axes() -> None:
    turn = OPENGL.angles(_QUARTER, _QUARTER, 0)  # to the left, then up
    assert near(turn.rotate(FORWARD), UPWARD)
    assert near(turn.rotate(UPWARD), RIGHT)
    assert OPENGL.angles(0, 0, 0) == IDENTITY
    assert Quaternion() * IDENTITY == IDENTITY
