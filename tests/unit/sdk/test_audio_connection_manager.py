"""Which microphones are heard."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engage_tui.errors import EngageError
from engage_tui.sdk.audio_connection_manager import AudioConnectionManager
from engage_tui.sdk.enums import AudioConnectionMode, TrackEvent
from engage_tui.sdk.remote_participant import RemoteParticipant
from tests.unit.sdk.fakes import FakeRoom, microphone, person, track_info


def crowd(count: int) -> list[RemoteParticipant]:
    room = FakeRoom()
    # The later in the alphabet, the earlier they came.
    return [
        person(room, chr(97 + n), count - n, microphone(f"TR_{chr(97 + n)}"), track_info(f"TC_{n}"))
        for n in range(count)
    ]


def heard(people: list[RemoteParticipant]) -> str:
    return "".join(
        each.identity for each in people if any(mic.is_desired for mic in each.microphones)
    )


def test_the_limit_holds_and_who_came_first_is_heard() -> None:
    people = crowd(5)
    manager = AudioConnectionManager(lambda: people, 2)
    manager.evaluate()
    assert heard(people) == "de"
    assert not any(each.is_desired for one in people for each in one.video_tracks.values())
    manager.limit = 4
    assert heard(people) == "bcde"
    manager.limit = 0
    assert heard(people) == ""


def test_the_nearest_are_heard_with_hysteresis() -> None:
    people = crowd(3)
    for metres, each in enumerate(people, 1):
        each.set_position(0, 0, -metres)
    manager = AudioConnectionManager(lambda: people, 2)
    manager.evaluate()
    assert heard(people) == "ab"
    people[2].set_position(1.9, 0, 0)
    manager.evaluate()
    assert heard(people) == "ab", "a little nearer is not enough to take somebody's place"
    people[2].set_position(1.7, 0, 0)
    manager.evaluate()
    assert heard(people) == "ac"


def test_always_is_never_dropped_but_counts_and_never_is_never_heard() -> None:
    people = crowd(4)
    people[0].set_audio_connection_mode(AudioConnectionMode.ALWAYS)
    people[1].set_audio_connection_mode(AudioConnectionMode.ALWAYS)
    people[3].set_audio_connection_mode(AudioConnectionMode.NEVER)
    manager = AudioConnectionManager(lambda: people, 3)
    manager.evaluate()
    assert heard(people) == "abc"
    manager.limit = 1
    assert heard(people) == "ab"


def test_by_hand_overrides_until_the_mode_is_set_again() -> None:
    people = crowd(2)
    manager = AudioConnectionManager(lambda: people, 1)
    manager.evaluate()
    assert heard(people) == "b"
    people[1].microphones[0].set_subscribed(False)
    manager.evaluate()
    assert heard(people) == "a", "the place is free for somebody else"
    people[1].set_audio_connection_mode(AudioConnectionMode.AUTO)
    manager.evaluate()
    assert heard(people) == "b"


def test_what_failed_is_not_asked_for_again_and_again() -> None:
    people = crowd(1)
    manager = AudioConnectionManager(lambda: people, 8)
    manager.evaluate()
    people[0].microphones[0]._fail(EngageError("gone"))
    for _ in range(3):
        manager.evaluate()
    assert heard(people) == ""
    room = people[0]._room
    assert isinstance(room, FakeRoom)
    assert room.requests.count("subscription") == 1


def test_everybody_at_one_place_and_people_who_come_and_go() -> None:
    people = crowd(20)
    manager = AudioConnectionManager(lambda: list(people), 3)
    manager.evaluate()
    assert heard(people) == "rst"
    assert manager.counts == (3, 20)
    gone = people.pop()
    manager.evaluate()
    assert heard(people) == "qrs"
    assert manager.counts == (3, 19), "whoever left is not counted"
    people.insert(0, gone)
    manager.evaluate()
    assert heard([gone]) == "t", "subscribed still, and the earliest"
    assert manager.counts[0] == 3
    people[:] = []
    manager.evaluate()
    assert manager.counts == (0, 0)


def test_what_handlers_change_meanwhile_is_respected() -> None:
    people = crowd(3)
    manager = AudioConnectionManager(lambda: people, 2)

    def never(*_: object) -> None:
        people[1].set_audio_connection_mode(AudioConnectionMode.NEVER)
        manager.evaluate()

    people[2].microphones[0].on(TrackEvent.SUBSCRIPTION_STATUS_CHANGED, never)
    manager.evaluate()
    assert heard(people) == "ac"


def test_taking_anothers_place_has_a_pace_and_a_free_one_is_taken_at_once() -> None:
    people = crowd(12)
    now = 100.0
    manager = AudioConnectionManager(lambda: people, 4, clock=lambda: now)
    for metres, each in enumerate(people):
        each.set_position(1 + metres, 0, 0)
    manager.evaluate()
    assert heard(people) == "abcd"
    for metres, each in enumerate(people[4:]):
        each.set_position(0, 0.1 * (1 + metres), 0)
    manager.evaluate()
    assert heard(people) == "abef", "the nearest two take the places of the farthest two"
    now += 0.99
    manager.evaluate()
    assert heard(people) == "abef"
    people[0].set_audio_connection_mode(AudioConnectionMode.NEVER)
    manager.evaluate()
    assert heard(people) == "befg"
    now += 0.01
    manager.evaluate()
    assert heard(people) == "efgh"
    manager.limit = 1
    assert heard(people) == "e"


_MODES = st.sampled_from(AudioConnectionMode)


@given(st.data(), st.integers(0, 7))
@settings(deadline=None, max_examples=25)
def test_it_chooses_as_looking_at_everybody_would(data: st.DataObject, limit: int) -> None:
    people = crowd(9)
    now = 0.0
    manager = AudioConnectionManager(lambda: people, limit, clock=lambda: now)
    for _ in range(data.draw(st.integers(1, 5))):
        for each in people:
            match data.draw(st.integers(0, 6)):
                case 0:
                    each.set_audio_connection_mode(data.draw(_MODES))
                case 1:
                    each.microphones[0].set_subscribed(data.draw(st.booleans()))
                case 2:
                    each.microphones[0]._fail(EngageError("gone"))
                case 3 | 4:
                    each.set_position(data.draw(st.integers(0, 3)) * 10, 0, 0)
        for _ in range(8):  # until the slow swaps have been made
            now += 1
            manager.evaluate()
        assert_nearest(people, limit)


def assert_nearest(people: list[RemoteParticipant], limit: int) -> None:
    taken = 0
    places = []
    for each in people:
        mic, mode = each.microphones[0], each.audio_connection_mode
        if mic.manual is not None:
            taken += mic.is_desired
        elif mode is AudioConnectionMode.ALWAYS:
            taken += 1
            assert mic.is_desired or mic.error is not None
        elif mode is AudioConnectionMode.NEVER or mic.error is not None:
            assert not mic.is_desired
        else:
            metres = each.get_position().length * (0.9 if mic.is_desired else 1)
            places.append((metres, each.joined_at, mic.is_desired))
    wanted = [desired for *_, desired in sorted(places)]
    room = max(0, limit - taken)
    assert wanted == [place < room for place in range(len(wanted))]
