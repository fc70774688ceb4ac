"""The inner loop of forwarding in C (``native.c``), where the package was installed with a C compiler at hand.

Here is how packets leave by it, and in `fast_path` how they come in and go on. Without it, or with
``ENGAGE_TUI_NATIVE=0``, `burst_outlet.BurstOutlet` and `mux.UdpMux` do the same, and it costs more
(``tests.bench.server_load``).
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import importlib
import logging
import os
import socket
import sys
from collections.abc import Sequence
from importlib import resources
from types import ModuleType
from typing import Any

from pylibsrtp._binding import ffi as srtp_ffi
from pylibsrtp._binding import lib as srtp

from engage_tui.server.burst_outlet import EAGER, BurstOutlet
from engage_tui.server.numbering import Pictures
from engage_tui.server.outlet import BURST, SLOTS, Copies, Copy, Outlet
from engage_tui.server.run import ROOM, Run

_log = logging.getLogger(__name__)

_CONTROL = 24  # bytes of native.c's struct control


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

    Attributes:
        ffi, lib: The module's.
        places: Where packets wait (C).
    """

    def __init__(self, udp: socket.socket, module: ModuleType) -> None:
        self.ffi, self.lib = module.ffi, module.lib
        places = self.places = self.ffi.new("struct places *")
        super().__init__(udp)
        self._fan = module.lib.fan
        self._control_memory = bytearray(SLOTS * _CONTROL)
        places.memory = self._cast("unsigned char *", self._base)
        places.vectors = self._cast("void *", self._vectors_at)
        places.messages = self._cast("void *", self._messages_at)
        places.controls = self.ffi.from_buffer(self._control_memory)
        places.room, places.many = ROOM, SLOTS
        places.protect = self._cast("int (*)(void *, void *, int *)", srtp_function("srtp_protect"))

    @property
    def is_blocked(self) -> bool:
        """Something waits until the socket takes it, and nothing may go before that."""
        return bool(self._backlog)

    def fan(self, run: Run, copies: Copies) -> None:
        """Protect packets that several peers get; see `BurstOutlet.fan`."""
        places, packed, count = self.places, run.packed, run.count
        if count > BURST:
            raise ValueError(f"{count} packets at once; at most {BURST} may be")
        if not self._due and not self.held:
            asyncio.get_running_loop().call_soon(self.flush)
        self._copies.append(copies)
        if copies.prepared is None:
            copies.prepared = self.prepare([(each, None) for each in copies.each])
        array, peers, done = copies.prepared, len(copies.each), 0
        while True:
            done += self._fan(places, packed, count, array + done, peers - done)
            if done == peers:
                break
            self.flush()
            self._copies.append(copies)
        if places.used >= EAGER:
            self.flush()

    def prepare(self, each: Sequence[tuple[Copy, Pictures | None]]) -> Any:
        """Copies and how their pictures are numbered, as C has them; they name what the former hold."""
        array = self.ffi.new("struct copy[]", len(each))
        for place, (copy, pictures) in zip(array, each, strict=True):
            place.key = self._cast("void *", int(srtp_ffi.cast("uintptr_t", copy.key)))
            place.name, place.name_size = self._cast("void *", copy.to.name), copy.to.size
            place.ssrc, place.later, place.shift = copy.ssrc, copy.later & 0xFFFFFFFF, copy.shift
            place.kind = copy.kind
            if pictures is not None:
                place.rewrites, place.picture, place.tl0 = 1, pictures.shift, pictures.tl0
        return array

    def _cast(self, kind: str, address: int) -> Any:
        return self.ffi.cast(kind, address)

    # Python and C share these.

    @property
    def segments(self) -> bool:
        """See `BurstOutlet`."""
        return bool(self.places.segments)

    @segments.setter
    def segments(self, value: bool) -> None:
        self.places.segments = value

    @property
    def _used(self) -> int:
        return int(self.places.used)

    @_used.setter
    def _used(self, value: int) -> None:
        self.places.used = value

    @property
    def _due(self) -> int:
        return int(self.places.due)

    @_due.setter
    def _due(self, value: int) -> None:
        self.places.due = value


def make_outlet(udp: socket.socket) -> Outlet:
    """The best kind for this system."""
    if sys.platform != "linux":
        return Outlet(udp)
    module = load()
    return BurstOutlet(udp) if module is None else NativeOutlet(udp, module)


def srtp_function(name: str) -> int:
    """The address of a function of the libsrtp that `pylibsrtp` brings."""
    return int(srtp_ffi.cast("uintptr_t", srtp_ffi.addressof(srtp, name)))
