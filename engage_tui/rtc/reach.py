"""Whether a server can be reached at all, asked with little."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp

from engage_tui.errors import ConnectError, EngageError
from engage_tui.rtc.proxy import open_session, open_tunnel, proxy_for
from engage_tui.rtc.tls import tls_error
from engage_tui.wire.signal import validate_url

REACH_TIME = 5.0
"""Seconds in which a server must answer."""

PROBE_TIME = 1.0
"""Seconds that one TCP connect may take."""

PROBE_INTERVAL = 0.25
"""Seconds between two of them."""


async def reach(url: str, timeout: float = REACH_TIME) -> None:
    """Check by HTTP that a server answers at `url`, whatever it says.

    Raises:
        ConnectError: None does.
        UsageError: `url` is no server's address.
    """
    address = urlsplit(validate_url(url))
    place = f"{address.scheme}://{address.netloc}/"
    try:
        async with (
            asyncio.timeout(timeout),
            await open_session(place) as session,
            session.head(place, allow_redirects=False),
        ):
            return
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        if (untrusted := tls_error(address.netloc.rpartition("@")[2], error)) is not None:
            raise untrusted from error
        raise ConnectError(
            f"No server answers at {address.hostname}.", "Check the address and the network."
        ) from error


async def answers(url: str) -> bool:
    """Whether something accepts a TCP connection at the server's address, asked with nothing but that.

    Behind a proxy, whether that can connect to it.
    """
    address = urlsplit(validate_url(url))
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        async with asyncio.timeout(PROBE_TIME):
            if (proxy := proxy_for(url)) is not None:
                (await open_tunnel(proxy, address.hostname or "", port)).close()
                return True
            _, writer = await asyncio.open_connection(address.hostname, port)
    except (TimeoutError, OSError, EngageError):
        return False
    writer.close()
    return True


async def wait_for_return(url: str, seconds: float) -> None:
    """Wait `seconds`, or less: until a server that was away accepts connections again.

    A server that is there all the time and refuses us is not asked more often for that.
    """
    end = asyncio.get_running_loop().time() + seconds
    away = False
    while (left := end - asyncio.get_running_loop().time()) > 0:
        if await answers(url):
            if away:
                return
        else:
            away = True
        left = end - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, min(PROBE_INTERVAL, left)))
