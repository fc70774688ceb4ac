"""What gives way while the front end is slow, and what never does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engage_tui.engine.board import Scene, difference
from engage_tui.engine.messages import (
    Event,
    Left,
    Levels,
    Notice,
    Outcome,
    Picture,
    State,
    Statistics,
)
from engage_tui.engine.outbox import Outbox, merge
from engage_tui.engine.view import CallView, PersonView


def person(identity: str, name: str = "") -> PersonView:
    return PersonView(identity=identity, name=name, sid="PA_1", local=False)


def picture(tile: int, number: int) -> Picture:
    return Picture(tile, number, "ada/camera/", 1, 1, 0.0, b"123")


def test_state_merges_by_key() -> None:
    first = State(1, CallView(room="hall"), None, {"ada": person("ada"), "bob": person("bob")})
    second = State(2, None, None, {"ada": person("ada", "Ada")}, ("bob",))
    merged = merge(first, second)
    assert merged.number == 2
    assert merged.call == CallView(room="hall")
    assert merged.people == {"ada": person("ada", "Ada")}
    assert merged.gone == ("bob",)


def test_who_comes_back_has_not_gone() -> None:
    merged = merge(State(1, gone=("bob",)), State(2, people={"bob": person("bob")}))
    assert merged.gone == ()
    assert set(merged.people) == {"bob"}


def apply(known: dict[str, PersonView], state: State) -> dict[str, PersonView]:
    """What a front end does with a state."""
    return {k: v for k, v in known.items() if k not in state.gone} | state.people


scenes = st.lists(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["x", "y"])), min_size=1, max_size=6
)


@given(scenes, st.sets(st.integers(0, 5)))
def test_however_states_merge_the_front_end_ends_where_the_engine_is(
    steps: list[dict[str, str]], reads: set[int]
) -> None:
    outbox, known, before = Outbox(), dict[str, PersonView](), None
    scene = Scene(CallView())
    for number, step in enumerate(steps):
        scene = Scene(CallView(), None, {key: person(key, name) for key, name in step.items()})
        state = difference(before, scene, number)
        before = scene
        if state is not None:
            outbox.put(state)
        if number in reads:
            for message in outbox.drain():
                assert isinstance(message, State)
                known = apply(known, message)
    for message in outbox.drain():
        assert isinstance(message, State)
        known = apply(known, message)
    assert known == scene.people


def test_newest_wins_for_levels_counters_and_pictures() -> None:
    outbox = Outbox()
    for number in range(5):
        outbox.put(Levels({"ada": number / 10}))
        outbox.put(Statistics(()))
        outbox.put(picture(1, number))
        outbox.put(picture(2, number))
    assert list(outbox.drain()) == [
        Levels({"ada": 0.4}),
        Statistics(()),
        picture(1, 4),
        picture(2, 4),
    ]


def test_a_full_box_drops_the_oldest_words_and_no_outcome() -> None:
    outbox = Outbox(limit=3)
    outbox.put(Outcome(7))
    for number in range(5):
        outbox.put(Event(number, "trackMuted", 0.0))
    outbox.put(Notice(5, "log", "hello", 0.0))
    assert outbox.dropped == 3
    taken = list(outbox.drain())
    assert taken[0] == Outcome(7)
    assert [each.number for each in taken[1:] if isinstance(each, Event | Notice)] == [3, 4, 5]


def test_left_is_the_last_and_state_comes_before_its_outcome() -> None:
    outbox = Outbox()
    outbox.put(Left("client_initiated", 0))
    outbox.put(Outcome(1))
    outbox.put(State(3))
    outbox.put(Statistics(()))
    kinds = [type(message) for message in outbox.drain()]
    assert kinds == [State, Outcome, Statistics, Left]


def test_only_what_changed_goes_up() -> None:
    before = Scene(CallView(room="hall"), None, {"ada": person("ada"), "bob": person("bob")})
    assert difference(before, before, 1) is None
    after = Scene(CallView(room="hall"), None, {"ada": person("ada", "Ada")})
    assert difference(before, after, 1) == State(
        1, None, None, {"ada": person("ada", "Ada")}, ("bob",)
    )
