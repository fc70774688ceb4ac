"""A browser with LiveKit's web client in one room with our client, on our server and on a real livekit-server."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from engage_tui import RoomEvent, RoomOptions, Space
from engage_tui.media.synthetic import TONE_PEAK
from engage_tui.sdk.enums import TrackSource
from engage_tui.sdk.local_track import create_local_audio_track, create_local_video_track
from engage_tui.tasks import TaskGroup
from tests.require import need
from tests.servers import TestServer
from tests.waiting import until

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

FOLDER = Path(__file__).parent / "browser"
SLOW = 60.0


class Browser:
    """A page in Chromium that sits in a room.

    Attributes:
        report: What the page said last: ``state``, ``tracks``, ``messages``, ``events``.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.report: dict[str, Any] = {}
        self._process = process
        self._heard = ((0.0, 0.0), (0.0, 0.0))
        self._tasks = TaskGroup("browser")
        self._tasks.spawn(self._read(), "reports")

    @classmethod
    async def open(cls, url: str, token: str) -> Browser:
        node = shutil.which("node")
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        need(node is not None, "node")
        need(chromium is not None, "chromium")
        packages = FOLDER / "node_modules" / "livekit-client"
        need(packages.is_dir(), "livekit-client (npm ci --prefix tests/interop/browser)")
        assert node is not None
        assert chromium is not None
        return cls(
            await asyncio.create_subprocess_exec(
                node,
                "browser.mjs",
                *(chromium, url, token),
                cwd=FOLDER,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        )

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(15):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._tasks.cancel()

    def track(self, source: str) -> dict[str, Any]:
        """What the page receives of our `source`."""
        assert self._process.returncode is None, "the browser ended; its stderr says why"
        for track in self.report.get("tracks", ()):
            if track["source"] == source:
                return dict(track)
        return {"frames": 0, "width": 0, "energy": 0.0, "duration": 0.0, "muted": None}

    @property
    def level(self) -> float:
        """The peak level of our microphone in the page between the last two reports, of full scale."""
        (energy, duration), (more_energy, longer) = self._heard
        if longer <= duration:
            return 0.0
        # By its definition WebRTC's energy is the square of each block's largest sample, not of its rms.
        return math.sqrt((more_energy - energy) / (longer - duration))

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.report = json.loads(line)
            heard = self.track("microphone")
            self._heard = (self._heard[1], (heard["energy"], heard["duration"]))


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
        browser = await Browser.open(any_server.url, any_server.token("browser", room_name))
        try:
            # What the browser sees and hears of us.
            await until(lambda: browser.track("camera")["frames"] > 15, SLOW, "our picture")
            assert browser.track("camera")["width"] == 640
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
            await me.set_camera_enabled(False)
            await until(lambda: browser.track("camera")["muted"] is True, SLOW, "our camera muted")
        finally:
            await browser.close()
        await until(lambda: not room.participants, SLOW, "the browser left")
