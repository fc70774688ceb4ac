"""Which way to a server, and what a proxy may answer."""

from __future__ import annotations

import asyncio
import base64
import inspect

import aiohttp
import pytest

from engage_tui.errors import ConnectError, UsageError
from engage_tui.rtc.proxy import Proxy, open_tunnel, proxy_for
from engage_tui.rtc.reach import answers
from tests.proxies import connect_proxy
from tests.servers import free_ports


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("ws://far.example", Proxy("plain.example", 3128)),
        ("http://far.example", Proxy("plain.example", 3128)),
        ("wss://far.example", Proxy("safe.example", 80, "Basic " + "YTpiQA==")),
        ("wss://FAR.example:7880/rtc", Proxy("safe.example", 80, "Basic " + "YTpiQA==")),
        ("wss://near.example", None),
        ("wss://deep.near.example", None),
        ("ws://10.1.2.3:7880", None),
        ("ws://11.1.2.3:7880", Proxy("plain.example", 3128)),
        ("ws://localhost:7880", None),
        ("ws://127.0.0.1:7880", None),
        ("ws://[::1]:7880", None),
    ],
)
def test_the_environment_names_it(
    url: str, wanted: Proxy | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert proxy_for(url) is None
    monkeypatch.setenv("HTTP_PROXY", "plain.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://a:b%40@safe.example")
    monkeypatch.setenv("NO_PROXY", "near.example, 10.0.0.0/8,nonsense/99")
    assert base64.b64decode("YTpiQA==") == b"a:b@"
    assert proxy_for(url) == wanted


@pytest.mark.parametrize(
    "text", ["socks5://u:s3cret@far:1", "https://far", "http://far:x", "http://"]
)
def test_what_is_no_http_proxy_is_said(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", text)
    with pytest.raises(UsageError, match="no HTTP proxy") as caught:
        proxy_for("wss://far.example")
    assert "s3cret" not in str(caught.value)


async def test_what_a_proxy_answers() -> None:
    async with connect_proxy("ada", "p:w") as proxy:
        place = ("far.example", proxy.port)
        with pytest.raises(ConnectError, match="name and a password"):
            await open_tunnel(Proxy("127.0.0.1", proxy.port), *place)
        pair = base64.b64encode(b"ada:p:w").decode()
        known = Proxy("localhost", proxy.port, f"Basic {pair}")
        (await open_tunnel(known, *place)).close()
        (await open_tunnel(known, "::1", proxy.port)).close()
        assert proxy.asked[-1] == f"[::1]:{proxy.port}"
        for status, words in (
            ("HTTP/1.1 502 Bad Gateway", "does not connect to far.example.*502 Bad Gateway"),
            ("SSH-2.0-server", "no HTTP proxy"),
            ("", "no HTTP proxy"),
            ("HTTP/1.1 200000 x" + "y" * 20_000, "does not connect"),
        ):
            proxy.refuse = status or "\r\n\r\n"
            with pytest.raises(ConnectError, match=words):
                await open_tunnel(known, *place)
    with pytest.raises(ConnectError, match="No proxy answers"):
        await open_tunnel(Proxy("127.0.0.1", free_ports(1)[0]), "far.example", 1)


def test_aiohttp_has_the_names_that_the_tunnel_needs() -> None:
    parameters = inspect.signature(aiohttp.BaseConnector._create_connection).parameters
    assert list(parameters) == ["self", "req", "traces", "timeout"]
    assert "self._factory = " in inspect.getsource(aiohttp.BaseConnector.__init__)


async def test_whether_a_server_is_back_is_asked_through_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with connect_proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert await answers(f"ws://far.example:{proxy.port}")
        proxy.refuse = "HTTP/1.1 503 Away"
        assert not await answers(f"ws://far.example:{proxy.port}")
        assert len(proxy.asked) == 2
    assert not await asyncio.wait_for(answers(f"ws://far.example:{proxy.port}"), 5)
