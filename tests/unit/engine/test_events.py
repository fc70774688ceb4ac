"""SDK events as data, and counters with their rates."""

from __future__ import annotations

from typing import Any

from engage_tui.engine.events import Tap, describe
from engage_tui.engine.messages import Event
from engage_tui.engine.statistics import Counters
from engage_tui.engine.view import PublicationStats
from engage_tui.sdk.enums import (
    ConnectionQuality,
    DataPacketKind,
    DisconnectReason,
    ParticipantEvent,
    RoomEvent,
    SubscriptionStatus,
    TrackKind,
    TrackSource,
)
from engage_tui.sdk.events import Emitter


class Person(Emitter):
    def __init__(self, identity: str) -> None:
        super().__init__()
        self.identity = identity
        self.sid = f"PA_{identity}"


class FakeRoom(Emitter):
    def __init__(self) -> None:
        super().__init__()
        self.local_participant = Person("me")
        self.participants = {"PA_ada": Person("ada")}


class Publication:
    track_sid = "TR_1"
    kind = TrackKind.VIDEO
    source = TrackSource.CAMERA


class Track:
    kind = TrackKind.VIDEO
    source = TrackSource.CAMERA

    def attach(self) -> None: ...


def told(event: str, *arguments: Any) -> Event:
    return describe(event, arguments, 1, 2.0)


def test_a_track_event_names_person_and_publication() -> None:
    event = told(RoomEvent.TRACK_SUBSCRIBED, Track(), Publication(), Person("ada"))
    assert event == Event(1, "trackSubscribed", 2.0, "ada", "TR_1", "video", "camera")


def test_plain_arguments_get_names() -> None:
    status = told(
        RoomEvent.TRACK_SUBSCRIPTION_STATUS_CHANGED,
        Publication(),
        SubscriptionStatus.DESIRED,
        Person("ada"),
    )
    assert status.detail == {"status": "desired"}
    failed = told(RoomEvent.TRACK_SUBSCRIPTION_FAILED, "TR_9", Person("ada"), ValueError("why"))
    assert (failed.sid, failed.participant, failed.detail) == ("TR_9", "ada", {"error": "why"})
    left = told(RoomEvent.DISCONNECTED, DisconnectReason.ROOM_DELETED)
    assert left.detail == {"reason": "room_deleted"}
    speakers = told(RoomEvent.ACTIVE_SPEAKERS_CHANGED, [Person("ada"), Person("bob")])
    assert speakers.detail == {"speakers": ["ada", "bob"]}
    quality = told(RoomEvent.CONNECTION_QUALITY_CHANGED, ConnectionQuality.POOR, Person("ada"))
    assert (quality.sid, quality.detail) == ("PA_ada", {"quality": "poor"})


def test_data_is_text_or_base64_and_may_come_from_nobody() -> None:
    text = told(
        RoomEvent.DATA_RECEIVED, "grüß".encode(), Person("ada"), DataPacketKind.RELIABLE, "chat"
    )
    assert text.kind is None
    assert text.detail == {"text": "grüß", "delivery": "reliable", "topic": "chat"}
    raw = told(RoomEvent.DATA_RECEIVED, b"\xff\x00", None, DataPacketKind.LOSSY, "")
    assert (raw.participant, raw.detail["base64"]) == (None, "/wA=")


def test_the_tap_hears_the_room_and_each_person_once() -> None:
    heard: list[Event] = []
    room: Any = FakeRoom()
    tap = Tap(heard.append)
    tap.listen(room)
    room.emit(RoomEvent.CONNECTED)
    room.emit(RoomEvent.RECONNECTED)
    room.participants["PA_ada"].emit(ParticipantEvent.AUDIO_CONNECTED)
    late = Person("late")
    room.emit(RoomEvent.PARTICIPANT_CONNECTED, late)
    late.emit(ParticipantEvent.IS_SPEAKING_CHANGED, True)
    assert [(e.event, e.participant) for e in heard] == [
        ("connected", None),
        ("reconnected", None),
        ("audioConnected", "ada"),
        ("participantConnected", "late"),
        ("isSpeakingChanged", "late"),
    ]
    assert heard[-1].detail == {"speaking": True}
    assert [e.number for e in heard] == [1, 2, 3, 4, 5]


def test_rates_are_over_the_time_between_two_readings() -> None:
    now = [10.0]
    counters = Counters(lambda: now[0])

    def row(frames: int, size: int) -> PublicationStats:
        return PublicationStats(
            "k", "TR_1", "ada", False, TrackKind.VIDEO, TrackSource.CAMERA, "", True, False,
            frames, size,
        )  # fmt: skip

    first = counters.rate([row(10, 1000)]).publications[0]
    assert (first.frames_per_second, first.bytes_per_second) == (0, 0)
    now[0] = 12.0
    second = counters.rate([row(40, 5000)]).publications[0]
    assert (second.frames_per_second, second.bytes_per_second) == (15, 2000)
    now[0] = 13.0
    assert counters.rate([row(40, 5000)]).publications[0].bytes_per_second == 0
