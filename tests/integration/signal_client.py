"""A client that speaks signalling only: it says what a test wants it to say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from aioice import stun
from livekit.protocol import models, rtc

from engage_tui.server.app import RunningServer
from engage_tui.tasks import TaskGroup
from engage_tui.wire.join_request import build_join_request
from engage_tui.wire.sdp import Description
from tests.embedded import access_token
from tests.waiting import until


class SignalClient:
    """What the server sent, and a way to answer.

    Attributes:
        received: Every binary message, in order.
        texts: JSON frames.
        closed: The close code; None while open.
    """

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.received: list[rtc.SignalResponse] = []
        self.texts: list[str] = []
        self.closed: int | None = None

    async def read(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.BINARY:
                self.received.append(rtc.SignalResponse.FromString(message.data))
            elif message.type is WSMsgType.TEXT:
                self.texts.append(message.data)
        self.closed = self.socket.close_code

    def all(self, kind: str) -> list[rtc.SignalResponse]:
        return [message for message in self.received if message.WhichOneof("message") == kind]

    async def get(
        self,
        kind: str,
        accept: Callable[[rtc.SignalResponse], object] = lambda _: True,
        timeout: float = 5.0,
    ) -> rtc.SignalResponse:
        """The first message of a kind that `accept` likes."""
        found: list[rtc.SignalResponse] = []

        def look() -> bool:
            found[:] = [message for message in self.all(kind) if accept(message)]
            return bool(found)

        await until(look, timeout, f"{kind} for a client that got {self.kinds()}")
        return found[0]

    def kinds(self) -> list[str]:
        return [message.WhichOneof("message") or "" for message in self.received]

    async def send(self, request: rtc.SignalRequest) -> None:
        await self.socket.send_bytes(request.SerializeToString())

    async def alive(self) -> None:
        """Assert that the server still answers this client."""
        stamp = len(self.received) + 1000
        await self.send(rtc.SignalRequest(ping_req=rtc.Ping(timestamp=stamp)))
        await self.get("pong_resp", lambda m: m.pong_resp.last_ping_timestamp == stamp)

    @property
    def participants(self) -> dict[str, models.ParticipantInfo]:
        """The others' and the own last known state, by identity."""
        known: dict[str, models.ParticipantInfo] = {}
        for message in self.received:
            infos = [*message.update.participants, *message.join.other_participants]
            known |= {info.identity: info for info in infos}
        return known


@asynccontextmanager
async def opened(address: str, token: str) -> AsyncIterator[SignalClient]:
    """A client on a signalling address that negotiates nothing by itself."""
    tasks = TaskGroup("signal client")
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession() as session, session.ws_connect(address, headers=headers) as socket:
        client = SignalClient(socket)
        tasks.spawn(client.read(), "reader")
        try:
            yield client
        finally:
            await socket.close()
            await tasks.cancel()


@asynccontextmanager
async def joining(url: str, token: str, query: str = "") -> AsyncIterator[SignalClient]:
    """A client that joined on two connections (v0)."""
    async with opened(f"{url}/rtc?protocol=16&auto_subscribe=1{query}", token) as client:
        yield client


@asynccontextmanager
async def signalling(
    server: RunningServer, identity: str = "ada", *, query: str = "", token: str = ""
) -> AsyncIterator[SignalClient]:
    """`joining` on a server inside the test."""
    async with joining(server.url, token or access_token(identity), query) as client:
        yield client


@asynccontextmanager
async def signalling_single(
    server: RunningServer, request: rtc.JoinRequest, identity: str = "ada", **grants: Any
) -> AsyncIterator[SignalClient]:
    """A client that joined on one connection (v1)."""
    query = urlencode({"join_request": build_join_request(request)})
    token = access_token(identity, **grants)
    async with opened(f"{server.url}/rtc/v1?{query}", token) as client:
        yield client


def signed_check(offer: str) -> bytes:
    """A connectivity check as ICE sends it, signed with what the server's `offer` says."""
    section = Description.parse(offer).sections[0]
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{section.ice_ufrag}:x"
    message.attributes["PRIORITY"] = 1
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(section.ice_pwd.encode())
    return bytes(message)
