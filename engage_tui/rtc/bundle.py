"""One bundle to the server: ICE, DTLS and SCTP on one connection, without the media that go over it."""

from __future__ import annotations

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities

from engage_tui.errors import ConnectError
from engage_tui.rtc.data_channel import DataChannels
from engage_tui.rtc.dtls import DtlsTransport, SctpTransport
from engage_tui.rtc.ice import IceTransport, parse_candidate, parse_candidate_line
from engage_tui.tasks import TaskGroup
from engage_tui.wire.sdp import Description, Section

if TYPE_CHECKING:
    from engage_tui.rtc.turn import TurnServer

_log = logging.getLogger(__name__)

CONNECT_TIME = 10.0
"""Seconds in which ICE and DTLS must stand."""


class PeerRole(StrEnum):
    """Which of the two connections this is; where there is one, it is the publisher's."""

    PUBLISHER = "publisher"
    SUBSCRIBER = "subscriber"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def ignore(*_: object) -> None:
    """What is called where the owner asked for nothing."""


class Bundle(ABC):
    """The transport of a call's connection: made, described, restarted and closed; carries data channels.

    Args:
        role: `PUBLISHER` offers, `SUBSCRIBER` answers.
        on_data: Called with the label and bytes of each data channel message.
        on_buffer: Called with a channel's label when much begins to wait on it (False), and when no more does (True).
        on_closed: Called at most once with the reason, when the transport ends without `close`.
        on_silence: Called, again and again, while the server is not heard; the transport stays, and may be restarted.
    """

    def __init__(
        self,
        role: PeerRole,
        *,
        on_data: Callable[[str, bytes], None] | None = None,
        on_buffer: Callable[[str, bool], None] | None = None,
        on_closed: Callable[[str], None] | None = None,
        on_silence: Callable[[], None] | None = None,
    ) -> None:
        self.role = role
        self._on_data = on_data or ignore
        self._on_buffer = on_buffer or ignore
        self._on_closed = on_closed or ignore
        self._ice = IceTransport(on_silence)
        self._dtls = DtlsTransport(self._ice, [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
        self._ice.on_media = self._dtls.take_media
        self._sctp = SctpTransport(self._dtls)
        self._channels = DataChannels(self._sctp, self._data, self._buffer)
        self._tasks = TaskGroup(f"peer.{role}")
        self._session_id = random.getrandbits(62)
        self._version = 0
        self._remote_user = ""
        self._up = asyncio.Event()
        self._restarts = 0
        self._restarting = asyncio.Event()
        self._moving: asyncio.Task[None] | None = None  # to another ICE connection
        self._failure = ""
        self._closed = False
        self._dtls.on("statechange", self._dtls_changed)

    @abstractmethod
    def _media_begin(self) -> None:
        """The transport stands: media may go over it."""

    @abstractmethod
    async def _media_end(self) -> None:
        """The transport is about to be closed: nothing goes over it any more."""

    async def connected(self, timeout: float = CONNECT_TIME) -> None:
        """Wait until media and data can flow.

        Raises:
            ConnectError: They cannot, or not within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._up.wait()
        except TimeoutError:
            self._failure = self._failure or f"no media connection within {timeout:g} s"
        if self._failure:
            raise ConnectError(
                f"The {self.role}'s media connection failed: {self._failure}.",
                "Check that UDP to the server is not blocked, or have it offer TURN.",
            )

    @property
    def is_alive(self) -> bool:
        """Whether it carries media and data, or is about to."""
        return not self._failure

    @property
    def local_address(self) -> str:
        """The address from which it sends; empty: none yet."""
        return self._ice.local_address

    @property
    def restarts(self) -> int:
        """How many times ICE was restarted since the start."""
        return self._restarts

    async def changed(self) -> None:
        """Wait until an ICE restart begins."""
        self._restarting.clear()
        await self._restarting.wait()

    async def moved(self) -> None:
        """Wait for a running ICE restart to end.

        Raises:
            ConnectError: It failed, and with it the connection.
        """
        if self._moving is not None:
            await asyncio.wait({self._moving})
        if self._failure:
            raise ConnectError(f"The {self.role}'s media connection failed: {self._failure}.")

    def use_relays(self, servers: Sequence[TurnServer], *, only: bool = False) -> None:
        """Take these TURN servers where the direct way fails, from the next connecting on; `only`: in any case."""
        self._ice.relays, self._ice.relay_only = servers, only

    async def add_candidate(self, candidate_init: str) -> None:
        """Try a trickled candidate: JSON of an ``RTCIceCandidateInit``; one we cannot read is ignored."""
        if not self._closed:
            await self._ice.add_candidate(parse_candidate(candidate_init))

    async def close(self) -> None:
        """End the connection and everything on it; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._failure = self._failure or "closed"
        self._up.set()
        self._channels.close()
        await self._tasks.cancel()
        await self._media_end()
        await self._sctp.stop()
        await self._dtls.stop()
        await self._ice.close()

    # -- data --------------------------------------------------------------------------------------

    def create_channels(self) -> None:
        """Open the reliable and the lossy data channel (publisher)."""
        self._channels.create()

    def send_data(self, label: str, payload: bytes) -> None:
        """Send a message on a data channel.

        Raises:
            ConnectError: The channel is not open, or too much waits on it.
        """
        self._channels.send(label, payload)

    async def data_drained(self, label: str) -> None:
        """Wait until little waits on a data channel, so that a long message leaves room for others."""
        await self._channels.drained(label)

    async def data_ready(self, label: str, timeout: float = CONNECT_TIME) -> None:
        """Wait until a data channel is open.

        Raises:
            ConnectError: It did not open within `timeout` seconds.
        """
        await self._channels.ready(label, timeout)

    # -- transport ---------------------------------------------------------------------------------

    def _describe(self, own: list[Section], setup: str) -> str:
        self._version += 1
        user, password = self._ice.credentials
        fingerprint = next(
            each
            for each in self._dtls.getLocalParameters().fingerprints
            if each.algorithm == "sha-256"
        )
        for section in own:
            if section.port == 0:
                continue
            section.ice_ufrag, section.ice_pwd = user, password
            section.fingerprint = f"{fingerprint.algorithm} {fingerprint.value}"
            section.setup = setup
        first = next((section for section in own if section.port != 0), None)
        if first is not None:
            first.candidates = self._ice.candidates
            first.end_of_candidates = True
        return str(Description(sections=own, session_id=self._session_id, version=self._version))

    async def _take_transport(self, remote: Description) -> None:
        """Start connecting with the first description; take the candidates of each."""
        carrier = next((s for s in remote.sections if s.ice_ufrag and s.fingerprint), None)
        if carrier is None:
            raise ConnectError("The server's description names no transport.")
        # The offerer controls; against a lite end the full one does (RFC 8445 6.1.1).
        controlling = self.role is PeerRole.PUBLISHER or remote.ice_lite
        await self._ice.gather(controlling=controlling)
        moves = bool(self._remote_user) and carrier.ice_ufrag != self._remote_user
        if self.role is PeerRole.PUBLISHER and not self._ice.is_restarting:
            moves = False  # on our offers only we begin a restart
        if moves and self.role is PeerRole.SUBSCRIBER:
            await self._ice.restart(controlling)
        for section in remote.sections:
            for line in section.candidates:
                await self._ice.add_candidate(parse_candidate_line(line))
        if not self._remote_user:
            self._remote_user = carrier.ice_ufrag
            self._tasks.spawn(self._connect(carrier, remote.ice_lite), "connect")
        elif moves:
            self._remote_user = carrier.ice_ufrag
            self._restarts += 1
            self._restarting.set()
            if self._moving is not None:
                self._moving.cancel()
            self._moving = self._tasks.spawn(self._move(carrier, remote.ice_lite), "move")

    async def _move(self, remote: Section, lite: bool) -> None:
        """Connect the restarted ICE below DTLS, which notices nothing."""
        try:
            await self._ice.connect(
                remote.ice_ufrag, remote.ice_pwd, lite=lite, timeout=CONNECT_TIME
            )
        except Exception as error:  # noqa: BLE001 - border: what the server described cannot be connected to
            self._fail(f"ICE restart: {_words(error)}")

    async def _connect(self, remote: Section, lite: bool) -> None:
        try:
            await self._ice.connect(
                remote.ice_ufrag, remote.ice_pwd, lite=lite, timeout=CONNECT_TIME
            )
            theirs = {"active": "client", "passive": "server"}.get(remote.setup, "auto")
            # Our answers say active; on our offers the server chooses.
            we_accept = self.role is PeerRole.PUBLISHER and theirs == "client"
            self._dtls._set_role("server" if we_accept else "client")  # noqa: SLF001
            algorithm, _, value = remote.fingerprint.partition(" ")
            await self._dtls.start(
                RTCDtlsParameters(
                    fingerprints=[
                        RTCDtlsFingerprint(algorithm=algorithm.lower(), value=value.strip())
                    ],
                    role=theirs,
                )
            )
            if self._dtls.state != "connected":
                self._fail(f"DTLS {self._dtls.state}")
                return
            self._media_begin()
            self._up.set()
            await self._sctp.start(RTCSctpCapabilities(maxMessageSize=65535), 5000)
        except Exception as error:  # noqa: BLE001 - border: what the server described cannot be connected to
            self._fail(_words(error))

    def _dtls_changed(self) -> None:
        if self._up.is_set() and self._dtls.state in ("closed", "failed"):
            self._fail(f"the connection was {self._dtls.state}")

    def _fail(self, why: str) -> None:
        if self._closed or self._failure:
            return
        self._failure = why
        self._up.set()
        _log.info("%s: %s", self.role, why)
        self._tell(self._on_closed, why)

    def _data(self, label: str, payload: bytes) -> None:
        self._tell(self._on_data, label, payload)

    def _buffer(self, label: str, is_low: bool) -> None:
        self._tell(self._on_buffer, label, is_low)

    def _tell(self, handler: Callable[..., None], *arguments: object) -> None:
        try:
            handler(*arguments)
        except Exception:  # noqa: BLE001 - handler call: its failure must not end the connection
            _log.exception("a handler of the %s failed", self.role)
