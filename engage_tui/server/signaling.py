"""The HTTP side: validation, the signalling WebSocket, and answers that LiveKit's clients understand."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web
from livekit.protocol import models, rtc

from engage_tui.server import requests
from engage_tui.server.access import Refused, authenticate
from engage_tui.server.client import Client
from engage_tui.server.descriptions import PUBLISH_CODECS
from engage_tui.server.doorway import attended
from engage_tui.server.limits import Allowance
from engage_tui.server.line import SignalLine
from engage_tui.server.requests import MAX_NAME
from engage_tui.server.turns import Turns
from engage_tui.wire.join_request import JoinRequestError, options_of, parse_join_request
from engage_tui.wire.signal import PROTOCOL, SignalOptions, parse_join_query
from engage_tui.wire.token import Claims

if TYPE_CHECKING:
    from engage_tui.server.app import RunningServer

_log = logging.getLogger(__name__)

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "*",
    "Access-Control-Allow-Headers": "*",
}
_VERSION = "1.9.0"  # of the livekit-server whose behaviour clients may expect of us
_PING_INTERVAL, _PING_TIMEOUT = 5, 15  # seconds
_HEARTBEAT = 10.0
_EFFORT = 0.25  # seconds of our time a second that one client's requests may cost


class Signaling:
    """The HTTP handlers of one server."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server

    def application(self) -> web.Application:
        """The aiohttp application with every route."""
        app = web.Application(middlewares=[attended, _cors])
        app.router.add_get("/", self._health)
        for slash in ("/", "//"):  # some clients append to an address that ends in a slash
            app.router.add_get(f"{slash}rtc", self._join)
            app.router.add_get(f"{slash}rtc/validate", self._validate)
            if self._server.config.single_connection:
                app.router.add_get(f"{slash}rtc/v1", self._join)
                app.router.add_get(f"{slash}rtc/v1/validate", self._validate)
        return app

    async def _health(self, _request: web.Request) -> web.StreamResponse:
        if not self._server.is_healthy:
            return web.Response(status=406, text="Not Ready")
        return web.Response(text="OK")

    async def _validate(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check(request)
            _wishes(request)
        except Refused as refused:
            return web.Response(status=refused.status, text=refused.text)
        return web.Response(text="success")

    async def _join(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            max_msg_size=self._server.config.limits.message_bytes, heartbeat=_HEARTBEAT
        )
        try:
            claims = self._check(request)
            if not socket.can_prepare(request):
                raise Refused(404, "")
            options, wishes = _wishes(request)
        except Refused as refused:
            self._server.metrics.refused[refused.status] += 1
            return web.Response(status=refused.status, text=refused.text)
        await socket.prepare(request)
        await self._server.mux.turns.mine()
        if options.reconnect_sid:
            client = self._server.session_of(claims, options)
            if client is None:
                await _refuse_resume(socket)
                return socket
            line = client.resume(socket)
        else:
            client = self._server.admit(claims, options)
            line = client.open(socket)
        requests.begin(client, wishes)
        try:
            await _read(socket, client, line, self._server.mux.turns)
        finally:
            client.signal_closed(line)
            line.end()
            await line.drained()
            if client.closed:
                await client.finished()
            await _let_go(socket)
        return socket

    def _check(self, request: web.Request) -> Claims:
        claims = authenticate(request, self._server.config.keys)
        if claims is None:
            raise Refused(401, "no permissions to access the room")
        grants = claims.grants
        if not claims.has_video_grant or not grants.room_join:
            raise Refused(401, "no permissions to access the room")
        if not claims.identity:
            raise Refused(400, "identity cannot be empty")
        if len(claims.identity) > MAX_NAME:
            raise Refused(400, f"participant identity length exceeds limits: max length {MAX_NAME}")
        if not grants.room:
            raise Refused(400, "no room name")
        if len(grants.room) > MAX_NAME:
            raise Refused(400, f"room name length exceeds limits: max length {MAX_NAME}")
        self._server.check_room_for(claims)
        return claims


def join_response(client: Client, met: list[models.ParticipantInfo]) -> rtc.SignalResponse:
    """The first message of a session."""
    grants = client.claims.grants
    return rtc.SignalResponse(
        join=rtc.JoinResponse(
            room=client.room.info,
            participant=client.info,
            other_participants=met,
            server_version=_VERSION,
            subscriber_primary=not client.options.single,
            ping_interval=_PING_INTERVAL,
            ping_timeout=_PING_TIMEOUT,
            server_info=models.ServerInfo(
                edition=models.ServerInfo.Standard,
                version=_VERSION,
                protocol=PROTOCOL,
                node_id="ND_engage",
            ),
            enabled_publish_codecs=[models.Codec(mime=mime) for mime in PUBLISH_CODECS],
            fast_publish=grants.can_publish or grants.may_send_data,
        )
    )


def _wishes(request: web.Request) -> tuple[SignalOptions, rtc.JoinRequest]:
    """What the address says of the client, and what it asks for at once (on the v1 path)."""
    if not request.path.rpartition("rtc")[2].startswith("/v1"):
        return parse_join_query(request.query), rtc.JoinRequest()
    try:
        wishes = parse_join_request(request.query.get("join_request", ""))
    except JoinRequestError as error:
        raise Refused(400, error.message) from error
    return options_of(wishes), wishes


async def _read(
    socket: web.WebSocketResponse, client: Client, line: SignalLine, turns: Turns
) -> None:
    allowance, effort = Allowance(client.room.limits.messages_per_second), Allowance(_EFFORT)
    async for message in socket:
        await turns.mine()  # a flood from one client must not starve the others, nor media
        began = time.thread_time()
        if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
            client.receive(message.data)
        if not client.hangs_on(line):
            return
        now = time.monotonic()
        wait = max(allowance.owe(1, now), effort.owe(time.thread_time() - began, now))
        if wait > 0:
            await asyncio.sleep(wait)  # the rest waits in the client


async def _let_go(socket: web.WebSocketResponse) -> None:
    """End it, and have it name nothing that names it: else it waits for the garbage collector."""
    await socket.close()
    # aiohttp sets the clock of its pings again by the peer's goodbye: it would hold the socket until it strikes.
    getattr(socket, "_cancel_heartbeat", lambda: None)()
    if (error := socket.exception()) is not None:
        error.__traceback__ = error.__context__ = error.__cause__ = None


async def _refuse_resume(socket: web.WebSocketResponse) -> None:
    """There is no such session any more: the client joins anew."""
    leave = rtc.LeaveRequest(
        can_reconnect=True,
        reason=models.DisconnectReason.STATE_MISMATCH,
        action=rtc.LeaveRequest.Action.RECONNECT,
    )
    await socket.send_bytes(rtc.SignalResponse(leave=leave).SerializeToString())
    await socket.close()


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let any page call us, and read our refusals too: browsers fall back to v0 by a 404 they can see."""
    if request.method == "OPTIONS":
        return web.Response(status=204, headers=_CORS)
    try:
        response = await handler(request)
    except web.HTTPException as error:
        return web.Response(status=error.status, text=error.reason, headers=_CORS)
    if not response.prepared:
        response.headers.update(_CORS)
    return response
