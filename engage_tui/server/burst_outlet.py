"""Where media leaves the server by UDP on Linux: many packets with one system call.

They wait until the burst that caused them is worked off, or there are some. Then one ``sendmmsg`` takes them all, and
packets of one size to one peer are a single send that the kernel cuts apart (UDP segmentation offload): a fifth of the
cost of a send each.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import socket
import struct
from collections.abc import Sequence
from typing import Any

from pylibsrtp._binding import ffi, lib

from engage_tui.server.outlet import (
    SLOTS,
    Copies,
    Copy,
    Destination,
    Outlet,
    Packet,
    read_sockaddr,
)
from engage_tui.server.run import ROOM, Run

protect = lib.srtp_protect

_log = logging.getLogger(__name__)

EAGER = 24
"""Packets that leave although more is coming: who is served first need not wait for the others."""

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
        self._size = ffi.new("int *")  # libsrtp's in-and-out argument …
        # … and the same, faster to touch.
        self._count = memoryview(ffi.buffer(self._size)).cast("i")
        # Of the messages, which know the addresses in C only.
        self._copies: list[Copies] = []
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
        self.fan(Run.ready(packets), Copies([Copy(to, key, ssrc, 0, 0, 0)]))

    def fan(self, run: Run, copies: Copies) -> None:
        """Protect packets that several peers get; see `Outlet.fan`. They leave with the next flush, which is soon."""
        if not self._due and not self.held:
            asyncio.get_running_loop().call_soon(self.flush)
        self._copies.append(copies)
        # From here on every packet of every subscriber passes: each line costs.
        memory, pointers, lengths, entries = (
            self._memory,
            self._pointers,
            self._lengths,
            run.entries,
        )
        size, count = self._size, self._count
        for to, key, ssrc, kind, shift, later in copies.each:
            if self._used + run.count > SLOTS:
                self.flush()
                self._copies.append(copies)
            first = self._used
            whole, end = self.segments, 0
            for place, (write, marker, number, timestamp, payload, end) in enumerate(
                entries, first
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
                self._announce(to, first, run, count[0] - end)
            else:
                self._announce_singly(to, first)
        if self._used >= EAGER:
            self.flush()

    def _announce(self, to: Destination, first: int, run: Run, tag: int) -> None:
        """Have the packets from slot `first` on sent, which protection made longer by `tag` bytes."""
        due = self._due
        for many, longest in run.groups:
            control = length = 0
            if many > 1:
                control = self._controls_at.get(longest + tag) or self._control(longest + tag)
                length = _CONTROL
            at = self._vectors_at + first * _VECTOR_SIZE
            start = due * _MESSAGE_SIZE
            write_head(self._messages, start, to.name, to.size, at, many, control, length)
            due += 1
            first += many
        self._due = due

    def _announce_singly(self, to: Destination, first: int) -> None:
        for single in range(first, self._used):
            if self._lengths[single]:
                at = self._vectors_at + single * _VECTOR_SIZE
                start = self._due * _MESSAGE_SIZE
                write_head(self._messages, start, to.name, to.size, at, 1, 0, 0)
                self._due += 1

    def flush(self) -> None:
        """Send what waits."""
        total = self._due
        self._due = self._used = 0
        if total:
            self._send_messages(total)
        self._copies.clear()

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
        address = read_sockaddr(self._family, ctypes.string_at(message[0], message[1]))
        first = (message[2] - self._vectors_at) // _VECTOR.size
        for place in range(first, first + message[3]):
            start, size = _VECTOR.unpack_from(self._vectors, place * _VECTOR.size)
            self.send(self._slots[(start - self._base) // ROOM][0][:size], address)
