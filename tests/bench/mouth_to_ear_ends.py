"""The two clients of `mouth_to_ear`: ``python -m tests.bench.mouth_to_ear_ends say|hear URL --device NAME …``.

Each says ``ready`` when it takes part, and prints at the end of stdin when sweeps passed it, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time

import numpy as np

from engage_tui import RoomOptions, Space, create_local_audio_track
from engage_tui.media.quiet import redirect_native_stderr
from engage_tui.media.source import AudioFrame
from engage_tui.sdk.options import AudioCaptureOptions
from engage_tui.sdk.room import Room
from engage_tui.wire.token import DEV_KEY, DEV_SECRET, Grants, create_token
from tests.waiting import until

_LOUD = 300  # of 32768
_PAUSE = 0.15  # seconds of quiet before the next sweep counts


class Stamps:
    """A sink that notes when a sweep begins."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._last = 0.0

    def __call__(self, frame: AudioFrame) -> None:
        now = time.monotonic()
        if int(np.abs(frame.samples).max(initial=0)) > _LOUD:
            if now - self._last > _PAUSE:
                self.times.append(now)
            self._last = now


def main() -> None:
    """Run one of the clients."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=("say", "hear"))
    parser.add_argument("url")
    parser.add_argument("--device", required=True)
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--noise", action="store_true")
    parser.add_argument("--low-latency", action="store_true")
    options = parser.parse_args()
    redirect_native_stderr(keep_python=True)
    asyncio.run(say(options) if options.role == "say" else hear(options))


async def say(options: argparse.Namespace) -> None:
    """Publish the microphone until the end of stdin."""
    async with Space() as space:
        room = await join(space, options, microphones=False)
        capture = AudioCaptureOptions(
            options.device,
            echo_cancellation=options.echo,
            noise_suppression=options.noise,
            auto_gain_control=False,
            low_latency=options.low_latency,
        )
        track = await create_local_audio_track(options=capture)
        track.attach(stamps := Stamps())
        await room.local_participant.publish_track(track)
        await until_told(stamps, space)


async def hear(options: argparse.Namespace) -> None:
    """Hear whoever speaks until the end of stdin."""
    async with Space(options.device, low_latency=options.low_latency) as space:
        room = await join(space, options, microphones=True)
        stamps = Stamps()

        async def attach() -> None:
            await until(lambda: list(room.participants.values()), 60)
            (who,) = room.participants.values()
            await until(lambda: [t for t in who.tracks.values() if t.track is not None], 60)
            (publication,) = who.tracks.values()
            assert publication.track is not None
            publication.track.attach(stamps)

        async with asyncio.TaskGroup() as group:
            group.create_task(attach())
            await until_told(stamps, space)


async def join(space: Space, options: argparse.Namespace, *, microphones: bool) -> Room:
    """Join the room of the measurement."""
    grants = Grants(room="ear", room_join=True)
    token = create_token(DEV_KEY, DEV_SECRET, grants, identity=options.role)
    wanted = RoomOptions(microphones=microphones, subscribe="none")
    room = space.join_room(options.url, token, wanted)
    await room.connected()
    return room


async def until_told(stamps: Stamps, space: Space) -> None:
    """Say that all stands, wait for the end of stdin, and tell the stamps and how the mixer did."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    stats = space.mixer.stats
    told = {"stamps": stamps.times, "underruns": stats.underruns, "depth": stats.depth}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
