"""ICE over TCP (RFC 6544), passive: for networks that let no UDP through. One port; datagrams are framed (RFC 4571)."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any, cast

from pylibsrtp._binding import ffi

from engage_tui.server.limits import Limits
from engage_tui.server.outlet import ROOM, Destination, Packet, seal
from engage_tui.server.strangers import Strangers
from engage_tui.server.stun import Address

_log = logging.getLogger(__name__)

TCP = "tcp"
"""The third part of an address that is a connection."""

_GOODBYE = 2.0  # seconds in which what was written to a connection that ends may still leave
_LARGEST = 2048  # bytes of one frame; more is no WebRTC
_BACKLOG = 512 * 1024  # bytes that wait for a slow connection; packets on top are lost
_LENGTH = struct.Struct("!H")

Receiver = Callable[[bytes, Address], None]
"""Takes a datagram and where it came from."""


class TcpPort:
    """Takes connections and speaks datagrams on them.

    Args:
        receive: Takes what comes.
        known: Whether an address has shown a valid check.
        forget: Told of an address that is no more.
        limits: How long a connection may take to show a valid check, and how many may be without one.

    Attributes:
        port: The bound port; 0 before `listen`.
        strangers: Connections that have shown no valid check.
        dropped: Packets that a slow connection did not take.
    """

    def __init__(
        self,
        receive: Receiver,
        known: Callable[[Address], bool],
        forget: Callable[[Address], None],
        limits: Limits,
    ) -> None:
        self.receive, self.known, self.forget = receive, known, forget
        self.strangers = Strangers("media port", limits)
        self.port = 0
        self.dropped = 0
        self.connections: dict[Address, Connection] = {}
        self._server: asyncio.Server | None = None
        self._memory = bytearray(ROOM)
        self._pointer = ffi.from_buffer("unsigned char[]", self._memory)

    async def listen(self, bound: socket.socket) -> None:
        """Take connections on a bound socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=bound)
        self.port = bound.getsockname()[1]

    def close(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections.values()):
            connection.turn_away()

    def end(self, address: Address) -> None:
        """Nobody needs that address any more; what was sent to it may still leave."""
        if (connection := self.connections.get(address)) is not None:
            connection.end()

    def send(self, data: bytes, address: Address) -> None:
        """Send a datagram on the connection of that address, if it is still there."""
        if (connection := self.connections.get(address)) is None or not connection.send(data):
            self.dropped += 1

    def destination(self, address: Address) -> Destination:
        """The address for `put`."""
        return Destination(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, address)

    def put(self, to: Destination, key: Any, ssrc: int, packets: Sequence[Packet]) -> None:
        """Protect and send packets; see `Outlet.put`."""
        view = memoryview(self._memory)
        for packet in packets:
            if size := seal(view, self._pointer, key, ssrc, packet):
                self.send(bytes(view[:size]), to.address)


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, port: TcpPort) -> None:
        self._port = port
        self._address: Address = ("", 0, TCP)
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("peername")[:2]
        self._address = (host, port, TCP)
        self._port.connections[self._address] = self
        self._port.strangers.add(self, host)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._buffer += data
        at = 0
        while at + 2 <= len(self._buffer):
            (size,) = _LENGTH.unpack_from(self._buffer, at)
            if size > _LARGEST:
                self.turn_away()
                return
            if at + 2 + size > len(self._buffer):
                break
            self._port.receive(bytes(self._buffer[at + 2 : at + 2 + size]), self._address)
            at += 2 + size
        del self._buffer[:at]
        if self in self._port.strangers and self._port.known(self._address):
            self._port.strangers.remove(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._port.strangers.remove(self)
        if self._port.connections.get(self._address) is self:
            del self._port.connections[self._address]
            self._port.forget(self._address)
        if exc is not None:
            _log.debug("the connection of %s:%d broke: %s", *self._address[:2], exc)

    def send(self, data: bytes) -> bool:
        """Send a datagram; whether there was room for it."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > _BACKLOG:
            return False
        transport.write(_LENGTH.pack(len(data)) + data)
        return True

    def end(self) -> None:
        """End it once what was sent is out, but wait for that no longer than a moment."""
        if self._transport is not None and not self._transport.is_closing():
            self._port.strangers.add(self, self._address[0], _GOODBYE)
            self._transport.close()

    def turn_away(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()
