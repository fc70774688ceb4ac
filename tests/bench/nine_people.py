"""Nine people in 1280x720 simulcast, shown as tiles of 40x12: CPU of who watches, ours and the official SDK's.

``python -m tests.bench.nine_people [--people 9] [--seconds 10] [--runs 3]``: about two minutes, on livekit-server.
The nine are ours, in one process: each sends a recording, encoded once in both layers, so that two cores carry the
call; a keyframe is sent when one is asked for. Ours asks for what a tile shows, decodes it and draws the cells; the
official SDK subscribes as it does by default and is handed decoded pictures. In turn, each in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import av
import numpy as np

from engage_tui.media.source import VideoFrame
from engage_tui.media.worker import Pacer, ThreadedSource
from engage_tui.rtc import video_sender
from engage_tui.rtc.encode import CLOCK_RATE, PictureEncoder
from engage_tui.tasks import TaskGroup
from tests.bench.video_live import texture
from tests.servers import TestServer, find_livekit_server, run_livekit_server
from tests.waiting import until

WIDTH, HEIGHT, FPS = 1280, 720, 15
BITRATE = 1_500_000
LENGTH = 30
"""Pictures of the recording, two seconds; the first is a keyframe."""

GRAIN, NOISE = 40, 6
"""As a camera's: large shapes (pixels), and in each pixel a noise that is new in each picture (levels)."""

TILE = (40, 12)
SETTLE = 3.0
"""Seconds before measuring begins, in which layers are chosen."""

GOAL = 0.2


@functools.cache
def recording(shrink: int) -> list[list[bytes]]:
    """The RTP payloads of each picture in one layer."""
    encoder = PictureEncoder("vp8", BITRATE if shrink == 1 else 0, shrink)
    wide, rng = texture(WIDTH, HEIGHT, GRAIN), np.random.default_rng(2)
    pictures = []
    for number in range(LENGTH):
        left = number * 6 % WIDTH
        noise = rng.integers(-NOISE, NOISE + 1, (HEIGHT, WIDTH), np.int16)
        luma = (wide[:, left : left + WIDTH] + noise).astype(np.uint8)
        planes = np.concatenate((luma, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)))
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        pictures.append(encoder.encode(picture, number * CLOCK_RATE // FPS, number == 0))
    return pictures


class Player:
    """Stands in for a `PictureEncoder`: gives out the recording, from its beginning when a keyframe is asked for."""

    def __init__(self, codec: str, bitrate: int = 0, shrink: int = 1) -> None:
        self.share = 1.0
        self._shrink = shrink
        self._number = self._place = 0

    def encode(self, picture: av.VideoFrame, timestamp: int, keyframe: bool) -> list[bytes]:
        pictures = recording(self._shrink)
        self._place = 0 if keyframe else (self._place + 1) % len(pictures)
        self._number = (self._number + 1) & 0x7FFF
        return [numbered(payload, self._number) for payload in pictures[self._place]]

    def size(self, picture: av.VideoFrame) -> tuple[int, int]:
        return WIDTH // self._shrink, HEIGHT // self._shrink

    def close(self) -> None:
        """Nothing to free."""


def numbered(payload: bytes, number: int) -> bytes:
    """A VP8 payload with another picture id (RFC 7741 4.2): ids go on where the recording begins anew."""
    rest = payload[4:] if payload[2] & 0x80 else payload[3:]
    return payload[:2] + (0x8000 | number).to_bytes(2, "big") + rest


class Ticks(ThreadedSource[VideoFrame]):
    """The same picture at a steady rate: what is sent comes from the recording."""

    kind = "video"
    is_device = False
    label = device_id = "recording"

    @property
    def size(self) -> tuple[int, int]:
        return WIDTH, HEIGHT

    def _prepare(self) -> None:
        self._picture = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")

    def _run(self, stop: threading.Event) -> None:
        pacer, number = Pacer(), 0
        while not stop.is_set():
            self.push(VideoFrame(self._picture, pacer.wait(number / FPS, stop)))
            number += 1


async def publish(url: str, tokens: list[str]) -> None:
    """Publish as everybody, for ever."""
    from engage_tui import RoomOptions, Space
    from engage_tui.sdk.local_track import LocalVideoTrack

    setattr(video_sender, "PictureEncoder", Player)  # noqa: B010 - in the place of the real one
    for shrink in (layer.shrink for layer in video_sender.layers_for(WIDTH, HEIGHT)):
        recording(shrink)
    async with Space() as space:
        for token in tokens:
            room = space.join_room(url, token, RoomOptions(subscribe="none", microphones=False))
            await room.connected()
            track = LocalVideoTrack(Ticks())
            await track.start()
            await room.local_participant.publish_track(track)
        await asyncio.Event().wait()


class Meter:
    """Counts pictures, and CPU time of the whole process."""

    def __init__(self) -> None:
        self.pictures = 0
        self.sizes: set[tuple[int, int]] = set()
        self._lock = threading.Lock()

    def count(self, width: int, height: int) -> None:
        with self._lock:
            self.pictures += 1
            self.sizes.add((width, height))

    async def measure(self, people: int, seconds: float) -> dict[str, Any]:
        await asyncio.sleep(SETTLE)
        self.sizes.clear()
        before, cpu, start = self.pictures, time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        passed = time.monotonic() - start
        return {
            "core": (time.process_time() - cpu) / passed,
            "fps": (self.pictures - before) / passed / people,
            "height": max((height for _, height in self.sizes), default=0),
        }


async def ours(url: str, token: str, people: int, seconds: float) -> dict[str, Any]:
    """Watch with our client, and draw half-blocks."""
    from engage_tui import RoomEvent, RoomOptions, Space
    from engage_tui.render.cells import CellMode, ColourDepth, cell_pixels
    from tests.bench.render_rows import Ours

    meter, tracks = Meter(), list[Any]()
    across, down = cell_pixels(CellMode.HALF)

    def show(track: Any, *_: object) -> None:
        tile = Ours(CellMode.HALF, ColourDepth.TRUE, TILE)

        def draw(frame: VideoFrame) -> None:
            meter.count(frame.picture.width, frame.picture.height)
            tile.draw(frame.picture)

        track.attach(draw)
        tracks.append(track)

    async with Space() as space:
        room = space.join_room(url, token, RoomOptions(subscribe="none", microphones=False))
        room.on(RoomEvent.TRACK_SUBSCRIBED, show)
        await room.connected()
        await until(lambda: sum(len(p.tracks) for p in room.participants.values()) == people, 20)
        for participant in room.participants.values():
            for publication in participant.video_tracks.values():
                publication.set_video_dimensions(TILE[0] * across, TILE[1] * down)
                publication.set_subscribed(True)
        await until(lambda: len(tracks) == people, 20, "the tracks")
        return await meter.measure(people, seconds)


async def official(url: str, token: str, people: int, seconds: float) -> dict[str, Any]:
    """Watch with the official SDK."""
    from livekit import rtc

    meter, room, tasks = Meter(), rtc.Room(), TaskGroup("official")

    async def see(track: Any) -> None:
        async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.I420):
            meter.count(event.frame.width, event.frame.height)

    room.on("track_subscribed", lambda track, *_: tasks.spawn(see(track), "see"))
    await room.connect(url, token)
    await until(lambda: len(tasks) == people, 20, "the tracks")
    result = await meter.measure(people, seconds)
    await tasks.cancel()
    await room.disconnect()
    return result


async def _start(role: str, **job: Any) -> asyncio.subprocess.Process:
    command = ("-m", __spec__.name, "--role", role, "--job", json.dumps(job))
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE
    )


