"""Waiting for conditions: tests never sleep for a fixed time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def until(condition: Callable[[], object], timeout: float = 5.0, what: str = "") -> None:
    """Wait until `condition()` is true.

    Raises:
        AssertionError: It was not within `timeout` seconds.
    """
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what or condition}")
        await asyncio.sleep(0.01)


def until_sync(condition: Callable[[], object], timeout: float = 5.0, what: str = "") -> None:
    """`until` for code without an event loop.

    Raises:
        AssertionError: It was not within `timeout` seconds.
    """
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what or condition}")
        time.sleep(0.01)
