"""The inner loop of forwarding in C (``native.c``), where the package was installed with a C compiler at hand.

It does what `burst_outlet.BurstOutlet.fan` and `opener.Opener` do in Python for every packet, and costs less
(``tests.bench.server_load``). Without it, or with ``ENGAGE_TUI_NATIVE=0``, they do.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import importlib
import logging
import os
import socket
import struct
import sys
from collections.abc import Sequence
from importlib import resources
from types import ModuleType
from typing import Any

from pylibsrtp._binding import ffi as srtp_ffi
from pylibsrtp._binding import lib as srtp

from engage_tui.server.burst_outlet import EAGER, BurstOutlet
from engage_tui.server.inlet import DATAGRAM, Inlet
from engage_tui.server.opener import Opener
from engage_tui.server.outlet import SLOTS, Copies, Outlet
from engage_tui.server.run import ROOM, Run
from engage_tui.wire.rtp import RtpPacket

_log = logging.getLogger(__name__)

_CONTROL = 24  # bytes of native.c's struct control
_OPENED = struct.Struct("=IIiiiiHHBB2x")  # struct opened


@functools.cache
def load() -> ModuleType | None:
    """The compiled module; None if there is none, or it was made from another source than what lies beside it."""
    if sys.platform != "linux" or os.environ.get("ENGAGE_TUI_NATIVE") == "0":
        return None
    try:
        module = importlib.import_module("engage_tui.server._native")
    except ImportError:
        return None
    here = resources.files("engage_tui.server")
    source = "".join((here / f"native.{end}").read_text() for end in "hc")
    stamp = module.ffi.string(module.lib.made_from()).decode()
    if stamp != hashlib.sha256(source.encode()).hexdigest():
        _log.warning("the compiled inner loop is not of this version: install the package again")
        return None
    return module


class NativeOutlet(BurstOutlet):
    """A `BurstOutlet` whose loop over packets is C.

    Args:
        udp: The socket; it stays the caller's.
        module: What `load` found.
    """

    def __init__(self, udp: socket.socket, module: ModuleType) -> None:
        super().__init__(udp)
        self._ffi, self._fan = module.ffi, module.lib.fan
        self._control_memory = bytearray(SLOTS * _CONTROL)
        places = self._places = self._ffi.new("struct places *")
        places.memory = self._cast("unsigned char *", self._base)
        places.vectors = self._cast("void *", self._vectors_at)
        places.messages = self._cast("void *", self._messages_at)
        places.controls = self._ffi.from_buffer(self._control_memory)
        places.room, places.many = ROOM, SLOTS
        places.protect = self._cast("int (*)(void *, void *, int *)", _address("srtp_protect"))

    def fan(self, run: Run, copies: Copies) -> None:
        """Protect packets that several peers get; see `BurstOutlet.fan`."""
        if not self._due and not self.held:
            asyncio.get_running_loop().call_soon(self.flush)
        self._copies.append(copies)
        if (prepared := copies.prepared) is None:
            prepared = copies.prepared = self._prepare(copies)
        array, peers = prepared
        places, packed, count = self._places, run.packed, run.count
        places.segments = self.segments
        done = 0
        while True:
            places.used, places.due = self._used, self._due
            done += self._fan(places, packed, count, array + done, peers - done)
            self._used, self._due = places.used, places.due
            if done == peers:
                break
            self.flush()
            self._copies.append(copies)
        if self._used >= EAGER:
            self.flush()

    def _prepare(self, copies: Copies) -> tuple[Any, int]:
        """The same as the C structures."""
        array = self._ffi.new("struct copy[]", len(copies.each))
        for place, copy in zip(array, copies.each, strict=True):
            place.key = self._cast("void *", int(srtp_ffi.cast("uintptr_t", copy.key)))
            place.name, place.name_size = self._cast("void *", copy.to.name), copy.to.size
            place.ssrc, place.later, place.shift = copy.ssrc, copy.later & 0xFFFFFFFF, copy.shift
            place.kind = copy.kind
        return array, len(copies.each)

    def _cast(self, kind: str, address: int) -> Any:
        return self._ffi.cast(kind, address)


class NativeOpener(Opener):
    """An `Opener` whose loop over packets is C.

    Args:
        inlet: What has read them.
        module: What `load` found.
    """

    def __init__(self, inlet: Inlet, module: ModuleType) -> None:
        super().__init__(inlet)
        self._open, self._memory = module.lib.open_packets, memoryview(inlet.memory)
        pointer = module.ffi.cast("int (*)(void *, void *, int *)", _address("srtp_unprotect"))
        self._where = pointer, module.ffi.from_buffer("unsigned char[]", inlet.memory), DATAGRAM
        self._opened = module.ffi.new("struct opened[]", len(inlet.places))
        self._view = memoryview(module.ffi.buffer(self._opened))

    def open(self, key: Any, datagrams: Sequence[int]) -> list[RtpPacket]:
        """Open what one peer sent; see `Opener.open`."""
        unprotect, start, room = self._where
        count = len(datagrams) // 2
        good = self._open(unprotect, key, start, room, datagrams, count, self._opened)
        memory = self._memory
        return [
            RtpPacket(
                kind,
                marker,
                number,
                timestamp,
                ssrc,
                profile,
                bytes(memory[more : more + more_size]),
                bytes(memory[payload : payload + size]),
            )
            for (
                ssrc,
                timestamp,
                payload,
                size,
                more,
                more_size,
                number,
                profile,
                kind,
                marker,
            ) in _OPENED.iter_unpack(self._view[: good * _OPENED.size])
        ]


def make_opener(inlet: Inlet) -> Opener:
    """The best kind for this system."""
    module = load()
    return Opener(inlet) if module is None else NativeOpener(inlet, module)


def make_outlet(udp: socket.socket) -> Outlet:
    """The best kind for this system."""
    if sys.platform != "linux":
        return Outlet(udp)
    module = load()
    return BurstOutlet(udp) if module is None else NativeOutlet(udp, module)


def _address(function: str) -> int:
    return int(srtp_ffi.cast("uintptr_t", srtp_ffi.addressof(srtp, function)))
