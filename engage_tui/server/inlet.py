"""Where datagrams come in by UDP: into places that stay, on Linux many with one system call."""

from __future__ import annotations

import ctypes
import logging
import socket
import struct
import sys
from typing import Any

from pylibsrtp._binding import ffi

from engage_tui.server.stun import Address

_log = logging.getLogger(__name__)

DATAGRAM = 2048
"""Bytes of the largest datagram that is read; more is no WebRTC."""

BURST = 64
"""Datagrams that are read before they are sent on."""

BURSTS = 4
"""How often that is done before the loop's other work has its turn."""

_KNOWN = 1024  # addresses whose C structures are remembered

Place = tuple[memoryview, Any]
"""A place for a datagram: its bytes, and the C pointer to them."""


class Inlet:
    """Reads one datagram after the other.

    Args:
        udp: The socket, which does not block; it stays the caller's.
        burst: Datagrams of one `read` at most.

    Attributes:
        family: Of the socket.
        memory: Where `read` puts datagrams, one every `DATAGRAM` bytes. What is there is overwritten by the next.
        places: The same place by place.
    """

    def __init__(self, udp: socket.socket, burst: int = BURST) -> None:
        self._socket = udp
        self.memory = bytearray(burst * DATAGRAM)
        view, pointer = memoryview(self.memory), ffi.from_buffer("unsigned char[]", self.memory)
        self.places: list[Place] = [
            (view[at : at + DATAGRAM], pointer + at) for at in range(0, len(view), DATAGRAM)
        ]
        self.family = udp.family
        self._long = udp.family == socket.AF_INET6  # its addresses have four parts

    def read(self) -> list[tuple[int, Address]]:
        """Take what has come: the size of the datagram in each place, from the first on, and where it came from."""
        came: list[tuple[int, Address]] = []
        for view, _ in self.places:
            try:
                size, address = self._socket.recvfrom_into(view)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:  # an ICMP answer to something sent earlier; the socket is fine
                _log.debug("reading the UDP port: %s", error)
                break
            came.append((size, address[:2] if self._long else address))
        return came


_VECTOR = struct.Struct("@PN")  # struct iovec
_MESSAGE = struct.Struct("@PIPNPNi0PI0P")  # struct mmsghdr …
_SIZE_AT = struct.calcsize("@PIPNPNi0P")  # … and where it has the size of what came
_NAME = 32  # bytes for the C structure of an address


class BurstInlet(Inlet):
    """Reads many datagrams with one system call (Linux).

    Attributes:
        messages_at: The address of the C structures that ``recvmmsg`` fills in, one a place.
    """

    def __init__(self, udp: socket.socket, burst: int = BURST) -> None:
        super().__init__(udp, burst)
        size = 28 if self._long else 16  # of struct sockaddr_in6 and sockaddr_in
        names = ctypes.create_string_buffer(burst * _NAME)
        vectors = ctypes.create_string_buffer(burst * _VECTOR.size)
        messages = ctypes.create_string_buffer(burst * _MESSAGE.size)
        names_at, vectors_at = ctypes.addressof(names), ctypes.addressof(vectors)
        for number, (_, pointer) in enumerate(self.places):
            vector, at = number * _VECTOR.size, int(ffi.cast("uintptr_t", pointer))
            _VECTOR.pack_into(vectors, vector, at, DATAGRAM)
            place = number * _MESSAGE.size, names_at + number * _NAME, size, vectors_at + vector, 1
            _MESSAGE.pack_into(messages, *place, 0, 0, 0, 0)
        self._keep = names, vectors, messages
        self._names = [memoryview(names)[at : at + size] for at in range(0, burst * _NAME, _NAME)]
        words = memoryview(messages).cast("B").cast("I")
        self._sizes = words[_SIZE_AT // 4 :: _MESSAGE.size // 4]
        self.messages_at, self._burst = ctypes.addressof(messages), burst
        self._addresses: dict[bytes, Address] = {}
        library = ctypes.CDLL(None, use_errno=True)
        self._recvmmsg = library.recvmmsg
        self._recvmmsg.argtypes = (
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_void_p,
        )

    def read(self) -> list[tuple[int, Address]]:
        """Take what has come; see `Inlet.read`."""
        count = self._recvmmsg(
            self._socket.fileno(), self.messages_at, self._burst, socket.MSG_DONTWAIT, None
        )
        return [(self._sizes[number], self.address(number)) for number in range(count)]

    def address(self, number: int) -> Address:
        """Where what is in a place came from."""
        name = self._names[number].tobytes()
        return self._addresses.get(name) or self._read_address(name)

    def _read_address(self, name: bytes) -> Address:
        if len(self._addresses) >= _KNOWN:
            self._addresses.clear()
        host = socket.inet_ntop(self._socket.family, name[8:24] if self._long else name[4:8])
        if self._long and (scope := int.from_bytes(name[24:28], sys.byteorder)):
            host += f"%{socket.if_indextoname(scope)}"
        address = host, int.from_bytes(name[2:4], "big")
        self._addresses[name] = address
        return address


def make_inlet(udp: socket.socket) -> Inlet:
    """The best kind for this system."""
    return BurstInlet(udp) if sys.platform == "linux" else Inlet(udp)
