from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_tui.errors import UsageError
from engage_tui.spatial.coordinates import OPENGL
from engage_tui.spatial.directivity import OMNIDIRECTIONAL, Cone
from engage_tui.spatial.distance import DEFAULT_CURVE, DistanceCurve, DistanceModelDataPoint
from engage_tui.spatial.pan import pan_gains
from engage_tui.spatial.scene import Anchor, Curve, Listener, Placement, Pose, SourceSettings, place
from engage_tui.spatial.vectors import ORIGIN, Vector3D

_HALF = 0.5**0.5


def curve(*points: tuple[float, float], most: float) -> DistanceCurve:
    a, b, c = (DistanceModelDataPoint(*point) for point in points)
    return DistanceCurve(a, b, c, most)


def test_a_curve_is_three_points_straight_lines_and_silence() -> None:
    short = curve((0.05, 0), (0.1, -6), (1, -30), most=1.5)
    given = {0: 0, 0.05: 0, 0.075: -3, 0.1: -6, 0.55: -18, 1: -30, 1.45: -42, 1.5: -30 - 80 / 6}
    for metres, decibels in given.items():
        assert short.decibels(metres) == pytest.approx(decibels), metres
        assert short.gain(metres) == pytest.approx(10 ** (decibels / 20))
    assert short.decibels(1.5001) == -math.inf
    assert short.gain(1.5001) == short.gain(1e6) == 0
    assert DEFAULT_CURVE.decibels(4) == -12


def test_points_at_one_distance_are_a_step_without_a_slope() -> None:
    step = curve((1, 0), (1, -20), (1, -20), most=3)
    assert [step.decibels(each) for each in (0.5, 1, 1.001, 3)] == [0, 0, -20, -20]
    rising = curve((0, 0), (1, 0), (1.001, 40), most=1e6)
    assert rising.decibels(1e6) == 40


@pytest.mark.parametrize(
    ("distances", "most", "words"),
    [
        ((2, 1, 3), 4, "out of order: 2, 1, 3, 4"),
        ((1, 2, 3), 2.5, "out of order"),
        ((-1, 2, 3), 4, "distance of A"),
        ((1, math.nan, 3), 4, "distance of B"),
        ((1, 2, 3), math.inf, "maximum distance"),
    ],
)
def test_curves_that_make_no_sense_are_refused(
    distances: tuple[float, ...], most: float, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        curve(*((each, 0.0) for each in distances), most=most)
    with pytest.raises(UsageError, match="gain of C"):
        curve((1, 0), (2, 0), (3, math.nan), most=4)


@given(st.floats(0, 30), st.floats(0, 30))
def test_the_default_curve_never_rises(one: float, other: float) -> None:
    near, far = sorted((one, other))
    assert DEFAULT_CURVE.gain(near) >= DEFAULT_CURVE.gain(far)


def test_a_cone_blends_between_its_angles() -> None:
    talker = Cone(90, 180, 0.25, 0.5)
    assert talker.towards(45) == (1.0, 0.0)
    assert talker.towards(67.5) == pytest.approx((0.625, 0.25))
    assert talker.towards(90) == talker.towards(180) == (0.25, 0.5)
    assert OMNIDIRECTIONAL.is_omnidirectional
    assert not talker.is_omnidirectional


@pytest.mark.parametrize(
    "values", [(200, 100, 0.5, 0), (0, 400, 0, 0), (0, 10, 1.5, 0), (0, 10, 1, math.nan)]
)
def test_cones_that_make_no_sense_are_refused(values: tuple[float, float, float, float]) -> None:
    with pytest.raises(UsageError):
        Cone(*values)


def test_directions_are_as_the_head_has_them() -> None:
    listener = Listener()
    settings = SourceSettings()
    for position, azimuth, elevation in (
        (Vector3D(0, 0, -2), 0, 0),
        (Vector3D(2, 0, 0), 90, 0),
        (Vector3D(-1, 0, -1), -45, 0),
        (Vector3D(0, 1, -1), 0, 45),
        (Vector3D(0, -3, 0), 0, -90),
    ):
        found = place(settings, position, listener.pose)
        assert found.elevation == pytest.approx(elevation, abs=1e-6)
        if abs(elevation) < 90:
            assert found.azimuth == pytest.approx(azimuth, abs=1e-6)
    listener.move(Vector3D(0, 0, -4))
    assert abs(place(settings, Vector3D(0, 0, -2), listener.pose).azimuth) == pytest.approx(180)
    listener.turn(OPENGL.angles(math.pi / 2, 0, 0))  # looks left: what was ahead is on the right
    assert place(settings, Vector3D(0, 0, -6), listener.pose).azimuth == pytest.approx(90)


def test_anchors_say_whether_place_and_turn_of_the_listener_matter() -> None:
    pose = Pose.at(Vector3D(5, 5, 5), OPENGL.angles(math.pi / 2, 0, 0))
    ahead = Vector3D(0, 0, -2)
    head = place(SourceSettings(anchor=Anchor.HEAD), ahead, pose)
    around = place(SourceSettings(anchor=Anchor.LISTENER), ahead, pose)
    assert (head.azimuth, head.elevation) == (0, 0)
    assert around.azimuth == pytest.approx(90)
    far = SourceSettings(curve=Curve())
    assert place(far, ahead, pose).direct < place(far, Vector3D(5, 5, 5), pose).direct == 1


def test_levels_come_from_gain_distance_occlusion_and_cone() -> None:
    pose, ahead = Pose(), Vector3D(0, 0, -4)

    def at(**settings: Any) -> Placement:
        return place(SourceSettings(**settings), ahead, pose)

    assert at().direct == 1
    assert at(gain=0.5, direct_gain=0.5, reverb_send=0.5).direct == 0.25
    assert at(gain=0.5, direct_gain=0.5, reverb_send=0.5).send == 0.25
    assert at(curve=Curve(), reverb_send=1).direct == pytest.approx(10 ** (-12 / 20))
    assert at(curve=Curve(), reverb_send=1).send == 1
    assert at(reverb_curve=Curve(), reverb_send=1).send == pytest.approx(10 ** (-12 / 20))
    occluded = at(occlusion=1.0)
    assert occluded.low_pass == 1
    assert occluded.direct == pytest.approx(10 ** (-6 / 20))
    away = at(cone=Cone(90, 180, 0.25, 0.5))  # faces ahead, as the listener does: its back is heard
    assert (away.direct, away.low_pass) == (0.25, 0.5)
    towards = at(cone=Cone(90, 180, 0.25, 0.5), front=Vector3D(0, 0, 1))
    assert (towards.direct, towards.low_pass) == (1, 0)
    assert place(SourceSettings(cone=Cone(0, 90, 0, 1)), ORIGIN, pose).direct == 1


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
