"""Which microphones are heard."""

from __future__ import annotations

from engage_tui.errors import EngageError
from engage_tui.sdk.audio_connection_manager import AudioConnectionManager
from engage_tui.sdk.enums import AudioConnectionMode
from engage_tui.sdk.participant import RemoteParticipant
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
    metres = {"a": 1.0, "b": 2.0, "c": 3.0}
    manager = AudioConnectionManager(lambda: people, 2, lambda each: metres[each.identity])
    manager.evaluate()
    assert heard(people) == "ab"
    metres["c"] = 1.9
    manager.evaluate()
    assert heard(people) == "ab", "a little nearer is not enough to take somebody's place"
    metres["c"] = 1.7
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
