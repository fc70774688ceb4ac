"""The programs that `mixer_ring` runs: people who publish, and one who listens to them and counts.

``python -m tests.bench.mixer_load publish|listen URL …``; the server takes the development key.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time

import numpy as np
import psutil

from engage_tui import (
    RoomEvent,
    RoomOptions,
    Space,
    TrackSource,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.media.quiet import redirect_native_stderr
from engage_tui.media.scale import Scaler
from engage_tui.media.source import VideoFrame
from engage_tui.media.synthetic import PatternSource
from engage_tui.sdk.local_track import LocalVideoTrack
from engage_tui.sdk.room import Room
from engage_tui.wire.token import DEV_KEY, DEV_SECRET, Grants, create_token
from tests.waiting import until

ROOM = "ring"
BURST, BURST_EVERY = 100, 2.0  # chat messages, and seconds between two bursts
TILE = (40, 24)  # pixels to which every picture is scaled, as nine small tiles want them


def main() -> None:
    """Run one of the programs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=("publish", "listen"))
    parser.add_argument("url")
    parser.add_argument("--first", type=int, default=0, help="number of the first publisher")
    parser.add_argument("--people", type=int, default=9, help="publishers, here or in the room")
    parser.add_argument("--load", action="store_true", help="video, an encode and chat, too")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--output", help="the speaker; without it the clock")
    options = parser.parse_args()
    redirect_native_stderr(keep_python=True)
    asyncio.run(publish(options) if options.role == "publish" else listen(options))


async def publish(options: argparse.Namespace) -> None:
    """Be some of the people; says ``ready`` when all publish, and ends at the end of stdin."""
    os.nice(15 if os.getpriority(os.PRIO_PROCESS, 0) < 0 else 10)  # see mixer_ring
    async with Space() as space:
        rooms = []
        for number in range(options.first, options.first + options.people):
            rooms.append(room := await join(space, options.url, f"person {number}"))
            await room.local_participant.publish_track(await create_local_audio_track("test"))
            if options.load:
                await room.local_participant.publish_track(await create_local_video_track("test"))
        print("ready", flush=True)
        ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        while not ended.done():
            if options.load and options.first == 0:
                for number in range(BURST):
                    await rooms[0].local_participant.publish_data(f"line {number} of a long chat")
            await asyncio.wait([ended], timeout=BURST_EVERY)


async def listen(options: argparse.Namespace) -> None:
    """Hear everybody for a while, and print what the mixer counted as one JSON object."""
    pictures, messages = [0], [0]
    async with Space(options.output, auto_connections=options.people) as space:
        room = await join(space, options.url, "listener", microphones=True)
        room.on(RoomEvent.DATA_RECEIVED, lambda *_: messages.__setitem__(0, messages[0] + 1))
        if options.load:
            media = PatternSource((1280, 720), 15.0)
            track = LocalVideoTrack(media)
            await track.start()
            await room.local_participant.publish_track(track)
        await everything_flows(room, options)
        if options.load:
            watch(room, pictures)
        pictures[0] = messages[0] = 0
        before, cpu, started = space.mixer.stats, time.process_time(), time.monotonic()
        psutil.cpu_percent()
        deepest = before.depth
        while time.monotonic() - started < options.seconds:
            await asyncio.sleep(0.25)
            deepest = max(deepest, space.mixer.stats.depth)
        took = time.monotonic() - started
        after = space.mixer.stats
        costs = np.percentile(space.mixer.block_costs() * 1000, [50, 99, 100])
        report = {
            "voices": after.voices,
            "blocks": after.blocks - before.blocks,
            "empty": after.underruns - before.underruns,
            "deepest": deepest,
            "block_ms": [round(float(cost), 2) for cost in costs],
            "pictures": pictures[0] / took,
            "messages": messages[0] / took,
            "cpu": (time.process_time() - cpu) / took,
            "machine": psutil.cpu_percent() / 100,
        }
    print(json.dumps(report), flush=True)


async def join(space: Space, url: str, identity: str, *, microphones: bool = False) -> Room:
    """Join the room of the measurement and wait until it stands."""
    grants = Grants(room=ROOM, room_join=True)
    token = create_token(DEV_KEY, DEV_SECRET, grants, identity=identity)
    wanted = RoomOptions(microphones=microphones, subscribe="all" if microphones else "none")
    room = space.join_room(url, token, wanted)
    await room.connected()
    return room


async def everything_flows(room: Room, options: argparse.Namespace) -> None:
    """Wait until every expected publication is subscribed and has delivered frames.

    Raises:
        AssertionError: It does not within two minutes; with what came.
    """
    wanted: int = options.people * (2 if options.load else 1)

    def frames() -> dict[str, int]:
        return {
            f"{participant.identity} {publication.source}": publication.track.stats.frames
            for participant in room.participants.values()
            for publication in participant.tracks.values()
            if publication.track is not None
        }

    def flowing() -> bool:
        return sum(count > 10 for count in frames().values()) >= wanted

    try:
        await until(flowing, 120)
    except AssertionError as error:
        raise AssertionError(f"{wanted} publications should flow: {frames()}") from error


class Tile:
    """A sink that scales each picture, as the engine does for the screen, and counts it."""

    def __init__(self, pictures: list[int]) -> None:
        self._pictures, self._scaler = pictures, Scaler()

    def __call__(self, frame: VideoFrame) -> None:
        self._scaler.to_rgb(frame.picture, *TILE)
        self._pictures[0] += 1


def watch(room: Room, pictures: list[int]) -> None:
    """Show everybody's camera in a tile."""
    for participant in room.participants.values():
        publication = participant.get_track(TrackSource.CAMERA)
        if publication is None or publication.track is None:
            continue
        publication.track.attach(Tile(pictures))


if __name__ == "__main__":
    main()
