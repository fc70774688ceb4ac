"""This machine's addresses, watched for the ones that a connection stands on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable

from aioice.ice import get_host_addresses

INTERVAL = 0.5
"""Seconds between two looks."""

FOREIGN = "192.0.2.1"
"""An address that no machine has (RFC 5737)."""


def own_addresses() -> set[str]:
    """The addresses of this machine's interfaces; without those that only the machine itself, or one cable, knows."""
    return set(get_host_addresses(use_ipv4=True, use_ipv6=True))


def can_bind(address: str) -> bool:
    """Whether a socket can be given the address: what a machine no longer has cannot be."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


async def one_vanished(in_use: Callable[[], Iterable[str]]) -> str:
    """Wait until the machine loses an address that is in use, and return it.

    Args:
        in_use: The addresses that matter now. Those that the machine never had (loopback, relays) are passed over.
    """
    seen = own_addresses()
    never = {""}  # as many as a call stands on, one after another
    # Some machines are set to bind to what they do not have; then only the list tells, which takes far longer.
    sure = not can_bind(FOREIGN)
    while True:
        await asyncio.sleep(INTERVAL)
        for address in set(in_use()) - never:
            if address not in seen:
                seen |= own_addresses()
                if address not in seen:
                    never.add(address)
            elif not (sure and can_bind(address)) and address not in own_addresses():
                return address
