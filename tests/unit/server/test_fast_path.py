"""The fast path: what it opens, what it passes on, and that nobody can tell it from the way through Python."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi

from engage_tui.server import fast_path
from engage_tui.server.fast_path import Came, FastPath
from engage_tui.server.forward import Subscription
from engage_tui.server.inlet import Inlet
from engage_tui.server.native import NativeOutlet
from engage_tui.server.opener import Opener
from engage_tui.server.outlet import Outlet, Packet
from engage_tui.server.run import LARGEST
from engage_tui.server.transport import PeerTransport
from engage_tui.wire import rtp, sdp
from engage_tui.wire.rtp import RtpPacket
from tests.unit.server.media import Wire, stream, track
from tests.unit.server.srtp import session

PLACE, LEVEL = 3, 4  # ids of header extensions
_PLENTY = 1 << 40  # bytes


def as_tuple(each: RtpPacket) -> tuple[Any, ...]:
    return tuple(getattr(each, name) for name in RtpPacket.__struct_fields__)


class Sender:
    """A peer, what it sends, and the path that reads it."""

    def __init__(self, module: ModuleType, udp: socket.socket, own: socket.socket) -> None:
        self.own, self.address = own, udp.getsockname()
        self.outlet = NativeOutlet(udp, module)
        self.path = FastPath(udp, self.outlet)
        self.transport = cast(PeerTransport, Wire())
        self.peer = self.path.know(self.transport)
        self.inward = session(Policy.SSRC_ANY_INBOUND)
        self.peer.open(self.inward._srtp[0])
        self.peer.grant(_PLENTY)
        self.path.enter(own.getsockname(), self.peer)
        self._session = session(Policy.SSRC_ANY_OUTBOUND)

    def seal(self, packet: bytes) -> bytes:
        return self._session.protect(packet)

    def send(self, datagrams: list[bytes]) -> Came:
        for data in datagrams:
            self.own.sendto(data, self.address)
        return self.path.read()

    def opened(self, came: Came) -> list[RtpPacket]:
        return came.opened[self.transport][0] if came.opened else []


@contextmanager
def sender(module: ModuleType, family: int = socket.AF_INET) -> Iterator[Sender]:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with (
        socket.socket(family, socket.SOCK_DGRAM) as udp,
        socket.socket(family, socket.SOCK_DGRAM) as own,
    ):
        udp.bind((host, 0))
        own.bind((host, 0))
        udp.setblocking(False)
        made = Sender(module, udp, own)
        made.outlet.held = True
        yield made
        made.outlet.close()


def packet(number: int, payload: bytes = b"payload") -> bytes:
    return rtp.HEADER.pack(0x90, 96, number, 3000, 7) + b"\xbe\xde\0\1\x10\x2a\0\0" + payload


def hostile(protect: Session) -> tuple[list[bytes], list[bytes]]:
    """Datagrams of which some are not what they seem, and the packets that are in the others."""
    sealed = [protect.protect(packet(number)) for number in range(3)]
    forged = bytearray(sealed[1])
    forged[-1] ^= 1
    padded = bytearray(packet(9, b"ab\x07"))  # more padding than there is room for
    padded[0] |= 0x20
    hollow = protect.protect(bytes(padded[:-1]) + b"\xff")
    came = [sealed[0], bytes(forged), sealed[0], sealed[2], b"\x80" * 5, hollow]
    return came, [packet(0), packet(2)]


def parsed(datagrams: list[bytes]) -> list[tuple[Any, ...]]:
    return [as_tuple(each) for each in map(rtp.parse, datagrams) if each is not None]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_what_authenticates_is_opened_and_nothing_else(module: ModuleType, family: int) -> None:
    with sender(module, family) as peer:
        came, good = hostile(peer._session)
        read = peer.send(came)
        assert read.many == len(came)
        assert read.others == []
        assert [as_tuple(each) for each in peer.opened(read)] == parsed(good)
        # Bytes as they came count, whatever is in them.
        assert read.opened[peer.transport][1] == len(came[0]) + len(came[3])


def test_python_opens_the_same() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        inlet, where = Inlet(udp, 8), []
        came, good = hostile(session(Policy.SSRC_ANY_OUTBOUND))
        for number, data in enumerate(came):
            inlet.places[number][0][: len(data)] = data
            where += [number, len(data)]
        receiver = session(Policy.SSRC_ANY_INBOUND)
        opened = Opener(inlet).open(receiver._srtp[0], where)
        assert [as_tuple(each) for each in opened] == parsed(good)


def test_who_is_unknown_gone_or_has_no_keys_is_not_heard(module: ModuleType) -> None:
    with sender(module) as peer, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.sendto(peer.seal(packet(1)), peer.address)
        assert peer.path.read() == (1, [], {})
        peer.peer.open(None)
        assert peer.send([peer.seal(packet(2))]) == (1, [], {})
        peer.peer.open(peer.inward._srtp[0])
        assert len(peer.opened(peer.send([peer.seal(packet(3))]))) == 1
        peer.path.enter(stranger.getsockname(), peer.peer)  # it moves
        peer.path.leave(peer.own.getsockname())
        assert peer.send([peer.seal(packet(4))]) == (1, [], {})
        stranger.sendto(peer.seal(packet(5)), peer.address)
        assert len(peer.opened(peer.path.read())) == 1


def test_what_is_no_rtp_comes_with_its_address(module: ModuleType) -> None:
    with sender(module) as peer:
        others = [b"", b"\x80", b"\x80\xc8report", b"\x16dtls", b"\x00\x01stun", bytes(3000)]
        came = peer.send(others)
        assert [data for data, _ in came.others] == [*others[:-1], bytes(2048)]
        assert {address for _, address in came.others} == {peer.own.getsockname()}


headers = st.builds(
    lambda flags, rest, tail: bytes([flags]) + rest + tail,
    st.integers(128, 191),
    st.binary(min_size=11, max_size=11),
    st.binary(max_size=60),
)


@given(st.lists(st.one_of(headers, st.binary(max_size=40)), max_size=8))
@settings(deadline=None, max_examples=300)
def test_headers_are_read_as_python_reads_them(module: ModuleType, datagrams: list[bytes]) -> None:
    with sender(module) as peer:
        nothing = module.ffi.callback("int(void *, void *, int *)", lambda *_: 0)
        peer.path._line.unprotect = nothing
        came = peer.send(datagrams)
        others = [data for data, _ in came.others]
        media = [each for each in datagrams if each not in others]
        assert [as_tuple(each) for each in peer.opened(came)] == parsed(media)
        assert all(len(e) < 2 or not 128 <= e[0] < 192 or 192 <= e[1] < 224 for e in others)


class Reached(Wire):
    """A subscriber's transport with a way of its own out of the server."""

    way: Any

    def __init__(self, outlet: Outlet) -> None:
        super().__init__()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.setblocking(False)
        self.way = outlet, outlet.destination(self.udp.getsockname()), ffi.NULL

    def send_rtp(self, ssrc: int, packets: Sequence[Packet]) -> None:
        outlet, to, key = self.way
        outlet.put(to, key, ssrc, packets)

    def drain(self) -> None:
        """Take what came."""
        while True:
            try:
                found = rtp.parse(self.udp.recv(4096))
            except BlockingIOError:
                return
            assert found is not None
            self.packets.append(found)


