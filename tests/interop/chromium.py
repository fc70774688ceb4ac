"""Pages of a Chromium with LiveKit's web client, told what to do from a test."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engage_tui.tasks import TaskGroup
from tests.require import need

FOLDER = Path(__file__).parent / "browser"

_NOTHING: dict[str, Any] = {
    "frames": 0,
    "width": 0,
    "energy": 0.0,
    "duration": 0.0,
    "muted": None,
    "frozen": 0,
    "keys": 0,
    "codec": "",
    "way": [],
}


class Page:
    """A page, which sits in a room after `join`.

    Attributes:
        report: What it said last: ``state``, ``sid``, ``people``, ``tracks``, ``messages``, ``chat``, ``events``.
    """

    def __init__(self, chromium: Chromium, name: str) -> None:
        self.name = name
        self.report: dict[str, Any] = {}
        self._chromium = chromium
        self._heard = ((0.0, 0.0), (0.0, 0.0))

    async def call(self, action: str, **args: Any) -> Any:
        """Run one of the functions of ``actions.mjs`` in the page.

        Raises:
            AssertionError: It threw.
        """
        return await self._chromium.call(self.name, action, args)

    def track(self, source: str) -> dict[str, Any]:
        """What the page receives of somebody's `source`."""
        self._chromium.check()
        for track in self.report.get("tracks", ()):
            if track["source"] == source:
                return dict(track)
        return dict(_NOTHING)

    def events(self, *names: str) -> list[str]:
        """Those of its events that bear one of these names."""
        self._chromium.check()
        return [event for event in self.report.get("events", ()) if event in names]

    @property
    def level(self) -> float:
        """The peak level of the microphone that it receives between the last two reports, of full scale."""
        (energy, duration), (more_energy, longer) = self._heard
        if longer <= duration:
            return 0.0
        # By its definition WebRTC's energy is the square of each block's largest sample, not of its rms.
        return math.sqrt((more_energy - energy) / (longer - duration))

    def take(self, report: dict[str, Any]) -> None:
        """A report came."""
        self.report = report
        heard = self.track("microphone")
        self._heard = (self._heard[1], (heard["energy"], heard["duration"]))


class Chromium:
    """A running browser; made by `chromium`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._pages: dict[str, Page] = {}
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._calls = 0
        self._tasks = TaskGroup("chromium")
        self._tasks.spawn(self._read(), "answers")

    def page(self, name: str) -> Page:
        """A page of that name."""
        return self._pages.setdefault(name, Page(self, name))

    def check(self) -> None:
        """Raises:
        AssertionError: The browser is gone.
        """
        assert self._process.returncode is None, "the browser ended; its stderr says why"

    async def call(self, page: str, action: str, args: dict[str, Any]) -> Any:
        """See `Page.call`."""
        self.check()
        assert self._process.stdin is not None
        self._calls += 1
        answer = self._waiting[self._calls] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": self._calls, "page": page, "call": action, "args": args})
        self._process.stdin.write(line.encode() + b"\n")
        async with asyncio.timeout(150):
            return await answer

    async def close(self) -> None:
        """Every page leaves, then the browser ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(15):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._tasks.cancel()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            message = json.loads(line)
            if "report" in message:
                self._pages[message["page"]].take(message["report"])
                continue
            waiting = self._waiting.pop(message["id"])
            if waiting.done():
                continue
            if "error" in message:
                waiting.set_exception(AssertionError(message["error"]))
            else:
                waiting.set_result(message["result"])


@asynccontextmanager
async def chromium(place: Sequence[str] = ()) -> AsyncIterator[Chromium]:
    """Start a Chromium with fake devices; skips the test if something of it is missing.

    Args:
        place: Words in front of its command: those that run it in another network namespace.
    """
    async with _browser("chromium", "chromium-browser", place=place) as running:
        yield running


@asynccontextmanager
async def firefox() -> AsyncIterator[Chromium]:
    """Start a Firefox with fake devices; skips the test if something of it is missing."""
    async with _browser("firefox-esr", "firefox") as running:
        yield running


@asynccontextmanager
async def _browser(*names: str, place: Sequence[str] = ()) -> AsyncIterator[Chromium]:
    node = shutil.which("node")
    binary = next((found for name in names if (found := shutil.which(name))), None)
    need(node is not None, "node")
    need(binary is not None, names[0])
    packages = FOLDER / "node_modules" / "livekit-client"
    need(packages.is_dir(), "livekit-client (npm ci --prefix tests/interop/browser)")
    assert node is not None
    assert binary is not None
    running = Chromium(
        await asyncio.create_subprocess_exec(
            *(*place, node, "browser.mjs", binary),
            cwd=FOLDER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
    )
    try:
        yield running
    finally:
        await running.close()
