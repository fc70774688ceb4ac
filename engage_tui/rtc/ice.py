"""ICE below DTLS: a thin object of ours over `aioice.Connection`.

`RTCDtlsTransport` needs three things of its lower transport: `role`, `_recv` and `_send`. Giving it these instead
of an `RTCIceTransport` keeps the connection below replaceable.

Where the server cannot be reached directly, each TURN server is tried by a connection of its own with the same
credentials; the first that works stays, direct or not. Only that one is nominated: the server would send its media
by the way that was nominated last.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import aioice

from engage_tui.errors import ConnectError
from engage_tui.rtc.ice_connection import LOOPBACK, IceConnection
from engage_tui.rtc.tls import client_context
from engage_tui.rtc.turn import TurnServer
from engage_tui.tasks import TaskGroup

_log = logging.getLogger(__name__)

MAX_CANDIDATES = 64
"""Remote candidates that are tried; a description may not make us knock on more doors."""

RELAY_AFTER = 1.0
"""Seconds in which the direct way must work before relays are asked too."""

CLOSE_TIME = 1.0
"""Seconds that a relay's goodbye may take."""


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
    """One ICE connection as `RTCDtlsTransport` wants to see it.

    Attributes:
        relays: TURN servers for where the direct way fails.
        relay_only: Do not try the direct way at all.
        relay: The TURN server in use, in words; empty: none.
        on_media: Gets each packet that comes, and says whether it took it; the others wait for `_recv`.

    Args:
        on_silence: Called, again and again, while the server is not heard; the connection stays for now.
    """

    def __init__(self, on_silence: Callable[[], None] | None = None) -> None:
        self._on_silence = on_silence
        self.relays: Sequence[TurnServer] = ()
        self.relay_only = False
        self.relay = ""
        self.on_media: Callable[[bytes], bool] | None = None
        self._connection: IceConnection | None = None
        self._next: IceConnection | None = None  # takes over once it is connected
        self._closed = False
        self._early: list[aioice.Candidate] = []  # at most MAX_CANDIDATES, later ones are dropped
        self._known = 0
        self._relayed: list[IceConnection] = []  # that are being tried
        self._tasks = TaskGroup("ice")

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
    def local_address(self) -> str:
        """The address from which we send; empty: none yet."""
        return self._connection.local_address if self._connection is not None else ""

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
        outside = [each for each in found if each.host not in LOOPBACK]
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
        for connection in (self._newest(), *self._relayed):
            await _add(connection, candidate)

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
        direct = self._newest()
        direct.remote_username, direct.remote_password = user, password
        direct.remote_is_lite = lite
        try:
            # Without end-of-candidates, which LiveKit never signals, aioice would wait for ever.
            async with asyncio.timeout(timeout):
                connection, self.relay = await self._first(direct)
                await connection.nominate()
        except TimeoutError:
            tried = f", nor from {len(self.relays)} relays" if self.relays else ""
            raise ConnectionError(
                f"no answer to connectivity checks within {timeout:g} s{tried}"
            ) from None
        if self.relay:
            _log.info("media go through %s", self.relay)
        before, self._connection, self._next = self._connection, connection, None
        connection.on_silence = self._on_silence
        connection.on_media = self.on_media
        for each in {before or direct, direct} - {connection}:
            await _end(each)  # which sends `_recv` to the new one

    async def _first(self, direct: IceConnection) -> tuple[IceConnection, str]:
        """The way that works first, and its relay's name; the direct one has a start.

        Raises:
            ConnectionError: None does.
        """
        ways: dict[asyncio.Task[IceConnection | Exception], str] = {}
        chosen: IceConnection | None = None
        failure = "no way to the server"
        try:
            if not (self.relay_only and self.relays):
                ways[self._tasks.spawn(_attempt(_connected(direct)), "direct")] = ""
                await asyncio.wait(ways, timeout=RELAY_AFTER if self.relays else None)
            if not any(way.done() and way.result() is direct for way in ways):
                direct.contends = bool(self.relays)
                for server in self.relays:
                    attempt = _attempt(self._by_relay(server, direct))
                    ways[self._tasks.spawn(attempt, "relay")] = str(server)
            waiting = set(ways)
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for way in done:
                    result = way.result()
                    if isinstance(result, IceConnection):
                        chosen = result
                        return chosen, ways[way]
                    failure = str(result) or type(result).__name__
                    _log.info("%s failed: %s", ways[way] or "the direct way", failure)
            raise ConnectionError(failure)
        finally:
            await self._tasks.cancel()
            self._relayed.clear()
            for way in ways:  # two may have come at once
                late = None if way.cancelled() else way.result()
                if isinstance(late, IceConnection) and late not in (chosen, direct):
                    await _end(late)

    async def _by_relay(self, server: TurnServer, direct: IceConnection) -> IceConnection:
        """Connect through one TURN server, in the direct connection's name."""
        connection = IceConnection(
            ice_controlling=direct.ice_controlling,
            local_username=direct.local_username,
            local_password=direct.local_password,
            turn_server=(server.host, server.port),
            turn_username=server.username,
            turn_password=server.password,
            # A context in place of the switch: aioice hands it on to asyncio, which takes either.
            turn_ssl=await _tls(server),
            turn_transport=server.transport,
            transport_policy=aioice.TransportPolicy.RELAY,
        )
        connection.contends = True
        self._relayed.append(connection)
        connection.remote_username = direct.remote_username
        connection.remote_password = direct.remote_password
        connection.remote_is_lite = direct.remote_is_lite
        try:
            for candidate in direct.remote_candidates:
                await _add(connection, candidate)
            await connection.gather_candidates()
            if not connection.local_candidates:
                raise ConnectionError("it gives no relay")
            return await _connected(connection)
        except BaseException:
            await _end(connection)
            raise

    async def close(self) -> None:
        """Close the sockets; idempotent."""
        self._closed = True
        await self._tasks.cancel()
        for connection in (self._connection, self._next):
            if connection is not None:
                await _end(connection)

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

    def _make(self, controlling: bool) -> IceConnection:
        return IceConnection(ice_controlling=controlling)

    def _newest(self) -> IceConnection:
        return self._next or self._require()

    def _require(self) -> IceConnection:
        if self._connection is None:
            raise ConnectError("The connection has not been prepared.")
        return self._connection


async def _connected(connection: IceConnection) -> IceConnection:
    await connection.connect()
    return connection


async def _attempt(way: Coroutine[Any, Any, IceConnection]) -> IceConnection | Exception:
    """What comes of a way; its failure is a result among others."""
    try:
        return await way
    except Exception as error:  # noqa: BLE001 - border: whatever a relay does, other ways are open
        return error


async def _add(connection: IceConnection, candidate: aioice.Candidate) -> None:
    try:
        await connection.add_remote_candidate(candidate)
    except ValueError as error:
        _log.warning("candidate refused: %s", error)


async def _end(connection: IceConnection) -> None:
    """Close a connection; a relay that does not answer is not waited for long."""
    try:
        async with asyncio.timeout(CLOSE_TIME):
            await connection.close()
    except TimeoutError:
        _log.info("a relay does not answer the end of its use")


async def _tls(server: TurnServer) -> Any:
    return await asyncio.to_thread(client_context) if server.secure else None