class Slow(Wire):
    """A subscriber's transport that every outlet stands for: what is too large is left out."""

    def send_rtp(self, ssrc: int, packets: Sequence[Packet]) -> None:
        super().send_rtp(ssrc, [each for each in packets if len(each[3]) <= LARGEST])


class Hall:
    """A publisher's track and those who take it: by the fast path, or by Python alone.

    Args:
        peer: With the fast path, who publishes; None without.
        kind: Of the track.
        rids: Its layers.
    """

    def __init__(self, peer: Sender | None, kind: str, rids: str) -> None:
        self.track = track(kind, "VP8" if kind == "video" else "opus", rids)
        self.track.payload_type = 96
        self.peer, self.now = peer, 100.0
        self.up = Wire()
        layers = list(rids) or [""]
        self.streams = [stream(self.track, self.up, rid, n) for n, rid in enumerate(layers)]
        for each in self.streams:
            each._touched = lambda _: None
            each._measures.agree({sdp.TRANSPORT_CC: PLACE, sdp.AUDIO_LEVEL: LEVEL})
            if peer is not None:
                each.route = peer.peer.route(each)
        self.people: list[tuple[Subscription, Wire]] = []
        self.passed = 0

    def join(self) -> None:
        wire = Slow() if self.peer is None else Reached(self.peer.outlet)
        random.seed(len(self.people))  # both halves number alike
        made = Subscription(self.track, cast(PeerTransport, wire), "PA_a")
        made.payload_type = 100 + len(self.people)
        self.track.subscriptions[f"PA_{len(self.people)}"] = made
        self.people.append((made, wire))
        made.start(self.now)

    def take(self, datagrams: list[bytes]) -> None:
        """The publisher's packets come."""
        if self.peer is None:
            packets = [each for data in datagrams if (each := rtp.parse(data)) is not None]
        else:
            packets = self.peer.opened(self.peer.send(datagrams))
            self.passed += len(datagrams) - len(packets)
        for each in packets:
            if each.ssrc < len(self.streams) and self.track.takes(each.payload_type):
                of = self.streams[each.ssrc]
                paused = of.is_paused(self.now)
                of.receive(each, self.now)
                if paused:
                    of.resume(self.now)

    def wish(self, who: int, quality: int) -> None:
        """Somebody wants another layer, or nothing."""
        wish = self.people[who % len(self.people)][0].wish
        wish.disabled, wish.quality = quality < 0, max(0, quality)
        self.people[who % len(self.people)][0].reselect(self.now)

    def repeat(self, who: int, back: int) -> None:
        """Somebody lacks a packet."""
        subscription, wire = self.people[who % len(self.people)]
        if wire.packets:
            subscription.repeat([(wire.packets[-1].sequence - back) & 0xFFFF], self.now)

    def do(self, name: str, *args: Any) -> None:
        """Do one thing, and whatever follows from it."""
        self.now += 0.05
        getattr(self, name)(*args)
        for each in self.streams:
            each.hand_on()
            each.note()
        if self.peer is not None:
            self.peer.outlet.flush()
            for _, wire in self.people:
                cast(Reached, wire).drain()

    def state(self) -> tuple[Any, ...]:
        """All that somebody outside can see: what everybody got, what the publisher was told, and the books."""
        got = [
            [
                (e.payload_type, e.ssrc, e.sequence, e.timestamp, e.marker, e.payload)
                for e in w.packets
            ]
            for _, w in self.people
        ]
        books = [(s.packets, s.octets) for s, _ in self.people]
        told = [each.reception(self.now) for each in self.streams]
        measured = [(vars(s._measures.meter), s._measures.arrivals._times) for s in self.streams]
        return got, books, told, self.up.plis, sorted(self.up.nacked), measured

    def close(self) -> None:
        for _, wire in self.people:
            if isinstance(wire, Reached):
                wire.udp.close()


