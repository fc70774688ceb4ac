"""The client's end of signalling: one WebSocket, protobuf frames, pings, join and leave.

On LiveKit's v1 path where the server has it, for there the first offer comes with the join; else on the v0 path.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from engage_tui.errors import AuthError, ConnectError, EngageError, RefusedError
from engage_tui.rtc.leaving import DismissedError, JoinAnewError, Wish, wish
from engage_tui.rtc.proxy import open_session
from engage_tui.rtc.tls import tls_error
from engage_tui.tasks import TaskGroup
from engage_tui.wire import signal
from engage_tui.wire.join_request import build_join_request, request_for
from engage_tui.wire.token import read_claims

_log = logging.getLogger(__name__)
_OUTBOX = 1000  # messages waiting for the socket; when it is full the connection counts as lost
_CLOSE_TIME = 1.0  # seconds that a goodbye may take
_LOST_CLOSE_TIME = 0.05  # where nobody may be there to take it
_VALIDATE_TIME = 3.0
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]*\.?[\w-]*")


class SignalClient:
    """One signalling connection, from the join to the leave.

    Args:
        on_message: Called with every message after the join response, in order; it must not raise.
        on_lost: Called at most once, with the reason in words, when the connection ends without `close`.

    Attributes:
        token: The freshest access token: the server renews it.
        round_trip_time: Seconds of the last ping's way there and back; None until measured.
        is_single: The server took the v1 path: one connection carries both directions.
    """

    def __init__(
        self,
        on_message: Callable[[rtc.SignalResponse], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self.token = ""
        self.round_trip_time: float | None = None
        self.is_single = False
        self._on_message = on_message
        self._on_lost = on_lost
        self._tasks = TaskGroup("signalling")
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue(_OUTBOX)
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._heard = 0.0
        self._pinged = (0, 0.0)
        self._over = False

    @property
    def local_address(self) -> str:
        """The address of this machine on which it stands; empty where that is not known."""
        name = self._socket.get_extra_info("sockname") if self._socket is not None else None
        return str(name[0]) if name else ""

    async def join(
        self,
        url: str,
        token: str,
        options: signal.SignalOptions,
        timeout: float = 10.0,
        offer: rtc.SessionDescription | None = None,
    ) -> rtc.JoinResponse:
        """Connect and wait for the room.

        Args:
            url: The server's address.
            token: The access token.
            options: With `single` for the v1 path; a server that has none is joined on the v0 path.
            timeout: Seconds after which it gives up.
            offer: For the v1 path.

        Raises:
            UsageError: `url` is no server's address.
            ConnectError: No server answers there, or not in time.
            AuthError: The token was refused.
            RefusedError: The server does not let us in.
            JoinAnewError: It would, at another try.
        """
        first = await self._open(url, token, options, timeout, offer)
        match first.WhichOneof("message"):
            case "join":
                self._run(first.join.ping_interval, first.join.ping_timeout)
                return first.join
            case "leave" if wish(first.leave) is Wish.STAY_AWAY:
                error: EngageError = DismissedError(first.leave.reason)
            case "leave":
                error = JoinAnewError(f"{_place(url)} asks to join again.", "Try again.")
            case other:
                error = ConnectError(f"{_place(url)} answered {other!r} to a join.", _CHECK_ADDRESS)
        await self.close()
        raise error

    async def resume(
        self,
        url: str,
        token: str,
        options: signal.SignalOptions,
        pings: tuple[int, int],
        timeout: float = 10.0,
    ) -> rtc.ReconnectResponse:
        """Connect again to the session named in `options`, whose media connections still stand.

        Args:
            url: The server's address.
            token: The freshest access token.
            options: With `reconnect_sid`.
            pings: Interval and timeout in seconds, as the join said.
            timeout: Seconds after which it gives up.

        Raises:
            JoinAnewError: The server has no such session any more.
            DismissedError: It does not want us back.
            EngageError: As `join`.
        """
        first = await self._open(url, token, options, timeout)
        if first.WhichOneof("message") == "leave":
            await self.close()
            if wish(first.leave) is Wish.STAY_AWAY:
                raise DismissedError(first.leave.reason)
            raise JoinAnewError("The server has given up the session.", "Join again.")
        self._run(*pings)
        if first.WhichOneof("message") == "reconnect":
            return first.reconnect
        self._take(first)  # any other word means the same
        return rtc.ReconnectResponse()

    async def _open(
        self,
        url: str,
        token: str,
        options: signal.SignalOptions,
        timeout: float,
        offer: rtc.SessionDescription | None = None,
    ) -> rtc.SignalResponse:
        """Connect and wait for the first message."""
        self.token = token
        address = signal.join_url(url, options)
        request = build_join_request(request_for(options, offer)) if options.single else ""
        try:
            async with asyncio.timeout(timeout):
                self._session = await open_session(address)
                if request:
                    again = bool(options.reconnect_sid)  # a session stays on its path
                    self._socket = await self._dial(
                        url, signal.single_join_url(url, request), may_lack=not again
                    )
                    self.is_single = self._socket is not None
                if self._socket is None:
                    self._socket = await self._dial(url, address)
                first = await self._first_message(url)
        except TimeoutError as error:
            await self.close()
            raise ConnectError(
                f"{_place(url)} did not answer within {timeout:g} s.", _CHECK_ADDRESS
            ) from error
        except BaseException:
            await self.close()
            raise
        return first

    def _run(self, ping_interval: int, ping_timeout: int) -> None:
        assert self._socket is not None
        self._heard = time.monotonic()
        self._tasks.spawn(self._read(self._socket), "read")
        self._tasks.spawn(self._write(self._socket), "write")
        if ping_interval > 0:
            self._tasks.spawn(self._ping(ping_interval, ping_timeout), "ping")

    def send(self, request: rtc.SignalRequest) -> None:
        """Queue a request for the socket; a request for a lost connection is dropped."""
        if self._over:
            return
        try:
            self._outbox.put_nowait(request.SerializeToString())
        except asyncio.QueueFull:
            self._lost("the server reads no more")

    async def close(self, *, leave: bool = False, lost: bool = False) -> None:
        """End the connection; idempotent; leaves no task and no socket.

        Args:
            leave: Tell the server that we leave for good, instead of just going away.
            lost: Wait for no farewell of the server's.
        """
        self._over = True
        await self._tasks.cancel()
        socket, self._socket = self._socket, None
        if socket is not None:
            with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
                async with asyncio.timeout(_LOST_CLOSE_TIME if lost else _CLOSE_TIME):
                    if leave and not socket.closed:
                        await socket.send_bytes(_leave_request().SerializeToString())
                    await socket.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _dial(
        self, url: str, address: str, *, may_lack: bool = False
    ) -> aiohttp.ClientWebSocketResponse | None:
        """Open the socket; None where the server `may_lack` the path, and does."""
        assert self._session is not None
        try:
            return await self._session.ws_connect(
                address,
                headers={"Authorization": f"Bearer {self.token}"},
                max_msg_size=signal.MAX_FRAME,
                autoclose=False,
            )
        except aiohttp.WSServerHandshakeError as error:
            if may_lack and error.status == 404:
                return None
            raise await self._refusal(url, error.status) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            _log.info("cannot reach %s: %s", _place(url), error)
            if (untrusted := tls_error(_place(url), error)) is not None:
                raise untrusted from error
            raise ConnectError(
                f"No server answers at {_place(url)}.",
                "Start one with `engage-tui serve`, or check the address.",
            ) from error

    async def _refusal(self, url: str, status: int) -> EngageError:
        """Ask the server's validation in words why the WebSocket was refused."""
        assert self._session is not None
        body = ""
        try:
            async with (
                asyncio.timeout(_VALIDATE_TIME),
                self._session.get(
                    signal.validate_url(url), headers={"Authorization": f"Bearer {self.token}"}
                ) as answer,
            ):
                status = answer.status if answer.status != 200 else status
                body = _readable(await answer.text())
        except (TimeoutError, aiohttp.ClientError, OSError, UnicodeDecodeError) as error:
            _log.info("validation does not answer: %s", error)
        if status == 401 and _has_expired(self.token):
            body = "the token has expired"  # some servers say only that it is invalid
        return refusal(url, status, body)

    async def _first_message(self, url: str) -> rtc.SignalResponse:
        assert self._socket is not None
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            raise ConnectError(f"{_place(url)} hung up at once.", "The server's log may say why.")
        try:
            return rtc.SignalResponse.FromString(message.data)
        except DecodeError as error:
            raise ConnectError(f"{_place(url)} speaks another protocol.", _CHECK_ADDRESS) from error

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            self._heard = time.monotonic()
            if message.type is not aiohttp.WSMsgType.BINARY:
                continue
            try:
                response = rtc.SignalResponse.FromString(message.data)
            except DecodeError:
                _log.warning(
                    "dropped an unreadable signalling frame of %d bytes", len(message.data)
                )
                continue
            self._take(response)
        self._lost("the server closed the connection")

    def _take(self, response: rtc.SignalResponse) -> None:
        match response.WhichOneof("message"):
            case "pong_resp":
                if response.pong_resp.last_ping_timestamp == self._pinged[0]:
                    self.round_trip_time = time.monotonic() - self._pinged[1]
                return
            case "refresh_token":
                self.token = response.refresh_token
                return
        try:
            self._on_message(response)
        except Exception:  # noqa: BLE001 - border: one bad message must not end the call
            _log.exception("a %s message failed", response.WhichOneof("message"))

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            while True:
                await socket.send_bytes(await self._outbox.get())
        except (aiohttp.ClientError, OSError) as error:
            self._lost(f"sending failed: {error}")

    async def _ping(self, interval: float, timeout: float) -> None:
        while True:
            now = int(time.time() * 1000)
            self._pinged = (now, time.monotonic())
            self.send(rtc.SignalRequest(ping=now))
            request = rtc.SignalRequest()
            request.ping_req.timestamp = now
            request.ping_req.rtt = int((self.round_trip_time or 0) * 1000)
            self.send(request)
            await asyncio.sleep(interval)
            if timeout > 0 and time.monotonic() - self._heard > timeout:
                self._lost("the server fell silent")
                return

    def _lost(self, why: str) -> None:
        if not self._over:
            self._over = True
            _log.info("signalling lost: %s", why)
            self._on_lost(why)


