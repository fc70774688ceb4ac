"""This machine's addresses, watched for the ones that a connection stands on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from aioice.ice import get_host_addresses

INTERVAL = 0.5
"""Seconds between two looks."""


def own_addresses() -> set[str]:
    """The addresses of this machine's interfaces; without those that only the machine itself, or one cable, knows."""
    return set(get_host_addresses(use_ipv4=True, use_ipv6=True))


async def one_vanished(in_use: Callable[[], Iterable[str]]) -> str:
    """Wait until the machine loses an address that is in use, and return it.

    Args:
        in_use: The addresses that matter now. Those that the machine never had (loopback, relays) are passed over.
    """
    seen = own_addresses()
    while True:
        await asyncio.sleep(INTERVAL)
        present = own_addresses()
        seen |= present
        for address in in_use():
            if address in seen and address not in present:
                return address
