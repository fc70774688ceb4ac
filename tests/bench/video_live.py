"""Video through a real livekit-server: latency, CPU and freezes, ours and the official SDK's.

``python -m tests.bench.video_live [--tracks 3] [--seconds 12] [--runs 5] [--bad-runs 5]``: an official SDK publishes
640x360 at 15 pictures a second whose strip of bits tells the millisecond of capture; ours and the official SDK watch in
turn, each in a process of its own. Then ours again through the replayable bad network of ``tests/lossy.py``, which
loses and delays what it receives and sends. About twelve minutes; ``--runs 0`` or ``--bad-runs 0`` leaves a part out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import av
import numpy as np

from engage_tui.media.synthetic import _write_strip, read_counter
from engage_tui.tasks import TaskGroup
from tests.servers import TestServer, find_livekit_server, run_livekit_server
from tests.waiting import until

WIDTH, HEIGHT, FPS = 640, 360, 15
SETTLE = 3.0
"""Seconds before measuring begins, in which bit rates rise."""

WEATHERS = (
    (0.0, 0.05, False),
    (0.0, 0.10, False),
    (0.05, 0.0, False),
    (0.05, 0.05, False),
    (0.05, 0.10, False),
    (0.05, 0.05, True),
    (0.05, 0.10, True),
)
"""Round trip (s), loss, and whether the server's reports come at once, of the runs on a bad network.

