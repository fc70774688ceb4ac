"""Engage's API, feature by feature: other people's tracks. In the order of the README's table."""

from __future__ import annotations

from typing import Any

from engage_tui import (
    AudioConnectionMode,
    ConnectionState,
    Grants,
    ParticipantEvent,
    RoomEvent,
    SubscriptionStatus,
    TrackEvent,
    TrackSource,
    VideoQuality,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.sdk.enums import PermissionStatus
from engage_tui.sdk.local_profile import ParticipantTrackPermission
from engage_tui.sdk.remote_publication import RemoteTrackPublication
from tests.integration.meeting import Meeting, join, meet, remote
from tests.servers import TestServer
from tests.waiting import until


async def published(m: Meeting, *kinds: str) -> list[RemoteTrackPublication]:
    """Have Ada publish, and wait until Bob sees it."""
    create: dict[str, Any] = {"audio": create_local_audio_track, "video": create_local_video_track}
    for kind in kinds:
        await m.ada.local_participant.publish_track(await create[kind]("test"))
    await until(lambda: len(m.ada_of_bob.tracks) == len(kinds))
    return list(m.ada_of_bob.tracks.values())


async def test_track_published_at_room_and_participant(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name) as m:
        told: list[Any] = []
        ada = m.ada_of_bob
        ada.on(ParticipantEvent.TRACK_PUBLISHED, lambda *a: told.append(a))
        m.bob.on(RoomEvent.TRACK_PUBLISHED, lambda *a: told.append(a))
        (publication,) = await published(m, "video")
        assert told == [(publication,), (publication, ada)]
        assert (publication.kind, publication.source) == ("video", "camera")
        assert publication.mime_type.lower() == "video/vp8"
        assert publication.dimensions == (640, 360)
        assert publication.track is None


async def test_late_joiner_traverses_and_gets_no_events(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name) as m:
        await published(m, "audio", "video")
        late = m.bob_space.join_room(any_server.url, any_server.token("cleo", room_name))
        told: list[str] = []
        for event in (RoomEvent.TRACK_PUBLISHED, RoomEvent.PARTICIPANT_CONNECTED):
            late.on(event, lambda *_, name=event.value: told.append(name))
        await late.connected()
        ada = remote(late, "ada")
        assert {each.source.value for each in ada.tracks.values()} == {"camera", "microphone"}
        assert told == []


async def test_set_subscribed_shows_off_pending_on(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        (publication,) = await published(m, "video")
        states = [publication.subscription_status]
        publication.set_subscribed(True)
        states.append(publication.subscription_status)
        assert states == [SubscriptionStatus.UNSUBSCRIBED, SubscriptionStatus.DESIRED]
        await until(lambda: not publication.is_subscribed, 0)
        await until(lambda: publication.subscription_status is SubscriptionStatus.SUBSCRIBED)
        assert publication.is_subscribed
        publication.set_subscribed(False)
        assert publication.subscription_status is SubscriptionStatus.UNSUBSCRIBED


async def test_subscribed_is_re_emitted_from_publication_to_room(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name) as m:
        (publication,) = await published(m, "video")
        told: list[Any] = []
        ada = m.ada_of_bob
        publication.on(TrackEvent.SUBSCRIBED, lambda *a: told.append(a))
        ada.on(ParticipantEvent.TRACK_SUBSCRIBED, lambda *a: told.append(a))
        m.bob.on(RoomEvent.TRACK_SUBSCRIBED, lambda *a: told.append(a))
        publication.on(
            TrackEvent.SUBSCRIPTION_STATUS_CHANGED, lambda now, before: told.append((now, before))
        )
        publication.set_subscribed(True)
        await until(lambda: len(told) == 5)
        track = publication.track
        assert told == [
            ("desired", "unsubscribed"),
            (track,),
            (track, publication),
            (track, publication, ada),
            ("subscribed", "desired"),
        ]


async def test_track_subscribed_handler_gets_track_and_publication(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name) as m:
        (publication,) = await published(m, "video")
        frames: list[Any] = []

        async def attach(track: Any, of: Any) -> None:
            assert of is publication
            track.attach(frames.append)

        m.ada_of_bob.on(ParticipantEvent.TRACK_SUBSCRIBED, attach)
        publication.set_subscribed(True)
        await until(lambda: frames, 10, "a coroutine handler attached a sink")


async def test_unsubscribing_stops_the_bytes(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        (publication,) = await published(m, "video")
        publication.set_subscribed(True)
        await until(lambda: publication.stats.bytes > 0, 10)
        track = publication.track
        gone: list[Any] = []
        m.bob.on(RoomEvent.TRACK_UNSUBSCRIBED, lambda *a: gone.append(a))
        publication.set_subscribed(False)
        await until(lambda: gone)
        assert gone == [(track, publication, m.ada_of_bob)]
        stopped = publication.stats.bytes
        sent = m.ada.local_participant.get_tracks()[0].stats
        await until(
            lambda: m.ada.local_participant.get_tracks()[0].stats.frames > sent.frames + 5, 10
        )
        assert publication.stats.bytes == stopped > 0


async def test_unpublish_events_in_order(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        (publication,) = await published(m, "video")
        publication.set_subscribed(True)
        await until(lambda: publication.is_subscribed)
        told: list[Any] = []
        ada = m.ada_of_bob
        for event in (RoomEvent.TRACK_UNSUBSCRIBED, RoomEvent.TRACK_UNPUBLISHED):
            m.bob.on(event, lambda *_, name=event.value: told.append((name, len(ada.tracks))))
        await m.ada.local_participant.unpublish_track(
            m.ada.local_participant.get_tracks()[0].track  # type: ignore[arg-type]
        )
        await until(lambda: len(told) == 2)
        assert told == [("trackUnsubscribed", 1), ("trackUnpublished", 0)]


async def test_attach_and_detach_a_view(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        (publication,) = await published(m, "video")
        await until(lambda: publication.video_track)
        shown: list[Any] = []
        track = publication.video_track
        assert track is not None
        assert track.attach(shown.append) is not None
        # The small layer may be there first.
        await until(lambda: shown and shown[-1].picture.width == 640, 10)
        assert shown[-1].picture.height == 360
        assert len(track.detach()) == 1
        assert track.detach() == []


async def test_microphones_come_by_themselves_and_cameras_do_not(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name) as m:
        told: list[Any] = []
        for event in (
            ParticipantEvent.AUDIO_CONNECTED,
            ParticipantEvent.AUDIO_DISCONNECTED,
            ParticipantEvent.AUDIO_CONNECTION_CHANGED,
        ):
            m.ada_of_bob.on(event, lambda *a, name=event.value: told.append((name, *a)))
        await published(m, "audio", "video")
        await until(lambda: len(told) == 2)
        assert told == [("audioConnected",), ("audioConnectionChanged", True)]
        camera = m.ada_of_bob.get_track(TrackSource.CAMERA)
        assert camera is not None
        assert not camera.is_desired
        told.clear()
        m.ada_of_bob.set_audio_connection_mode(AudioConnectionMode.NEVER)
        await until(lambda: len(told) == 2)
        assert told == [("audioDisconnected",), ("audioConnectionChanged", False)]


async def test_number_of_auto_connections(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        await published(m, "audio")
        await m.ada.local_participant.publish_track(await create_local_audio_track("test"))
        await until(lambda: m.bob_space.connected_microphones == (2, 2))
        m.bob_space.set_number_of_auto_connections(1)
        assert m.bob_space.number_of_auto_connections == 1
        assert m.bob_space.connected_microphones == (1, 2)
        m.bob_space.set_number_of_auto_connections(0)
        assert m.bob_space.connected_microphones == (0, 2)
        await until(lambda: not m.ada_of_bob.audio_connected)


async def test_connection_modes(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        ada = m.ada_of_bob
        assert ada.audio_connection_mode is AudioConnectionMode.AUTO
        (microphone,) = await published(m, "audio")
        await until(lambda: ada.audio_connected)
        m.bob_space.set_number_of_auto_connections(0)
        await until(lambda: not ada.audio_connected)
        ada.set_audio_connection_mode(AudioConnectionMode.ALWAYS)
        await until(lambda: ada.audio_connected, 5, "always, whatever the limit")
        ada.set_audio_connection_mode(AudioConnectionMode.NEVER)
        await until(lambda: not ada.audio_connected)
        stopped = microphone.stats.bytes
        m.bob_space.set_number_of_auto_connections(8)
        assert not microphone.is_desired, "never, whatever the limit"
        assert microphone.stats.bytes == stopped
        microphone.set_subscribed(True)
        await until(lambda: ada.audio_connected, 5, "by hand, until the mode is set again")
        ada.set_audio_connection_mode(AudioConnectionMode.NEVER)
        assert not microphone.is_desired


async def test_set_enabled_pauses_and_the_subscription_stays(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        (publication,) = await published(m, "video")
        await until(lambda: publication.stats.frames > 2, 10)
        publication.set_enabled(False)
        assert publication.is_subscribed
        assert not publication.is_enabled

        sent = m.ada.local_participant.get_tracks()[0]

        async def moved() -> int:
            received, frames = publication.stats.frames, sent.stats.frames
            await until(lambda: sent.stats.frames > frames + 4, 10)
            return publication.stats.frames - received

        for _ in range(20):
            if await moved() == 0:
                break
        else:
            raise AssertionError("frames still come")
        publication.set_enabled(True)
        before = publication.stats.frames
        await until(lambda: publication.stats.frames > before + 2, 10)


async def test_quality_dimensions_and_rate_are_asked_for(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        (publication,) = await published(m, "video")
        await until(lambda: publication.is_subscribed)
        asked: list[Any] = []
        send = m.bob.send
        m.bob.send = lambda request: (asked.append(request.track_setting), send(request))  # type: ignore
        publication.set_video_quality(VideoQuality.LOW)
        publication.set_video_quality(VideoQuality.LOW)
        publication.set_video_dimensions(160, 90)
        publication.set_video_fps(5)
        assert [(a.quality, a.width, a.height, a.fps) for a in asked] == [
            (0, 0, 0, 0),
            (0, 160, 90, 0),
            (0, 160, 90, 5),
        ]
        assert all(list(a.track_sids) == [publication.track_sid] for a in asked)
        before = publication.stats.frames
        await until(lambda: publication.stats.frames > before + 2, 10, "one layer still flows")


async def test_mute_events_at_both_levels(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        (publication,) = await published(m, "audio")
        told: list[Any] = []
        ada = m.ada_of_bob
        for event in (ParticipantEvent.TRACK_MUTED, ParticipantEvent.TRACK_UNMUTED):
            ada.on(event, lambda *a, name=event.value: told.append((name, *a)))
            m.bob.on(event, lambda *a, name=event.value: told.append((name, *a)))
        local = m.ada.local_participant.get_tracks()[0]
        await local.mute()
        await until(lambda: len(told) == 2)
        assert publication.is_muted
        await local.unmute()
        await until(lambda: len(told) == 4)
        assert told == [
            ("trackMuted", publication),
            ("trackMuted", publication, ada),
            ("trackUnmuted", publication),
            ("trackUnmuted", publication, ada),
        ]


async def test_a_publisher_says_who_may_subscribe(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name, microphones=False) as m:
        local = m.ada.local_participant
        (camera,) = await published(m, "video")
        told: list[Any] = []
        m.bob.on(RoomEvent.TRACK_SUBSCRIPTION_PERMISSION_CHANGED, lambda *a: told.append(a))
        local.set_track_subscription_permissions(False)
        camera.set_subscribed(True)
        await until(lambda: told)
        assert told == [(camera, PermissionStatus.NOT_ALLOWED, m.ada_of_bob)]
        assert camera.permission_status is PermissionStatus.NOT_ALLOWED
        await until(lambda: not camera.is_subscribed)  # the wish may have overtaken the refusal
        local.set_track_subscription_permissions(
            False, [ParticipantTrackPermission("bob", allowed_track_sids=(camera.track_sid,))]
        )
        await until(lambda: camera.is_subscribed)
        assert told[-1] == (camera, PermissionStatus.ALLOWED, m.ada_of_bob)


async def test_events_of_a_room_only_while_it_is_connected(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        (publication,) = await published(m, "video")
        await until(lambda: publication.is_subscribed)
        told: list[Any] = []
        for event in RoomEvent:
            m.bob.on(event, lambda *_, name=event.value: told.append(name))
        await m.bob.leave()
        assert m.bob.state is ConnectionState.DISCONNECTED
        kept = [each for each in told if each not in ("trackSubscriptionStatusChanged",)]
        assert kept[-3:] == ["trackUnsubscribed", "connectionStateChanged", "disconnected"]
        assert "trackUnpublished" not in told


async def test_hidden_people_are_seen_by_nobody(any_server: TestServer, room_name: str) -> None:
    grants = Grants(room=room_name, room_join=True, hidden=True, can_publish=False)
    async with meet(any_server, room_name, ada=grants) as m:
        assert m.ada.local_participant.permissions.hidden
        assert m.bob.participants == {}
        third = await join(m.bob_space, any_server, "cleo", room_name)
        await until(lambda: m.ada.get_participant_by_identity("cleo"), 6, "she sees everybody")
        assert {each.identity for each in third.participants.values()} == {"bob"}
