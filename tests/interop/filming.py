"""Somebody with LiveKit's SDK who films a moving pattern in three layers.

``python -m tests.interop.filming URL TOKEN`` prints a line of JSON once the camera is published, and leaves at the end
of its input.
"""

from __future__ import annotations

import asyncio
import json
import sys

import numpy as np
from livekit import rtc

SIZE = (960, 540)
FPS = 15
BITRATE = 1_500_000
"""Of the largest layer, bits a second; the others have theirs from LiveKit's SDK."""


async def film(source: rtc.VideoSource) -> None:
    """Leaves that blow by, with grain: pictures that take the bits that they are given."""
    chance = np.random.default_rng(1)
    width, height = SIZE
    coarse = chance.integers(40, 200, (height // 6, width // 6, 1), np.uint8)
    leaves = np.kron(coarse, np.ones((6, 6, 4), np.uint8))
    grain = chance.integers(0, 10, (9, height, width, 1), np.uint8)
    loop = asyncio.get_running_loop()
    begun, number = loop.time(), 0
    while True:
        picture = np.roll(leaves, number * 4, axis=1) + grain[number % 9]
        data = np.ascontiguousarray(picture, np.uint8).tobytes()
        source.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, data))
        number += 1
        await asyncio.sleep(max(0.0, begun + number / FPS - loop.time()))


async def main(url: str, token: str) -> None:
    room, source = rtc.Room(), rtc.VideoSource(*SIZE)
    await room.connect(url, token)
    track = rtc.LocalVideoTrack.create_video_track("leaves", source)
    options = rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_CAMERA,
        simulcast=True,
        video_encoding=rtc.VideoEncoding(max_bitrate=BITRATE, max_framerate=FPS),
    )
    filming = asyncio.get_running_loop().create_task(film(source))  # noqa: TID251 - ends below
    await room.local_participant.publish_track(track, options)
    print(json.dumps({"event": "published"}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    filming.cancel()
    await room.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
