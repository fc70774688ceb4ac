"""The way through the server that nearly every packet takes: read, opened, protected for everybody and sent in C.

It is for streams whose takers all get all of it (in a `Fan`), where the package was installed with a C compiler at hand
(`native`). Whatever else comes is left to Python, which also keeps the books of what was passed on, once that is sent.
"""

from __future__ import annotations

import logging
import socket
import struct
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from engage_tui.server.burst_outlet import EAGER
from engage_tui.server.inlet import BURST, BURSTS, DATAGRAM, BurstInlet
from engage_tui.server.native import NativeOutlet, srtp_function
from engage_tui.server.outlet import sockaddr
from engage_tui.server.run import LARGEST
from engage_tui.server.stun import Address
from engage_tui.wire.rtp import RtpPacket

if TYPE_CHECKING:
    from engage_tui.server.fan import Fan
    from engage_tui.server.incoming import IncomingStream
    from engage_tui.server.transport import PeerTransport

_log = logging.getLogger(__name__)

_CAME = struct.Struct("=IIiiiiIIiiIHHBBBx")  # native.c's struct came


class Came(NamedTuple):
    """What a `FastPath` read.

    Attributes:
        many: How many datagrams.
        others: Those that are no RTP, and where from.
        opened: Packets that were not passed on, and the bytes they came in, by their sender.
    """

    many: int
    others: list[tuple[bytes, Address]]
    opened: dict[PeerTransport, tuple[list[RtpPacket], int]]


class Peer:
    """A `PeerTransport` as C knows it.

    Args:
        path: Where its packets come in.
        number: Its own.
    """

    def __init__(self, path: FastPath, number: int) -> None:
        self.inner = path.ffi.new("struct peer *", {"id": number})
        self._path, self._number = path, number
        self._routes: list[Route] = []

    def open(self, key: Any) -> None:
        """From now on its packets are opened with a libsrtp session (C); none are if that is None."""
        self.inner.key = self._path.ffi.NULL if key is None else key

    def close(self) -> None:
        """The transport is over, and no address of it is known any more."""
        self.open(None)
        self._path.forget(self._number)

    def spend(self) -> int:
        """Bytes that were passed on since this was asked last."""
        spent, self.inner.spent = int(self.inner.spent), 0
        return spent

    def grant(self, octets: float) -> None:
        """So many bytes may be passed on from now on."""
        self.inner.credit = int(octets)

    def route(self, stream: IncomingStream) -> Route:
        """Know a stream."""
        made = Route(self._path, self, stream)
        self._routes.append(made)
        self._link()
        return made

    def forget(self, route: Route) -> None:
        """A stream is over."""
        self._routes.remove(route)
        self._link()

    def _link(self) -> None:
        after = self._path.ffi.NULL
        for route in self._routes:
            route.inner.next, after = after, route.inner
        self.inner.routes = after


class Route:
    """An `IncomingStream` as C knows it.

    Args:
        path: Where its packets come in.
        peer: Whose they are.
        stream: It.

    Attributes:
        fan: Whom its packets are passed on to; None while they are not.
    """

    def __init__(self, path: FastPath, peer: Peer, stream: IncomingStream) -> None:
        self.fan: Fan | None = None
        self._path, self._peer = path, peer
        self._number = path.know_stream(stream)
        self._copies: Any = None
        self.inner = path.ffi.new(
            "struct route *", {"id": self._number, "ssrc": stream.ssrc, "first": -1}
        )

    def go_on(self, fan: Fan, payload_type: int, extension: int, width: int) -> None:
        """Pass on what comes to all in a fan, until it dissolves.

        Args:
            fan: It; everybody who takes the stream is in it, and something went through it.
            payload_type: Of the packets meant.
            extension: The id of the header extension whose value `IncomingStream.passed` gets; 0 for none.
            width: Bytes of that value, 1 or 2.
        """
        inner = self.inner
        if self.fan is not fan:
            self.stop()
            copies = self._path.prepare(fan)
            if copies is None:
                return
            fan.route, self.fan, self._copies = self, fan, copies
            inner.copies, inner.peers = copies, len(copies)
            inner.payload_type, inner.extension, inner.width = payload_type, extension, width
        assert fan.last is not None
        inner.newest, inner.held = fan.last.sequence, 0

    def stop(self) -> None:
        """Pass nothing on."""
        self.inner.peers = 0
        if self.fan is not None:
            self.fan.route = self.fan = self._copies = None

    def close(self) -> None:
        """The stream is over."""
        self.stop()
        self._path.forget(self._number)
        self._peer.forget(self)


