"""What is given up when pictures cost too much, and when it is given back."""

from __future__ import annotations

from engage_tui.tui.governor import Governor, Load, Plan, plans, saves

IDLE, BUSY, TWICE = Load(0.05, 0.05), Load(0.3, 0.1), Load(0.1, 1.2)


def seconds(governor: Governor, load: Load, count: int, ways: int = 3) -> list[Plan]:
    return [governor.second(load, ways) for _ in range(count)]


def test_quiet_people_are_drawn_less_often_first_then_less_sharply_then_the_speaker() -> None:
    steps = plans(3)
    assert steps[0] == Plan()
    assert [step.quiet for step in steps] == sorted((step.quiet for step in steps), reverse=True)
    assert [step.front for step in steps] == sorted((step.front for step in steps), reverse=True)
    assert [step.economy for step in steps] == [0, 0, 0, 0, 1, 2, 2, 2]
    assert steps[1].front == steps[2].front == 15
    assert plans(1)[-1].economy == 0


def test_a_moment_over_the_limit_changes_nothing_and_two_seconds_do() -> None:
    governor = Governor()
    assert seconds(governor, BUSY, 1) == [Plan()]
    assert seconds(governor, IDLE, 1) == [Plan()]
    assert seconds(governor, BUSY, 2)[-1] == plans(3)[1]
    assert seconds(governor, TWICE, 2)[-1] == plans(3)[3]


def test_it_ends_at_the_least_and_comes_back_to_everything() -> None:
    governor = Governor()
    assert seconds(governor, BUSY, 60)[-1] == plans(3)[-1]
    assert seconds(governor, IDLE, 200)[-1] == Plan()


def test_what_proves_too_much_again_and_again_is_tried_more_seldom() -> None:
    governor, rises = Governor(), []
    plan = seconds(governor, BUSY, 2)[-1]
    for second in range(400):
        before, plan = plan, governor.second(BUSY if plan == Plan() else IDLE, 3)
        if plan == Plan() != before:
            rises.append(second)
    waits = [later - earlier for earlier, later in zip(rises, rises[1:], strict=False)]
    assert waits[-1] > 3 * waits[0]
    assert waits == sorted(waits)


def test_fewer_ways_of_drawing_than_before() -> None:
    governor = Governor()
    seconds(governor, BUSY, 60, ways=5)
    assert governor.second(BUSY, 1) == plans(1)[-1]


def test_one_large_tile_gets_twice_as_many_until_something_is_given_up() -> None:
    assert Plan().rate(front=True, large=True) == 30
    assert Plan().rate(front=False, large=False) == 15
    assert Plan(15, 8).rate(front=True, large=True) == 15
    assert Plan(15, 8).rate(front=False, large=False) == 8


def test_whether_bytes_are_saved_does_not_flap() -> None:
    assert saves(False, 1e6)
    assert saves(True, 3e6)
    assert not saves(False, 3e6)
    assert not saves(True, 6e6)
