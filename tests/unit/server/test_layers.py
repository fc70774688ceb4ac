"""Which simulcast layer a subscriber gets."""

from __future__ import annotations

import pytest
from livekit.protocol import models

from engage_tui.server.layers import Wish, choose, order

LOW, MEDIUM, HIGH = models.VideoQuality.LOW, models.VideoQuality.MEDIUM, models.VideoQuality.HIGH


@pytest.mark.parametrize(
    ("rids", "live", "quality", "chosen"),
    [
        ("qhf", "qhf", HIGH, "f"),
        ("qhf", "qhf", MEDIUM, "h"),
        ("qhf", "qhf", LOW, "q"),
        ("qhf", "qh", HIGH, "h"),  # the publisher pauses its largest layer
        ("qhf", "hf", LOW, "h"),  # something is better than nothing
        ("qhf", "", HIGH, None),
        ("qh", "qh", HIGH, "h"),
        ("q", "q", HIGH, "q"),
    ],
)
def test_the_best_live_layer_up_to_the_wish(
    rids: str, live: str, quality: int, chosen: str | None
) -> None:
    assert choose(list(rids), list(live), quality) == chosen


def test_layers_are_ordered_by_livekits_names_whatever_the_offer() -> None:
    assert order(["f", "h", "q"]) == ["q", "h", "f"]
    assert order(["b", "a"]) == ["b", "a"]


LAYERS = [
    models.VideoLayer(quality=HIGH, width=1280, height=720),
    models.VideoLayer(quality=LOW, width=320, height=180),
    models.VideoLayer(quality=MEDIUM, width=640, height=360),
]


@pytest.mark.parametrize(
    ("width", "height", "quality"),
    [(160, 90, LOW), (330, 186, LOW), (480, 270, MEDIUM), (640, 360, MEDIUM), (4000, 3000, HIGH)],
)
def test_a_size_asks_for_the_least_layer_that_covers_it(
    width: int, height: int, quality: int
) -> None:
    assert Wish(width=width, height=height).wanted_quality(LAYERS) == quality


def test_without_a_size_the_quality_counts() -> None:
    assert Wish(quality=MEDIUM).wanted_quality(LAYERS) == MEDIUM
    assert Wish(quality=LOW, width=640, height=360).wanted_quality([]) == LOW
