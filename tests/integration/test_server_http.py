"""Joining over HTTP: who is let in, and the words for who is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import jwt
import pytest
from aiohttp import ClientSession, WSServerHandshakeError
from livekit.protocol import rtc

from engage_tui.errors import PortInUseError, UsageError
from engage_tui.server.app import RunningServer, ServerConfig, start_server
from engage_tui.server.limits import Limits
from engage_tui.wire.join_request import build_join_request
from engage_tui.wire.token import DEV_KEY, DEV_SECRET, Grants, create_token
from tests.embedded import SECRET, access_token, embedded_server
from tests.integration.signal_client import signalling


@pytest.fixture
async def http(server: RunningServer) -> AsyncIterator[ClientSession]:
    async with ClientSession(server.url.replace("ws", "http", 1)) as session:
        yield session


def foreign_token() -> str:
    return create_token("other", SECRET, Grants(room="r", room_join=True), identity="ada")


def forged_token() -> str:
    return create_token(DEV_KEY, "x" * 32, Grants(room="r", room_join=True), identity="ada")


def token_without_grant() -> str:
    return jwt.encode({"iss": DEV_KEY, "sub": "ada", "exp": 4_000_000_000}, SECRET)


def unsigned_token() -> str:
    claim = {"room": "hall", "roomJoin": True}
    claims = {"iss": DEV_KEY, "sub": "ada", "exp": 4_000_000_000, "video": claim}
    return jwt.encode(claims, "", algorithm="none")


def token_of_tomorrow() -> str:
    claim = {"room": "hall", "roomJoin": True}
    claims = {"iss": DEV_KEY, "sub": "ada", "exp": 4_000_000_000, "nbf": 3_999_999_000}
    return jwt.encode(claims | {"video": claim}, SECRET)


REFUSED: dict[str, tuple[Callable[[], str], int, str]] = {
    "no token": (lambda: "", 401, "no permissions to access the room"),
    "garbage": (lambda: "garbage", 401, "invalid authorization token"),
    "foreign key": (foreign_token, 401, "invalid API key"),
    "forged": (forged_token, 401, "invalid authorization token: "),
    "unsigned": (unsigned_token, 401, "invalid authorization token: "),
    "not yet valid": (token_of_tomorrow, 401, "invalid authorization token: "),
    "oversize": (
        lambda: access_token("ada", metadata="x" * 20_000),
        401,
        "invalid authorization token: longer than",
    ),
    "expired": (lambda: access_token("ada", ttl=-3600), 401, "invalid authorization token: "),
    "no join": (lambda: access_token("ada", room_join=False), 401, "no permissions"),
    "no video grant": (token_without_grant, 401, "no permissions"),
    "no identity": (lambda: access_token(""), 400, "identity cannot be empty"),
    "long identity": (lambda: access_token("a" * 257), 400, "participant identity length exceeds"),
    "no room": (lambda: access_token("ada", room=""), 400, "no room name"),
    "long room": (lambda: access_token("ada", room="r" * 257), 400, "room name length exceeds"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_refusals(server: RunningServer, http: ClientSession, case: str) -> None:
    make, status, words = REFUSED[case]
    token = make()
    for path in ("/rtc/validate", "/rtc"):
        async with http.get(path, params={"access_token": token} if token else {}) as answer:
            assert answer.status == status
            assert (await answer.text()).startswith(words)
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
    with pytest.raises(WSServerHandshakeError) as refused:
        await http.ws_connect("/rtc", params={"access_token": token})
    assert refused.value.status == status
    assert server.rooms == {}


async def test_a_good_token_is_welcome_in_the_header_and_in_the_address(
    http: ClientSession,
) -> None:
    token = access_token("ada")
    headers = {"Authorization": f"Bearer {token}"}
    async with http.get("/rtc/validate", headers=headers) as answer:
        assert (answer.status, await answer.text()) == (200, "success")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    async with http.get("/rtc/validate", params={"access_token": token}) as answer:
        assert answer.status == 200
    async with http.get("/rtc/validate", headers={"Authorization": token}) as answer:
        assert answer.status == 401
        assert "Must start with Bearer" in await answer.text()


async def test_paths_that_are_not_served(http: ClientSession) -> None:
    token = access_token("ada")
    for path in ("/rtc", "/nonsense"):
        async with http.get(path, params={"access_token": token}) as answer:
            assert answer.status == 404, path
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
    async with http.get("/") as answer:
        assert (answer.status, await answer.text()) == (200, "OK")
    async with http.options("/rtc/validate") as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_the_one_connection_path_needs_its_parameter(http: ClientSession) -> None:
    token = access_token("ada")
    good = {
        "access_token": token,
        "join_request": build_join_request(rtc.JoinRequest(metadata="m")),
    }
    async with http.get("/rtc/v1/validate", params=good) as answer:
        assert (answer.status, await answer.text()) == (200, "success")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    for text, words in (("", "join_request is required"), ("%%", "join_request cannot be read")):
        params = {"access_token": token, "join_request": text}
        async with http.get("/rtc/v1/validate", params=params) as answer:
            assert (answer.status, await answer.text()) == (400, words)
        with pytest.raises(WSServerHandshakeError) as refused:
            await http.ws_connect("/rtc/v1", params=params)
        assert refused.value.status == 400


async def test_a_server_of_two_connections_lets_clients_fall_back() -> None:
    async with embedded_server(single_connection=False) as server, ClientSession() as http:
        token = access_token("ada")
        for path in ("/rtc/v1", "/rtc/v1/validate"):
            url = server.url.replace("ws", "http", 1) + path
            async with http.get(url, params={"access_token": token}) as answer:
                assert answer.status == 404
                assert answer.headers["Access-Control-Allow-Origin"] == "*"
                # These words would tell clients that falling back is of no use.
                assert "requested room does not exist" not in await answer.text()


async def test_a_full_server_says_so() -> None:
    async with embedded_server(limits=Limits(participants=1)) as server, signalling(server):
        with pytest.raises(WSServerHandshakeError) as refused:
            async with signalling(server, "bob"):
                pass
        assert refused.value.status == 503
        async with signalling(server, "ada") as again:  # her own place is not taken
            await again.get("join")


async def test_ports_in_use_are_named(server: RunningServer) -> None:
    with pytest.raises(PortInUseError, match=f"TCP port {server.port} .* in use") as tcp:
        await start_server(ServerConfig(port=server.port, rtc_port=0))
    assert "--port" in tcp.value.hint
    assert tcp.value.exit_code == 6
    with pytest.raises(PortInUseError, match=f"UDP port {server.rtc_port}"):
        await start_server(ServerConfig(port=0, rtc_port=server.rtc_port))


@pytest.mark.parametrize("bind", ["0.0.0.0", "192.0.2.1"])
async def test_the_development_secret_stays_at_home(bind: str) -> None:
    with pytest.raises(UsageError, match="development secret"):
        await start_server(ServerConfig(bind=bind, port=0, rtc_port=0, keys={DEV_KEY: DEV_SECRET}))


async def test_an_address_of_somebody_else_is_refused() -> None:
    with pytest.raises(UsageError, match="Cannot listen on 192.0.2.1"):
        await start_server(ServerConfig(bind="192.0.2.1", port=0, rtc_port=0, keys={"k": SECRET}))


async def test_every_address_is_announced_when_all_are_bound() -> None:
    async with embedded_server(bind="0.0.0.0") as server, signalling(server) as client:
        offer = (await client.get("offer")).offer.sdp
        assert f"127.0.0.1 {server.rtc_port} typ host" in offer
        assert "0.0.0.0 " not in "".join(
            line for line in offer.splitlines() if line.startswith("a=candidate")
        )
        assert server.url == f"ws://127.0.0.1:{server.port}"
