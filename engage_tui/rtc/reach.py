"""Whether a server can be reached at all, asked with little."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp

from engage_tui.errors import ConnectError
from engage_tui.wire.signal import validate_url

REACH_TIME = 5.0
"""Seconds in which a server must answer."""

PROBE_TIME = 1.0
"""Seconds that one TCP connect may take."""


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
            aiohttp.ClientSession(trust_env=True) as session,
            session.head(place, allow_redirects=False),
        ):
            return
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise ConnectError(
            f"No server answers at {address.hostname}.", "Check the address and the network."
        ) from error