async def compare(server: TestServer, people: int, seconds: float, runs: int) -> None:
    """Print medians of `runs` runs each, taken in turn."""
    names = [f"p{number}" for number in range(people)]
    publisher = await _start(
        "publish", url=server.url, tokens=[server.token(name) for name in names]
    )
    results: dict[str, list[dict[str, Any]]] = {"ours": [], "official": []}
    try:
        for run in range(runs):
            for who, measured in results.items():
                token = server.token(f"{who}{run}")
                process = await _start(
                    who, url=server.url, token=token, people=people, seconds=seconds
                )
                output, _ = await asyncio.wait_for(process.communicate(), seconds + 60)
                measured.append(json.loads(output))
    finally:
        publisher.kill()
        await publisher.wait()
    print(f"{people} x {WIDTH}x{HEIGHT} at {FPS}; medians of {runs} runs of {seconds:g} s")
    cores = []
    for who, measured in results.items():
        core, fps = (statistics.median(each[name] for each in measured) for name in ("core", "fps"))
        cores.append(core)
        height = measured[0]["height"]
        print(f"{who:9} {core:6.1%} of a core, {fps:4.1f} pictures a second of {height} lines each")
    print(f"ours needs {cores[0] / cores[1]:.2f} of the official SDK's, goal {GOAL}")


def main() -> None:
    """Run everything and print a table, or be one of its processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=3)
    roles: dict[str, Callable[..., Any]] = {"publish": publish, "ours": ours, "official": official}
    parser.add_argument("--role", choices=tuple(roles), help=argparse.SUPPRESS)
    parser.add_argument("--job", default="{}", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role is not None:
        print(json.dumps(asyncio.run(roles[options.role](**json.loads(options.job)))))
        return
    binary = find_livekit_server()
    if binary is None:
        sys.exit("No livekit-server: name the binary in ENGAGE_TUI_LIVEKIT_SERVER.")
    with run_livekit_server(binary) as server:
        asyncio.run(compare(server, options.people, options.seconds, options.runs))


if __name__ == "__main__":
    main()
