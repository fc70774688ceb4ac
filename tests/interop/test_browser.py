"""A browser with LiveKit's web client in one room with our client, on our server and on a real livekit-server."""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import Any

import pytest

from engage_tui import RoomEvent, RoomOptions, Space
from engage_tui.media.synthetic import TONE_PEAK
from engage_tui.sdk.create_tracks import create_local_audio_track, create_local_video_track
from engage_tui.sdk.enums import TrackSource
from engage_tui.server.app import RunningServer
from tests.embedded import described
from tests.interop.chromium import Page, chromium
from tests.servers import TestServer
from tests.waiting import until

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

SLOW = 60.0


def joining(server: TestServer, identity: str, room: str, *, single: bool = True) -> dict[str, Any]:
    """Arguments for a page's `join`."""
    return {"url": server.url, "token": server.token(identity, room), "single": single}


async def test_browser_sees_hears_and_is_seen(any_server: TestServer, room_name: str) -> None:
    messages: list[tuple[bytes, str]] = []
    async with Space() as space:
        room = space.join_room(
            any_server.url, any_server.token("ada", room_name), RoomOptions(subscribe="all")
        )
        room.on(
            RoomEvent.DATA_RECEIVED,
            lambda payload, who, _kind, topic=None: messages.append((bytes(payload), topic)),
        )
        await room.connected()
        me = room.local_participant
        await me.publish_track(await create_local_audio_track("test"))
        await me.publish_track(await create_local_video_track("test"))
        async with chromium() as running:
            browser = running.page("browser")
            await browser.call("join", **joining(any_server, "browser", room_name))
            await browser.call("publish")
            await browser.call("send", text="hello from a browser", topic="greeting")
            # What the browser sees and hears of us.
            await until(lambda: browser.track("camera")["frames"] > 15, SLOW, "our picture")
            # The server may begin with the small layer.
            await until(lambda: browser.track("camera")["width"] == 640, SLOW, "our full layer")
            await until(
                lambda: abs(20 * math.log10(max(browser.level, 1e-6) / TONE_PEAK)) < 1.0,
                SLOW,
                "our tone within 1 dB",
            )

            # What we see and hear of the browser.
            other = room.get_participant_by_identity("browser")
            assert other is not None
            camera, microphone = (
                other.get_track(TrackSource.CAMERA),
                other.get_track(TrackSource.MICROPHONE),
            )
            assert camera is not None
            assert microphone is not None
            await until(lambda: camera.track and camera.track.stats.frames > 15, SLOW)
            await until(lambda: (microphone.track and microphone.track.stats.rms_max or 0) > 0.01)

            # Data both ways, and mute.
            await until(lambda: messages, SLOW, "the browser's message")
            assert messages[0] == (b"hello from a browser", "greeting")
            await me.publish_data("hello from a terminal", topic="answer")
            answer = ["hello from a terminal", "ada", "answer"]
            await until(lambda: answer in browser.report["messages"], SLOW, "our message")
            text = "Grüße aus dem Terminal, " * 2000  # a stream of several chunks
            await me.publish_data(text, topic="lk.chat")
            await until(lambda: browser.report["chat"] == [[text, "ada"]], SLOW, "our chat")
            await browser.call("chat", text=text)
            chat = (text.encode(), "lk.chat")
            await until(lambda: chat in messages, SLOW, "the browser's chat")
            await me.set_camera_enabled(False)
            await until(lambda: browser.track("camera")["muted"] is True, SLOW, "our camera muted")
        await until(lambda: not room.participants, SLOW, "the browser left")


@pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])
async def test_two_browsers_meet(room_server: TestServer, room_name: str, single: bool) -> None:
    async with chromium() as running:
        ada, bob = running.page("ada"), running.page("bob")
        for page in (ada, bob):
            await page.call("join", **joining(room_server, page.name, room_name, single=single))
            await page.call("publishLayers")
        for page in (ada, bob):
            await until(partial(sees, page, more_than=5), SLOW, f"{page.name} to see")
        await each_quality_comes(ada)
        await who_mutes_comes_back(bob, ada)
        await words_arrive(ada, bob)
        await sessions_come_back(ada, bob)
        await bob.call("leave")
        await until(lambda: ada.report["people"] == [], SLOW, "bob to be gone")


