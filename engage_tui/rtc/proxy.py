"""The way to a server's signalling: direct, or through the HTTP proxy that the environment names.

``HTTPS_PROXY`` serves ``wss`` and ``https``, ``HTTP_PROXY`` the unencrypted ones, ``NO_PROXY`` excepts hosts. A
tunnel (CONNECT) is asked for in either case: proxies seldom hand WebSockets on in the clear. Media never go this way.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.client_proto import ResponseHandler

from engage_tui.errors import ConnectError, UsageError
from engage_tui.rtc.tls import client_context

CONNECT_TIME = 3.0
"""Seconds in which a connection must be there; a network that comes back is asked anew sooner than TCP itself would."""

MAX_ANSWER = 16_384
"""Bytes of the longest answer that a proxy may give to CONNECT."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy.

    Attributes:
        authorization: Value of ``Proxy-Authorization``; empty: none.
    """

    host: str
    port: int
    authorization: str = ""


def proxy_for(url: str) -> Proxy | None:
    """The proxy through which a server is reached; None: directly, as this machine's own always are.

    Raises:
        UsageError: The environment names something else than an HTTP proxy.
    """
    parts = urlsplit(url)
    secure = parts.scheme in ("wss", "https")
    text = getproxies().get("https" if secure else "http", "")
    host = parts.hostname or ""
    if not text or _is_excepted(host):
        return None
    named = urlsplit(text if "://" in text else f"http://{text}")
    try:
        port = named.port or 80
    except ValueError:
        port = 0
    if named.scheme != "http" or not named.hostname or not port:
        raise UsageError(
            f"The environment names no HTTP proxy, but {_without_secrets(named)}.",
            "HTTP_PROXY and HTTPS_PROXY look like http://HOST:PORT; NO_PROXY excepts servers.",
        )
    return Proxy(named.hostname, port, _authorization(named))


def _authorization(named: SplitResult) -> str:
    if named.username is None:
        return ""
    pair = f"{unquote(named.username)}:{unquote(named.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _without_secrets(named: SplitResult) -> str:
    return f"{named.scheme}://{named.netloc.rpartition('@')[2]}"


def _is_excepted(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost") or proxy_bypass(host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(
        address in network for network in _networks(getproxies().get("no", ""))
    )


def _networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks (``10.0.0.0/8``) of a list of exceptions."""
    networks = []
    for each in text.split(","):
        if "/" in each:
            try:
                networks.append(ipaddress.ip_network(each.strip(), strict=False))
            except ValueError:
                continue
    return networks


async def open_session(url: str) -> aiohttp.ClientSession:
    """A session for requests to one server; close it.

    Raises:
        UsageError: As `proxy_for`.
    """
    proxy = proxy_for(url)
    secure = urlsplit(url).scheme in ("wss", "https")
    context = await asyncio.to_thread(client_context) if secure else None
    timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_TIME)
    if proxy is not None:
        return aiohttp.ClientSession(connector=_TunnelConnector(proxy, context), timeout=timeout)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context or True), timeout=timeout
    )


async def open_tunnel(proxy: Proxy, host: str, port: int) -> socket.socket:
    """A socket that a proxy has connected to `host`; non-blocking, close it.

    Raises:
        ConnectError: The proxy is not there, or does not want to.
    """
    loop = asyncio.get_running_loop()
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    connection = await _connect(proxy)
    try:
        await loop.sock_sendall(connection, ("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer and len(answer) < MAX_ANSWER:
            # One byte after the other: what follows the answer belongs to the server.
            part = await loop.sock_recv(connection, 1)
            if not part:
                break
            answer += part
        _check(proxy, answer.partition(b"\r\n")[0], place)
    except OSError as error:
        connection.close()
        raise _no_proxy(proxy) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _check(proxy: Proxy, status: bytes, place: str) -> None:
    words = status.decode("latin-1").split(" ", 2)
    code = words[1] if len(words) > 1 and words[0].startswith("HTTP/1.") else ""
    if code.startswith("2") and len(code) == 3:
        return
    if code == "407":
        raise ConnectError(
            f"The proxy {proxy.host}:{proxy.port} wants a name and a password.",
            "Put them into HTTPS_PROXY or HTTP_PROXY: http://NAME:PASSWORD@HOST:PORT.",
        )
    if not code:
        raise ConnectError(f"{proxy.host}:{proxy.port} is no HTTP proxy.", _CHECK)
    raise ConnectError(
        f"The proxy {proxy.host}:{proxy.port} does not connect to {place} ({' '.join(words[1:])}).",
        "Check the server's address, or except it with NO_PROXY.",
    )


_CHECK = "Check HTTP_PROXY and HTTPS_PROXY, or except the server with NO_PROXY."


def _no_proxy(proxy: Proxy) -> ConnectError:
    return ConnectError(f"No proxy answers at {proxy.host}:{proxy.port}.", _CHECK)


async def _connect(proxy: Proxy) -> socket.socket:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise _no_proxy(proxy) from error
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, address)
        except OSError:
            connection.close()
            continue
        except BaseException:
            connection.close()
            raise
        return connection
    raise _no_proxy(proxy)


class _TunnelConnector(aiohttp.BaseConnector):
    """Gives aiohttp connections through a proxy's tunnels."""

    def __init__(self, proxy: Proxy, context: ssl.SSLContext | None) -> None:
        super().__init__()
        self._proxy = proxy
        self._context = context

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        """Called by aiohttp for each new connection; the session's own timeouts stand around it."""
        del traces, timeout
        host, port = req.url.raw_host or "", req.url.port or 80
        tunnel = await open_tunnel(self._proxy, host, port)
        try:
            _, protocol = await asyncio.get_running_loop().create_connection(
                self._factory,
                sock=tunnel,
                ssl=self._context,
                server_hostname=host if self._context is not None else None,
            )
        except BaseException:
            tunnel.close()
            raise
        return protocol
