"""The signalling client against servers that refuse, fall silent, hang up or talk nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSMsgType, web
from livekit.protocol import models, rtc

from engage_tui.errors import AuthError, ConnectError, EngageError, RefusedError, UsageError
from engage_tui.rtc.leaving import DismissedError, JoinAnewError
from engage_tui.rtc.signaling import SignalClient, refusal
from engage_tui.wire.join_request import options_of, parse_join_request
from engage_tui.wire.signal import ROOM_NOT_FOUND, SignalOptions
from tests.servers import free_ports
from tests.waiting import until

Serve = Callable[[web.WebSocketResponse], Awaitable[None]]


@asynccontextmanager
async def a_server(
    serve: Serve | None = None,
    *,
    status: int = 0,
    body: str = "",
    single: list[rtc.JoinRequest] | None = None,
) -> AsyncIterator[str]:
    """A server that gives each socket to `serve`, or refuses with `status` and `body`.

    Args:
        serve: Plays the server.
        status: Of the refusal; 0: none.
        body: What validation says.
        single: Have the v1 path too, and collect here what is asked there.
    """

    async def rtc_route(request: web.Request) -> web.StreamResponse:
        if status:
            return web.Response(status=status)
        assert request.headers["Authorization"] == "Bearer token"
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert serve is not None
        await serve(socket)
        return socket

    async def validate(request: web.Request) -> web.Response:
        return web.Response(status=status or 200, text=body)

    async def v1_route(request: web.Request) -> web.StreamResponse:
        assert single is not None
        single.append(parse_join_request(request.query["join_request"]))
        return await rtc_route(request)

    app = web.Application()
    app.add_routes([web.get("/rtc", rtc_route), web.get("/rtc/validate", validate)])
    if single is not None:
        app.add_routes([web.get("/rtc/v1", v1_route)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Listener:
    """A client that remembers what it hears."""

    def __init__(self) -> None:
        self.messages: list[rtc.SignalResponse] = []
        self.losses: list[str] = []
        self.client = SignalClient(self.messages.append, self.losses.append)

    async def join(self, url: str, timeout: float = 5.0) -> rtc.JoinResponse:
        return await self.client.join(url, "token", SignalOptions(auto_subscribe=False), timeout)


def welcome(interval: int = 0, timeout: int = 0) -> bytes:
    response = rtc.SignalResponse()
    response.join.room.name = "hall"
    response.join.ping_interval, response.join.ping_timeout = interval, timeout
    return response.SerializeToString()


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, "invalid authorization token: Signature has expired", AuthError, "expired"),
        (401, "invalid API key", AuthError, "invalid API key"),
        (
            401,
            "invalid token: eyJh.eyJi.c2ln, error: bad",
            AuthError,
            "invalid token: …, error: bad",
        ),
        (403, "permissions denied", AuthError, "permissions denied"),
        (404, ROOM_NOT_FOUND, RefusedError, "does not exist"),
        (404, "<html>nginx</html>", ConnectError, "no LiveKit signalling"),
        (400, "no room name", RefusedError, "no room name"),
        (503, "node has exceeded its configured limit", RefusedError, "limit"),
        (503, "upstream is away", ConnectError, "away"),
    ],
)
async def test_a_refusal_says_why(
    status: int, body: str, kind: type[EngageError], words: str
) -> None:
    listener = Listener()
    async with a_server(status=status, body=body) as url:
        with pytest.raises(EngageError) as caught:
            await listener.join(url)
    assert type(caught.value) is kind
    assert words in caught.value.message
    assert caught.value.hint


async def test_no_server_and_no_address() -> None:
    with pytest.raises(ConnectError, match="No server answers at 127.0.0.1"):
        await Listener().join(f"ws://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(UsageError):
        await Listener().join("hall")


async def test_a_server_that_never_answers_is_given_up() -> None:
    async def silent(socket: web.WebSocketResponse) -> None:
        await socket.receive()

    async with a_server(silent) as url:
        with pytest.raises(ConnectError, match="did not answer"):
            await Listener().join(url, 0.2)


@pytest.mark.parametrize("first", [b"\xff\xff\xff", rtc.SignalResponse(pong=1).SerializeToString()])
async def test_a_first_message_that_is_no_welcome(first: bytes) -> None:
    async def nonsense(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(first)
        await socket.receive()

    async with a_server(nonsense) as url:
        with pytest.raises(ConnectError):
            await Listener().join(url)


@pytest.mark.parametrize(
    ("leave", "kind"),
    [
        (rtc.LeaveRequest(reason=models.DUPLICATE_IDENTITY), DismissedError),
        (rtc.LeaveRequest(action=rtc.LeaveRequest.RECONNECT), JoinAnewError),
        (rtc.LeaveRequest(action=rtc.LeaveRequest.RESUME), JoinAnewError),
        (rtc.LeaveRequest(can_reconnect=True), JoinAnewError),
    ],
)
async def test_a_leave_as_the_first_message(
    leave: rtc.LeaveRequest, kind: type[EngageError]
) -> None:
    async def full(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(rtc.SignalResponse(leave=leave).SerializeToString())

    async with a_server(full) as url:
        with pytest.raises(kind):
            await Listener().join(url)


async def test_pings_measure_the_round_trip_and_the_token_is_renewed() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(welcome(interval=1, timeout=3))
        await socket.send_bytes(rtc.SignalResponse(refresh_token="fresh").SerializeToString())
        await socket.send_bytes(b"\xff\xff")
        await socket.send_str("text")
        async for message in socket:
            request = rtc.SignalRequest.FromString(message.data)
            if request.WhichOneof("message") == "ping_req":
                response = rtc.SignalResponse()
                response.pong_resp.last_ping_timestamp = request.ping_req.timestamp
                await socket.send_bytes(response.SerializeToString())

    listener = Listener()
    async with a_server(serve) as url:
        join = await listener.join(url)
        assert join.room.name == "hall"
        await until(lambda: listener.client.round_trip_time is not None)
        assert 0 <= (listener.client.round_trip_time or 0) < 5
        assert listener.client.token == "fresh"
        assert listener.messages == [], "neither nonsense nor what the client serves itself"
        await listener.client.close()
    assert listener.losses == []


async def test_a_silent_server_counts_as_lost_and_so_does_one_that_hangs_up() -> None:
    async def silent(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(welcome(interval=1, timeout=1))
        async for _ in socket:
            pass

    async def gone(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(welcome())
        await socket.close()

    for serve, words in ((silent, "silent"), (gone, "closed")):
        listener = Listener()
        async with a_server(serve) as url:
            await listener.join(url)
            await until(lambda heard=listener.losses: heard, 6)  # type: ignore[misc]
            assert words in listener.losses[0]
            await listener.client.close()
        assert len(listener.losses) == 1


async def test_requests_go_out_in_order_and_leaving_is_said() -> None:
    received: list[rtc.SignalRequest] = []
    over = asyncio.Event()

    async def serve(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(welcome())
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                received.append(rtc.SignalRequest.FromString(message.data))
        over.set()

    listener = Listener()
    async with a_server(serve) as url:
        await listener.join(url)
        for number in range(5):
            request = rtc.SignalRequest()
            request.mute.sid = str(number)
            listener.client.send(request)
        await until(lambda: len(received) == 5)
        await listener.client.close(leave=True)
        await listener.client.close(leave=True)
        listener.client.send(rtc.SignalRequest())
        await asyncio.wait_for(over.wait(), 5)
    assert [each.mute.sid for each in received[:-1]] == list("01234")
    assert received[-1].leave.reason == models.CLIENT_INITIATED
    assert listener.losses == []


async def stay(socket: web.WebSocketResponse) -> None:
    await socket.send_bytes(welcome())
    async for _ in socket:
        pass


async def test_the_first_offer_comes_with_the_join() -> None:
    asked: list[rtc.JoinRequest] = []
    offer = rtc.SessionDescription(type="offer", id=1, sdp="v=0")
    options = SignalOptions(auto_subscribe=False, single=True)
    client = Listener().client
    async with a_server(stay, single=asked) as url:
        await client.join(url, "token", options, 5, offer)
        assert client.is_single
        await client.close()
    (request,) = asked
    assert request.publisher_offer == offer
    assert options_of(request) == options


async def test_a_server_without_the_path_for_one_connection_is_joined_on_the_other() -> None:
    options = SignalOptions(auto_subscribe=False, single=True)
    client = Listener().client
    async with a_server(stay) as url:
        join = await client.join(url, "token", options, 5)
        assert join.room.name == "hall"
        assert not client.is_single
        await client.close()


async def test_a_session_is_resumed_on_its_own_path() -> None:
    asked: list[rtc.JoinRequest] = []
    options = SignalOptions(auto_subscribe=False, single=True, reconnect_sid="PA_x")
    async with a_server(stay, single=asked) as url:
        client = Listener().client
        await client.resume(url, "token", options, (0, 0), 5)
        await client.close()
    assert [options_of(each).reconnect_sid for each in asked] == ["PA_x"]
    async with a_server(stay) as url:  # not there any more
        with pytest.raises(ConnectError):
            await Listener().client.resume(url, "token", options, (0, 0), 5)


def test_a_refusal_repeats_no_secret() -> None:
    assert "s3cret" not in str(refusal("ws://user:s3cret@host/path", 404, ""))