class Publisher:
    """Makes packets."""

    def __init__(self) -> None:
        self._numbers = [65530, 7]
        self._count = 0

    def packet(self, layer: int, ahead: int, what: str) -> bytes:
        """One of a layer, `ahead` of the last one."""
        self._numbers[layer] = number = (self._numbers[layer] + ahead) & 0xFFFF
        self._count += 1
        key = what == "key"
        head = bytes((0x90, 0xE0)) + struct.pack(
            "!HBB", 0x8000 | number & 0x7FFF, number & 0xFF, 0x20
        )
        payload = head + bytes((0 if key else 1, layer)) + bytes(self._count % 7)
        flags, kind, end = 0x90, 96 | 0x80 * (self._count % 3 == 0), b""
        if what == "padding":
            flags, payload, end = 0xB0, b"", b"\0\0\3"
        elif what == "large":
            payload += bytes(1950)
        elif what == "other kind":
            kind = 97
        more = bytes((PLACE << 4 | 1,)) + struct.pack("!H", self._count) + bytes((LEVEL << 4, 40))
        if what == "two-byte":
            extension = (
                b"\x10\0\0\2" + bytes((PLACE, 2)) + struct.pack("!H", self._count) + bytes(4)
            )
        elif what == "no extension":
            flags, extension = flags & ~0x10, b""
        else:
            extension = b"\xbe\xde\0\2" + more + bytes(3)
        ssrc = 99 if what == "stranger" else layer
        header = rtp.HEADER.pack(flags, kind, number, self._count * 3000, ssrc)
        return header + extension + payload + end


