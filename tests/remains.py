"""A watch for what a session on our server leaves in memory."""

from __future__ import annotations

import gc
import weakref
from asyncio.sslproto import SSLProtocol
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aiohttp import web

from engage_tui.server.client import Client
from tests.waiting import until


@contextmanager
def without_collector() -> Iterator[None]:
    """Let nothing but the last reference end an object."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Watch:
    """Objects that have to go.

    Attributes:
        objects: Those that were there.
    """

    def __init__(self) -> None:
        self.objects: list[weakref.ref[object]] = []

    def add(self, *clients: Client) -> None:
        """What sessions are made of now."""
        self.objects += [weakref.ref(each) for client in clients for each in _parts(client)]

    def add_sockets(self) -> None:
        """Every WebSocket of a server in this process, and the TLS around it."""
        found = [each for each in gc.get_objects() if _is_served(each)]
        assert found
        self.objects += [weakref.ref(each) for each in found]

    def left(self) -> list[str]:
        """What is there still."""
        return [repr(each) for look in self.objects if (each := look()) is not None]

    async def all_gone(self) -> None:
        with suppress(AssertionError):  # what runs still may hold something for a moment
            await until(lambda: not self.left())
        left = self.left()
        assert left == []


def _is_served(each: object) -> bool:
    if type(each) is SSLProtocol:
        return bool(each._server_side)
    return type(each) is web.WebSocketResponse


def _parts(client: Client) -> Iterator[object]:
    yield from (client, client.publisher, client.subscriber, client.subscriber.governor)
    yield from (client.publisher.channels, client.subscriber._channels, client._line)
    for channels in (client.publisher.channels, client.subscriber._channels):
        if channels._sctp is not None:
            yield channels._sctp
        yield from channels._channels.values()
    for transport in client._transports:
        yield from (transport, transport.addresses, transport._ssl)
    for track in client.publisher.everything:
        yield from (track, *track.streams.values())
    yield from client.subscriber.subscriptions.values()
