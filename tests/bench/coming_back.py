"""Lost sessions on livekit-server: how soon media are back, and whether anything is left over.

``python -m tests.bench.coming_back [resume] [rejoin] [restart] [churn]`` (all without a word), under three minutes.
Wall time: on a busy machine repeat it. "stock" is aiortc's RTCPeerConnection with patches, measured once.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import random
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil

from engage_tui import RoomEvent, create_local_audio_track, create_local_video_track
from engage_tui.sdk.room import Room
from tests.integration.meeting import Meeting, meet
from tests.integration.test_sdk_rejoin import cut, lose
from tests.integration.test_sdk_resume import gaps
from tests.servers import TestServer, find_livekit_server, livekit_ports, run_livekit_server
from tests.waiting import until

RESUMES = 60
ROUNDS = 20
RESTARTS = 5
CHURNS = 30
PATIENCE = 30.0
PLI_PAUSE = 1.1
"""Seconds between two rejoins: livekit-server asks a publisher for a keyframe of the full layer once in a second, so
that who comes back sooner waits for the server, and not for us."""


def left() -> str:
    """What this process holds; of its memory also what stays when the allocator gives back what it keeps for later."""
    process = psutil.Process()
    tasks, threads = len(asyncio.all_tasks()), threading.active_count()
    before = process.memory_info().rss
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
    if trim is not None:
        trim(0)
    memory = f"{before >> 20} MB, {process.memory_info().rss >> 20} of them in use"
    return f"{tasks} tasks, {threads} threads, {process.num_fds()} descriptors, {memory}"


async def publish(room: Room, sounds: int = 1, pictures: int = 1) -> None:
    for _ in range(sounds):
        await room.local_participant.publish_track(await create_local_audio_track("test"))
    for _ in range(pictures):
        await room.local_participant.publish_track(await create_local_video_track("test"))


async def back(room: Room, lost: Callable[[Room], None]) -> float:
    """Lose a session; seconds until it is back."""
    start = time.monotonic()
    lost(room)
    await room.wait_for(RoomEvent.RECONNECTED, timeout=PATIENCE)
    return time.monotonic() - start


async def flowing(m: Meeting) -> None:
    """Wait until Bob sees and hears Ada, in whichever session each of them is by now."""

    def flows() -> bool:
        tracks = [p for who in m.bob.participants.values() for p in who.tracks.values()]
        return len(tracks) == 2 and all(p.is_subscribed and p.stats.frames > 3 for p in tracks)

    await until(flows, PATIENCE)


def row(name: str, times: list[float], goal: str, stock: str) -> None:
    median, worst = statistics.median(times), max(times)
    print(f"{name:44} {median:7.3f} {worst:7.3f}  {len(times):2}  {goal:>7} {stock:>8}", flush=True)


async def resume(server: TestServer) -> None:
    async with meet(server, "resume", subscribe="all") as m:
        await publish(m.ada)
        await flowing(m)
        times, sid, seen = [], m.bob.local_participant.sid, gaps(m.bob)
        pauses = []
        for _ in range(RESUMES):
            seen.clear()
            await until(lambda: len(seen) > 2, PATIENCE)
            times.append(await back(m.bob, cut))
            done = len(seen)
            await until(lambda d=done: len(seen) > d + 8, PATIENCE)  # type: ignore[misc]
            pauses.append(max(b - a for a, b in zip(seen, seen[1:], strict=False)))
        resumed = m.bob.local_participant.sid == sid
    row("resume: done", times, "<= 0.1", "never")
    row("resume: longest pause between pictures", pauses, "<= 0.2", "never")
    kept = sum(each <= 0.1 for each in times), sum(each <= 0.2 for each in pauses)
    print(f"{'':44} within the goals {kept} of {RESUMES}; always the same session: {resumed}")


async def rejoin(server: TestServer) -> None:
    async with meet(server, "rejoin", subscribe="all") as m:
        await publish(m.ada)
        await publish(m.bob)
        await flowing(m)
        await back(m.bob, lose)
        await flowing(m)
        before = left()
        calm = [await rejoined(m, PLI_PAUSE) for _ in range(ROUNDS)]
        hasty = [await rejoined(m, 0.0) for _ in range(ROUNDS)]
        after = left()
    row("rejoin: until both tracks are back", calm, "<= 0.4", "0.53-0.6")
    row("... one right after the other", hasty, "", "")
    print(f"{'':44} before {before}\n{'':44} after  {after}")


async def rejoined(m: Meeting, pause: float) -> float:
    """Lose Bob's session `pause` seconds from now; seconds until he sees and hears Ada again."""
    await asyncio.sleep(pause)
    start = time.monotonic()
    lose(m.bob)
    await m.bob.wait_for(RoomEvent.RECONNECTED, timeout=PATIENCE)
    await until(lambda: min(p.stats.frames for p in m.ada_of_bob.tracks.values()) > 0, PATIENCE)
    return time.monotonic() - start


