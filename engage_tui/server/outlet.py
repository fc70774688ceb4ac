"""Where media leaves the server by UDP: packets are protected in place. Here each of them leaves at once."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from pylibsrtp._binding import ffi, lib

from engage_tui.server.run import ROOM as ROOM
from engage_tui.server.run import Packet as Packet
from engage_tui.server.run import Run
from engage_tui.server.stun import Address
from engage_tui.wire.rtp import HEADER

_log = logging.getLogger(__name__)

SLOTS = 256
"""Packets that leave together at most."""

BACKLOG = 1024
"""Packets that wait while the socket takes none; what is more is lost, as it would be in a router's queue."""

BURST = SLOTS // 4
"""Packets of one stream that are handed over together at most."""

_FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS)

Slot = tuple[memoryview, Any, int]
"""A place for a packet: its bytes, the C pointer to them, its address."""


def seal(view: memoryview, pointer: Any, key: Any, ssrc: int, packet: Packet) -> int:
    """Write a packet into `view` and protect it there; returns its size, 0 if libsrtp refuses."""
    kind, number, timestamp, payload = packet
    HEADER.pack_into(view, 0, 0x80, kind, number, timestamp, ssrc)
    end = 12 + len(payload)
    view[12:end] = payload
    size = ffi.new("int *", end)
    return int(size[0]) if lib.srtp_protect(key, pointer, size) == 0 else 0


class Destination:
    """A peer's address, as an `Outlet` keeps it.

    Attributes:
        address: Host and port.
        name: The same as the C structure.
        size: Bytes of that.
    """

    __slots__ = ("_keep", "address", "name", "size")

    def __init__(self, family: int, address: Address) -> None:
        self.address = address
        raw = sockaddr(family, address)
        self._keep = ctypes.create_string_buffer(raw, len(raw))
        self.name, self.size = ctypes.addressof(self._keep), len(raw)


class Copy(NamedTuple):
    """How one peer gets packets that others get too.

    Attributes:
        to: The peer.
        key: Its libsrtp session (C).
        ssrc: Of the packets.
        kind: Their payload type.
        shift: Added to their sequence numbers.
        later: Added to their timestamps.
    """

    to: Destination
    key: Any
    ssrc: int
    kind: int
    shift: int
    later: int


class Copies:
    """How several peers get the same packets.

    Args:
        each: How each of them does.

    Attributes:
        prepared: What an outlet made of them; None before it did.
    """

    __slots__ = ("each", "prepared")

    def __init__(self, each: Sequence[Copy]) -> None:
        self.each = each
        self.prepared: Any = None


class Outlet:
    """Sends each packet at once.

    Args:
        udp: The socket; it stays the caller's.

    Attributes:
        held: Somebody promises to `flush` soon.
        dropped: Packets that the system did not take.
    """

    def __init__(self, udp: socket.socket) -> None:
        self.held = False
        self.dropped = 0
        self._socket = udp
        self._family = udp.family
        self._memory = bytearray(self._wanted() * ROOM)
        self._pointer = ffi.from_buffer("unsigned char[]", self._memory)
        self._base = int(ffi.cast("uintptr_t", self._pointer))
        view = memoryview(self._memory)
        self._slots: list[Slot] = [
            (view[start : start + ROOM], self._pointer + start, self._base + start)
            for start in range(0, len(self._memory), ROOM)
        ]
        self._backlog: deque[tuple[bytes, Address]] = deque()

    def destination(self, address: Address) -> Destination:
        """The address for `put`."""
        return Destination(self._family, address)

    def put(self, to: Destination, key: Any, ssrc: int, packets: Sequence[Packet]) -> None:
        """Protect and send packets.

        Args:
            to: The peer.
            key: Its libsrtp session (C).
            ssrc: Of the packets.
            packets: In order.
        """
        view, pointer, _ = self._slots[0]
        for packet in packets:
            if size := seal(view, pointer, key, ssrc, packet):
                self.send(view[:size], to.address)

    def fan(self, run: Run, copies: Copies) -> None:
        """Protect and send packets to several peers.

        Args:
            run: The packets, `BURST` at most.
            copies: Who gets them, and how.
        """
        for to, key, ssrc, kind, shift, later in copies.each:
            self.put(to, key, ssrc, run.packets(kind, shift, later))

    def flush(self) -> None:
        """Send what waits."""

    def send(self, data: bytes | memoryview, address: Address) -> None:
        """Send a datagram at once, or when the socket takes one again."""
        if self._backlog:
            self._wait(data, address)
            return
        try:
            self._socket.sendto(data, address)
        except OSError as error:
            if error.errno in _FULL:
                self._wait(data, address)
            else:
                self.dropped += 1

    def close(self) -> None:
        """Forget what waits; call it before the socket is closed."""
        if self._backlog:
            self._backlog.clear()
            asyncio.get_running_loop().remove_writer(self._socket.fileno())

    def _wanted(self) -> int:
        """How many slots."""
        return 1

    def _wait(self, data: bytes | memoryview, address: Address) -> None:
        if len(self._backlog) >= BACKLOG:
            self.dropped += 1
            return
        if not self._backlog:
            asyncio.get_running_loop().add_writer(self._socket.fileno(), self._writable)
        self._backlog.append((bytes(data), address))

    def _writable(self) -> None:
        while self._backlog:
            data, address = self._backlog[0]
            try:
                self._socket.sendto(data, address)
            except OSError as error:
                if error.errno in _FULL:
                    return
                self.dropped += 1
            self._backlog.popleft()
        asyncio.get_running_loop().remove_writer(self._socket.fileno())


_NATIVE_FAMILY = struct.Struct("=H")


def sockaddr(family: int, address: Address) -> bytes:
    """The C structure of an address, as Linux has it."""
    head = _NATIVE_FAMILY.pack(family) + struct.pack("!H", address[1])
    if family == socket.AF_INET6:
        host, _, zone = address[0].partition("%")
        scope = socket.if_nametoindex(zone) if zone else 0
        return head + bytes(4) + socket.inet_pton(family, host) + struct.pack("=I", scope)
    return head + socket.inet_pton(family, address[0]) + bytes(8)


def read_sockaddr(family: int, raw: bytes) -> Address:
    """The address in a C structure."""
    port = int.from_bytes(raw[2:4], "big")
    host = raw[8:24] if family == socket.AF_INET6 else raw[4:8]
    return socket.inet_ntop(family, host), port
