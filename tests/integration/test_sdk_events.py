"""The order of events at publication, participant and room; a late joiner's maps; what unsubscribing stops."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from engage_tui import (
    AudioConnectionMode,
    ConnectionState,
    ParticipantEvent,
    RoomEvent,
    RoomOptions,
    Space,
    TrackEvent,
    TrackPublishOptions,
    TrackSource,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.sdk.remote_publication import RemoteTrackPublication
from engage_tui.sdk.room import Room
from tests.servers import TestServer
from tests.waiting import until

Record = list[tuple[str, str, tuple[Any, ...]]]

PUBLICATION_EVENTS = (
    TrackEvent.SUBSCRIBED,
    TrackEvent.UNSUBSCRIBED,
    TrackEvent.SUBSCRIPTION_STATUS_CHANGED,
)
PARTICIPANT_EVENTS = (
    ParticipantEvent.TRACK_PUBLISHED,
    ParticipantEvent.TRACK_UNPUBLISHED,
    ParticipantEvent.TRACK_SUBSCRIBED,
    ParticipantEvent.TRACK_UNSUBSCRIBED,
    ParticipantEvent.TRACK_SUBSCRIPTION_STATUS_CHANGED,
)
ROOM_EVENTS = (
    RoomEvent.TRACK_PUBLISHED,
    RoomEvent.TRACK_UNPUBLISHED,
    RoomEvent.TRACK_SUBSCRIBED,
    RoomEvent.TRACK_UNSUBSCRIBED,
    RoomEvent.TRACK_SUBSCRIPTION_STATUS_CHANGED,
    RoomEvent.PARTICIPANT_CONNECTED,
    RoomEvent.PARTICIPANT_DISCONNECTED,
    RoomEvent.CONNECTION_STATE_CHANGED,
    RoomEvent.DISCONNECTED,
)


def listen(record: Record, where: str, emitter: Any, events: tuple[Any, ...]) -> None:
    for event in events:
        emitter.on(
            event, lambda *arguments, name=event.value: record.append((where, name, arguments))
        )


def names(record: Record) -> list[str]:
    return [f"{where} {name}" for where, name, _ in record]


@pytest.fixture
async def spaces() -> AsyncIterator[tuple[Space, Space]]:
    async with Space() as first, Space() as second:
        yield first, second


async def joined(
    space: Space, server: TestServer, identity: str, room: str, **options: Any
) -> Room:
    result = space.join_room(
        server.url, server.token(identity, room), RoomOptions(microphones=False, **options)
    )
    await result.connected()
    return result


async def test_events_of_publish_subscribe_unsubscribe_unpublish_and_leave(
    any_server: TestServer, room_name: str, spaces: tuple[Space, Space]
) -> None:
    bob = await joined(spaces[1], any_server, "bob", room_name)
    record: Record = []
    listen(record, "room", bob, ROOM_EVENTS)
    ada = await joined(spaces[0], any_server, "ada", room_name)
    await until(lambda: record, 5)
    assert names(record) == ["room participantConnected"]
    (participant,) = bob.participants.values()
    assert list(record[0][2]) == [participant]
    listen(record, "participant", participant, PARTICIPANT_EVENTS)

    record.clear()
    track = await create_local_video_track("test")
    await ada.local_participant.publish_track(track)
    await until(lambda: len(record) == 2, 5)
    assert names(record) == ["participant trackPublished", "room trackPublished"]
    (publication,) = participant.tracks.values()
    assert record[0][2][0] is publication
    assert record[1][2][0] is publication
    assert record[1][2][1] is participant

    record.clear()
    listen(record, "publication", publication, PUBLICATION_EVENTS)
    publication.set_subscribed(True)
    assert names(record) == [
        "publication subscriptionStatusChanged",
        "participant trackSubscriptionStatusChanged",
        "room trackSubscriptionStatusChanged",
    ]
    assert [arguments for _, _, arguments in record] == [
        ("desired", "unsubscribed"),
        (publication, "desired"),
        (publication, "desired", participant),
    ]
    record.clear()
    await until(lambda: len(record) == 6, 5)
    remote = publication.track
    assert [(w, n, a) for w, n, a in record] == [
        ("publication", "subscribed", (remote,)),
        ("participant", "trackSubscribed", (remote, publication)),
        ("room", "trackSubscribed", (remote, publication, participant)),
        ("publication", "subscriptionStatusChanged", ("subscribed", "desired")),
        ("participant", "trackSubscriptionStatusChanged", (publication, "subscribed")),
        ("room", "trackSubscriptionStatusChanged", (publication, "subscribed", participant)),
    ]

    record.clear()
    publication.set_subscribed(False)
    assert not publication.is_subscribed
    await until(lambda: len(record) == 6, 5)
    assert names(record) == [
        "publication subscriptionStatusChanged",
        "participant trackSubscriptionStatusChanged",
        "room trackSubscriptionStatusChanged",
        "publication unsubscribed",
        "participant trackUnsubscribed",
        "room trackUnsubscribed",
    ]
    assert record[-1][2] == (remote, publication, participant)

    publication.set_subscribed(True)
    await until(lambda: publication.is_subscribed, 5)
    record.clear()
    await ada.local_participant.unpublish_track(track)
    await until(lambda: "room trackUnpublished" in names(record), 5)
    assert [n for n in names(record) if "StatusChanged" not in n] == [
        "publication unsubscribed",
        "participant trackUnsubscribed",
        "room trackUnsubscribed",
        "participant trackUnpublished",
        "room trackUnpublished",
    ]
    assert participant.tracks == participant.video_tracks == {}


async def test_somebody_leaves(
    any_server: TestServer, room_name: str, spaces: tuple[Space, Space]
) -> None:
    bob = await joined(spaces[1], any_server, "bob", room_name)
    ada = await joined(spaces[0], any_server, "ada", room_name)
    await ada.local_participant.publish_track(await create_local_video_track("test"))
    await until(lambda: any(p.tracks for p in bob.participants.values()), 5)
    record: Record = []
    listen(record, "room", bob, ROOM_EVENTS)
    there: list[int] = []
    bob.on(RoomEvent.TRACK_UNPUBLISHED, lambda *_: there.append(len(bob.participants)))

    await ada.leave()

    await until(lambda: "room participantDisconnected" in names(record), 5)
    assert names(record) == ["room trackUnpublished", "room participantDisconnected"]
    assert there == [0], "who leaves is out of the map before the events of their tracks"


async def test_we_leave(
    any_server: TestServer, room_name: str, spaces: tuple[Space, Space]
) -> None:
    ada = await joined(spaces[0], any_server, "ada", room_name)
    await ada.local_participant.publish_track(await create_local_video_track("test"))
    bob = await joined(spaces[1], any_server, "bob", room_name, subscribe="all")
    # livekit-server announces a track in layers when its first packets came.
    await until(lambda: _tracks(bob), 10)
    publication = _only_publication(bob)
    await until(lambda: publication.is_subscribed, 5)
    record: Record = []
    listen(record, "room", bob, ROOM_EVENTS)

    await bob.leave()

    assert [n for n in names(record) if "StatusChanged" not in n] == [
        "room trackUnsubscribed",
        "room connectionStateChanged",
        "room disconnected",
    ]
    assert bob.state is ConnectionState.DISCONNECTED


async def test_a_late_joiner_finds_filled_maps_and_hears_no_published(
    any_server: TestServer, room_name: str, spaces: tuple[Space, Space]
) -> None:
    ada = await joined(spaces[0], any_server, "ada", room_name)
    for create in (create_local_video_track, create_local_audio_track):
        # In one size: livekit-server announces a track in layers when its first packets came.
        await ada.local_participant.publish_track(
            await create("test"), TrackPublishOptions(simulcast=False)
        )
    bob = spaces[1].join_room(any_server.url, any_server.token("bob", room_name))
    record: Record = []
    listen(record, "room", bob, ROOM_EVENTS)
    await bob.connected()

    (participant,) = bob.participants.values()
    assert {p.source for p in participant.tracks.values()} == {
        TrackSource.CAMERA,
        TrackSource.MICROPHONE,
    }
    assert len(participant.audio_tracks) == len(participant.video_tracks) == 1
    assert set(participant.tracks) == set(ada.local_participant.tracks)
    await until(lambda: participant.audio_connected, 5, "the microphone is connected by itself")
    assert "room trackPublished" not in names(record)
    assert "room participantConnected" not in names(record)


async def test_bytes_stop_with_the_subscription(
    any_server: TestServer, room_name: str, spaces: tuple[Space, Space]
) -> None:
    ada = await joined(spaces[0], any_server, "ada", room_name)
    await ada.local_participant.publish_track(await create_local_video_track("test"))
    bob = await joined(spaces[1], any_server, "bob", room_name)
    await until(lambda: [p for who in bob.participants.values() for p in who.tracks], 10)
    publication = _only_publication(bob)

    def frames() -> int:
        return publication.stats.frames

    def sent() -> int:
        return ada.local_participant.get_tracks()[0].stats.frames

    for _ in range(2):
        publication.set_subscribed(True)
        await _grows(frames)
        with_it = publication.track
        publication.set_subscribed(False)
        await until(lambda: publication.track is None, 5)
        stopped = publication.stats
        await _grows(sent)
        assert publication.stats == stopped
        assert with_it is not None


async def test_connection_modes_decide_over_microphones(
    any_server: TestServer, room_name: str, spaces: tuple[Space, Space]
) -> None:
    ada = await joined(spaces[0], any_server, "ada", room_name)
    await ada.local_participant.publish_track(await create_local_audio_track("test"))
    bob = spaces[1].join_room(any_server.url, any_server.token("bob", room_name))
    await bob.connected()
    (participant,) = bob.participants.values()
    await until(lambda: participant.audio_connected, 5)

    participant.set_audio_connection_mode(AudioConnectionMode.NEVER)
    await until(lambda: not participant.audio_connected, 5)
    spaces[1].set_number_of_auto_connections(0)
    participant.set_audio_connection_mode(AudioConnectionMode.AUTO)
    assert not participant.audio_connected
    participant.set_audio_connection_mode(AudioConnectionMode.ALWAYS)
    await until(lambda: participant.audio_connected, 5)


def _tracks(room: Room) -> list[RemoteTrackPublication]:
    return [each for person in room.participants.values() for each in person.tracks.values()]


def _only_publication(room: Room) -> RemoteTrackPublication:
    (participant,) = room.participants.values()
    (publication,) = participant.tracks.values()
    return publication


async def _grows(count: Callable[[], int]) -> None:
    before = count()
    await until(lambda: count() > before + 5, 10)
