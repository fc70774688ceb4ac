"""How soon the first picture and the first sound are there, ours and the official SDK's in turn.

``python -m tests.bench.first_media [--runs 5]``: about three minutes, light on CPU, on livekit-server and on our
own. An official SDK publishes a camera of 640x360 at 15 pictures a second and a tone. In each run a process joins
and receives both on sight (from connect), joins anew, and subscribes a second later (from subscribe).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import numpy as np

from engage_tui.tasks import TaskGroup
from tests.bench.video_live import publish
from tests.embedded import described, embedded_server
from tests.servers import TestServer, find_livekit_server, run_livekit_server
from tests.waiting import until

SETTLE = 1.0
"""Seconds between joins, and before subscribing: a server asks a publisher for a keyframe only so often."""

PATIENCE = 20.0

GRAIN = 40
"""Pixels: a keyframe as small as a face's, for publishers send a large one over several pictures' time."""

GOALS = {
    "livekit": {"subscribe": (0.19, 0.18)},
    "embedded": {"subscribe": (0.12, 0.10)},
}
"""Seconds to the first picture and the first sound."""

Times = dict[str, tuple[float, float]]
"""By what they are counted from: seconds to the first picture and to the first sound."""


class Firsts:
    """When the first picture and the first sound came."""

    def __init__(self) -> None:
        self.video = self.audio = 0.0

    def see(self) -> None:
        self.video = self.video or time.monotonic()

    def hear(self, samples: Any) -> None:
        if not self.audio and np.asarray(samples).any():
            self.audio = time.monotonic()

    async def since(self, start: float) -> tuple[float, float]:
        """Wait for both; seconds from `start`."""
        await until(lambda: self.video and self.audio, PATIENCE, "picture and sound")
        return self.video - start, self.audio - start


async def ours(url: str, token: str, *, on_sight: bool) -> tuple[float, float]:
    """Join with our client; from the join, or later from subscribing."""
    from engage_tui import RoomEvent, RoomOptions, Space

    firsts = Firsts()

    def subscribed(track: Any, *_: object) -> None:
        if track.kind == "video":
            track.attach(lambda _: firsts.see())
        else:
            track.attach(lambda frame: firsts.hear(frame.samples))

    choice = "all" if on_sight else "none"
    async with Space() as space:
        start = time.monotonic()
        room = space.join_room(url, token, RoomOptions(subscribe=choice, microphones=on_sight))  # type: ignore[arg-type]
        room.on(RoomEvent.TRACK_SUBSCRIBED, subscribed)
        await room.connected()
        if not on_sight:
            await until(lambda: sum(len(p.tracks) for p in room.participants.values()) == 2)
            await asyncio.sleep(SETTLE)
            start = time.monotonic()
            for participant in room.participants.values():
                for publication in participant.tracks.values():
                    publication.set_subscribed(True)
        return await firsts.since(start)


async def official(url: str, token: str, *, on_sight: bool) -> tuple[float, float]:
    """The same with the official SDK."""
    from livekit import rtc

    firsts, room, tasks = Firsts(), rtc.Room(), TaskGroup("official")

    async def receive(track: Any) -> None:
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            async for _ in rtc.VideoStream(track):
                firsts.see()
        else:
            async for event in rtc.AudioStream(track):
                firsts.hear(event.frame.data)

    room.on("track_subscribed", lambda track, *_: tasks.spawn(receive(track), "receive"))
    start = time.monotonic()
    await room.connect(url, token, rtc.RoomOptions(auto_subscribe=on_sight))
    if not on_sight:
        people = room.remote_participants
        await until(lambda: sum(len(p.track_publications) for p in people.values()) == 2)
        await asyncio.sleep(SETTLE)
        start = time.monotonic()
        for participant in people.values():
            for publication in participant.track_publications.values():
                publication.set_subscribed(True)
    try:
        return await firsts.since(start)
    finally:
        await tasks.cancel()
        await room.disconnect()


async def watch(who: str, url: str, token: str) -> Times:
    """One run, in a process of its own; what is loaded with the first join is not counted."""
    join = ours if who == "ours" else official
    await join(url, token, on_sight=True)
    await asyncio.sleep(SETTLE)
    connect = await join(url, token, on_sight=True)
    await asyncio.sleep(SETTLE)
    return {"connect": connect, "subscribe": await join(url, token, on_sight=False)}


async def _start(role: str, **job: Any) -> asyncio.subprocess.Process:
    command = ("-m", __spec__.name, "--role", role, "--job", json.dumps(job))
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE
    )


async def compare(server: TestServer, runs: int) -> None:
    """Print medians of `runs` runs each, taken in turn."""
    publisher = await _start("publish", url=server.url, token=server.token("ada"))
    results: dict[str, list[Times]] = {"ours": [], "official": []}
    try:
        for run in range(runs):
            for who, times in results.items():
                process = await _start(
                    "watch", who=who, url=server.url, token=server.token(f"{who}{run}")
                )
                output, _ = await asyncio.wait_for(process.communicate(), 4 * PATIENCE)
                times.append(json.loads(output))
    finally:
        publisher.kill()
        await publisher.wait()
    for since in ("subscribe", "connect"):
        goals = GOALS[server.kind].get(since)
        for place, kind in enumerate(("picture", "sound")):
            medians = [
                statistics.median(each[since][place] for each in times)
                for times in results.values()
            ]
            goal = f"{goals[place]:7.2f}" if goals else "      -"
            name = f"{server.kind}: from {since} to first {kind}"
            print(f"{name:44} {medians[0]:7.3f} {medians[1]:9.3f} {goal}", flush=True)


async def main(runs: int) -> None:
    """Run everything and print a table."""
    binary = find_livekit_server()
    if binary is None:
        sys.exit("No livekit-server: name the binary in ENGAGE_TUI_LIVEKIT_SERVER.")
    print(f"{f'seconds, medians of {runs} runs':44} {'ours':>7} {'official':>9} {'goal':>7}")
    async with AsyncExitStack() as stack:
        await compare(stack.enter_context(run_livekit_server(binary)), runs)
        await compare(described(await stack.enter_async_context(embedded_server())), runs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--role", choices=("publish", "watch"), help=argparse.SUPPRESS)
    parser.add_argument("--job", default="{}", help=argparse.SUPPRESS)
    options = parser.parse_args()
    job = json.loads(options.job)
    if options.role == "publish":
        asyncio.run(publish(**job, tracks=1, sound=True, grain=GRAIN))
    elif options.role == "watch":
        print(json.dumps(asyncio.run(watch(**job))))
    else:
        asyncio.run(main(options.runs))
