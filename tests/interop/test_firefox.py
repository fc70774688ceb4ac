"""Firefox with LiveKit's web client in one room with our client, on our server."""

from __future__ import annotations

import math

import pytest
from aioice.ice import get_host_addresses

from engage_tui import RoomOptions, Space
from engage_tui.media.synthetic import TONE_PEAK
from engage_tui.sdk.create_tracks import create_local_audio_track, create_local_video_track
from engage_tui.sdk.enums import TrackSource
from engage_tui.sdk.room import Room
from tests.embedded import access_token, embedded_server
from tests.interop.chromium import Page, firefox
from tests.require import need
from tests.waiting import until

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

SLOW = 60.0


async def test_firefox_sees_hears_and_is_seen_on_both_paths() -> None:
    own = get_host_addresses(use_ipv4=True, use_ipv6=False)
    # Firefox offers no loopback candidates: it has to be met on an address of this machine.
    need(bool(own), "an IPv4 address beside the loopback")
    async with embedded_server(bind=own[0]) as server, Space() as space:
        options = RoomOptions(subscribe="all")
        room = space.join_room(server.url, access_token("ada"), options)
        await room.connected()
        me = room.local_participant
        await me.publish_track(await create_local_audio_track("test"))
        await me.publish_track(await create_local_video_track("test"))
        async with firefox() as running:
            for name, single in (("one", True), ("two", False)):
                page = running.page(name)
                token = access_token(name)
                await page.call("join", url=server.url, token=token, single=single)
                await page.call("publish")
                await meets(page, room)
                client = server.rooms["hall"].clients[name]
                assert client.options.single is single
                await page.call("leave")
        await until(lambda: not room.participants, SLOW, "the browser left")


async def meets(page: Page, room: Room) -> None:
    """The page sees and hears us, and we it."""
    await until(lambda: page.track("camera")["frames"] > 15, SLOW, "our picture")
    await until(
        lambda: abs(20 * math.log10(max(page.level, 1e-6) / TONE_PEAK)) < 1.0,
        SLOW,
        "our tone within 1 dB",
    )
    other = room.get_participant_by_identity(page.name)
    assert other is not None
    camera = other.get_track(TrackSource.CAMERA)
    microphone = other.get_track(TrackSource.MICROPHONE)
    assert camera is not None
    assert microphone is not None
    await until(lambda: camera.track and camera.track.stats.frames > 15, SLOW, "its picture")
    await until(
        lambda: (microphone.track and microphone.track.stats.rms_max or 0) > 0.01, SLOW, "its sound"
    )
