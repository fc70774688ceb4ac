"""A browser whose way from our server becomes narrow, and wide again: it gets the layer that comes through."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
from collections.abc import Iterator

import pytest

from tests.integration.programs import running
from tests.interop.chromium import Page, chromium
from tests.interop.far_server import URL, engage, token
from tests.interop.filming import FPS, SIZE
from tests.namespaces import Cable, available, cable
from tests.require import need
from tests.waiting import until

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

SLOW = 60.0


@pytest.fixture
def far() -> Iterator[Cable]:
    need(available(), "network namespaces and nft (Linux, as root)")
    need(shutil.which("tc") is not None, "tc (Debian's iproute2)")
    need(importlib.util.find_spec("livekit.rtc") is not None, "the livekit package (extra `dev`)")
    with cable() as both, engage(both):
        yield both


async def pictures(page: Page, seconds: float) -> int:
    """How many it decodes in that time."""
    loop, before = asyncio.get_running_loop(), int(page.track("camera")["frames"])
    end = loop.time() + seconds
    await until(lambda: loop.time() > end, seconds + 5)
    return int(page.track("camera")["frames"]) - before


async def test_a_browser_gets_the_layer_that_comes_through(far: Cable) -> None:
    program = far.command(far.server, sys.executable, "-m", "tests.interop.filming", URL)
    with running(token("ada"), program=program) as ada:
        async with chromium(far.command(far.client)) as browser:
            bob = browser.page("bob")
            await bob.call("join", url=URL, token=token("bob"))
            ada.wait_event("published")
            await until(lambda: bob.track("camera")["width"] == SIZE[0], SLOW, "the full layer")
            far.narrow("500kbit")
            await until(lambda: bob.track("camera")["width"] < SIZE[0], 20, "a smaller layer")
            # It is still the first seconds, and later a larger layer is tried in vain.
            assert await pictures(bob, 10) > 10 * FPS / 4, "it has collapsed"
            far.narrow()
            await until(lambda: bob.track("camera")["width"] == SIZE[0], 40, "the full layer again")
            assert await pictures(bob, 3) > 3 * FPS / 2
