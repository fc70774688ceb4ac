"""Our server where no UDP passes, and where there is nothing but IPv6: browsers, LiveKit's SDK, and our client."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.interop.chromium import Page, chromium
from tests.interop.far_server import engage, token
from tests.namespaces import SERVER, SERVER6, Cable, available, cable, said_by
from tests.require import need
from tests.waiting import until

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

SLOW = 60.0


@pytest.fixture(scope="module")
def without_udp() -> Iterator[Cable]:
    need(available(), "network namespaces and nft (Linux, as root)")
    with cable() as both:
        both.block("meta l4proto udp")
        with engage(both):
            yield both


@pytest.fixture(scope="module")
def by_ipv6() -> Iterator[Cable]:
    need(available(), "network namespaces and nft (Linux, as root)")
    with cable() as both:
        both.forget_ipv4()
        with engage(both, SERVER6):
            yield both


async def test_browsers_meet_where_no_udp_passes(without_udp: Cable) -> None:
    await browsers_meet(without_udp, SERVER, "tcp")


async def test_browsers_meet_by_ipv6_alone(by_ipv6: Cable) -> None:
    await browsers_meet(by_ipv6, SERVER6, "udp")


def test_livekits_sdk_meets_where_no_udp_passes(without_udp: Cable) -> None:
    assert min(official_pair(without_udp, SERVER)["frames"]) >= 15


def test_livekits_sdk_meets_by_ipv6_alone(by_ipv6: Cable) -> None:
    assert min(official_pair(by_ipv6, SERVER6)["frames"]) >= 15


def test_our_client_meets_by_ipv6_alone(by_ipv6: Cable) -> None:
    said = outcome(by_ipv6, "relayed", SERVER6)
    assert "error" not in said, said
    assert (said["remote"], said["subscriber"]) == (SERVER6, "")


async def browsers_meet(both: Cable, host: str, protocol: str) -> None:
    """One by LiveKit's path v1, one by v0: both publish, and see and hear the other."""
    async with chromium(both.command(both.client)) as running:
        ada, bob = running.page("ada"), running.page("bob")
        for page, single in ((ada, True), (bob, False)):
            await page.call("join", url=address(host), token=token(page.name), single=single)
            await page.call("publishLayers")
        for page in (ada, bob):
            await until(partial(sees_and_hears, page), SLOW, f"{page.name} to see and hear")
            for source in ("camera", "microphone"):
                assert page.track(source)["way"] == [protocol, host]


def sees_and_hears(page: Page) -> bool:
    """Whether its pictures are large and go on, and somebody is heard."""
    camera = page.track("camera")
    return bool(camera["frames"] > 30 and camera["width"] == 960 and page.level > 0.01)


def official_pair(both: Cable, host: str) -> dict[str, Any]:
    need(importlib.util.find_spec("livekit.rtc") is not None, "the livekit package (extra `dev`)")
    return outcome(both, "official_pair", host)


def address(host: str) -> str:
    """Where clients on the far side reach the server."""
    return f"ws://[{host}]:7880" if ":" in host else f"ws://{host}:7880"


def outcome(both: Cable, program: str, host: str) -> dict[str, Any]:
    """What a program of `tests.interop` says that runs on the far side."""
    tokens = [token(name) for name in ("ada", "bob")]
    words = (sys.executable, "-m", f"tests.interop.{program}", address(host), *tokens)
    return said_by(both.command(both.client, *words), timeout=90)
