"""The video receiver over a bad network, on virtual time: gaps, repairs, outages."""

from __future__ import annotations

import pytest

from tests.lossy import Weather
from tests.video_link import FPS, KEY_PACKETS, PACKETS, watch


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("weather", "frozen", "fps", "repair"),
    [
        (Weather(), 0.0, 14.5, 0.0),
        (Weather(loss=0.05), 0.0, 14.0, 0.012),
        (Weather(loss=0.10), 0.0, 14.0, 0.012),
        (Weather(delay=0.025), 0.0, 14.5, 0.0),
        (Weather(delay=0.025, loss=0.05), 0.02, 14.0, 0.105),
        (Weather(delay=0.025, loss=0.10), 0.03, 14.0, 0.105),
        (Weather(delay=0.1, loss=0.02), 0.08, 13.0, 0.205),
    ],
)
def test_pictures_go_on_under_loss(
    weather: Weather, frozen: float, fps: float, repair: float, seed: int
) -> None:
    seen, _ = watch(weather, seconds=15, seed=seed)
    assert seen.frozen <= frozen
    assert seen.fps >= fps
    assert seen.repair <= repair


@pytest.mark.parametrize("delay", [0.0, 0.025])
def test_after_an_outage_pictures_are_back_soon(delay: float) -> None:
    seen, _ = watch(Weather(delay=delay, outages=((5.0, 7.0),)), seconds=10)
    assert seen.back_after(7.0) <= 0.3


def test_what_is_lost_where_numbers_begin_anew_is_repaired() -> None:
    lost = 15  # the place of the picture that is lost on the way; its packets are numbered across the end
    first = 0x10000 - KEY_PACKETS - (lost - 1) * PACKETS - 2
    outage = ((lost - 0.5) / FPS, (lost + 0.5) / FPS)
    seen, server = watch(Weather(delay=0.025, outages=(outage,)), seconds=2, first=first)
    resent = [number for number, (_, _, times) in server.history.items() if times]
    assert resent == [0xFFFE, 0xFFFF, 0, 1, 2]
    assert len(seen.times) == server.picture


def test_without_loss_nothing_waits() -> None:
    seen, server = watch(Weather(delay=0.025), seconds=20)
    assert seen.latency_95 == pytest.approx(0.025, abs=0.001)
    assert server.asks == 0


def test_keyframe_requests_are_throttled_when_nothing_helps() -> None:
    seen, server = watch(Weather(loss=0.6), seconds=5)
    assert server.picture == 5 * FPS
    assert len(seen.times) < server.picture
