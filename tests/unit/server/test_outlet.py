"""Packets leave whole, in order and protected, many at a time or each by itself."""

from __future__ import annotations

import ctypes
import errno
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import pytest
from pylibsrtp import Policy

from engage_tui.server import burst_outlet
from engage_tui.server.burst_outlet import BurstOutlet
from engage_tui.server.native import NativeOutlet, make_outlet
from engage_tui.server.outlet import (
    BACKLOG,
    BURST,
    SLOTS,
    Copies,
    Copy,
    Outlet,
    Packet,
)
from engage_tui.server.run import Run
from engage_tui.wire.rtp import HEADER
from tests.unit.server.srtp import compiled, session
from tests.waiting import until

SSRC = 7
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux")


def native(udp: socket.socket) -> NativeOutlet:
    return NativeOutlet(udp, compiled())


BURSTS = [pytest.param(BurstOutlet, marks=LINUX), pytest.param(native, marks=LINUX)]
KINDS = [Outlet, *BURSTS]
Kind = Callable[[socket.socket], Outlet]
Burst = Callable[[socket.socket], BurstOutlet]


def packets(count: int, size: int = 100, start: int = 0) -> list[Packet]:
    return [(96, start + n, 0, bytes([n & 255]) * size) for n in range(count)]


def whole(each: Packet) -> bytes:
    return HEADER.pack(0x80, *each[:3], SSRC) + each[3]


class Receiver:
    """A socket, and what came there."""

    def __init__(self, udp: socket.socket) -> None:
        self.udp = udp
        self.got: list[bytes] = []
        self._session = session(Policy.SSRC_ANY_INBOUND)

    def read(self) -> list[bytes]:
        while True:
            try:
                self.got.append(self._session.unprotect(self.udp.recv(4096)))
            except BlockingIOError:
                return self.got


@contextmanager
def sockets(
    family: socket.AddressFamily = socket.AF_INET, peers: int = 2
) -> Iterator[list[socket.socket]]:
    made = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(1 + peers)]
    for each in made:
        each.setblocking(False)
        each.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    try:
        yield made
    finally:
        for each in made:
            each.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
async def test_what_is_put_arrives_whole_and_in_order(
    kind: Kind, family: socket.AddressFamily
) -> None:
    with sockets(family) as (udp, *peers):
        outlet = kind(udp)
        receivers = [Receiver(each) for each in peers]
        sessions = [session(Policy.SSRC_ANY_OUTBOUND) for _ in peers]
        to = [outlet.destination(each.getsockname()[:2]) for each in peers]
        # Runs of one size, a shorter one at their end, a longer one after it: each joins what it may.
        wanted = [*packets(5), *packets(1, 60, 5), *packets(3, 700, 6), *packets(2, 100, 9)]
        for start in range(0, len(wanted), 4):
            for target, key in zip(to, sessions, strict=True):
                outlet.put(target, key._srtp[0], SSRC, wanted[start : start + 4])
        await until(lambda: all(len(each.read()) == len(wanted) for each in receivers))
        for each in receivers:
            assert each.got == [whole(each) for each in wanted]
        assert outlet.dropped == 0
        outlet.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_several_get_reaches_each_under_its_own_numbers(kind: Kind) -> None:
    with sockets() as (udp, *peers):
        outlet = kind(udp)
        receivers = [Receiver(each) for each in peers]
        shared = Run.ready(packets(5))
        sessions = [session(Policy.SSRC_ANY_OUTBOUND) for _ in peers]
        copies = [
            Copy(outlet.destination(peer.getsockname()), key._srtp[0], SSRC, 0, shift, 90 * shift)
            for shift, (peer, key) in enumerate(zip(peers, sessions, strict=True))
        ]
        outlet.fan(shared, Copies(copies))
        await until(lambda: all(len(each.read()) == 5 for each in receivers))
        for shift, receiver in enumerate(receivers):
            assert receiver.got == [whole(each) for each in shared.packets(0, shift, 90 * shift)]
        outlet.close()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux")