def tries(room: Room) -> list[float]:
    """Collects when each try to join begins; the last is the one that succeeds."""
    begun: list[float] = []
    join = room._join

    async def counted(on_joined: Any) -> None:
        begun.append(time.monotonic())
        await join(on_joined)

    room._join = counted  # type: ignore[method-assign]
    return begun


def seeing(room: Room, before: str) -> bool:
    """Whether a picture of anybody but the session `before` has come."""
    others = [who for sid, who in room.participants.items() if sid != before]
    pictures = [p for who in others for p in who.video_tracks.values()]
    return any(p.is_subscribed and p.stats.frames for p in pictures)


async def restart(binary: str) -> None:
    ports, times = livekit_ports(), []

    def run(server_up: list[float], stop: threading.Event) -> None:
        with run_livekit_server(binary, ports=ports) as server:
            server_up.append(time.monotonic())
            stop.wait()
            os.kill(server.pid, signal.SIGKILL)

    def start() -> tuple[list[float], threading.Event, threading.Thread]:
        up, stop = list[float](), threading.Event()
        thread = threading.Thread(target=run, args=(up, stop), name="server")
        thread.start()
        return up, stop, thread

    up, stop, thread = start()
    await until(lambda: up, PATIENCE)
    server = TestServer("livekit", f"ws://127.0.0.1:{ports[0]}", "devkey", _secret(), 0)
    async with meet(server, "restart", subscribe="all") as m:
        await publish(m.ada)
        await flowing(m)
        begun = tries(m.ada), tries(m.bob)
        since_up = []
        for _ in range(RESTARTS):
            ada = m.ada_of_bob.sid
            stop.set()
            await asyncio.to_thread(thread.join)
            await until(lambda: m.bob.state.value == "reconnecting", PATIENCE)
            up, stop, thread = start()
            await until(lambda u=up: u, PATIENCE)  # type: ignore[misc]
            await until(lambda a=ada: seeing(m.bob, a), PATIENCE)  # type: ignore[misc]
            now = time.monotonic()
            since_up.append(now - up[0])
            times.append(now - min(each[-1] for each in begun))
            await flowing(m)
    stop.set()
    await asyncio.to_thread(thread.join)
    row("restart: from the first try to the first picture", times, "<= 0.5", "0.53")
    row("... from listening", since_up, "", "")


def _secret() -> str:
    from tests import servers

    return servers._SECRET


async def churn(server: TestServer) -> None:
    times, failures, before, after = await subsets(server)
    row("churn: until all of a random subset flow", times, "", "0.24-0.5")
    print(f"{'':44} failures {failures} of {CHURNS} rounds, goal 0")
    print(f"{'':44} round 5  {before}\n{'':44} round {CHURNS} {after}")
    binary = find_livekit_server()
    assert binary is not None
    with run_livekit_server(binary, keyframe_pause="50ms") as eager:
        times, *_ = await subsets(eager)
    row("... by a server that asks for each keyframe", times, "", "")


async def subsets(server: TestServer) -> tuple[list[float], int, str, str]:
    """Subscribe random subsets of six sounds and four videos.

    Returns:
        Seconds until all of a subset flowed; rounds in which they did not; what the process held early and at the end.
    """
    chance = random.Random(11)
    async with meet(server, "churn", microphones=False) as m:
        await publish(m.ada, 6, 4)
        await until(lambda: len(m.ada_of_bob.tracks) == 10, PATIENCE)
        tracks, times, failures = list(m.ada_of_bob.tracks.values()), [], 0
        before = ""
        for number in range(CHURNS):
            if number == 5:
                before = left()
            chosen = chance.sample(tracks, chance.randint(1, len(tracks)))
            start = time.monotonic()
            for each in tracks:
                each.set_subscribed(each in chosen)
            counts = {each: each.stats.frames for each in chosen}
            try:
                await until(
                    lambda c=counts: all(
                        p.is_subscribed and p.stats.frames > n for p, n in c.items()
                    ),  # type: ignore[misc]
                    10,
                )
                times.append(time.monotonic() - start)
            except AssertionError:
                failures += 1
        return times, failures, before, left()


async def main() -> None:
    binary = find_livekit_server()
    if binary is None:
        raise SystemExit("livekit-server is not here; see README.md.")
    wanted = sys.argv[1:] or ["resume", "rejoin", "restart", "churn"]
    print(
        f"{'seconds, livekit-server on loopback':44} {'median':>7} {'worst':>7}   n {'goal':>8} {'stock':>8}"
    )
    with run_livekit_server(binary) as server:
        for name, bench in (("resume", resume), ("rejoin", rejoin), ("churn", churn)):
            if name in wanted:
                await bench(server)
    if "restart" in wanted:
        await restart(binary)


if __name__ == "__main__":
    asyncio.run(main())
