"""A call whose network changes: another address, another cable. Real namespaces; a livekit-server, and ours."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.integration.programs import Program, running
from tests.interop.far_server import URL, engage, livekit, token
from tests.namespaces import Cable, available, cable
from tests.require import need

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]

Server = Callable[[Cable], AbstractContextManager[None]]
SERVERS = pytest.mark.parametrize("server", [livekit, engage])


@contextmanager
def call(server: Server) -> Iterator[tuple[Cable, Program, Program]]:
    """Ada, who will be moved, and Bob, who stays with the server; both see and hear each other."""
    need(available(), "network namespaces and nft (Linux, as root)")
    with cable() as both, server(both):
        both.block("meta nfproto ipv6")  # which would stay
        module = (sys.executable, "-m", "tests.interop.moving", URL)
        moved = both.command(both.client, *module)
        staying = both.command(both.server, *module)
        with (
            running(token("ada"), program=moved) as ada,
            running(token("bob"), program=staying) as bob,
        ):
            for each in (ada, bob):
                each.wait_event("flowing")
                pauses(each)
            yield both, ada, bob


def pauses(who: Program) -> dict[str, float]:
    """Wait until both kinds come to somebody; the longest pauses since the last time."""
    before = len(who.events("flows"))
    who.write("?")
    who.until(lambda: len(who.events("flows")) > before, "sound and pictures")
    found: dict[str, float] = who.events("flows")[-1]["pauses"]
    return found


def longest_pause(ada: Program, bob: Program) -> float:
    """Wait until Ada is back, and hears and sees Bob, and he her; the longest pause of the four."""
    ada.wait_event("reconnected")
    names = [line["event"] for line in ada.lines if line["event"].startswith("reconn")]
    assert names == ["reconnecting", "reconnected"]
    assert not bob.events("reconnecting")
    found = {"to Ada": pauses(ada), "to Bob": pauses(bob)}
    print(found)
    return max(seconds for each in found.values() for seconds in each.values())


@SERVERS
def test_another_address(server: Server) -> None:
    with call(server) as (both, ada, bob):
        both.readdress("10.77.0.3")
        assert longest_pause(ada, bob) < 3


@SERVERS
def test_another_cable(server: Server) -> None:
    with call(server) as (both, ada, bob):
        pulled = time.time()
        both.pull()
        missed = ada.wait_event("reconnecting")["time"] - pulled
        both.plug_another()
        pause = longest_pause(ada, bob)
        print(f"{missed:.2f} s until it was missed, {pause - missed:.2f} s by the other cable")
        assert missed < 8
        assert pause - missed < 3
