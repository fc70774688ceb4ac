"""Two people of LiveKit's SDK who see and hear each other, from inside a namespace: prints a line of JSON about it.

``python -m tests.interop.official_pair URL ADA'S_TOKEN BOB'S_TOKEN``
"""

from __future__ import annotations

import asyncio
import json
import math
import sys

from tests.interop.official import TONE, OfficialPeer
from tests.waiting import until

ENOUGH = 15


def meets(peer: OfficialPeer) -> bool:
    """Whether it sees the other's pictures, and hears the tone within 1 dB."""
    full = sum(size == (640, 360) for size in peer.sizes)
    return full >= ENOUGH and abs(20 * math.log10(max(peer.rms, 1e-6) / TONE)) < 1.0


async def main(url: str, *tokens: str) -> None:
    peers = [OfficialPeer() for _ in tokens]
    try:
        for peer, token in zip(peers, tokens, strict=True):
            await peer.connect(url, token)
        for peer in peers:
            await peer.publish()
        await until(lambda: all(map(meets, peers)), 40, "both to see and hear the other")
        frames = [len(peer.sizes) for peer in peers]
        print(json.dumps({"frames": frames, "rms": [round(peer.rms, 4) for peer in peers]}))
    finally:
        for peer in peers:
            await peer.leave()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
