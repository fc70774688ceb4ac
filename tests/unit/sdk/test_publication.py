"""Remote publications and participants: what is asked of the server, what is said of it, and in which order."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from livekit.protocol import models

from engage_tui.errors import EngageError, RefusedError
from engage_tui.sdk.enums import (
    AudioConnectionMode,
    ParticipantEvent,
    SubscriptionStatus,
    TrackEvent,
    VideoQuality,
)
from engage_tui.sdk.remote_publication import RemoteTrackPublication
from tests.unit.sdk.fakes import FakeReceiver, FakeRoom, microphone, person, track_info


def camera(room: FakeRoom, **fields: object) -> RemoteTrackPublication:
    ada = person(room, "ada", 1, track_info(**fields))  # type: ignore[arg-type]
    return ada.tracks["TR_camera"]


def test_a_subscription_names_the_wanted_size_at_once() -> None:
    room = FakeRoom()
    publication = camera(room)
    publication.set_video_dimensions(320, 180)
    assert room.sent == [], "nothing is asked before it is wanted"
    publication.set_subscribed(True)
    assert room.requests == ["subscription", "track_setting"]
    subscription, setting = room.sent[0].subscription, room.sent[1].track_setting
    assert list(subscription.track_sids) == ["TR_camera"]
    assert subscription.subscribe
    assert subscription.participant_tracks[0].participant_sid == "PA_ada"
    assert (setting.width, setting.height, setting.disabled) == (320, 180, False)

    publication.set_enabled(False)
    publication.set_enabled(False)
    publication.set_video_quality(VideoQuality.LOW)
    assert room.requests[2:] == ["track_setting", "track_setting"]
    assert room.sent[2].track_setting.disabled
    assert room.sent[3].track_setting.quality == models.LOW


def test_what_nothing_shows_is_not_sent_and_what_was_chosen_stays() -> None:
    room = FakeRoom()
    publication = camera(room)
    publication.set_subscribed(True)
    sent = len(room.sent)
    publication.set_visible(False)
    publication.set_visible(False)
    publication.set_enabled(False)
    publication.set_visible(True)  # still disabled: nothing new to say
    publication.set_enabled(True)
    assert [each.track_setting.disabled for each in room.sent[sent:]] == [True, True, False]
    assert publication.is_enabled


def test_asking_twice_is_asking_once() -> None:
    room = FakeRoom()
    publication = camera(room)
    for _ in range(2):
        publication.set_subscribed(True)
    assert room.requests.count("subscription") == 1
    assert publication.subscription_status is SubscriptionStatus.DESIRED


@pytest.mark.parametrize("mime_type", ["video/VP9", "video/AV1", "video/H265"])
def test_a_codec_that_we_lack_fails_in_words_and_asks_nothing(mime_type: str) -> None:
    room = FakeRoom()
    publication = camera(room, mime_type=mime_type)
    failures: list[EngageError] = []
    publication.on(TrackEvent.SUBSCRIPTION_FAILED, failures.append)
    publication.set_subscribed(True)
    assert room.sent == []
    assert publication.subscription_status is SubscriptionStatus.UNSUBSCRIBED
    assert failures == [publication.error]
    assert mime_type.partition("/")[2] in failures[0].message
    assert room.events == [("trackSubscriptionFailed", ("TR_camera", failures[0]))]


def test_a_token_without_subscribing_fails_in_words() -> None:
    room = FakeRoom()
    room.may_subscribe = False
    publication = camera(room)
    publication.set_subscribed(True)
    assert isinstance(publication.error, RefusedError)
    assert room.sent == []


def test_a_receiver_that_stands_already_is_taken() -> None:
    room = FakeRoom()
    publication = camera(room)
    room.receivers["TR_camera"] = FakeReceiver("TR_camera")
    publication.set_subscribed(True)
    assert publication.is_subscribed
    assert publication.video_track is not None


def test_counters_go_on_over_subscriptions_and_stand_still_between() -> None:
    room = FakeRoom()
    publication = camera(room)
    for frames in (10, 5):
        publication.set_subscribed(True)
        receiver = FakeReceiver("TR_camera")
        receiver.stats = dataclasses.replace(receiver.stats, frames=frames, bytes=100)
        publication._received(receiver)  # type: ignore[arg-type]
        publication.set_subscribed(False)
        publication._dropped()
        receiver.stats = dataclasses.replace(receiver.stats, frames=999)
    assert (publication.stats.frames, publication.stats.bytes) == (15, 200)


def test_a_remote_unpublish_of_a_subscribed_track() -> None:
    room = FakeRoom()
    ada = person(room, "ada", 1, track_info())
    publication = ada.tracks["TR_camera"]
    publication.set_subscribed(True)
    publication._received(FakeReceiver("TR_camera"))  # type: ignore[arg-type]
    track = publication.track
    room.events.clear()
    in_map: list[bool] = []
    ada.on(ParticipantEvent.TRACK_UNSUBSCRIBED, lambda *_: in_map.append(bool(ada.tracks)))
    ada.on(ParticipantEvent.TRACK_UNPUBLISHED, lambda *_: in_map.append(bool(ada.tracks)))

    ada._update_tracks([], announce=True)

    assert room.events == [
        ("trackUnsubscribed", (track, publication)),
        ("trackSubscriptionStatusChanged", (publication, "unsubscribed")),
        ("trackUnpublished", (publication,)),
    ]
    assert in_map == [True, False]


def test_mute_reaches_publication_participant_and_track() -> None:
    room = FakeRoom()
    ada = person(room, "ada", 1, track_info())
    publication = ada.tracks["TR_camera"]
    publication.set_subscribed(True)
    publication._received(FakeReceiver("TR_camera"))  # type: ignore[arg-type]
    room.events.clear()
    assert ada.is_camera_enabled
    for muted in (True, True, False):
        ada._update_tracks([track_info(muted=muted)], announce=True)
    assert room.events == [("trackMuted", (publication,)), ("trackUnmuted", (publication,))]
    assert publication.track is not None
    assert not publication.track.is_muted


def test_a_microphone_is_a_voice_while_it_is_subscribed() -> None:
    room = FakeRoom()
    ada = person(room, "ada", 1, microphone())
    heard: list[str] = []
    ada.on(ParticipantEvent.AUDIO_CONNECTED, lambda: heard.append("connected"))
    ada.on(ParticipantEvent.AUDIO_DISCONNECTED, lambda: heard.append("disconnected"))
    ada.on(ParticipantEvent.AUDIO_CONNECTION_CHANGED, lambda on: heard.append(str(on)))
    ada.set_volume(0.5)
    publication = ada.tracks["TR_microphone"]
    publication.set_subscribed(True)
    publication._received(FakeReceiver("TR_microphone", "audio"))  # type: ignore[arg-type]
    assert list(room.voices.values()) == [0.5]
    track = publication.audio_track
    assert track is not None
    for _ in range(100):
        track.pull(480)
    assert track.stats.rms == pytest.approx(0.5)
    ada.set_volume(2.0)
    assert list(room.voices.values()) == [2.0]
    publication.set_subscribed(False)
    publication._dropped()
    assert room.voices == {}
    assert heard == ["connected", "True", "disconnected", "False"]
    assert publication.stats.rms == 0.0
    assert publication.stats.rms_max == pytest.approx(0.5)


def test_setting_the_mode_takes_back_what_was_said_by_hand() -> None:
    room = FakeRoom()
    ada = person(room, "ada", 1, microphone())
    publication = ada.tracks["TR_microphone"]
    said = []
    publication.set_subscribed(False)
    said.append(publication.manual)
    ada.set_audio_connection_mode(AudioConnectionMode.AUTO)
    said.append(publication.manual)
    assert said == [False, None]
    assert room.changes


def test_what_changes_about_a_person_is_told_with_what_was() -> None:
    room = FakeRoom()
    ada = person(room)
    info = models.ParticipantInfo(
        sid="PA_ada", identity="ada", name="Ada", metadata="new", attributes={"mood": "fine"}
    )
    info.permission.can_publish = False
    ada._update_info(info)
    names = [name for name in room.names if name.startswith("participant")]
    assert names == [
        "participantMetadataChanged",
        "participantNameChanged",
        "participantAttributesChanged",
        "participantPermissionsChanged",
    ]
    assert [arguments for _, arguments in room.events][:3] == [
        ("",),
        ("Ada",),
        ({"mood": "fine"},),
    ]
    assert not ada.permissions.can_publish


@pytest.mark.parametrize("simulcast", [True, False])
async def test_who_comes_back_begins_with_the_small_layer_and_grows_with_the_first_picture(
    simulcast: bool,
) -> None:
    room = FakeRoom()
    publication = camera(room, simulcast=simulcast)
    publication.set_video_dimensions(640, 360)
    receiver = FakeReceiver("TR_camera")
    room.receivers["TR_camera"] = receiver

    publication._begin_small()
    publication.set_subscribed(True)

    def wishes() -> list[tuple[int, int, int]]:
        settings = [
            r.track_setting for r in room.sent if r.WhichOneof("message") == "track_setting"
        ]
        return [(each.quality, each.width, each.height) for each in settings]

    full = (models.HIGH, 640, 360)
    assert wishes() == [(models.LOW, 0, 0) if simulcast else full]
    for _ in range(2):
        receiver.sink(object(), 0.0)
        await asyncio.sleep(0)
    assert wishes() == ([(models.LOW, 0, 0), full] if simulcast else [full])
