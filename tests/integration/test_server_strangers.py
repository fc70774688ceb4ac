"""Connections that say nothing, or say it slowly: ended in time, bounded in number, and noticed by nobody else."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engage_tui.server.app import RunningServer
from engage_tui.server.limits import Limits
from engage_tui.tasks import TaskGroup
from tests.certificates import Authority
from tests.embedded import embedded_server
from tests.integration.signal_client import signalling, signed_check
from tests.integration.test_server_networks import connected, offered
from tests.waiting import until

SOON = 0.2
QUICK = Limits(stranger_seconds=SOON)
PATIENT = Limits(strangers=6, strangers_per_address=4, stranger_seconds=30)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def dialled(server: RunningServer, host: str = "127.0.0.1") -> AsyncIterator[Streams]:
    """A connection to the HTTP port from one of this machine's addresses."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(host, 0))
    try:
        yield reader, writer
    finally:
        writer.close()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Wait for the other end to close; returns what came before."""
    came = b""
    async with asyncio.timeout(5):
        try:
            while data := await reader.read(4096):
                came += data
        except ConnectionError:
            pass
    return came


async def status(streams: Streams) -> bytes:
    """Ask for the server's health on a connection; returns the answer's first line."""
    reader, writer = streams
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(2)
    return head.partition(b"\r\n")[0]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "engage_tui.server.strangers"]


async def drip(writer: asyncio.StreamWriter) -> None:
    """A header that never ends."""
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\nX-Slow: ")
    while True:
        writer.write(b"a")
        await asyncio.sleep(SOON / 10)


@pytest.mark.parametrize("slowly", [False, True], ids=["silent", "slow"])
async def test_who_does_not_ask_in_time_is_ended_and_others_are_not(
    slowly: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tasks = TaskGroup("test")
    async with (
        embedded_server(limits=QUICK) as server,
        signalling(server) as ada,
        dialled(server) as first,
        dialled(server) as second,
    ):
        await ada.get("join")
        if slowly:
            for _, writer in (first, second):
                tasks.spawn(drip(writer), "drip")
        for reader, _ in (first, second):
            assert await ended(reader) == b""
        await tasks.cancel()
        await ada.alive()
        assert len(said(caplog)) == 1
        assert "HTTP port" in said(caplog)[0]


async def test_a_connection_may_be_kept_for_the_next_request(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_tui.server.doorway._KEEP_ALIVE", 3 * SOON)
    caplog.set_level(logging.INFO)
    async with embedded_server(limits=QUICK) as server, dialled(server) as streams:
        for _ in range(2):
            assert await status(streams) == b"HTTP/1.1 200 OK"
            await asyncio.sleep(1.5 * SOON)  # that it is still there after that is the point
        assert await ended(streams[0]) == b""
        assert said(caplog) == []


async def test_the_oldest_of_too_many_makes_room(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with embedded_server(limits=PATIENT) as server, signalling(server) as ada:
        strangers = server.strangers
        assert strangers is not None
        async with dialled(server) as oldest:
            await until(lambda: len(strangers) == 1)
            async with idle(server, 4):
                await ended(oldest[0])
                assert len(strangers) == 4
                async with dialled(server) as guest:  # one more, but it asks at once
                    assert await status(guest) == b"HTTP/1.1 200 OK"
                await ada.alive()
        await until(lambda: len(strangers) == 0)
        assert len(said(caplog)) == 1
        assert "too many of one address" in said(caplog)[0]


async def test_strangers_of_many_addresses_are_bounded_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with embedded_server(limits=PATIENT) as server:
        strangers = server.strangers
        assert strangers is not None
        async with dialled(server, "127.0.0.2") as oldest:
            await until(lambda: len(strangers) == 1)
            async with idle(server, 3, "127.0.0.3"), idle(server, 3, "127.0.0.4"):
                await ended(oldest[0])
                assert len(strangers) == 6
        assert "too many in all" in said(caplog)[0]


@asynccontextmanager
async def idle(
    server: RunningServer, count: int, host: str = "127.0.0.1"
) -> AsyncIterator[list[Streams]]:
    """So many connections that say nothing."""
    made: list[Streams] = []
    try:
        for _ in range(count):
            made.append(
                await asyncio.open_connection("127.0.0.1", server.port, local_addr=(host, 0))
            )
        yield made
    finally:
        for _, writer in made:
            writer.close()


@pytest.mark.parametrize("says", ["nothing", "hello", "half"])
async def test_the_handshake_of_tls_takes_of_the_same_time(tmp_path: Path, says: str) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.certify("127.0.0.1")
    files: dict[str, Any] = {"certificate": cert, "certificate_key": key}
    async with embedded_server(limits=QUICK, **files) as server:
        strangers = server.strangers
        assert strangers is not None
        trusting = ssl.create_default_context(cafile=authority.file)
        async with tls(server, trusting) as streams:
            assert await status(streams) == b"HTTP/1.1 200 OK"
        if says == "half":  # a handshake, and no request after it
            async with tls(server, trusting) as (reader, writer):
                writer.write(b"GET / HTTP/1.1\r\n")
                assert await ended(reader) == b""
        else:
            async with dialled(server) as (reader, writer):
                writer.write(b"\x16\x03\x01" if says == "hello" else b"")
                assert await ended(reader) == b""
        await until(lambda: len(strangers) == 0)


async def test_nonsense_in_place_of_tls_ends_at_once(tmp_path: Path) -> None:
    cert, key = Authority(tmp_path).certify("127.0.0.1")
    async with embedded_server(certificate=cert, certificate_key=key) as server:
        strangers = server.strangers
        assert strangers is not None
        async with dialled(server) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await ended(reader)
            await until(lambda: len(strangers) == 0)


@asynccontextmanager
async def tls(server: RunningServer, context: ssl.SSLContext) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


# -- the media port


async def test_who_shows_no_check_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with embedded_server(limits=QUICK) as server, signalling(server) as ada:
        offer, transport = await offered(server, ada)
        async with connected(server) as known, connected(server) as peer:
            known.send(signed_check(offer))
            await known.receive()
            peer.send(b"\x00\x01 nonsense")
            await ended(peer.reader)
            await until(lambda: len(server.mux.tcp.connections) == 1)
            assert transport.address == known.address
            assert len(server.mux.tcp.strangers) == 0
        assert len(said(caplog)) == 1
        assert "media port" in said(caplog)[0]


async def test_connections_without_a_check_are_bounded() -> None:
    limits = Limits(strangers_per_address=1)
    async with embedded_server(limits=limits) as server, signalling(server) as ada:
        offer, _ = await offered(server, ada)
        async with connected(server) as known, connected(server) as first:
            known.send(signed_check(offer))
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await known.receive()  # it came first and had said nothing when the other came
            first.send(signed_check(offer))
            await first.receive()
            async with connected(server):
                await until(lambda: len(server.mux.tcp.connections) == 2)


async def test_what_a_participant_leaves_open_is_ended_with_its_session() -> None:
    async with embedded_server() as server, connected(server) as peer:
        async with signalling(server) as ada:
            offer, _ = await offered(server, ada)
            peer.send(signed_check(offer))
            await peer.receive()
            assert len(server.mux.tcp.strangers) == 0
            client = server.rooms["hall"].clients["ada"]
            client.fail("for this test")
        await ended(peer.reader)
        await until(lambda: not server.mux.tcp.connections)