_CHECK_ADDRESS = "Check the address: it should be a LiveKit server's, like ws://127.0.0.1:7880."


def refusal(url: str, status: int, body: str) -> EngageError:
    """The error for a join that the server refused over HTTP.

    Args:
        url: The server's address.
        status: The HTTP status.
        body: What the server said, a short text.
    """
    said = f" The server says: {body}." if body and "<" not in body else ""
    if status in (401, 403):
        if "expired" in body:
            return AuthError("The access token has expired.", "Ask for a new one.")
        return AuthError(
            f"The server refused the access token.{said}",
            "Key and secret must be the server's, and the token must allow joining.",
        )
    if body == signal.ROOM_NOT_FOUND:
        return RefusedError(
            "The room does not exist, and this server makes none on joining.",
            "Check the room's name, or have it created first.",
        )
    if status == 404:
        return ConnectError(f"{_place(url)} offers no LiveKit signalling.", _CHECK_ADDRESS)
    if 400 <= status < 500:
        return RefusedError(
            f"The server refused the join ({status}).{said}", "Check the room's and your own name."
        )
    if status == 503 and "limit" in body:
        return RefusedError(f"The server is full.{said}", "Try again when somebody has left.")
    return ConnectError(f"The server cannot take the join ({status}).{said}", "Try again later.")


def _readable(body: str) -> str:
    """A server's words without the tokens that some of them repeat, and not too many."""
    return _TOKEN.sub("…", body[:8192])[:300].strip()


def _has_expired(token: str) -> bool:
    try:
        expires = read_claims(token).expires
    except AuthError:
        return False
    return 0 < expires < time.time()


def _leave_request() -> rtc.SignalRequest:
    request = rtc.SignalRequest()
    request.leave.reason = models.CLIENT_INITIATED
    request.leave.action = rtc.LeaveRequest.DISCONNECT
    return request


def _place(url: str) -> str:
    """The address without anything secret that it may carry."""
    parts = urlsplit(url)
    host = parts.hostname or url
    return f"{host}:{parts.port}" if parts.port else host