class FastPath:
    """Reads a UDP port and passes on what it can.

    Args:
        udp: The port's socket, which does not block; it stays the caller's.
        outlet: Where packets leave.

    Attributes:
        ffi: Makes C structures.
    """

    def __init__(self, udp: socket.socket, outlet: NativeOutlet) -> None:
        self.ffi, self._outlet = outlet.ffi, outlet
        places = BURSTS * BURST
        self._inlet = BurstInlet(udp, places)
        self._memory = memoryview(self._inlet.memory)
        self._came = self.ffi.new("struct came[]", places)
        self._view = memoryview(self.ffi.buffer(self._came))
        line = self._line = self.ffi.new("struct line *")
        line.socket, line.room, line.many = udp.fileno(), DATAGRAM, places
        line.memory = self.ffi.from_buffer("unsigned char[]", self._inlet.memory)
        line.messages = self.ffi.cast("void *", self._inlet.messages_at)
        line.came, line.places = self._came, outlet.places
        line.unprotect = self.ffi.cast(
            "int (*)(void *, void *, int *)", srtp_function("srtp_unprotect")
        )
        line.eager, line.largest = EAGER, LARGEST
        self._pass_on, self._enter, self._leave = (
            getattr(outlet.lib, name) for name in ("pass_on", "enter", "leave")
        )
        self._passed, self._opened, self._other = (
            getattr(outlet.lib, name) for name in ("PASSED", "OPENED", "OTHER")
        )
        self._entries: dict[Address, tuple[Any, Peer]] = {}
        self._peers: dict[int, PeerTransport] = {}
        self._streams: dict[int, IncomingStream] = {}
        self._number = 0

    # -- who is known

    def know(self, transport: PeerTransport) -> Peer:
        """Know a peer."""
        self._number += 1
        self._peers[self._number] = transport
        return Peer(self, self._number)

    def know_stream(self, stream: IncomingStream) -> int:
        """Know a stream, by the number returned."""
        self._number += 1
        self._streams[self._number] = stream
        return self._number

    def forget(self, number: int) -> None:
        """A peer or a stream is over."""
        self._peers.pop(number, None)
        self._streams.pop(number, None)

    def enter(self, address: Address, peer: Peer) -> None:
        """A peer's packets come from `address`."""
        self.leave(address)
        name = sockaddr(self._inlet.family, address)
        entry = self.ffi.new(
            "struct entry *", {"peer": peer.inner, "name": name, "size": len(name)}
        )
        self._entries[address] = entry, peer  # the one names the other
        self._enter(self._line, entry)

    def leave(self, address: Address) -> None:
        """Nobody's packets come from there any more."""
        if (known := self._entries.pop(address, None)) is not None:
            self._leave(self._line, known[0])

    def prepare(self, fan: Fan) -> Any:
        """The copies for everybody in a fan (C); None if they do not all leave by this path's outlet alike."""
        each = fan.copies(self._outlet)
        return self._outlet.prepare(each) if each else None

    # -- what comes

    def read(self) -> Came:
        """Read what came, and pass on what can be."""
        line, outlet = self._line, self._outlet
        line.blocked = outlet.is_blocked
        while (count := self._pass_on(line)) < 0:
            outlet.flush()  # the socket takes no more: what it means is seen to there
            line.blocked = outlet.is_blocked
        came = Came(count, [], {})
        if count:
            self._note(came)
        return came

    def _note(self, came: Came) -> None:
        """Keep the books of what was passed on, and set out what was not."""
        count, others, opened = came
        memory, is_passed, is_other = self._memory, self._passed, self._other
        has_packet = is_passed, self._opened
        passed: dict[int, tuple[list[RtpPacket], list[int]]] = {}
        for place, (
            ssrc,
            timestamp,
            payload,
            size,
            more,
            more_size,
            peer,
            route,
            value,
            _,
            whole,
            number,
            profile,
            kind,
            marker,
            what,
        ) in enumerate(_CAME.iter_unpack(self._view[: count * _CAME.size])):
            if what == is_other:
                at = place * DATAGRAM
                others.append((bytes(memory[at : at + whole]), self._inlet.address(place)))
            if what not in has_packet:
                continue
            packet = RtpPacket(
                kind,
                marker,
                number,
                timestamp,
                ssrc,
                profile,
                bytes(memory[more : more + more_size]),
                bytes(memory[payload : payload + size]),
            )
            if what == is_passed:
                if (batch := passed.get(route)) is None:
                    passed[route] = [packet], [value]
                else:
                    batch[0].append(packet)
                    batch[1].append(value)
            else:
                transport = self._peers[peer]
                packets, octets = opened.get(transport, ([], 0))
                packets.append(packet)
                opened[transport] = packets, octets + whole
        now = time.monotonic()
        resumed: list[IncomingStream] = []
        for route, (packets, values) in passed.items():
            stream = self._streams[route]
            if stream.is_paused(now):
                resumed.append(stream)
            try:
                stream.passed(packets, values, now)
            except Exception:  # noqa: BLE001 - packet border: one stream's trouble is not another's
                _log.warning("the books of a stream could not be kept", exc_info=True)
        for stream in resumed:  # all books are kept: now something may change
            stream.resume(now)
