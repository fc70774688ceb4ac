"""Engage's API, feature by feature: spaces, rooms, people, messages. In the order of the README's table."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from engage_tui import (
    ConnectError,
    ConnectionQuality,
    ConnectionState,
    DataPacketKind,
    DisconnectReason,
    Grants,
    ParticipantEvent,
    PublishError,
    RefusedError,
    RoomEvent,
    Space,
    TrackSource,
    UsageError,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.cli.create_token import create_token
from engage_tui.wire.token import verify_token
from tests.integration.meeting import join, meet, remote
from tests.servers import TestServer, free_ports
from tests.waiting import until


async def test_participants_and_participant_connected(
    any_server: TestServer, room_name: str
) -> None:
    async with Space() as space:
        room = await join(space, any_server, "ada", room_name)
        assert room.participants == {}
        came: list[Any] = []
        room.on(RoomEvent.PARTICIPANT_CONNECTED, came.append)
        await join(space, any_server, "bob", room_name)
        await until(lambda: came, 6)
        assert room.participants == {came[0].sid: came[0]}
        assert room.get_participant_by_identity("bob") is came[0]
        assert room.get_participant_by_identity("ada") is room.local_participant


async def test_space_joins_several_rooms_and_leaves_one(
    any_server: TestServer, room_name: str
) -> None:
    async with Space() as space:
        first = space.join_room(any_server.url, any_server.token("ada", room_name))
        assert first.state is ConnectionState.CONNECTING, "joining returns at once"
        connected: list[bool] = []
        first.on(RoomEvent.CONNECTED, lambda: connected.append(True))
        second = await join(space, any_server, "ada", f"{room_name}-2")
        await first.connected()
        assert connected == [True]
        assert space.rooms == [first, second]
        await first.leave()
        assert space.rooms == [second]
        assert second.state is ConnectionState.CONNECTED


async def test_room_facts(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        assert m.bob.name == room_name
        assert m.bob.sid.startswith("RM_")
        assert m.bob.sid == m.ada.sid
        assert m.bob.metadata == ""
        assert not m.bob.is_recording
        assert m.bob.state is ConnectionState.CONNECTED
        assert m.bob.num_participants == 2
        await m.ada.local_participant.publish_track(await create_local_audio_track("test"))
        await until(lambda: m.bob.num_publishers == 1, 8)


async def test_a_rooms_metadata_change_is_told(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        told: list[str] = []
        m.bob.on(RoomEvent.ROOM_METADATA_CHANGED, told.append)
        await m.administer("UpdateRoomMetadata", metadata="tea at five")
        await until(lambda: told)
        assert told == [m.bob.metadata] == ["tea at five"]


async def test_somebody_leaves_and_we_leave(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        gone: list[Any] = []
        ada = m.ada_of_bob
        m.bob.on(RoomEvent.PARTICIPANT_DISCONNECTED, gone.append)
        m.bob.on(RoomEvent.DISCONNECTED, gone.append)
        await m.ada.leave()
        await until(lambda: gone)
        await m.bob.leave()
        assert gone == [ada, DisconnectReason.CLIENT_INITIATED]
        assert m.bob.disconnect_reason is DisconnectReason.CLIENT_INITIATED


async def test_participant_facts(any_server: TestServer, room_name: str) -> None:
    sources = ("microphone",)
    grants = Grants(room=room_name, room_join=True, can_publish_sources=sources)
    async with meet(any_server, room_name, bob=grants) as m:
        ada, me = m.ada_of_bob, m.bob.local_participant
        assert (ada.identity, ada.metadata, ada.attributes) == ("ada", "", {})
        assert ada.sid == m.ada.local_participant.sid
        assert abs(datetime.now(UTC) - ada.joined_at) < timedelta(minutes=1)
        assert me.permissions.can_publish_sources == (TrackSource.MICROPHONE,)
        assert me.permissions.can_subscribe
        assert not me.permissions.can_update_metadata


async def test_name_metadata_and_attributes_travel(any_server: TestServer, room_name: str) -> None:
    grants = Grants(room=room_name, room_join=True, can_update_own_metadata=True)
    async with meet(any_server, room_name, ada=grants) as m:
        told: list[Any] = []
        ada = m.ada_of_bob
        for event in (
            ParticipantEvent.PARTICIPANT_NAME_CHANGED,
            ParticipantEvent.PARTICIPANT_METADATA_CHANGED,
            ParticipantEvent.PARTICIPANT_ATTRIBUTES_CHANGED,
        ):
            m.bob.on(RoomEvent(event), lambda *a, name=event.value: told.append((name, *a)))
        local = m.ada.local_participant
        await local.set_name("Ada L.")
        await local.set_metadata("countess")
        await local.set_attributes({"seat": "4", "hat": "on"})
        await local.set_attributes({"hat": ""})
        await until(lambda: len(told) == 4)
        assert told == [
            ("participantNameChanged", "Ada L.", ada),
            ("participantMetadataChanged", "", ada),
            ("participantAttributesChanged", {"seat": "4", "hat": "on"}, ada),
            ("participantAttributesChanged", {"hat": ""}, ada),
        ]
        assert (ada.name, ada.metadata, ada.attributes) == ("Ada L.", "countess", {"seat": "4"})
        assert (local.name, local.attributes) == ("Ada L.", {"seat": "4"})
        with pytest.raises(RefusedError, match="token"):
            await m.bob.local_participant.set_name("Robert")
        with pytest.raises(RefusedError, match="limit"):
            await local.set_attributes({"long": "x" * 200_000})


async def test_active_speakers_and_levels(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        speakers: list[Any] = []
        speaking: list[bool] = []
        ada = m.ada_of_bob
        m.bob.on(RoomEvent.ACTIVE_SPEAKERS_CHANGED, speakers.append)
        ada.on(ParticipantEvent.IS_SPEAKING_CHANGED, speaking.append)
        assert (ada.audio_level, ada.last_spoke_at) == (0, None)
        await m.ada.local_participant.publish_track(await create_local_audio_track("test"))
        await until(lambda: ada.is_speaking, 10)
        assert m.bob.active_speakers == [ada] == speakers[-1]
        assert speaking == [True]
        assert 0 < ada.is_speaking_level <= 1
        assert ada.last_spoke_at is not None
        assert ada.audio_level == 0, "not asked for"
        ada.set_analyse_audio_level(True)
        await until(lambda: ada.audio_level > 0.3)
        ada.set_analyse_audio_level(False)
        assert ada.audio_level == 0


async def test_connection_quality(any_server: TestServer, room_name: str) -> None:
    async with Space() as first, Space() as second:
        ada = await join(first, any_server, "ada", room_name)
        await ada.local_participant.publish_track(await create_local_audio_track("test"))
        told: list[Any] = []
        bob = second.join_room(any_server.url, any_server.token("bob", room_name))
        bob.on(RoomEvent.CONNECTION_QUALITY_CHANGED, lambda *a: told.append(a))
        await bob.connected()
        her = remote(bob, "ada")
        await until(lambda: her in [participant for _, participant in told], 15)
        good = (ConnectionQuality.EXCELLENT, ConnectionQuality.GOOD)  # as far as a busy machine is
        assert her.connection_quality in good
        assert told[-1][0] is told[-1][1].connection_quality


async def test_data_reliable_lossy_with_topic_and_destination(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name) as m:
        cleo = await join(m.ada_space, any_server, "cleo", room_name)
        heard: list[Any] = []
        at_participant: list[Any] = []
        others: list[Any] = []
        ada = m.ada_of_bob
        m.bob.on(RoomEvent.DATA_RECEIVED, lambda *a: heard.append(a))
        ada.on(ParticipantEvent.DATA_RECEIVED, lambda *a: at_participant.append(a))
        cleo.on(RoomEvent.DATA_RECEIVED, lambda *a: others.append(a))
        local = m.ada.local_participant
        await local.publish_data("all", topic="t")
        await local.publish_data(b"bob alone", destination=["bob"])
        await until(lambda: len(heard) == 2 and len(others) == 1)
        while not (len(heard) > 2 and len(others) > 1):  # lossy ones may be lost
            await local.publish_data(b"lossy", DataPacketKind.LOSSY)
            received = len(heard) + len(others)
            with contextlib.suppress(AssertionError):
                await until(lambda before=received: len(heard) + len(others) > before, 0.2)  # type: ignore[misc]
        by_text = {each[0]: each[1:] for each in heard}
        assert by_text == {
            b"all": (ada, DataPacketKind.RELIABLE, "t"),
            b"bob alone": (ada, DataPacketKind.RELIABLE, ""),
            b"lossy": (ada, DataPacketKind.LOSSY, ""),
        }
        assert dict(at_participant) == {text: each[1] for text, each in by_text.items()}
        assert {each[0] for each in others} == {b"all", b"lossy"}


async def test_a_busy_data_channel_is_told(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        told: list[Any] = []
        m.ada.on(RoomEvent.DC_BUFFER_STATUS_CHANGED, lambda *a: told.append(a))
        for _ in range(4):
            await m.ada.local_participant.publish_data(bytes(40_000))
        await until(lambda: len(told) == 2)
        assert told == [(False, DataPacketKind.RELIABLE), (True, DataPacketKind.RELIABLE)]


async def test_prepare_connection(any_server: TestServer, room_name: str) -> None:
    async with Space() as space:
        room = await join(space, any_server, "ada", room_name)
        await room.prepare_connection()
        await room.prepare_connection(any_server.http_url)
        with pytest.raises(ConnectError, match="No server answers"):
            await room.prepare_connection(f"ws://127.0.0.1:{free_ports(1)[0]}")
        with pytest.raises(UsageError):
            await room.prepare_connection("nowhere")


async def test_space_says_when_it_is_ready() -> None:
    space = Space()
    await until(lambda: not space.spatial_audio_initialized)
    async with space:
        await space.spatial_audio_ready()
        await until(lambda: space.spatial_audio_initialized)
        await space.resume_audio()
    assert not space.spatial_audio_initialized


def test_create_token_with_one_switch_a_grant() -> None:
    words = ["--key", "k", "--secret", "s" * 32, "--room", "hall", "--participant", "ada"]
    runner = CliRunner()
    grants = verify_token(runner.invoke(create_token, words).output.strip(), {"k": "s" * 32}).grants
    assert (grants.room, grants.room_join, grants.room_list) == ("hall", True, True)
    assert grants.can_publish
    assert grants.can_subscribe
    for switch, name in (
        ("publish", "can_publish"),
        ("subscribe", "can_subscribe"),
        ("join", "room_join"),
        ("list", "room_list"),
    ):
        token = runner.invoke(create_token, [*words, f"--{switch}", "false"]).output.strip()
        without = verify_token(token, {"k": "s" * 32}).grants
        assert getattr(grants, name)
        assert not getattr(without, name)


async def test_permissions_are_enforced_in_words(any_server: TestServer, room_name: str) -> None:
    grants = Grants(
        room=room_name,
        room_join=True,
        can_publish=False,
        can_subscribe=False,
        can_publish_data=False,
    )
    async with meet(any_server, room_name, bob=grants) as m:
        await m.ada.local_participant.publish_track(await create_local_video_track("test"))
        local = m.bob.local_participant
        with pytest.raises(PublishError, match="token does not allow publishing"):
            await local.set_camera_enabled(True)
        with pytest.raises(RefusedError, match="token does not allow sending data"):
            await local.publish_data("hello")
        await until(lambda: m.ada_of_bob.tracks)
        (camera,) = m.ada_of_bob.tracks.values()
        failed: list[Any] = []
        m.bob.on(RoomEvent.TRACK_SUBSCRIPTION_FAILED, lambda *a: failed.append(a))
        camera.set_subscribed(True)
        assert failed == [(camera.track_sid, m.ada_of_bob, camera.error)], "once"
        assert isinstance(camera.error, RefusedError)


async def test_permissions_taken_and_given_in_the_call(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        await m.ada.local_participant.publish_track(await create_local_video_track("test"))
        local = m.bob.local_participant
        await local.publish_track(await create_local_audio_track("test"))
        await until(lambda: any(p.is_subscribed for p in m.ada_of_bob.tracks.values()))
        (camera,) = m.ada_of_bob.tracks.values()
        told: list[Any] = []
        m.bob.on(RoomEvent.PARTICIPANT_PERMISSIONS_CHANGED, lambda *a: told.append(a))
        nothing = {"canSubscribe": False, "canPublish": False, "canPublishData": False}
        await m.administer("UpdateParticipant", identity="bob", permission=nothing)
        await until(lambda: told)
        assert told[0][1] is local
        assert told[0][0].can_publish, "the permissions before"
        assert not local.permissions.can_publish
        await until(lambda: local.tracks == {}, 5, "what may not be sent is taken back")
        assert isinstance(camera.error, RefusedError)
        with pytest.raises(PublishError, match="token"):
            await local.set_microphone_enabled(True)

        everything = {"canSubscribe": True, "canPublish": True, "canPublishData": True}
        await m.administer("UpdateParticipant", identity="bob", permission=everything)
        await until(lambda: camera.is_subscribed, 5, "what was wanted is wanted again")
        before = camera.stats.frames
        await until(lambda: camera.stats.frames > before + 2, 10)
        await local.publish_track(await create_local_audio_track("test"))
        assert remote(m.ada, "bob").identity == "bob"