async def test_a_browser_gets_as_many_pictures_as_it_asks_for(server: RunningServer) -> None:
    """Its fake camera makes 15 a second, in three temporal layers: a quarter of them, another one, the rest."""
    async with chromium() as running:
        ada, bob = running.page("ada"), running.page("bob")
        for page in (ada, bob):
            await page.call("join", **joining(described(server), page.name, "hall"))
        await ada.call("publishLayers")
        await until(lambda: sees(bob, width=960), SLOW, "bob to see the full layer")
        tracks = server.rooms["hall"].clients["ada"].publisher.tracks.values()
        full = next(track for track in tracks if track.video).streams["f"]
        await until(lambda: len(full.tempo.rates) == 3, SLOW, "three temporal layers")
        await bob.call("fps", wanted=4)
        await settled(bob, 2.5, 6)
        before = bob.track("camera")
        await settled(bob, 2.5, 6)
        await bob.call("fps", wanted=15)
        await settled(bob, 10, 17)
        after = bob.track("camera")
        # What the browser calls a freeze is any gap that is long beside those before, so not the first seconds count.
        assert after["frozen"] - before["frozen"] <= 1
        assert after["keys"] == before["keys"], "a keyframe was needed"


async def settled(page: Page, low: float, high: float) -> None:
    """Wait until so many pictures a second come, over two seconds."""
    loop = asyncio.get_running_loop()
    marks = [(loop.time(), page.track("camera")["frames"])]

    def steady() -> bool:
        now, frames = loop.time(), page.track("camera")["frames"]
        if frames != marks[-1][1]:
            marks.append((now, frames))
        since = next((mark for mark in marks if now - mark[0] <= 2.5), marks[-1])
        elapsed = marks[-1][0] - since[0]
        return elapsed >= 1.9 and low <= (marks[-1][1] - since[1]) / elapsed <= high

    await until(steady, SLOW, f"{low} to {high} pictures a second")


def sees(page: Page, more_than: int = 0, width: int = 0) -> bool:
    """Whether it decoded enough pictures of that width (0 for any)."""
    camera = page.track("camera")
    return bool(camera["frames"] > more_than and width in (0, camera["width"]))


async def each_quality_comes(page: Page) -> None:
    for wanted, width in ((0, 160), (1, 320), (2, 960)):
        await page.call("quality", wanted=wanted)
        await until(partial(sees, page, width=width), SLOW, f"pictures {width} wide")


async def who_mutes_comes_back(page: Page, other: Page) -> None:
    await page.call("mute", muted=True)
    await until(lambda: other.track("camera")["muted"] and other.track("microphone")["muted"], SLOW)
    seen = other.track("camera")["frames"]
    await page.call("mute", muted=False)
    await until(partial(sees, other, more_than=seen + 10), SLOW, "pictures again")
    await until(lambda: other.level > 0.01, SLOW, "sound again")


async def words_arrive(page: Page, other: Page) -> None:
    await page.call("send", text="reliable", topic="t")
    await page.call("send", text="lossy", topic="t", reliable=False)
    await until(lambda: len(other.report["messages"]) == 2, SLOW, "both messages")
    assert sorted(other.report["messages"]) == [["lossy", "ada", "t"], ["reliable", "ada", "t"]]
    text = "Servus, " * 3000  # a stream of several chunks
    await other.call("chat", text=text)
    await until(lambda: page.report["chat"] == [[text, "bob"]], SLOW, "the chat")


async def sessions_come_back(page: Page, other: Page) -> None:
    session = page.report["sid"]
    # The session goes on: signalling comes back to the same connections.
    for scenario in ("signal-reconnect", "disconnect-signal-on-resume"):
        await reconnects(page, other, scenario)
        assert page.report["sid"] == session, scenario
        assert not other.events("ParticipantDisconnected"), scenario
    # A new session in the old one's place: the first try fails, or the client wants it so.
    for scenario in ("resume-reconnect", "full-reconnect"):
        before = page.report["sid"]
        await reconnects(page, other, scenario)
        assert page.report["sid"] not in ("", before), scenario
    # The other way round livekit-client 2.23 sometimes keeps a first message to itself, whatever the server.
    await other.call("send", text="welcome back", topic="t")
    await until(lambda: ["welcome back", "bob", "t"] in page.report["messages"], SLOW, "a message")


async def reconnects(page: Page, other: Page, scenario: str) -> None:
    """Let `scenario` happen to `page`, until pictures flow again, both ways."""
    before = page.events("Reconnected")
    await page.call("simulate", scenario=scenario)
    await until(lambda: page.events("Reconnected") > before, SLOW, f"{scenario}: reconnected")
    for each in (page, other):
        await until(partial(sees, each), SLOW, "a picture at all")
        seen = each.track("camera")["frames"]
        await until(partial(sees, each, more_than=seen + 5), SLOW, f"{scenario}: pictures again")
