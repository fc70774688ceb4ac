"""The HTTP port's door: connections, plain or TLS, become aiohttp's, and those that ask for nothing are ended.

aiohttp waits for a request as long as one likes. So each connection is watched from the moment it is accepted: until
its request's line and headers are there (with TLS that includes the handshake), and again from each answer to the
next request. A WebSocket is not watched: who opens one has shown a token.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web

from engage_tui.server.limits import Limits
from engage_tui.server.strangers import Strangers
from engage_tui.tasks import TaskGroup

_log = logging.getLogger(__name__)

_KEEP_ALIVE = 60.0  # seconds from an answer to the next request on the same connection
_GOODBYE = 2.0  # seconds that a peer may take to end TLS
_BACKLOG = 128  # connections that wait to be accepted
_CALLBACK = "_data_received_cb"
# Where aiohttp 3.14 keeps a WebSocket's method, by which the two would wait for the garbage collector.

Inside = Callable[[], asyncio.Protocol]
"""Makes the HTTP protocol of one connection."""


class Doorway:
    """Takes the connections of one port.

    Args:
        inside: Where they go.
        limits: How long they may be silent, and how many of them.
        tls: Serve TLS with this.

    Attributes:
        strangers: Those who have asked for nothing yet.
    """

    def __init__(self, inside: Inside, limits: Limits, tls: ssl.SSLContext | None = None) -> None:
        self.inside = inside
        self.strangers = Strangers("HTTP port", limits)
        self._tls = tls
        self._tasks = TaskGroup("doorway")
        self._server: asyncio.Server | None = None

    async def listen(self, bound: socket.socket) -> int:
        """Take connections on a bound socket; returns its port.

        Raises:
            OSError: The port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Guest(self), sock=bound, backlog=_BACKLOG)
        return int(bound.getsockname()[1])

    async def close(self) -> None:
        """Take no more, and end those that ask for nothing."""
        if self._server is not None:
            self._server.close()
        self.strangers.close()
        await self._tasks.cancel()

    def admit(self, guest: _Guest, line: asyncio.Transport) -> None:
        """A connection was accepted."""
        self.strangers.add(guest, guest.host)
        if self._tls is None:
            guest.enter(line)
        else:
            line.pause_reading()  # what comes is for TLS, which begins with the task
            self._tasks.spawn(self._secure(guest, line, self._tls), "handshake")

    async def _secure(
        self, guest: _Guest, line: asyncio.Transport, context: ssl.SSLContext
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                line, guest, context, server_side=True, ssl_shutdown_timeout=_GOODBYE
            )
        except OSError as error:  # ssl.SSLError is one
            _log.debug("a TLS handshake failed: %s", error)
            secured = None
        if secured is None:  # the connection was lost meanwhile
            self.strangers.remove(guest)
        else:
            guest.enter(secured)


class _Guest(asyncio.Protocol):
    """One connection: passes everything on to aiohttp's protocol."""

    def __init__(self, doorway: Doorway) -> None:
        self._doorway = doorway
        self._line: asyncio.Transport | None = None
        self._inside: asyncio.Protocol | None = None
        self._early = b""  # came with the end of the TLS handshake
        self._gone = False
        self.host = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._line = cast(asyncio.Transport, transport)
        self.host = transport.get_extra_info("peername")[0]
        self._doorway.admit(self, self._line)

    def enter(self, transport: asyncio.Transport) -> None:
        """Speak HTTP on `transport`."""
        if self._gone:
            return
        self._inside = self._doorway.inside()
        self._inside.connection_made(transport)
        if self._early:
            self._inside.data_received(self._early)
            self._early = b""

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self._inside is None:
            self._early += data
        else:
            self._inside.data_received(data)

    def eof_received(self) -> bool | None:
        """Called by asyncio."""
        return None if self._inside is None else self._inside.eof_received()

    def pause_writing(self) -> None:
        """Called by asyncio."""
        if self._inside is not None:
            self._inside.pause_writing()

    def resume_writing(self) -> None:
        """Called by asyncio."""
        if self._inside is not None:
            self._inside.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._gone = True
        self._doorway.strangers.remove(self)
        if self._inside is not None:
            self._inside.connection_lost(exc)
            if getattr(self._inside, _CALLBACK, None) is not None:
                setattr(self._inside, _CALLBACK, None)

    def asked(self) -> None:
        """A whole request is there."""
        self._doorway.strangers.remove(self)

    def answered(self) -> None:
        """It has its answer, and may ask again."""
        if not self._gone:
            self._doorway.strangers.add(self, self.host, _KEEP_ALIVE)

    def turn_away(self) -> None:
        """End it at once."""
        if self._line is not None:
            self._line.abort()


@web.middleware
async def attended(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Watch nobody whose request is worked on."""
    guest = None if request.transport is None else request.transport.get_protocol()
    if not isinstance(guest, _Guest):
        return await handler(request)
    guest.asked()
    try:
        return await handler(request)
    finally:
        guest.answered()
