"""A camera of 1280x720 at 30 pictures a second, as the official SDK sees it through livekit-server.

``python -m tests.bench.camera_720p``, about a quarter of a minute. Both ends share one process.
"""

from __future__ import annotations

import asyncio
import time

import psutil

from engage_tui import Space
from engage_tui.media.synthetic import PatternSource
from engage_tui.sdk.local_track import LocalVideoTrack
from tests.servers import find_livekit_server, run_livekit_server
from tests.waiting import until

FULL, RATE, GOAL = (1280, 720), 30.0, 25.0
SECONDS = 8.0


async def main() -> None:
    from tests.interop.official import OfficialPeer

    binary = find_livekit_server()
    if binary is None:
        raise SystemExit("livekit-server is not here; see README.md.")
    with run_livekit_server(binary) as server:
        peer = OfficialPeer()
        async with Space() as space:
            room = space.join_room(server.url, server.token("ada"))
            await room.connected()
            await peer.join(server, "hall")
            try:
                camera = LocalVideoTrack(PatternSource(FULL, RATE))
                await camera.start()
                publication = await room.local_participant.publish_track(camera)
                await until(lambda: peer.sizes and peer.sizes[-1] == FULL, 20, "the full size")
                peer.sizes.clear()
                process, sent, start = psutil.Process(), publication.stats, time.monotonic()
                cpu = sum(process.cpu_times()[:2])
                await asyncio.sleep(SECONDS)
                passed = time.monotonic() - start
                seen = sum(size == FULL for size in peer.sizes) / passed
                made = (publication.stats.frames - sent.frames) / passed
                rate = (publication.stats.bytes - sent.bytes) * 8e-6 / passed
                cpu = (sum(process.cpu_times()[:2]) - cpu) / passed
            finally:
                await peer.leave()
    print(f"pictures of {FULL[0]}x{FULL[1]} seen a second  {seen:5.1f}  (goal >= {GOAL:g})")
    print(f"pictures sent a second              {made:5.1f}, {rate:.1f} Mbit/s, all layers")
    print(f"CPU of both ends together           {cpu:5.2f} cores")


if __name__ == "__main__":
    asyncio.run(main())
