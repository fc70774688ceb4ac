"""Pictures that real clients see: ``python -m tests.bench.server_frames [--people 4] [--rounds 5] [--seconds 5]``.

So many clients of LiveKit's own SDK, a process each, publish a microphone and a camera (VP8 640x360, 600 kbit/s, 15
pictures a second) and decode everything of everybody, through ours and through livekit-server in turn; the figures
are the medians of the rounds. Frames are counted where the SDK hands them out. On a machine that does not keep up all
of them suffer, whatever the server: then read the two rows as a pair. A camera's pictures move as a whole, so that
each costs its bits. Now and then (once in three to twenty rounds) a client of that SDK never shows one of the tracks
that it gets, or ends itself, with either server; then the round is made again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import secrets
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from livekit import rtc
from rich.console import Console
from rich.table import Table

from engage_tui.tasks import TaskGroup
from tests.bench.server_load import _cpu, servers
from tests.servers import TestServer, find_livekit_server

FPS = 15
"""Pictures a second that each sends."""

SIZE = (640, 360)
_READY = 10.0  # seconds until everybody sees everybody
_TRIES = 6  # beginnings of a round
_WARM = 2.0  # … and from then until it counts


@dataclass(frozen=True, slots=True)
class Seen:
    """One round.

    Attributes:
        streams: That were watched: people times the others.
        each: Frames a second of a stream, on average.
        worst: … of the worst stream.
        cpu: The server's, of a core.
    """

    streams: int
    each: float
    worst: float
    cpu: float


class Watcher:
    """A client in a process of its own: obeys lines on its standard input, answers with JSON. Made in its loop."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._room = rtc.Room()
        self._frames: Counter[str] = Counter()
        self._tasks = TaskGroup("watcher")

    async def run(self) -> None:
        """Join and publish; then each line is answered with how many frames came of whom; end of file ends it."""
        self._room.on("track_subscribed", self._subscribed)
        await self._room.connect(self._url, self._token)
        sound, picture = rtc.AudioSource(48000, 1), rtc.VideoSource(*SIZE)
        me = self._room.local_participant
        await me.publish_track(
            rtc.LocalAudioTrack.create_audio_track("mic", sound),
            rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE),
        )
        options = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA,
            simulcast=False,
            video_encoding=rtc.VideoEncoding(max_framerate=FPS, max_bitrate=600_000),
        )
        await me.publish_track(rtc.LocalVideoTrack.create_video_track("cam", picture), options)
        self._tasks.spawn(_sound(sound), "sound")
        self._tasks.spawn(_pictures(picture), "pictures")
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(self._frames), flush=True)
        await self._tasks.cancel()
        await self._room.disconnect()

    def _subscribed(self, track: Any, _publication: Any, participant: Any) -> None:
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            self._tasks.spawn(self._see(track, participant.identity), "picture")
        else:
            self._tasks.spawn(self._hear(track), "sound")

    async def _see(self, track: Any, who: str) -> None:
        stream = rtc.VideoStream(track)
        try:
            async for _ in stream:
                self._frames[who] += 1
        finally:
            await stream.aclose()

    async def _hear(self, track: Any) -> None:
        stream = rtc.AudioStream(track)
        try:
            async for _ in stream:
                pass
        finally:
            await stream.aclose()


async def _watch(url: str, token: str) -> None:
    await Watcher(url, token).run()


async def _sound(source: Any) -> None:
    phase = np.arange(480)
    for block in range(10**6):
        wave = 8000 * np.sin(2 * np.pi * 440 * (phase + 480 * block) / 48000)
        await source.capture_frame(rtc.AudioFrame(wave.astype(np.int16).tobytes(), 48000, 1, 480))