usual = st.sampled_from(["inter"] * 4 + ["key", "two-byte", "no extension"])
odd = st.sampled_from(["padding", "large", "other kind", "stranger"])
packets = st.tuples(st.just(1), usual)
oddities = st.tuples(st.sampled_from([1, 1, 1, 0, 2, 4, -1, -3]), st.one_of(usual, odd))
# Layers come one after the other: of two that come at once Python may see to another first.
layers = st.integers(0, 1)
steps = st.one_of(
    st.tuples(st.just("take"), layers, st.lists(packets, min_size=1, max_size=8)),
    st.tuples(st.just("take"), layers, st.lists(packets, min_size=1, max_size=8)),
    st.tuples(st.just("take"), layers, st.lists(oddities, min_size=1, max_size=6)),
    st.tuples(st.just("join")),
    st.tuples(st.just("wish"), st.integers(0, 3), st.integers(-1, 1)),
    st.tuples(st.just("repeat"), st.integers(0, 3), st.integers(0, 9)),
)


@pytest.mark.parametrize(("kind", "rids"), [("audio", ""), ("video", ""), ("video", "qh")])
@given(script=st.lists(steps, max_size=30))
@settings(deadline=None, max_examples=80)
def test_nobody_can_tell_it_from_the_way_through_python(
    module: ModuleType, kind: str, rids: str, script: list[tuple[Any, ...]]
) -> None:
    with sender(module) as peer:
        nothing = module.ffi.callback("int(void *, void *, int *)", lambda *_: 0)
        peer.path._line.unprotect = peer.outlet.places.protect = nothing
        fast, slow, publisher = Hall(peer, kind, rids), Hall(None, kind, rids), Publisher()
        clock = SimpleNamespace(monotonic=lambda: fast.now)
        first: list[tuple[Any, ...]] = [("join",), *(("take", n, [(1, "key")]) for n in (0, 1))]
        try:
            with patch.object(fast_path, "time", clock):
                for name, *args in [*first, *script]:
                    if name == "take":
                        args = [[publisher.packet(args[0], *each) for each in args[1]]]
                    for hall in (fast, slow):
                        hall.do(name, *args)
                    assert fast.state() == slow.state()
        finally:
            fast.close()


def test_it_is_taken(module: ModuleType) -> None:
    """The test above would hold too if nothing were ever passed on."""
    with sender(module) as peer:
        nothing = module.ffi.callback("int(void *, void *, int *)", lambda *_: 0)
        peer.path._line.unprotect = peer.outlet.places.protect = nothing
        hall, publisher = Hall(peer, "video", ""), Publisher()
        hall.do("join")
        hall.do("join")
        hall.do("take", [publisher.packet(0, 1, "key")])
        hall.do("take", [publisher.packet(0, 1, "inter")])
        assert hall.passed == 0
        hall.do("take", [publisher.packet(0, 1, "inter") for _ in range(5)])
        assert hall.passed == 5
        hall.do("take", [publisher.packet(0, 1, w) for w in ("inter", "padding", "inter")])
        assert hall.passed == 6  # what follows the odd one waits for it
        hall.do("take", [publisher.packet(0, 1, "inter") for _ in range(2)])
        hall.do("take", [publisher.packet(0, 1, "inter") for _ in range(2)])
        assert hall.passed >= 8
        peer.peer.grant(0)
        hall.do("take", [publisher.packet(0, 1, "inter")])
        assert hall.passed < 11, "more than the publisher may send"
        hall.close()
