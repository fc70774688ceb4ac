"""The transport through a server: subscriptions that come and go, speakers found by their level."""

from __future__ import annotations

from typing import Any

import pytest
from aiortc.rtp import RtpPacket

from engage_tui import (
    RoomEvent,
    Space,
    TrackPublishOptions,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.rtc import rtp_sender
from engage_tui.rtc.rtp_sender import RtpSender
from engage_tui.sdk.connection import Connection
from engage_tui.sdk.enums import TrackSource, VideoQuality
from tests.integration.meeting import join, meet, remote
from tests.servers import TestServer
from tests.waiting import until


async def test_a_track_subscribed_again_gives_frames_again(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        ada, bob = m.ada, m.bob
        speakers: list[list[Any]] = []
        bob.on(RoomEvent.ACTIVE_SPEAKERS_CHANGED, speakers.append)
        await ada.local_participant.publish_track(await create_local_video_track("test"))
        await ada.local_participant.publish_track(await create_local_audio_track("test"))
        await until(lambda: bob.participants)
        (them,) = bob.participants.values()
        await until(lambda: len(them.tracks) == 2)
        camera = them.get_track(TrackSource.CAMERA)
        microphone = them.get_track(TrackSource.MICROPHONE)
        assert camera is not None
        assert microphone is not None
        receivers = []
        for turn in range(4):
            await until(lambda: camera.track is not None, 10, f"the track, turn {turn}")
            assert camera.track is not None
            receiver = camera.track._receiver
            receivers.append(receiver)
            await until(lambda got=receiver: got.stats.frames > 3, 10, f"pictures, turn {turn}")  # type: ignore[misc]
            assert receiver.participant_sid == them.sid
            camera.set_subscribed(False)
            await until(lambda got=receiver: got.closed, 10, "the end of the track")  # type: ignore[misc]
            stopped = receiver.stats.bytes
            heard = microphone.stats.bytes
            await until(lambda before=heard: microphone.stats.bytes > before + 2000, 10)  # type: ignore[misc]
            assert receiver.stats.bytes == stopped
            camera.set_subscribed(True)
        assert len({id(each) for each in receivers}) == 4
        await until(lambda: camera.track is not None, 10, "the track again")
        assert camera.track is not None
        last = camera.track._receiver
        await until(lambda: last.round_trip is not None, 10, "the round trip")
        assert last.round_trip is not None
        assert 0 < last.round_trip < 1
        # The server finds who speaks by the level that travels with our packets.
        await until(lambda: speakers and [each.sid for each in speakers[-1]] == [them.sid], 10)


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers take their time to ask for the offer with which tracks begin."""
    monkeypatch.setattr(Connection, "_sections_wanted", lambda *_: None)


@pytest.mark.interop
@pytest.mark.usefixtures("unasked")
async def test_what_is_subscribed_with_the_join_is_offered_unasked(
    livekit_server: TestServer, room_name: str
) -> None:
    async with meet(livekit_server, room_name, microphones=False) as m, Space() as space:
        local = m.ada.local_participant
        await local.publish_track(await create_local_video_track("test"))
        await local.publish_track(await create_local_audio_track("test"))
        await until(lambda: len(m.ada_of_bob.tracks) == 2)
        eve = await join(space, livekit_server, "eve", room_name, subscribe="all")
        tracks = remote(eve, "ada").tracks.values()
        await until(lambda: all(each.stats.frames for each in tracks), 10)


@pytest.mark.usefixtures("unasked")
async def test_what_is_subscribed_later_is_offered_unasked(
    room_server: TestServer, room_name: str
) -> None:
    async with meet(room_server, room_name, microphones=False) as m:
        local = m.ada.local_participant
        await local.publish_track(await create_local_video_track("test"))
        await until(lambda: m.ada_of_bob.get_track(TrackSource.CAMERA))
        (camera,) = m.ada_of_bob.tracks.values()
        camera.set_subscribed(True)
        await until(lambda: camera.stats.frames, 10)


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_a_small_layer_goes_beside_the_full_one(
    any_server: TestServer, room_name: str, codec: str
) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        ada, bob = m.ada, m.bob
        camera = await create_local_video_track("test", resolution=(640, 360))
        for turn in range(2):
            await ada.local_participant.publish_track(
                camera, TrackPublishOptions(video_codec=codec)
            )
            await until(lambda: bob.participants)
            (them,) = bob.participants.values()
            await until(lambda them=them: them.get_track(TrackSource.CAMERA))  # type: ignore[misc]
            seen = them.get_track(TrackSource.CAMERA)
            assert seen is not None
            for quality, width in ((VideoQuality.LOW, 320), (VideoQuality.HIGH, 640)):
                seen.set_video_quality(quality)
                await until(
                    lambda seen=seen, width=width: seen.stats.width == width,  # type: ignore[misc]
                    10,
                    f"{width} pixels, turn {turn}",
                )
            await until(lambda seen=seen: seen.simulcasted, 5, "the news of the layers")  # type: ignore[misc]
            assert seen.dimensions == (640, 360)
            await ada.local_participant.unpublish_track(camera, stop_on_unpublish=turn == 1)
            await until(lambda them=them: not them.tracks, 10, "the end of the track")  # type: ignore[misc]


async def test_cameras_one_after_the_other_take_one_section(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        camera = await create_local_video_track("test", resolution=(640, 360))
        local = m.ada.local_participant
        for turn in range(10):
            await local.publish_track(camera)
            await until(lambda: m.ada_of_bob.get_track(TrackSource.CAMERA), 10, f"turn {turn}")
            seen = m.ada_of_bob.get_track(TrackSource.CAMERA)
            assert seen is not None
            seen.set_video_quality(VideoQuality.LOW if turn % 2 else VideoQuality.HIGH)
            width = 320 if turn % 2 else 640
            await until(
                lambda seen=seen, width=width: seen.stats.width == width,  # type: ignore[misc]
                10,
                f"{width} pixels, turn {turn}",
            )
            await until(lambda seen=seen: seen.simulcasted, 5, "the news of the layers")  # type: ignore[misc]
            assert m.ada._connection is not None
            assert m.ada._connection.publisher is not None
            own = [slot for slot in m.ada._connection.publisher._slots if not slot.receives]
            assert len(own) == 2, "data and one camera"
            await local.unpublish_track(camera, stop_on_unpublish=turn == 9)
            await until(lambda: not m.ada_of_bob.tracks, 10, "the end of the track")


async def test_a_layer_that_the_server_has_missed_begins_anew(
    any_server: TestServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, missed = RtpSender._packet, set[int]()

    def nameless(sender: RtpSender, payload: bytes, stamp: int) -> RtpPacket:
        packet = make(sender, payload, stamp)
        if sender.rid == "q" and (not missed or packet.ssrc in missed):
            missed.add(packet.ssrc)
            packet.extensions.mid = packet.extensions.rtp_stream_id = None
        return packet

    monkeypatch.setattr(RtpSender, "_packet", nameless)
    monkeypatch.setattr(rtp_sender, "UNHEARD", 1.5)
    async with meet(any_server, room_name, subscribe="all") as m:
        camera = await create_local_video_track("test", resolution=(640, 360))
        await m.ada.local_participant.publish_track(camera)
        await until(lambda: m.ada_of_bob.get_track(TrackSource.CAMERA))
        seen = m.ada_of_bob.get_track(TrackSource.CAMERA)
        assert seen is not None
        seen.set_video_quality(VideoQuality.LOW)
        await until(lambda: seen.stats.width == 320, 10, "the small layer")
    assert len(missed) == 1
