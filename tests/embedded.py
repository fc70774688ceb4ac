"""Our room server inside the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from engage_tui.server.app import RunningServer, ServerConfig, start_server
from engage_tui.wire.token import DEV_KEY, Grants, create_token
from tests.servers import TestServer

SECRET = "a-secret-for-tests-of-thirty-two-bytes"


@asynccontextmanager
async def embedded_server(**changes: Any) -> AsyncIterator[RunningServer]:
    """A server on free ports of the loopback; stopped when the context is left."""
    config = ServerConfig(port=0, rtc_port=0, keys={DEV_KEY: SECRET}, **changes)
    server = await start_server(config)
    try:
        yield server
    finally:
        await server.stop()


def described(server: RunningServer) -> TestServer:
    """The same server as those see it who only join."""
    return TestServer("embedded", server.url, DEV_KEY, SECRET)


def access_token(
    identity: str, room: str = "hall", *, ttl: float = 600, metadata: str = "", **grants: Any
) -> str:
    """A token that lets `identity` into `room`; `grants` change what else it allows."""
    wanted = Grants(**{"room": room, "room_join": True, **grants})
    return create_token(DEV_KEY, SECRET, wanted, identity=identity, ttl=ttl, metadata=metadata)
