"""The video receiver over a bad network, on virtual time: gaps, repairs, outages."""

from __future__ import annotations

import pytest

from tests.lossy import Weather
from tests.video_link import FPS, watch


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("weather", "frozen", "fps", "repair"),
    [
        (Weather(), 0.0, 14.5, 0.0),
        (Weather(loss=0.05), 0.01, 13.0, 0.025),
        (Weather(loss=0.10), 0.02, 13.0, 0.025),
        (Weather(delay=0.025), 0.0, 14.5, 0.0),
        (Weather(delay=0.025, loss=0.05), 0.10, 12.0, 0.125),
    ],
)
def test_pictures_go_on_under_loss(
    weather: Weather, frozen: float, fps: float, repair: float, seed: int
) -> None:
    seen, _ = watch(weather, seconds=20, seed=seed)
    assert seen.frozen <= frozen
    assert seen.fps >= fps
    assert seen.repair <= repair


def test_after_an_outage_pictures_are_back_soon() -> None:
    seen, _ = watch(Weather(outages=((5.0, 7.0),)), seconds=10)
    assert min(at for at in seen.times if at > 5.1) <= 7.4


def test_keyframe_requests_are_throttled_when_nothing_helps() -> None:
    seen, server = watch(Weather(loss=0.6), seconds=5)
    assert server.picture == 5 * FPS
    assert len(seen.times) < server.picture
