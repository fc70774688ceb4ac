"""Sockets of a call: what is media and what a check, and many datagrams at one turn of the loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engage_tui.rtc.datagrams import AT_ONCE, Datagrams
from tests.waiting import until


class Stun(asyncio.DatagramProtocol):
    """Stands in for aioice's protocol, and notes what it gets."""

    local_candidate = SimpleNamespace(component=1)

    def __init__(self) -> None:
        self.checks: list[bytes] = []
        self.errors: list[Exception] = []
        self.lost = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.checks.append(data)
        assert addr[0] == "127.0.0.1"

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        assert exc is None
        self.lost += 1


class Line:
    """A socket with its protocols, and somebody who sends to it.

    Attributes:
        taken: What came that is no check, with the number of the loop's turn.
    """

    def __init__(self, transport: asyncio.DatagramTransport, stun: Stun) -> None:
        self.taken: list[tuple[bytes, int]] = []
        self.stun = stun
        self.transport = transport
        self.turn = 0
        self.protocol = Datagrams(cast(Any, stun), self._take, transport)
        self._address = transport.get_extra_info("sockname")
        self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, data: bytes) -> None:
        self._sender.sendto(data, self._address)

    def close(self) -> None:
        self._sender.close()
        self.transport.close()

    def _take(self, data: bytes, component: int) -> None:
        assert component == 1
        self.taken.append((data, self.turn))


@asynccontextmanager
async def line() -> AsyncIterator[Line]:
    loop = asyncio.get_running_loop()
    transport, stun = await loop.create_datagram_endpoint(Stun, local_addr=("127.0.0.1", 0))
    made = Line(transport, stun)
    try:
        yield made
    finally:
        made.close()
        await until(lambda: stun.lost == 1)


async def test_checks_and_all_the_rest_are_told_apart() -> None:
    async with line() as here:
        media = [b"\x80\x60picture", b"\x16\xfe\xfdhandshake", b"\x40\x00channel"]
        checks = [b"\x00\x01check", b"\x01\x01answer", b"\x03"]
        for data in (*checks, *media, b""):
            here.send(data)
        await until(lambda: len(here.taken) + len(here.stun.checks) == 7)
        assert [data for data, _ in here.taken] == media
        assert here.stun.checks == [*checks, b""]


async def test_what_waits_is_read_at_one_turn_in_order_but_not_without_end() -> None:
    async with line() as here:
        for number in range(3 * AT_ONCE):
            here.send(b"\x80" + bytes([number]))
        while len(here.taken) < 3 * AT_ONCE:
            here.turn += 1
            assert here.turn < 1000
            await asyncio.sleep(0.001)
        assert [data[1] for data, _ in here.taken] == list(range(3 * AT_ONCE))
        here.taken.clear()
        sent = 0

        def again(data: bytes, component: int) -> None:
            nonlocal sent
            if sent < 5 * AT_ONCE:
                sent += 1
                here.send(data)
            Line._take(here, data, component)

        here.protocol._give = again
        others = 0
        here.send(b"\x80")
        while sent < 5 * AT_ONCE:  # each answers itself
            others += 1
            await asyncio.sleep(0)
        assert others >= 5


async def test_nothing_more_is_read_once_it_is_closed() -> None:
    async with line() as here:

        def end(data: bytes, component: int) -> None:
            Line._take(here, data, component)
            here.transport.close()

        here.protocol._give = end
        for _ in range(3):
            here.send(b"\x80")
        await until(lambda: here.stun.lost == 1)
        assert len(here.taken) == 1
        assert here.protocol._socket is None


async def test_errors_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with line() as here:
        refused = ConnectionRefusedError("nobody there")

        class Broken:
            def recvfrom(self, _: int) -> None:
                raise refused

        with monkeypatch.context() as patch:
            patch.setattr(here.protocol, "_socket", Broken())
            here.protocol.datagram_received(b"\x80", ("127.0.0.1", 5))
        assert here.stun.errors == [refused]
        here.protocol.error_received(refused)
        assert len(here.stun.errors) == 2
        assert len(here.taken) == 1