async def _pictures(source: Any) -> None:
    width, height = SIZE
    noise = np.random.default_rng(1).integers(60, 200, (height // 8, width // 8), np.uint8)
    grey = np.kron(noise, np.ones((8, 8), np.uint8))
    colours = bytes([128]) * (width * height // 2)
    began = time.monotonic()
    for number in range(10**6):
        moved = np.roll(grey, 3 * number, axis=1).tobytes() + colours
        source.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, moved))
        await asyncio.sleep(max(0.0, began + (number + 1) / FPS - time.monotonic()))


@contextlib.contextmanager
def watchers(server: TestServer, people: int) -> Iterator[list[subprocess.Popen[str]]]:
    """So many clients in a room of their own."""
    room = f"frames-{secrets.token_hex(4)}"
    made: list[subprocess.Popen[str]] = []
    try:
        for number in range(people):
            command = [sys.executable, "-m", __spec__.name, "--watch", server.url]
            command.append(server.token(f"w{number}", room))
            made.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
        yield made
    finally:
        for process in made:
            assert process.stdin is not None
            process.stdin.close()
        for process in made:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()


def count(clients: list[subprocess.Popen[str]]) -> dict[tuple[int, str], int]:
    """Frames so far, by who sees and who is seen."""
    result: dict[tuple[int, str], int] = {}
    for process in clients:
        assert process.stdin is not None
        process.stdin.write("count\n")
        process.stdin.flush()
    for number, process in enumerate(clients):
        assert process.stdout is not None
        frames = json.loads(process.stdout.readline())
        result |= {(number, who): n for who, n in frames.items()}
    return result


class NotReady(Exception):
    """Not everybody saw everybody in time."""


def measure(server: TestServer, people: int, seconds: float) -> Seen:
    """One round on one server.

    Raises:
        NotReady: Not everybody saw everybody in time.
    """
    streams = people * (people - 1)
    with watchers(server, people) as clients:
        end = time.monotonic() + _READY
        while len(seen := count(clients)) < streams:
            if time.monotonic() > end:
                raise NotReady(f"{server.kind}: only these see others: {seen}")
            time.sleep(0.2)
        time.sleep(_WARM)
        before, began, cpu = count(clients), time.monotonic(), sum(_cpu(server.pid))
        time.sleep(seconds)
        after, took = count(clients), time.monotonic() - began
        used = sum(_cpu(server.pid)) - cpu
    rates = [(after[each] - before[each]) / took for each in before]
    return Seen(len(rates), statistics.mean(rates), min(rates), used / took)


def _measure_once_ready(server: TestServer, people: int, seconds: float) -> Seen:
    """One round, after as many beginnings as it takes: on either server the SDK may lose a stream, or end itself."""
    for _ in range(_TRIES - 1):
        try:
            return measure(server, people, seconds)
        except NotReady as error:
            print(error, "- once more", file=sys.stderr)
    return measure(server, people, seconds)


def table(runs: dict[str, list[Seen]]) -> Table:
    """The medians."""
    result = Table(title=f"Frames a second that real clients see, of {FPS} sent")
    for column in ("server", "streams", "frames/s", "… of the worst stream", "CPU of a core"):
        result.add_column(column, justify="left" if column == "server" else "right")
    for kind, rounds in runs.items():
        each, worst, cpu = (
            statistics.median(getattr(r, name) for r in rounds) for name in ("each", "worst", "cpu")
        )
        result.add_row(kind, str(rounds[0].streams), f"{each:.2f}", f"{worst:.2f}", f"{cpu:.1%}")
    return result


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="measured in each round")
    parser.add_argument("--watch", nargs=2, metavar=("URL", "TOKEN"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.watch:
        asyncio.run(_watch(*options.watch))
        return
    runs: dict[str, list[Seen]] = {}
    with servers(find_livekit_server()) as running:
        for _ in range(options.rounds):
            for server in running:
                seen = _measure_once_ready(server, options.people, options.seconds)
                runs.setdefault(server.kind, []).append(seen)
                print(server.kind, f"{seen.each:.2f} frames/s", file=sys.stderr)
    Console(width=100).print(table(runs))


if __name__ == "__main__":
    main()
