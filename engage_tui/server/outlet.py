"""Where media leaves the server by UDP: packets are protected in place, and many leave with one system call.

On Linux they wait until the burst that caused them is worked off. Then one ``sendmmsg`` takes them all, and packets
of one size to one peer are a single send that the kernel cuts apart (UDP segmentation offload): a fifth of the cost of
a send each. Elsewhere each packet leaves at once.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import socket
import struct
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any

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


_EAGER = 32  # packets that leave although more is coming: who is served first need not wait for the others

protect = lib.srtp_protect

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
    return int(size[0]) if protect(key, pointer, size) == 0 else 0


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
        raw = _sockaddr(family, address)
        self._keep = ctypes.create_string_buffer(raw, len(raw))
        self.name, self.size = ctypes.addressof(self._keep), len(raw)


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
        self._size = ffi.new("int *")  # libsrtp's in-and-out argument …
        self._count = memoryview(ffi.buffer(self._size)).cast(
            "i"
        )  # … and the same, faster to touch
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

    def relay(
        self, to: Destination, key: Any, ssrc: int, kind: int, shift: int, later: int, run: Run
    ) -> None:
        """Protect and send packets that others get too.

        Args:
            to: The peer.
            key: Its libsrtp session (C).
            ssrc: Of the packets.
            kind: Their payload type.
            shift: Added to their sequence numbers.
            later: Added to their timestamps.
            run: They, `BURST` at most.
        """
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


_VECTOR = struct.Struct("@PN")  # struct iovec
_MESSAGE = struct.Struct("@PIPNPNi0PI0P")  # struct mmsghdr …
write_head = struct.Struct("@PIPNPN").pack_into  # … and what differs in it
_SEGMENT = struct.Struct("@NiiH0P")  # struct cmsghdr with the size of a segment
_SEGMENT_LENGTH = struct.calcsize("@NiiH")
_VECTOR_SIZE, _MESSAGE_SIZE, _CONTROL = _VECTOR.size, _MESSAGE.size, _SEGMENT.size
_UDP_SEGMENT = 103  # linux/udp.h


class BurstOutlet(Outlet):
    """Sends many packets with one system call (Linux).

    Attributes:
        segments: The kernel cuts sends apart; off once it said that it cannot.
    """

    def __init__(self, udp: socket.socket) -> None:
        super().__init__(udp)
        self.segments = True
        self._used = self._due = 0  # slots and messages
        self._peers: list[Destination] = []  # of the messages, which know the addresses in C only
        self._pointers = [pointer for _, pointer, _ in self._slots]
        self._vectors = ctypes.create_string_buffer(SLOTS * _VECTOR.size)
        for number, (_, _, at) in enumerate(self._slots):
            _VECTOR.pack_into(self._vectors, number * _VECTOR.size, at, 0)
        self._lengths = memoryview(self._vectors).cast("B").cast("P")[1::2]
        self._messages = ctypes.create_string_buffer(SLOTS * _MESSAGE.size)
        self._vectors_at, self._messages_at = (
            ctypes.addressof(each) for each in (self._vectors, self._messages)
        )
        self._controls: dict[int, ctypes.Array[ctypes.c_char]] = {}
        self._controls_at: dict[int, int] = {}
        library = ctypes.CDLL(None, use_errno=True)
        self._sendmmsg = library.sendmmsg
        self._sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)

    def put(self, to: Destination, key: Any, ssrc: int, packets: Sequence[Packet]) -> None:
        """Protect packets; they leave with the next flush, which is soon."""
        self.relay(to, key, ssrc, 0, 0, 0, Run.ready(packets))

    def relay(
        self, to: Destination, key: Any, ssrc: int, kind: int, shift: int, later: int, run: Run
    ) -> None:
        """Protect packets that others get too; see `Outlet.relay`. They leave with the next flush, which is soon."""
        if self._used + run.count > SLOTS:
            self.flush()
        first = self._used
        self._peers.append(to)
        if not self._due and not self.held:
            asyncio.get_running_loop().call_soon(self.flush)
        # From here on every packet of every subscriber passes: each line costs.
        memory, pointers, lengths = self._memory, self._pointers, self._lengths
        size, count = self._size, self._count
        whole, end = self.segments, 0
        for place, (write, marker, number, timestamp, payload, end) in enumerate(
            run.entries, first
        ):
            write(
                memory,
                place * ROOM,
                0x80,
                kind | marker,
                (number + shift) & 0xFFFF,
                (timestamp + later) & 0xFFFFFFFF,
                ssrc,
                payload,
            )
            count[0] = end
            if protect(key, pointers[place], size):
                whole = False
                count[0] = 0
            lengths[place] = count[0]
        self._used = first + run.count
        if whole:
            tag = count[0] - end
            for many, longest in run.groups:
                control = length = 0
                if many > 1:
                    control = self._controls_at.get(longest + tag) or self._control(longest + tag)
                    length = _CONTROL
                at = self._vectors_at + first * _VECTOR_SIZE
                write_head(
                    self._messages,
                    self._due * _MESSAGE_SIZE,
                    to.name,
                    to.size,
                    at,
                    many,
                    control,
                    length,
                )
                self._due += 1
                first += many
        else:
            for single in range(first, self._used):
                if lengths[single]:
                    at = self._vectors_at + single * _VECTOR_SIZE
                    start = self._due * _MESSAGE_SIZE
                    write_head(self._messages, start, to.name, to.size, at, 1, 0, 0)
                    self._due += 1
        if self._used >= _EAGER:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        total = self._due
        self._due = self._used = 0
        if total:
            self._send_messages(total)
        self._peers.clear()

    def close(self) -> None:
        """Forget what waits; call it before the socket is closed."""
        self._due = self._used = 0
        super().close()

    def _wanted(self) -> int:
        return SLOTS

    def _control(self, size: int) -> int:
        """The address of what tells the kernel to cut a send into packets of `size` bytes."""
        made = self._controls[size] = ctypes.create_string_buffer(_SEGMENT.size)
        _SEGMENT.pack_into(made, 0, _SEGMENT_LENGTH, socket.IPPROTO_UDP, _UDP_SEGMENT, size)
        at = self._controls_at[size] = ctypes.addressof(made)
        return at

    def _send_messages(self, total: int) -> None:
        at, descriptor = 0, self._socket.fileno()
        while at < total:
            if self._backlog:
                self._send_singly(at)
                at += 1
                continue
            sent = self._sendmmsg(descriptor, self._messages_at + at * _MESSAGE.size, total - at, 0)
            if sent > 0:
                at += sent
            elif (error := ctypes.get_errno()) != errno.EINTR:
                self._refused(at, error)
                at += 1

    def _refused(self, number: int, error: int) -> None:
        """A message could not be sent: some devices cut nothing, some paths take smaller packets only."""
        if error == errno.EIO and self.segments:
            _log.info("the network device does not cut sends apart: each packet is sent by itself")
            self.segments = False
        self._send_singly(number)

    def _send_singly(self, number: int) -> None:
        message = _MESSAGE.unpack_from(self._messages, number * _MESSAGE.size)
        address = _address(self._family, ctypes.string_at(message[0], message[1]))
        first = (message[2] - self._vectors_at) // _VECTOR.size
        for place in range(first, first + message[3]):
            start, size = _VECTOR.unpack_from(self._vectors, place * _VECTOR.size)
            self.send(self._slots[(start - self._base) // ROOM][0][:size], address)


def make_outlet(udp: socket.socket) -> Outlet:
    """The best kind for this system."""
    return BurstOutlet(udp) if sys.platform == "linux" else Outlet(udp)


_NATIVE_FAMILY = struct.Struct("=H")


def _sockaddr(family: int, address: Address) -> bytes:
    """The C structure of an address, as Linux has it."""
    head = _NATIVE_FAMILY.pack(family) + struct.pack("!H", address[1])
    if family == socket.AF_INET6:
        host, _, zone = address[0].partition("%")
        scope = socket.if_nametoindex(zone) if zone else 0
        return head + bytes(4) + socket.inet_pton(family, host) + struct.pack("=I", scope)
    return head + socket.inet_pton(family, address[0]) + bytes(8)


def _address(family: int, raw: bytes) -> Address:
    port = int.from_bytes(raw[2:4], "big")
    host = raw[8:24] if family == socket.AF_INET6 else raw[4:8]
    return socket.inet_ntop(family, host), port