async def test_what_libsrtp_refuses_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with sockets(peers=1) as (udp, peer):
        outlet, receiver = BurstOutlet(udp), Receiver(peer)
        key, to = session(Policy.SSRC_ANY_OUTBOUND), outlet.destination(peer.getsockname())
        calls = iter((False, True, False, True))
        protect = burst_outlet.protect
        monkeypatch.setattr(
            burst_outlet, "protect", lambda *args: 1 if next(calls) else protect(*args)
        )
        outlet.put(to, key._srtp[0], SSRC, wanted := packets(4))
        outlet.flush()
        assert receiver.read() == [whole(wanted[0]), whole(wanted[2])]
        outlet.close()


@pytest.mark.parametrize("kind", BURSTS)
async def test_more_than_there_are_slots_for(kind: Burst) -> None:
    with sockets(peers=1) as (udp, peer):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        outlet, receiver = kind(udp), Receiver(peer)
        key, to = session(Policy.SSRC_ANY_OUTBOUND), outlet.destination(peer.getsockname())
        for start in range(0, 2 * SLOTS, BURST):
            outlet.put(to, key._srtp[0], SSRC, packets(BURST, 1200, start))
        outlet.flush()
        assert len(receiver.read()) == 2 * SLOTS
        outlet.close()


@pytest.mark.parametrize("kind", BURSTS)
async def test_more_peers_than_there_are_slots_for(kind: Burst) -> None:
    with sockets(peers=6) as (udp, *peers):
        outlet, receivers = kind(udp), [Receiver(each) for each in peers]
        outlet.held = True
        keys = [session(Policy.SSRC_ANY_OUTBOUND) for _ in peers]
        copies = Copies(
            [
                Copy(outlet.destination(peer.getsockname()), key._srtp[0], SSRC, 0, 0, 0)
                for peer, key in zip(peers, keys, strict=True)
            ]
        )
        wanted = packets(BURST, 60)
        outlet.fan(Run.ready(wanted), copies)
        outlet.flush()
        for receiver in receivers:
            assert receiver.read() == [whole(each) for each in wanted]
        outlet.close()


@pytest.mark.parametrize("kind", BURSTS)
@pytest.mark.parametrize("error", [errno.EIO, errno.EINVAL])
async def test_a_send_that_cannot_be_cut_goes_out_singly(
    kind: Burst, error: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sockets(peers=1) as (udp, peer):
        outlet, receiver = kind(udp), Receiver(peer)
        key, to = session(Policy.SSRC_ANY_OUTBOUND), outlet.destination(peer.getsockname())

        def refuse(*_: object) -> int:
            ctypes.set_errno(error)
            return -1

        monkeypatch.setattr(outlet, "_sendmmsg", refuse)
        outlet.put(to, key._srtp[0], SSRC, wanted := packets(4))
        outlet.flush()
        assert receiver.read() == [whole(each) for each in wanted]
        assert outlet.segments == (error != errno.EIO)
        monkeypatch.undo()
        outlet.put(to, key._srtp[0], SSRC, packets(4, start=4))
        outlet.flush()
        assert len(receiver.read()) == 8
        outlet.close()


class Full:
    """A socket that takes nothing until it is told to."""

    family = socket.AF_INET

    def __init__(self, udp: socket.socket) -> None:
        self.full = True
        self._udp = udp

    def sendto(self, data: bytes, address: tuple[str, int]) -> int:
        if self.full:
            raise BlockingIOError(errno.EAGAIN, "full")
        return self._udp.sendto(data, address)

    def fileno(self) -> int:
        return self._udp.fileno()


async def test_a_full_socket_is_waited_for_within_bounds() -> None:
    with sockets(peers=1) as (real, peer):
        udp = Full(real)
        outlet = Outlet(cast(socket.socket, udp))
        for number in range(BACKLOG + 5):
            outlet.send(number.to_bytes(2, "big"), peer.getsockname())
        assert outlet.dropped == 5
        udp.full = False
        got: list[int] = []

        def read() -> bool:
            while True:
                try:
                    got.append(int.from_bytes(peer.recv(10), "big"))
                except BlockingIOError:
                    return len(got) >= 200

        await until(read)
        assert got == list(range(len(got)))
        outlet.close()


async def test_this_system_has_one() -> None:
    with sockets() as (udp, *_):
        outlet = make_outlet(udp)
        assert isinstance(outlet, BurstOutlet) == (sys.platform == "linux")
        outlet.close()
