"""What a link carries, told from the feedback; and how it is shared."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from engage_tui.server.budget import PAUSED, Budget, Demand, allocate

LAYERS = (150.0, 500.0, 1850.0)
demands = st.lists(
    st.builds(
        Demand,
        st.lists(st.floats(1, 3000), min_size=1, max_size=3).map(lambda costs: sorted(costs)),
        st.tuples(st.integers(0, 3)),
    ),
    max_size=6,
)


@given(demands, st.floats(0, 10_000))
def test_a_share_fits_and_the_least_important_go_first(given: list[Demand], limit: float) -> None:
    levels, following = allocate(given, limit)
    cost = sum(each.cost(level) for each, level in zip(given, levels, strict=True))
    assert cost <= limit * 1.1 + 1e-6
    paused = [each.importance for each, level in zip(given, levels, strict=True) if level == PAUSED]
    raised = [each.importance for each, level in zip(given, levels, strict=True) if level > 0]
    if (
        paused and raised
    ):  # something is paused only where nothing less important got more than the least
        assert following is not None
    if following is None:
        assert all(level == len(d.costs) - 1 for d, level in zip(given, levels, strict=True))
    else:
        assert following > limit - 1e-6


def test_the_least_important_is_paused_and_lowered_first() -> None:
    screen, face = Demand(LAYERS, (1, 0)), Demand(LAYERS, (0, 0))
    assert allocate([face, screen], math.inf) == ([2, 2], None)
    assert allocate([face, screen], 2400)[0] == [1, 2]
    assert allocate([face, screen], 2100)[0] == [1, 1]
    assert allocate([face, screen], 700)[0] == [0, 1]
    assert allocate([face, screen], 200)[0] == [PAUSED, 0]
    assert allocate([face, screen], 20)[0] == [PAUSED, PAUSED]


def test_what_is_sent_is_not_lowered_for_a_wavering_rate() -> None:
    assert allocate([Demand((150.0, 540.0), (0,), level=1)], 500)[0] == [1]
    assert allocate([Demand((150.0, 540.0), (0,), level=0)], 500)[0] == [0]


class Story:
    """Half a megabit a second in 50 packets, fed back on five times a second."""

    def __init__(self, since: float = -math.inf) -> None:
        self.budget, self.now = Budget(since), 100.0

    def run(
        self,
        seconds: float,
        *,
        loss: float = 0.0,
        trip: float = 0.05,
        following: float | None = None,
        least: float = 0.0,
        estimate: float | None = None,
    ) -> float:
        for step in range(round(seconds * 5)):
            self.now += 0.2
            self.budget.asked_again(round(10 * loss))
            if step % 5 == 4:
                self.budget.reported(50, 50 * loss)
                self.budget.round_trip(trip, self.now)
                if estimate is not None:
                    self.budget.estimated(estimate, self.now)
            self.budget.update(10, 100_000, following, lambda: least, self.now)
        return self.budget.limit


def test_single_losses_are_no_trouble() -> None:
    assert Story().run(20, loss=0.06) == math.inf


def test_an_estimate_alone_is_no_trouble() -> None:
    assert Story().run(20, estimate=200_000) == math.inf


def test_many_losses_are() -> None:
    story = Story()
    story.run(5)
    assert 100_000 < story.run(3, loss=0.5) < 350_000


def test_a_growing_round_trip_is() -> None:
    story = Story()
    story.run(5)
    assert story.run(3, trip=0.5) < 500_000


def test_one_slow_answer_is_not() -> None:
    story = Story()
    story.run(5)
    assert story.run(1, trip=0.9) == math.inf
    assert story.run(5) == math.inf


def test_a_bad_radio_keeps_the_smallest_layer() -> None:
    story = Story()
    story.run(5)
    assert story.run(20, loss=0.2, least=450_000) >= 450_000


def test_a_step_up_is_tried_later_and_later_while_it_fails() -> None:
    story = Story()
    story.run(5)
    low = story.run(2, loss=0.5)
    tries: list[float] = []
    for _ in range(300):
        if story.run(0.2, following=2_000_000.0) > 1_000_000:
            tries.append(story.now)
            assert story.run(1.4, loss=0.5) <= low * 1.01  # back to what went well
    waits = [round(b - a) for a, b in zip(tries, tries[1:], strict=False)]
    assert waits[0] < waits[1] <= waits[-1] <= 20


def test_the_limit_is_forgotten_when_all_have_what_they_want() -> None:
    story = Story()
    story.run(5)
    assert story.run(2, loss=0.5) < math.inf
    assert story.run(12, following=None) == math.inf


def test_what_was_lost_before_the_link_was_another_one_says_nothing() -> None:
    story = Story(since=100.0)
    assert story.run(2.2, loss=0.5) == math.inf
    assert story.run(3) == math.inf
    assert story.run(3, loss=0.5) < 350_000
