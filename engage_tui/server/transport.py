"""One peer connection's transport, synchronous from end to end: ICE (lite), DTLS in memory, SRTP."""

from __future__ import annotations

import asyncio
import logging
import secrets
import string
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cryptography import x509
from OpenSSL import SSL
from pylibsrtp import Error, Policy, Session

from engage_tui.server.certificate import PROFILES, SrtpProfile, matches
from engage_tui.server.mux import UdpMux
from engage_tui.server.outlet import Destination, Outlet, Packet
from engage_tui.server.paths import Paths
from engage_tui.server.stun import Address
from engage_tui.server.tcp import TcpPort
from engage_tui.wire.rtp import RtpPacket

if TYPE_CHECKING:
    from engage_tui.server.fast_path import Peer, Route
    from engage_tui.server.incoming import IncomingStream

_log = logging.getLogger(__name__)

_ALPHABET = string.ascii_letters + string.digits
_DATAGRAM = 1200  # bytes of our DTLS datagrams: passes tunnels and PPPoE
_RECORD_HEADER = 13
_HELD = 8  # DTLS datagrams of a peer whose address is not proven yet; the oldest goes
_REPLAY_WINDOW = 1024  # packets; retransmissions of video arrive late


Way = tuple[Outlet, Destination, Any]
"""An outlet, the peer as it knows it, and the peer's libsrtp session (C)."""


def _nothing(*_: object) -> None:
    """The default of each callback."""


