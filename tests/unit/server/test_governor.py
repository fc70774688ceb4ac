"""A narrow link, on a virtual clock: what the receiver still sees, and how the full picture comes back."""

from __future__ import annotations

import math

from livekit.protocol import models

from engage_tui.server.governor import Governor
from engage_tui.wire import rtcp
from tests.bench.downlink_model import Model, Outcome
from tests.bench.server_downlink import FREE, NARROW, narrow

END = FREE + NARROW


def test_a_narrow_link_gets_the_layer_that_it_carries() -> None:
    seen = narrow(900_000)
    assert seen.frames(FREE, END) >= 400  # of 500
    assert seen.longest_gap(FREE, END) < 2
    assert seen.repeated < 0.15 * seen.sent
    assert seen.back_at("f", END) - END < 30
    assert seen.states == []


def test_without_control_it_collapses() -> None:
    """What the other tests measure is not there by itself."""

    def capacity(at: float) -> float:
        return 900_000 if at >= 2 else math.inf

    assert Model(capacity, control=False).run(12).frames(4, 12) < 20


def test_a_hopeless_link_is_told_so() -> None:
    def capacity(at: float) -> float:
        return 60_000 if 2 <= at < 12 else math.inf

    seen = Model(capacity).run(40)
    assert seen.states[0][1]
    assert not seen.states[-1][1]
    assert seen.back_at("f", 12) < 12 + 30


def test_what_is_wanted_small_stays_small() -> None:
    model = Model(lambda _: math.inf)
    model.subscription.wish.quality = models.VideoQuality.LOW
    assert layers(model.run(5)) == {"q"}


def layers(seen: Outcome) -> set[str]:
    return {layer for at, layer in seen.shown if at > 2}


def test_an_outage_is_no_narrow_link_but_many_are() -> None:
    governor = Governor({}, {}, lambda _: None)
    empty = next(iter(rtcp.parse(rtcp.build_receiver_report([]))))
    for now in (100.0, 101.0):
        governor.on_feedback(empty, now)
        assert governor.budget.since == -math.inf
    governor.on_feedback(empty, 103.0)
    assert governor.budget.since == 103
    for now in (105.0, 107.0, 109.0):
        governor.on_feedback(empty, now)
        assert governor.budget.since == 103
