"""What a test must not leave behind: threads and asyncio tasks."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from typing import Any

PATIENCE = 1.0
"""Seconds in which what a test began has to end."""

# Threads that live as long as the process, or end with the event loop: not a test's to end.
_KEPT = (
    "asyncio_",
    "decode_",
    "encode_",
    "pytest_timeout",
    "pydevd",
    "Dummy-",
    "ThreadPoolExecutor-",
    "livekit",
)


def threads() -> set[threading.Thread]:
    """The threads that run now and that somebody has to end."""
    return {each for each in threading.enumerate() if not each.name.startswith(_KEPT)}


def left_threads(before: set[threading.Thread]) -> list[str]:
    """The names of threads that are not in `before` and have not ended in time."""
    end = time.monotonic() + PATIENCE
    while (left := threads() - before) and time.monotonic() < end:
        time.sleep(0.01)
    return sorted(each.name for each in left)


async def left_tasks(before: set[asyncio.Task[object]]) -> list[str]:
    """The tasks of this loop that are not in `before` and have not ended in time."""
    left = asyncio.all_tasks() - {*before, asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=PATIENCE)
    return sorted(f"{each.get_name()}: {each.get_coro()}" for each in left)


def told(context: dict[str, Any]) -> str:
    """What an event loop says of a failure that nobody awaited, with its traceback."""
    error = context.get("exception")
    lines = traceback.format_exception(error) if isinstance(error, BaseException) else []
    return f"{context['message']}\n{''.join(lines)}"
