"""Connections of people who have not said yet what they want: how long they may take, and how many there may be."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from dataclasses import dataclass
from typing import Protocol

from engage_tui.server.limits import Limits

_log = logging.getLogger(__name__)

_SAY_EVERY = 60.0  # seconds between two lines about one port
_HOUSEHOLD = 64  # bits of an IPv6 address: what follows is one customer's to choose


class Visitor(Protocol):
    """A connection."""

    def turn_away(self) -> None:
        """End it at once."""


@dataclass(slots=True)
class _Wait:
    home: str
    timer: asyncio.TimerHandle
    said_before: bool


class Strangers:
    """The connections to one port that wait for their other end to say what it wants.

    Who takes too long is turned away. Where too many wait, from one address or in all, those who have waited longest
    make room: whoever means it has spoken long before, even through a flood.

    Args:
        port: What the log calls it.
        limits: How many, and how long.
    """

    def __init__(self, port: str, limits: Limits) -> None:
        self._port = port
        self._limits = limits
        self._waiting: dict[Visitor, _Wait] = {}  # as all here: who came first is first
        self._at: dict[str, dict[Visitor, None]] = {}
        self._said = -_SAY_EVERY
        self._count = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, visitor: Visitor) -> bool:
        return visitor in self._waiting

    def add(self, visitor: Visitor, host: str, patience: float | None = None) -> None:
        """Begin to wait.

        Args:
            visitor: The connection.
            host: The address of its other end.
            patience: Seconds for one that has said something before and may say more: it just ends then.
        """
        self.remove(visitor)
        home = _home(host)
        wait = self._limits.stranger_seconds if patience is None else patience
        timer = asyncio.get_running_loop().call_later(wait, self._too_slow, visitor)
        self._waiting[visitor] = _Wait(home, timer, patience is not None)
        here = self._at.setdefault(home, {})
        here[visitor] = None
        if len(here) > self._limits.strangers_per_address:
            self._turn_away(next(iter(here)), "too many of one address")
        elif len(self._waiting) > self._limits.strangers:
            self._turn_away(next(iter(self._waiting)), "too many in all")

    def remove(self, visitor: Visitor) -> None:
        """It said what it wants, or is gone; nothing if it did not wait."""
        if (wait := self._waiting.pop(visitor, None)) is None:
            return
        wait.timer.cancel()
        here = self._at[wait.home]
        del here[visitor]
        if not here:
            del self._at[wait.home]

    def close(self) -> None:
        """Turn everybody away."""
        for visitor in list(self._waiting):
            self.remove(visitor)
            visitor.turn_away()

    def _too_slow(self, visitor: Visitor) -> None:
        self._turn_away(visitor, "too slow")

    def _turn_away(self, visitor: Visitor, why: str) -> None:
        wait = self._waiting[visitor]
        self.remove(visitor)
        visitor.turn_away()
        if not wait.said_before:
            self._say(wait.home, why)

    def _say(self, home: str, why: str) -> None:
        """A line in the log, but not for each: strangers must not fill it."""
        self._count += 1
        now = time.monotonic()
        if now - self._said >= _SAY_EVERY:
            words = "%d connections to the %s ended that had not said what they want, the last one from %s: %s"
            _log.info(words, self._count, self._port, home, why)
            self._said, self._count = now, 0


def _home(host: str) -> str:
    """What counts as one address: an IPv4 address, or all that one IPv6 customer has."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, _HOUSEHOLD), strict=False))
