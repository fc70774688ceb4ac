"""A small HTTP proxy that knows CONNECT and nothing else."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator

from engage_tui.tasks import TaskGroup


class ConnectProxy:
    """Counts what passes; use `connect_proxy`.

    Attributes:
        asked: The address of each CONNECT.
        passed: Bytes in both directions.
        refuse: A status line to answer instead of connecting.
    """

    def __init__(self, user: str = "", password: str = "") -> None:
        self.asked: list[str] = []
        self.passed = 0
        self.refuse = ""
        self.port = 0
        self._wanted = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        self._tasks = TaskGroup("proxy")

    @property
    def url(self) -> str:
        """Its address, without a name."""
        return f"http://127.0.0.1:{self.port}"

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        self._tasks.spawn(self._serve(reader, writer), "client")

    async def close(self) -> None:
        """Cut every tunnel."""
        await self._tasks.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            verb, place, _ = head.split(" ", 2)
            self.asked.append(place)
            if verb != "CONNECT":
                writer.write(b"HTTP/1.1 405 Only tunnels\r\n\r\n")
            elif self._wanted and f"Basic {self._wanted}" not in head:
                writer.write(b"HTTP/1.1 407 Who are you\r\n\r\n")
            elif self.refuse:
                writer.write(f"{self.refuse}\r\n\r\n".encode())
            else:
                await self._tunnel(place, reader, writer)
        writer.close()

    async def _tunnel(
        self, place: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, _, port = place.rpartition(":")
        # Names of the tests are all of this machine.
        del host
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(port))
        writer.write(b"HTTP/1.1 200 Go on\r\nVia: a test\r\n\r\n")
        try:
            back = self._tasks.spawn(self._pump(far_reader, writer), "back")
            await self._pump(reader, far_writer)
            back.cancel()
        finally:
            far_writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            self.passed += len(data)
            writer.write(data)
            await writer.drain()


@contextlib.asynccontextmanager
async def connect_proxy(user: str = "", password: str = "") -> AsyncIterator[ConnectProxy]:
    """Run one on a free port."""
    proxy = ConnectProxy(user, password)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
