"""Nobody sends or gets larger pictures than are shown: our client and server with livekit-server and its SDK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

from engage_tui import RemoteTrackPublication, Space, TrackSource, create_local_video_track
from engage_tui.rtc.video_sender import VideoSender
from engage_tui.server import demand
from engage_tui.server.app import RunningServer
from tests.embedded import access_token
from tests.integration.meeting import join
from tests.require import need
from tests.servers import TestServer, find_livekit_server
from tests.waiting import until

pytestmark = pytest.mark.interop
need(find_spec("livekit.rtc") is not None, "the official SDK: pip install livekit")
need(find_livekit_server() is not None, "livekit-server")

from livekit import rtc  # noqa: E402

from tests.interop.official import OfficialPeer  # noqa: E402
from tests.interop.test_official_sdk_on_our_server import _play_bar, playing  # noqa: E402

LARGE = (960, 540)
LOW, HIGH = rtc.VideoQuality.VIDEO_QUALITY_LOW, rtc.VideoQuality.VIDEO_QUALITY_HIGH


@contextmanager
def filming(source: Any) -> Iterator[None]:
    with playing(_play_bar(source, LARGE)):
        yield


async def publish_layers(peer: OfficialPeer) -> Any:
    """Publish a camera of three layers; its source."""
    source = rtc.VideoSource(*LARGE)
    track = rtc.LocalVideoTrack.create_video_track("bar", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=True)
    await peer.room.local_participant.publish_track(track, options)
    return source


def camera_of(peer: OfficialPeer) -> Any:
    """The publication of the one other participant's camera."""
    (person,) = peer.room.remote_participants.values()
    return next(p for p in person.track_publications.values() if p.kind == rtc.TrackKind.KIND_VIDEO)


async def test_a_small_tile_pulls_the_small_layer_of_livekits_sdk(
    livekit_server: TestServer, room_name: str
) -> None:
    peer = OfficialPeer()
    async with Space() as space:
        room = await join(space, livekit_server, "ada", room_name)
        try:
            await peer.join(livekit_server, room_name)
            with filming(await publish_layers(peer)):
                await until(lambda: any(p.tracks for p in room.participants.values()), 10)
                (them,) = room.participants.values()
                camera = them.get_track(TrackSource.CAMERA)
                assert isinstance(camera, RemoteTrackPublication)
                for wanted, widths in ((160, range(1, 400)), (960, [960]), (160, range(1, 400))):
                    camera.set_video_dimensions(wanted, wanted * 9 // 16)
                    camera.set_subscribed(True)
                    await until(lambda fits=widths: camera.stats.width in fits, 20, f"{wanted}")  # type: ignore[misc]
                    frames = camera.stats.frames
                    await until(lambda n=frames: camera.stats.frames > n + 5, 10)  # type: ignore[misc]
        finally:
            await peer.leave()


async def test_what_nobody_shows_large_is_not_encoded_large(
    livekit_server: TestServer, room_name: str
) -> None:
    peer = OfficialPeer()
    async with Space() as space:
        room = await join(space, livekit_server, "ada", room_name)
        try:
            await peer.join(livekit_server, room_name)
            await room.local_participant.publish_track(await create_local_video_track("test"))
            await until(lambda: peer.sizes.count((640, 360)) > 5, 20, "our full layer")
            assert room._connection is not None
            assert room._connection.publisher is not None
            slots = room._connection.publisher._slots
            (sender,) = (s.sender for s in slots if isinstance(s.sender, VideoSender))
            small, full = sender.streams
            camera_of(peer).set_video_quality(LOW)
            await until(lambda: not full.enabled, 20, "the server to say that nobody wants it")
            assert small.enabled
            sent = full.frames
            peer.sizes.clear()
            await until(lambda: peer.sizes.count((320, 180)) > 10, 10)
            assert full.frames <= sent + 1, "one may have been under way"
            camera_of(peer).set_video_quality(HIGH)
            await until(lambda: peer.sizes.count((640, 360)) > 5, 20, "the full layer again")
        finally:
            await peer.leave()


async def test_livekits_sdk_stops_a_layer_that_nobody_wants(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demand, "_PATIENCE", 0.2)
    ada, bob = OfficialPeer(), OfficialPeer()
    try:
        options = rtc.RoomOptions(dynacast=True)
        await ada.connect(server.url, access_token("ada"), options)
        await bob.connect(server.url, access_token("bob"))
        with filming(await publish_layers(ada)):
            await until(lambda: bob.sizes.count(LARGE) > 5, 15, "the full layer")
            (track,) = server.rooms["hall"].clients["ada"].publisher.tracks.values()
            full, small = track.streams["f"], track.streams["q"]
            camera_of(bob).set_video_quality(LOW)

            async def pauses() -> bool:
                """Whether the full layer gives nothing while the small one goes on for half a second."""
                before, since = full.arrived, small.arrived
                await until(lambda: small.arrived > since + 0.5, 10)
                return full.arrived == before

            for _ in range(30):
                if await pauses():
                    break
            else:
                raise AssertionError("the full layer is still sent")
            camera_of(bob).set_video_quality(HIGH)
            bob.sizes.clear()
            await until(lambda: bob.sizes.count(LARGE) > 5, 15, "the full layer again")
    finally:
        for peer in (ada, bob):
            await peer.leave()