The server sends a packet again when asked ``min(100 ms, 2 RTT)`` after it sent it, with the round trip that our answers
to its reports tell it. At 50 ms that is 100 ms after sending, so no repair takes less than 100 ms from when the gap
shows. Where its reports come at once it believes in 25 ms, and heeds from 50 ms on.
"""


def main() -> None:
    """Run everything and print a table, or be one of its processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--bad-runs", type=int, default=5)
    parser.add_argument("--role", choices=("publish", "ours", "official"))
    parser.add_argument("--job", default="{}", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role is None:
        compare(options.tracks, options.seconds, options.runs, options.bad_runs)
        return
    job = json.loads(options.job)
    role: Any = {"publish": publish, "ours": watch_ours, "official": watch_official}[options.role]
    print(json.dumps(asyncio.run(role(**job))))


def compare(tracks: int, seconds: float, runs: int, bad_runs: int) -> None:
    """Print latency and CPU beside the official SDK's, then what a bad network does."""
    binary = find_livekit_server()
    if binary is None:
        sys.exit("No livekit-server: name the binary in ENGAGE_TUI_LIVEKIT_SERVER.")
    with run_livekit_server(binary) as server:
        process = _start("publish", url=server.url, token=server.token("ada"), tracks=tracks)
        try:
            seen: dict[str, list[Any]] = {"ours": [], "official": []}
            for run in range(runs):
                for who, results in seen.items():
                    results.append(_watch(who, server, f"{who}{run}", tracks, seconds))
            print(f"{tracks} x {WIDTH}x{HEIGHT} at {FPS}; medians of runs of {seconds:g} s")
            for who, results in seen.items():
                if results:
                    print(f"{who:9} " + _line(results), flush=True)
            for trip, loss, prompt in WEATHERS if bad_runs else ():
                job = {"trip": trip, "loss": loss, "prompt": prompt}
                bad = [
                    _watch("ours", server, f"bad{n}", tracks, seconds, seed=n, **job)
                    for n in range(bad_runs)
                ]
                text = f"ours, RTT {trip * 1000:.0f} ms, loss {loss:.0%}"
                text += ", reports at once" if prompt else ""
                print(f"{text}: {_line(bad)}", flush=True)
        finally:
            process.kill()
            process.wait()


def _watch(who: str, server: TestServer, name: str, tracks: int, seconds: float, **job: Any) -> Any:
    process = _start(
        who, url=server.url, token=server.token(name), tracks=tracks, seconds=seconds, **job
    )
    output, _ = process.communicate(timeout=seconds + 60)
    return json.loads(output)


def _start(role: str, **job: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", __spec__.name, "--role", role, "--job", json.dumps(job)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _line(results: list[Any]) -> str:
    def median(name: str) -> float:
        return float(statistics.median(each[name] for each in results))

    text = (
        f"{median('fps'):.1f} fps, capture to picture {median('p50') * 1000:.0f}/"
        f"{median('p95') * 1000:.0f} ms, frozen {median('frozen'):.2%}, "
        f"CPU {median('cpu') * 1000:.2f} ms a picture"
    )
    if results[0].get("repair"):
        text += f", repair {median('repair') * 1000:.0f} ms, {median('keyframes')} keyframes asked"
    return text


async def publish(
    url: str, token: str, tracks: int, *, sound: bool = False, grain: int = 8
) -> None:
    """Publish moving texture of that grain, and a tone if asked, through the official SDK until killed."""
    from livekit import rtc

    room = rtc.Room()
    await room.connect(url, token)
    sources = []
    for number in range(tracks):
        source = rtc.VideoSource(WIDTH, HEIGHT)
        sources.append(source)
        await room.local_participant.publish_track(
            rtc.LocalVideoTrack.create_video_track(f"v{number}", source),
            rtc.TrackPublishOptions(
                source=rtc.TrackSource.SOURCE_CAMERA,
                simulcast=False,
                video_codec=rtc.VideoCodec.VP8,
                video_encoding=rtc.VideoEncoding(max_bitrate=750_000, max_framerate=30),
            ),
        )
    tone = TaskGroup("publish")
    if sound:
        tone.spawn(_sing(room), "tone")
    noise = texture(WIDTH, HEIGHT, grain)
    loop, number = asyncio.get_running_loop(), 0
    start = loop.time()
    chroma = bytes([128]) * (WIDTH * HEIGHT // 2)
    while True:
        # Spread over the interval, as cameras of different people are.
        for place, source in enumerate(sources):
            await asyncio.sleep(start + (number + place / tracks) / FPS - loop.time())
            left = number * 3 % WIDTH
            luma = noise[:, left : left + WIDTH].copy()
            _write_strip(luma, int(time.monotonic() * 1000))
            frame = rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, luma.tobytes() + chroma)
            source.capture_frame(frame)
        number += 1


async def _sing(room: Any) -> None:
    """Publish a tone of 440 Hz, for ever."""
    from livekit import rtc

    rate, block = 48_000, 480
    source = rtc.AudioSource(rate, 1)
    await room.local_participant.publish_track(
        rtc.LocalAudioTrack.create_audio_track("tone", source),
        rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE),
    )
    second = (8000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.int16)
    while True:
        for start in range(0, rate, block):
            samples = second[start : start + block].tobytes()
            await source.capture_frame(rtc.AudioFrame(samples, rate, 1, block))


def texture(width: int, height: int, grain: int = 8) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Noise in squares of `grain` pixels, ``(height, 2 * width)``: cut out further to the right it moves."""
    rng = np.random.default_rng(1)
    small = rng.integers(40, 200, (height // grain, width // grain), np.uint8)
    one = np.kron(small, np.ones((grain, grain), np.uint8))
    return np.concatenate((one, one), axis=1)


class _Meter:
    """Notes each picture's arrival and capture."""

    def __init__(self) -> None:
        self.shown: list[list[tuple[float, float]]] = []
        self._begin = (0.0, 0.0)

    def track(self) -> list[tuple[float, float]]:
        self.shown.append([])
        return self.shown[-1]

    def begin(self) -> None:
        for each in self.shown:
            each.clear()
        self._begin = time.process_time(), time.monotonic()

    def result(self) -> dict[str, float]:
        cpu, start = self._begin
        spent, seconds = time.process_time() - cpu, time.monotonic() - start
        pictures = [each for track in self.shown for each in track]
        late = sorted(at - captured for at, captured in pictures) or [0.0]
        frozen = 0.0
        for track in self.shown:
            ends = [start, *(at for at, _ in track), start + seconds]
            frozen += sum(b - a for a, b in zip(ends, ends[1:], strict=False) if b - a > 0.25)
        tracks = max(1, len(self.shown))
        return {
            "fps": len(pictures) / seconds / tracks,
            "p50": late[len(late) // 2],
            "p95": late[int(len(late) * 0.95)],
            "frozen": frozen / seconds / tracks,
            "cpu": spent / max(1, len(pictures)),
        }


def _captured(picture: av.VideoFrame, now: float) -> float:
    """When a picture was captured: its strip counts milliseconds, modulo 2 ** 16."""
    counter = read_counter(picture)
    return now if counter is None else now - ((int(now * 1000) - counter) & 0xFFFF) / 1000


async def watch_ours(
    url: str,
    token: str,
    tracks: int,
    seconds: float,
    trip: float = 0.0,
    loss: float = 0.0,
    seed: int = 0,
    *,
    prompt: bool = False,
) -> dict[str, float]:
    """Watch with our own client, through a bad network if there is one."""
    import contextlib

    from engage_tui import RoomEvent, RoomOptions, Space
    from engage_tui.rtc.video_receiver import VideoReceiver
    from engage_tui.sdk.track import RemoteVideoTrack
    from tests.lossy import Link, Weather, bad_network

    meter = _Meter()
    receivers: list[VideoReceiver] = []
    async with Space() as space, contextlib.AsyncExitStack() as stack:

        def show(track: Any, *_: object) -> None:
            if isinstance(track, RemoteVideoTrack):
                shown = meter.track()

                def sink(frame: Any) -> None:
                    now = time.monotonic()
                    shown.append((now, _captured(frame.picture, now)))

                track.attach(sink)
                receivers.append(track._receiver)  # type: ignore[arg-type]

        room = space.join_room(url, token, RoomOptions(subscribe="all"))
        room.on(RoomEvent.TRACK_SUBSCRIBED, show)
        await room.connected()
        await until(lambda: len(receivers) == tracks, 20, "the tracks")
        peer = room._connection.subscriber  # type: ignore[union-attr]
        if trip or loss:
            assert peer is not None
            there, back = Weather(delay=trip / 2, loss=loss), Weather(delay=trip / 2)
            links = Link(there, seed), Link(back, seed)
            await stack.enter_async_context(bad_network(peer, *links, prompt_reports=prompt))
        await asyncio.sleep(SETTLE)
        meter.begin()
        await asyncio.sleep(seconds)
        result = meter.result()
        times = [each for receiver in receivers for each in receiver.repair_times]
        return result | {
            "repair": statistics.median(times) if times else 0.0,
            "keyframes": sum(receiver.keyframes_requested for receiver in receivers),
        }


async def watch_official(url: str, token: str, tracks: int, seconds: float) -> dict[str, float]:
    """Watch with the official SDK."""
    from livekit import rtc

    meter, room, tasks = _Meter(), rtc.Room(), TaskGroup("official")

    async def see(track: Any) -> None:
        shown, stream = meter.track(), rtc.VideoStream(track, format=rtc.VideoBufferType.I420)
        async for event in stream:
            now = time.monotonic()
            data = np.frombuffer(event.frame.data, np.uint8)[: WIDTH * HEIGHT * 3 // 2]
            picture = av.VideoFrame.from_ndarray(data.reshape(-1, WIDTH), format="yuv420p")
            shown.append((now, _captured(picture, now)))

    room.on("track_subscribed", lambda t, *_: tasks.spawn(see(t), "see"))
    await room.connect(url, token)
    await until(lambda: len(tasks) == tracks, 20, "the tracks")
    await asyncio.sleep(SETTLE)
    meter.begin()
    await asyncio.sleep(seconds)
    result = meter.result()
    await tasks.cancel()
    await room.disconnect()
    return result


if __name__ == "__main__":
    main()
