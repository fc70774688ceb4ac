"""One UDP socket for everybody: datagrams are told apart by their first byte, peers by address and ICE name."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from engage_tui.errors import PortInUseError, UsageError
from engage_tui.server.addresses import announced, candidates, listening
from engage_tui.server.certificate import Certificate
from engage_tui.server.fast_path import FastPath
from engage_tui.server.inlet import BURSTS, DATAGRAM, Inlet, make_inlet
from engage_tui.server.limits import Limits
from engage_tui.server.native import NativeOutlet, make_outlet
from engage_tui.server.opener import Opener
from engage_tui.server.outlet import Outlet
from engage_tui.server.paths import AMPLIFICATION, Path
from engage_tui.server.stun import (
    Address,
    answered_transaction,
    build_response,
    parse_request,
)
from engage_tui.server.tcp import TcpPort
from engage_tui.server.turns import Turns

if TYPE_CHECKING:
    from engage_tui.server.fast_path import Peer
    from engage_tui.server.transport import PeerTransport

_log = logging.getLogger(__name__)

_BUFFER = 4 << 20  # bytes asked for in the socket's queues: a keyframe to ten people at once
_LIMITS = Limits()
_MAX_ADDRESSES = 16  # a peer may move, but the table of addresses must not grow with it


class Passing(Protocol):
    """What passes packets on."""

    def hand_on(self) -> None:
        """Pass on what came."""

    def note(self) -> None:
        """Do what has time until that is on its way."""


class UdpMux:
    """The server's UDP port.

    Args:
        host: Address to bind; ``0.0.0.0`` and ``::`` announce every address of the machine.
        port: 0 takes a free one.
        node_ips: Addresses that are announced before those.
        limits: Of strangers on the TCP port.

    Attributes:
        candidates: ``a=candidate`` values.
        tcp: The port for those whom UDP does not reach; `listen_tcp` opens it.

    Raises:
        PortInUseError: The port is taken.
    """

    def __init__(
        self, host: str, port: int, node_ips: Sequence[str] = (), limits: Limits = _LIMITS
    ) -> None:
        self.socket = _bind(host, port)
        self.host, self.port = self.socket.getsockname()[:2]
        self._hosts = announced(self.host, node_ips)
        self.certificate = Certificate()
        self.candidates = candidates(self._hosts, self.port, 0)
        self.tcp = TcpPort(self._on_frame, lambda a: a in self._by_address, self._lose, limits)
        self.outlet = make_outlet(self.socket)
        self._path = (
            FastPath(self.socket, self.outlet) if isinstance(self.outlet, NativeOutlet) else None
        )
        # With a fast path, for what comes by TCP alone.
        self.inlet = make_inlet(self.socket) if self._path is None else Inlet(self.socket, 1)
        self.opener = Opener(self.inlet)
        self.received = 0
        self._touched: list[Passing] = []
        self._passed: list[Passing] = []
        self.turns = Turns()
        self._by_ufrag: dict[str, PeerTransport] = {}
        self._by_address: dict[Address, PeerTransport] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket.fileno(), self._readable)

    def close(self) -> None:
        """Stop reading and close the socket."""
        if self.socket.fileno() >= 0:
            # First the reader: the next socket may get this descriptor's number.
            self._loop.remove_reader(self.socket.fileno())
            self.outlet.close()
            self.socket.close()
            self.tcp.close()

    async def listen_tcp(self) -> None:
        """Open the TCP port: the one with UDP's number, so that firewalls open one number, or any free one."""
        try:
            bound = listening(self.host, self.port, socket.SOCK_STREAM)
        except OSError:
            try:
                bound = listening(self.host, 0, socket.SOCK_STREAM)
            except OSError as error:
                _log.warning("no TCP port for media: %s", error)
                return
        await self.tcp.listen(bound)
        self.candidates = candidates(self._hosts, self.port, self.tcp.port)

    def register(self, ufrag: str, transport: PeerTransport) -> None:
        """Send connectivity checks for `ufrag` to `transport`."""
        self._by_ufrag[ufrag] = transport

    def forget(self, transport: PeerTransport) -> None:
        """Take out every name and address of `transport`."""
        for ufrag in transport.credentials:
            self._by_ufrag.pop(ufrag, None)
        for address in transport.addresses:
            if self._by_address.get(address) is transport:
                self._unlearn(address)
                self.tcp.end(address)
        transport.addresses.clear()

    def peer(self, transport: PeerTransport) -> Peer | None:
        """The transport as the fast path knows it; None where there is none."""
        return None if self._path is None else self._path.know(transport)

    def send(self, data: bytes, address: Address) -> None:
        """Send a datagram at once."""
        self.way(address).send(data, address)

    def way(self, address: Address) -> Outlet | TcpPort:
        """What sends to `address`."""
        return self.outlet if len(address) == 2 else self.tcp

    @property
    def dropped(self) -> int:
        """Datagrams that the system did not take."""
        return self.outlet.dropped + self.tcp.dropped

    def _on_frame(self, data: bytes, address: Address) -> None:
        """A datagram came on a connection."""
        self.received += 1
        self._handle(data, address)

    def _lose(self, address: Address) -> None:
        """A connection is gone."""
        if (transport := self._unlearn(address)) is not None:
            transport.lose(address)

    def _readable(self) -> None:
        # While one burst was worked off the next may have come: looking again is cheaper than a turn of the loop.
        for _ in range(BURSTS):
            self.outlet.held = True
            try:
                more = self._read() if self._path is None else self._pass_on(self._path)
            finally:
                self._send_on()
            if not more:
                break
        self._note()

    def touch(self, stream: Passing) -> None:
        """Have `stream.hand_on` called once the burst that is being read is worked off, and then `note`."""
        if not self.outlet.held:
            self.outlet.held = True
            self._loop.call_soon(self._finish)
        self._touched.append(stream)

    def _finish(self) -> None:
        self._send_on()
        self._note()

    def _send_on(self) -> None:
        """Send on what came, and all that waits."""
        self._hand_on()
        self.outlet.held = False
        self.outlet.flush()

    def _hand_on(self) -> None:
        touched, self._touched = self._touched, []
        for stream in touched:
            try:
                stream.hand_on()
            except Exception:  # noqa: BLE001 - packet border: one stream's trouble is not another's
                _log.warning("a stream could not be sent on", exc_info=True)
        self._passed += touched

    def _note(self) -> None:
        passed, self._passed = self._passed, []
        for stream in passed:
            try:
                stream.note()
            except Exception:  # noqa: BLE001
                _log.warning("the books of a stream could not be kept", exc_info=True)

    def _pass_on(self, path: FastPath) -> bool:
        """Have the fast path take what has come, and see to what is left; whether more is to be expected."""
        count, others, opened = path.read()
        self.received += count
        for data, address in others:
            self._handle(data, address)
        for transport, (packets, octets) in opened.items():
            try:
                transport.on_rtp(packets, octets)
            except Exception:  # noqa: BLE001
                _log.warning("media for %s could not be handled", transport.name, exc_info=True)
        return bool(opened)

    def _read(self) -> bool:
        """Take what has come; whether it was anything."""
        came = self.inlet.read()
        self.received += len(came)
        memory = self.inlet.memory
        by_peer: dict[Address, list[int]] = {}
        for number, (size, address) in enumerate(came):
            at = number * DATAGRAM
            if size > 1 and 128 <= memory[at] < 192 and not 192 <= memory[at + 1] < 224:
                if address in by_peer:
                    by_peer[address] += number, size
                else:
                    by_peer[address] = [number, size]
                continue
            self._handle(bytes(memory[at : at + size]), address)
        for address, datagrams in by_peer.items():
            if (transport := self._by_address.get(address)) is not None:
                try:
                    transport.on_media(datagrams)
                except Exception:  # noqa: BLE001
                    _log.warning("media from %s:%d could not be handled", *address, exc_info=True)
                # Whoever gets this need not wait until the others' packets are read.
                self._hand_on()
        return bool(came)

    def _handle(self, data: bytes, address: Address) -> None:
        try:
            self._dispatch(data, address)
        except Exception:  # noqa: BLE001 - packet border: no datagram may end the server
            _log.warning("a datagram from %s:%d could not be handled", *address[:2], exc_info=True)

    def _dispatch(self, data: bytes, address: Address) -> None:
        first = data[0] if data else 255
        if 128 <= first < 192:
            if (transport := self._by_address.get(address)) is not None:
                if len(data) > 1 and 192 <= data[1] < 224:
                    transport.on_control(data)
                else:
                    self.inlet.memory[: len(data)] = data  # free: what was read is worked off
                    transport.on_media([0, len(data)])
        elif 20 <= first < 64:
            if (transport := self._by_address.get(address)) is not None:
                transport.on_dtls(data)
        elif first < 4:
            self._on_stun(data, address)

    def _on_stun(self, data: bytes, address: Address) -> None:
        if (transaction := answered_transaction(data)) is not None:
            if (known := self._by_address.get(address)) is not None:
                known.on_answer(address, transaction)
            return
        request = parse_request(data)
        if request is None or (transport := self._by_ufrag.get(request.local_ufrag)) is None:
            return
        password = transport.credentials[request.local_ufrag]
        if not request.is_signed_by(password):
            return
        response = build_response(request, address, password)
        self.send(response, address)
        if self._by_address.get(address) is not transport:
            self._learn(address, transport)
        credit = AMPLIFICATION * len(data) - len(response)
        transport.on_check(address, nominated=request.nominates, credit=credit)

    def _learn(self, address: Address, transport: PeerTransport) -> None:
        if (before := self._by_address.get(address)) is not None:
            before.addresses.pop(address, None)
        while len(transport.addresses) >= _MAX_ADDRESSES:
            oldest = next(a for a in transport.addresses if a != transport.address)
            del transport.addresses[oldest]
            self._unlearn(oldest)
            self.tcp.end(oldest)
        transport.addresses[address] = Path(
            proven=len(address) > 2
        )  # TCP's own handshake proved it
        self._by_address[address] = transport
        if self._path is not None and transport.peer is not None and len(address) == 2:
            self._path.enter(address, transport.peer)

    def _unlearn(self, address: Address) -> PeerTransport | None:
        if self._path is not None:
            self._path.leave(address)
        return self._by_address.pop(address, None)


def _bind(host: str, port: int) -> socket.socket:
    try:
        bound = listening(host, port, socket.SOCK_DGRAM)
    except OSError as error:
        raise bind_error(error, host, port, "UDP", "--rtc-port") from error
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        bound.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
    return bound


def bind_error(
    error: OSError, host: str, port: int, protocol: str, option: str
) -> PortInUseError | UsageError:
    """Words for a port that could not be bound."""
    if error.errno in (errno.EADDRINUSE, errno.EACCES):
        what = "in use" if error.errno == errno.EADDRINUSE else "not ours to open"
        return PortInUseError(
            f"{protocol} port {port} on {host} is {what}.",
            f"Choose another one with {option}, or 0 for any free one.",
        )
    return UsageError(
        f"Cannot listen on {host}: {error.strerror or error}.", "Choose an own address with --bind."
    )