class PeerTransport:
    """ICE, DTLS and SRTP of one peer connection; the peer calls, we answer.

    Callbacks are plain attributes, called on the loop: `on_connected()`, `on_lost(why)` once,
    `on_rtp(packets, octets)`, `on_rtcp(compound)`, `on_data(bytes)` for what DTLS carried (SCTP),
    `on_moved()` when `way` is another.

    Attributes:
        name: For the log.
        credentials: ICE names to passwords; the newest last. An ICE restart keeps the one before valid.
        addresses: Where checks came from, oldest first.
        address: Where we send to: one that has proven itself; None before the first.
        state: ``new``, ``connected``, ``failed`` or ``closed``.
        heard: Monotonic time of the last check.
        way: Where packets for the peer leave, if several peers' packets may leave there together.
        peer: What the fast path knows of it; None where there is none.
    """

    def __init__(self, mux: UdpMux, name: str) -> None:
        self.name = name
        self.state = "new"
        self.credentials: dict[str, str] = {}
        self.addresses = Paths(mux.send, lambda: self.ufrag)
        self.address: Address | None = None
        self._held: deque[bytes] = deque(maxlen=_HELD)
        self.heard = time.monotonic()
        self.on_connected: Callable[[], None] = _nothing
        self.on_lost: Callable[[str], None] = _nothing
        self.on_rtp: Callable[[list[RtpPacket], int], None] = _nothing
        self.on_rtcp: Callable[[bytes], None] = _nothing
        self.on_data: Callable[[bytes], None] = _nothing
        self.on_moved: Callable[[], None] = _nothing
        self.way: Way | None = None
        self._mux = mux
        self.peer: Peer | None = mux.peer(self)
        self._outlet: Outlet | TcpPort = mux.outlet
        self._to: Destination | None = None
        self._ssl = SSL.Connection(mux.certificate.context, None)
        self._ssl.set_accept_state()
        self._ssl.set_ciphertext_mtu(_DATAGRAM)
        self._handshaken = False
        self._fingerprint = ""
        self._timer: asyncio.TimerHandle | None = None
        self._sessions: tuple[Session, Session] | None = None
        self._unprotect_key = self._protect_key = None
        self.restart_ice()

    @property
    def ufrag(self) -> str:
        """The current ICE name."""
        return next(reversed(self.credentials))

    @property
    def password(self) -> str:
        """The current ICE password."""
        return self.credentials[self.ufrag]

    @property
    def connected(self) -> bool:
        """Media and data can flow."""
        return self.state == "connected"

    def restart_ice(self) -> None:
        """Take new credentials; the transport, its keys and its address stay."""
        while len(self.credentials) > 1:
            del self.credentials[next(iter(self.credentials))]
        ufrag, password = _random(8), _random(24)
        self.credentials[ufrag] = password
        self._mux.register(ufrag, self)

    def expect(self, fingerprint: str) -> None:
        """Name the certificate that the peer must show (``sha-256 AB:…``); the first word counts."""
        if not self._fingerprint:
            self._fingerprint = fingerprint
            self._complete()

    def close(self) -> None:
        """Say goodbye by DTLS and forget everything; idempotent."""
        if self.state == "closed":
            return
        if self.state == "connected":
            try:
                self._ssl.shutdown()
            except SSL.Error:
                _log.debug("%s: no DTLS goodbye", self.name)
            self._flush()
        self.state = "closed"
        self._find_way()
        self._stop_timer()
        self._mux.forget(self)
        if self.peer is not None:
            self.peer.close()
        self.addresses.end()
        self.on_lost = self.on_connected = self.on_rtp = self.on_rtcp = self.on_data = _nothing
        self.on_moved = _nothing

    # -- from the socket

    def on_check(self, address: Address, *, nominated: bool, credit: int) -> None:
        """A signed connectivity check came from `address`, for which that may get `credit` bytes."""
        self.heard = time.monotonic()
        path = self.addresses[address]
        path.nominated = path.nominated or nominated
        path.credit += credit
        if not path.proven:
            self.addresses.ask(address)
        elif nominated or self.address is None:
            self._settle(address)

    def on_answer(self, address: Address, transaction: bytes) -> None:
        """An answer to a check of ours came from `address`."""
        path = self.addresses[address]
        if transaction == path.transaction and not path.proven:
            self.prove(address)

    def prove(self, address: Address) -> None:
        """Somebody at `address` reads what we send there: send there if the peer chose it, or none other is known."""
        path = self.addresses[address]
        path.proven = True
        if path.nominated or self.address is None:
            self._settle(address)
        held, self._held = self._held, deque(maxlen=_HELD)
        for data in held:
            self.on_dtls(data)

    def _settle(self, address: Address) -> None:
        if address != self.address:
            self.address = address
            self._outlet = self._mux.way(address)
            self._to = self._outlet.destination(address)
            self._find_way()

    def _find_way(self) -> None:
        """The address or the state is another."""
        outlet = self._mux.outlet
        before, self.way = self.way, None
        if self._to is not None and self._outlet is outlet and self.state == "connected":
            self.way = outlet, self._to, self._protect_key
        if self.way != before:
            self.on_moved()
        if self.peer is not None:
            self.peer.open(self._unprotect_key if self.state == "connected" else None)

    def lose(self, address: Address) -> None:
        """The connection behind `address` is gone; the next check that comes names another."""
        self.addresses.pop(address, None)
        if self.address == address:
            self.address = self._to = None
            self._find_way()

    def on_dtls(self, data: bytes) -> None:
        """A DTLS datagram came."""
        if self.state in ("failed", "closed"):
            return
        if self.address is None:
            self._held.append(data)  # the answer is long, and nobody is known to want it
            return
        if not self._handshaken:
            self._mux.turns.put(partial(self._shake_hands, data))
            return
        self._ssl.bio_write(data)
        self._read()

    def _shake_hands(self, data: bytes) -> None:
        if self.state in ("failed", "closed"):
            return
        self._ssl.bio_write(data)
        if not self._handshaken:
            try:
                self._ssl.do_handshake()
            except SSL.WantReadError:
                self._flush()
                self._arm()
                return
            except SSL.Error as error:
                self._fail(f"DTLS handshake failed: {error}")
                return
            self._handshaken = True
            self._stop_timer()
            self._flush()
            self._complete()
        self._read()

    def on_media(self, datagrams: Sequence[int]) -> None:
        """SRTP came, and is opened where it is: see `Opener.open`."""
        if self.state == "connected":
            packets = self._mux.opener.open(self._unprotect_key, datagrams)
            if packets:
                self.on_rtp(packets, sum(datagrams[1::2]))

    def route(self, stream: IncomingStream) -> Route | None:
        """What passes a stream's packets on without asking; None where nothing can."""
        return None if self.peer is None else self.peer.route(stream)

    def spend(self) -> int:
        """Bytes that were passed on without asking, since this was asked last."""
        return 0 if self.peer is None else self.peer.spend()

    def grant(self, octets: float) -> None:
        """So many bytes may be passed on without asking from now on."""
        if self.peer is not None:
            self.peer.grant(octets)

    def on_control(self, data: bytes) -> None:
        """A SRTCP datagram came."""
        if self._sessions is None or self.state != "connected":
            return
        try:
            compound = self._sessions[0].unprotect_rtcp(data)
        except Error:
            return
        self.on_rtcp(compound)

    # -- to the peer

    def send_rtp(self, ssrc: int, packets: Sequence[Packet]) -> None:
        """Protect and send packets of one stream, `outlet.BURST` at most."""
        if self._to is not None and self.state == "connected":
            self._outlet.put(self._to, self._protect_key, ssrc, packets)

    def send_rtcp(self, compound: bytes) -> None:
        """Protect and send RTCP."""
        if self._sessions is not None and self.state == "connected":
            try:
                self._send(self._sessions[1].protect_rtcp(compound))
            except Error as error:
                _log.debug("%s: RTCP not sent: %s", self.name, error)

    def send_data(self, data: bytes) -> None:
        """Send application data (SCTP) by DTLS.

        Raises:
            ConnectionError: The transport is not connected.
        """
        if self.state != "connected":
            raise ConnectionError
        try:
            self._ssl.send(data)
        except SSL.Error as error:
            raise ConnectionError from error
        self._flush()

    # -- DTLS

    def _complete(self) -> None:
        """Start media once the handshake is done and its certificate is the announced one."""
        if not self._handshaken or not self._fingerprint or self.state != "new":
            return
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        if not isinstance(certificate, x509.Certificate) or not matches(
            certificate, self._fingerprint
        ):
            self._fail("the certificate is not the one announced")
            return
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((each for each in PROFILES if each.name == chosen), None)
        if profile is None:
            self._fail("no SRTP profile in common")
            return
        self._key(profile)
        self.state = "connected"
        self._find_way()
        self.on_connected()

    def _key(self, profile: SrtpProfile) -> None:
        material = self._ssl.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (profile.key + profile.salt)
        )
        sessions = []
        for side, direction in ((0, Policy.SSRC_ANY_INBOUND), (1, Policy.SSRC_ANY_OUTBOUND)):
            policy = Policy(
                key=profile.key_and_salt(material, side),
                ssrc_type=direction,
                srtp_profile=profile.libsrtp,
            )
            policy.allow_repeat_tx = True  # a NACK is answered with the very same packet
            policy.window_size = _REPLAY_WINDOW
            sessions.append(Session(policy))
        self._sessions = sessions[0], sessions[1]
        # The C handles: the binding's own methods copy each packet twice.
        self._unprotect_key, self._protect_key = (each._srtp[0] for each in sessions)

    def _read(self) -> None:
        while self.state in ("new", "connected"):
            try:
                data = self._ssl.recv(4096)
            except SSL.ZeroReturnError:
                self._fail("closed by the peer")
                return
            except SSL.Error:  # nothing more, or a record that does not authenticate
                break
            if self.state == "connected":  # data of a peer that we have not verified are lost
                self.on_data(data)
        self._flush()

    def _flush(self) -> None:
        """Send what OpenSSL wrote, whole records a datagram: the memory BIO is a byte stream."""
        while True:
            try:
                data = self._ssl.bio_read(65536)
            except SSL.Error:
                return
            start = at = 0
            while at + _RECORD_HEADER <= len(data):
                end = at + _RECORD_HEADER + struct.unpack_from("!H", data, at + 11)[0]
                if end - start > _DATAGRAM + 150 and at > start:
                    self._send(data[start:at])
                    start = at
                at = end
            if start < len(data):
                self._send(data[start:])

    def _send(self, data: bytes) -> None:
        if self.address is not None:
            self._mux.send(data, self.address)

    def _arm(self) -> None:
        self._stop_timer()
        if (delay := self._ssl.DTLSv1_get_timeout()) is not None:
            self._timer = asyncio.get_running_loop().call_later(delay, self._repeat)

    def _repeat(self) -> None:
        self._timer = None
        if self._handshaken or self.state != "new":
            return
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error as error:
            self._fail(f"DTLS handshake failed: {error}")
            return
        self._flush()
        self._arm()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fail(self, why: str) -> None:
        _log.info("%s: %s", self.name, why)
        self.state = "failed"
        self._find_way()
        self._stop_timer()
        self.on_lost(why)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
