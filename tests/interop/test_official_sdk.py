"""Our client and the official Python SDK in one room, on our server and on a real livekit-server."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Any

import pytest

from engage_tui import (
    DataPacketKind,
    RoomEvent,
    RoomOptions,
    Space,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.media.synthetic import PatternSource
from engage_tui.sdk.enums import TrackSource
from engage_tui.sdk.local_track import LocalVideoTrack
from tests.require import need
from tests.servers import TestServer
from tests.waiting import until

pytestmark = pytest.mark.interop
need(find_spec("livekit.rtc") is not None, "the official SDK: pip install livekit")

from tests.interop.official import TONE, OfficialPeer  # noqa: E402


def decibels(measured: float, wanted: float) -> float:
    return 20 * math.log10(max(measured, 1e-9) / wanted)


async def test_each_hears_sees_and_reads_the_other(any_server: TestServer, room_name: str) -> None:
    peer = OfficialPeer()
    received: list[tuple[Any, ...]] = []
    async with Space() as space:
        room = space.join_room(
            any_server.url, any_server.token("ada", room_name), RoomOptions(subscribe="all")
        )
        await room.connected()
        room.on(RoomEvent.DATA_RECEIVED, lambda *arguments: received.append(arguments))
        try:
            us = room.local_participant
            await us.publish_track(await create_local_video_track("test"))
            await us.publish_track(await create_local_audio_track("test"))
            await peer.join(any_server, room_name)
            await peer.publish()

            # They hear our tone at its level, and see our pictures at their size.
            await until(lambda: abs(decibels(peer.rms, TONE)) < 1, 15, "our tone at their ear")
            # The server may begin with the small layer.
            await until(lambda: len(peer.sizes) > 15, 15, "our pictures at their eye")
            await until(lambda: peer.sizes[-1] == (640, 360), 20, "our full layer at their eye")

            # We hear theirs and see theirs.
            await until(lambda: room.participants, 5)
            (them,) = room.participants.values()
            await until(lambda: len(them.tracks) == 2, 5)
            microphone = them.get_track(TrackSource.MICROPHONE)
            camera = them.get_track(TrackSource.CAMERA)
            assert microphone is not None
            assert camera is not None
            await until(lambda: abs(decibels(microphone.stats.rms or 0, TONE)) < 1, 15)
            await until(lambda: camera.stats.frames > 15, 15)
            assert (camera.stats.width, camera.stats.height) == (640, 360)

            # Data travels both ways, with topic and sender.
            await us.publish_data(b"from us", topic="ours")
            await peer.room.local_participant.publish_data(
                b"from them", reliable=False, topic="theirs"
            )
            await until(lambda: peer.messages and received, 5)
            assert peer.messages == [(b"from us", "ours", "ada")]
            assert received == [(b"from them", them, DataPacketKind.LOSSY, "theirs")]
        finally:
            await peer.leave()


async def test_mute_and_unpublish_reach_the_official_sdk(
    any_server: TestServer, room_name: str
) -> None:
    peer = OfficialPeer()
    seen: list[str] = []
    for event in ("track_muted", "track_unmuted", "track_unpublished", "participant_disconnected"):
        peer.room.on(event, lambda *_, name=event: seen.append(name))
    async with Space() as space:
        room = space.join_room(any_server.url, any_server.token("ada", room_name))
        await room.connected()
        try:
            await peer.join(any_server, room_name)
            us = room.local_participant
            track = await create_local_audio_track("test")
            publication = await us.publish_track(track)
            await until(lambda: abs(decibels(peer.rms, TONE)) < 1, 15, "our tone at their ear")
            await publication.mute()
            await until(lambda: seen == ["track_muted"], 5)
            await publication.unmute()
            await until(lambda: seen[1:] == ["track_unmuted"], 5)
            assert await us.unpublish_track(track) is publication
            await until(lambda: seen[2:] == ["track_unpublished"], 5)
            await room.leave()
            await until(lambda: seen[3:] == ["participant_disconnected"], 5)
        finally:
            await peer.leave()


async def test_a_camera_of_720p_arrives_in_full(any_server: TestServer, room_name: str) -> None:
    peer, full = OfficialPeer(), (1280, 720)
    async with Space() as space:
        room = space.join_room(any_server.url, any_server.token("ada", room_name))
        await room.connected()
        try:
            await peer.join(any_server, room_name)
            camera = LocalVideoTrack(PatternSource(full, 30.0))
            await camera.start()
            await room.local_participant.publish_track(camera)
            await until(lambda: peer.sizes.count(full) > 30, 30, "the full size at their eye")
        finally:
            await peer.leave()
