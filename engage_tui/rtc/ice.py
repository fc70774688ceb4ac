"""ICE below DTLS: a thin object of ours over `aioice.Connection`.

`RTCDtlsTransport` needs three things of its lower transport: `role`, `_recv` and `_send`. Giving it these instead
of an `RTCIceTransport` keeps the connection below replaceable.
"""

from __future__ import annotations

import asyncio
import json
import logging

import aioice

from engage_tui.errors import ConnectError

_log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
MAX_CANDIDATES = 64
"""Remote candidates that are tried; a description may not make us knock on more doors."""


class _Connection(aioice.Connection):
    """A connection that also knows the loopback interface, which a call on one machine needs.

    On macOS a socket bound to another interface cannot reach 127.0.0.1, and without any network there is no
    other interface.
    """

    async def get_component_candidates(
        self, component: int, addresses: list[str], timeout: int = 5
    ) -> list[aioice.Candidate]:
        return await super().get_component_candidates(component, [*addresses, LOOPBACK], timeout)


def parse_candidate(candidate_init: str) -> aioice.Candidate | None:
    """The candidate in an ``RTCIceCandidateInit`` as JSON, or None where there is none that we can use.

    Malformed text, candidates of other transports than UDP and mDNS names are none.
    """
    try:
        text = json.loads(candidate_init)["candidate"].removeprefix("candidate:").strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        _log.warning("a candidate that is no JSON: %.80r", candidate_init)
        return None
    return parse_candidate_line(text)


def parse_candidate_line(text: str) -> aioice.Candidate | None:
    """The candidate in the value of an ``a=candidate`` line, or None as for `parse_candidate`."""
    if not text:
        return None  # end of candidates
    try:
        candidate = aioice.Candidate.from_sdp(text)
    except (ValueError, IndexError):
        _log.warning("a malformed candidate: %.80r", text)
        return None
    usable = (
        candidate.component == 1
        and candidate.transport.lower() == "udp"
        and 0 < candidate.port < 65536  # asyncio closes the socket for one beyond
        and not candidate.host.endswith(".local")
    )
    return candidate if usable else None


class IceTransport:
    """One ICE connection as `RTCDtlsTransport` wants to see it."""

    def __init__(self) -> None:
        self._connection: _Connection | None = None
        self._next: _Connection | None = None  # takes over once it is connected
        self._closed = False
        self._early: list[aioice.Candidate] = []  # at most MAX_CANDIDATES, later ones are dropped
        self._known = 0

    @property
    def role(self) -> str:
        """``controlling`` or ``controlled``."""
        controlling = self._connection is not None and self._connection.ice_controlling
        return "controlling" if controlling else "controlled"

    @property
    def gathered(self) -> bool:
        """Whether local credentials and candidates are known."""
        return self._connection is not None

    @property
    def is_restarting(self) -> bool:
        """Whether a new connection waits to take over."""
        return self._next is not None

    @property
    def credentials(self) -> tuple[str, str]:
        """The local user fragment and password.

        Raises:
            ConnectError: Before `gather`.
        """
        connection = self._newest()
        return connection.local_username, connection.local_password

    @property
    def candidates(self) -> list[str]:
        """Local candidates as values of ``a=candidate``; loopback only where there is nothing else."""
        found = self._newest().local_candidates
        outside = [each for each in found if each.host != LOOPBACK]
        return [each.to_sdp() for each in outside or found]

    async def gather(self, controlling: bool) -> None:
        """Open the sockets and learn the local candidates; once."""
        if self._connection is not None:
            return
        connection = self._connection = self._make(controlling)
        await connection.gather_candidates()
        early, self._early = self._early, []
        for candidate in early:
            await connection.add_remote_candidate(candidate)

    async def add_candidate(self, candidate: aioice.Candidate | None) -> None:
        """Try this remote candidate too; kept until `gather` if it comes earlier."""
        if candidate is None or self._known >= MAX_CANDIDATES:
            return
        self._known += 1
        if self._connection is None:
            self._early.append(candidate)
            return
        try:
            await self._newest().add_remote_candidate(candidate)
        except ValueError as error:
            _log.warning("candidate refused: %s", error)

    async def restart(self, controlling: bool) -> None:
        """Prepare a new connection with new credentials; the present one carries on until `connect` is done.

        Sockets are opened anew, so that a change of the machine's addresses is followed too.
        """
        before, self._next = self._next, None
        if before is not None:
            await before.close()
        connection = self._make(controlling)
        await connection.gather_candidates()
        if self._closed:
            await connection.close()
            return
        # The server's addresses are the same more often than not: they are tried before it names them again.
        known = self._require().remote_candidates
        self._known = len(known)
        for candidate in known:
            await connection.add_remote_candidate(candidate)
        self._next = connection

    async def connect(self, user: str, password: str, *, lite: bool, timeout: float) -> None:
        """Find a working pair of candidates; after `restart` the connection before is then dropped.

        Raises:
            ConnectionError: There is none, or not within `timeout` seconds.
        """
        connection = self._newest()
        connection.remote_username, connection.remote_password = user, password
        connection.remote_is_lite = lite
        try:
            # Without end-of-candidates, which LiveKit never signals, aioice would wait for ever.
            async with asyncio.timeout(timeout):
                await connection.connect()
        except TimeoutError:
            raise ConnectionError(
                f"no answer to connectivity checks within {timeout:g} s"
            ) from None
        if connection is self._next:
            before, self._connection, self._next = self._connection, connection, None
            if before is not None:
                await before.close()  # which sends `_recv` to the new one

    async def close(self) -> None:
        """Close the sockets; idempotent."""
        self._closed = True
        for connection in (self._connection, self._next):
            if connection is not None:
                await connection.close()

    async def _recv(self) -> bytes:
        while True:
            connection = self._require()
            try:
                data = await connection.recv()
            except ConnectionError:
                if connection is self._connection:
                    raise
                continue  # replaced meanwhile
            # An empty datagram, which anybody can send, would end DTLS by an IndexError.
            if data:
                return data

    async def _send(self, data: bytes) -> None:
        await self._require().send(data)

    def _make(self, controlling: bool) -> _Connection:
        return _Connection(ice_controlling=controlling, use_ipv6=False)

    def _newest(self) -> _Connection:
        return self._next or self._require()

    def _require(self) -> _Connection:
        if self._connection is None:
            raise ConnectError("The connection has not been prepared.")
        return self._connection
