"""Where a peer can be reached: an address counts once it has answered a check of ours.

A lite end of ICE believes whoever signs a check, and the sender of a datagram can be forged: without proof a
participant could have a room's pictures sent to somebody who never asked for them. So until an address has
answered, it gets nothing but answers and checks, and of both less than three times what came from it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from engage_tui.server.stun import Address, build_request

AMPLIFICATION = 3
"""Bytes that an address may get for each that came from it, until it has proven itself; as in QUIC (RFC 9000, 8.1)."""

_LONGEST = 256  # characters of a name or a password (RFC 8839, 5.4)
_AGAIN = 0.05  # seconds between two checks of ours


@dataclass(slots=True)
class Path:
    """What is known of one address.

    Attributes:
        proven: Somebody there has read what we sent.
        nominated: The peer chose it; it is taken once it is proven.
        credit: Bytes that may still be sent to it unproven.
    """

    proven: bool = False
    nominated: bool = False
    credit: int = 0
    transaction: bytes = field(default_factory=lambda: secrets.token_bytes(12))
    asked: float = 0.0


class Paths(dict[Address, Path]):
    """The addresses of one peer, oldest first.

    Args:
        send: Sends a datagram.
        ufrag: Our present ICE name.
    """

    def __init__(self, send: Callable[[bytes, Address], None], ufrag: Callable[[], str]) -> None:
        super().__init__()
        self._send = send
        self._ufrag = ufrag
        self._remote = ("", "")

    def end(self) -> None:
        """The peer is gone: nobody is asked any more."""
        self._remote = ("", "")
        self._ufrag = str  # the peer's transport asks by us, and has us

    def meet(self, ufrag: str, password: str) -> None:
        """The peer's ICE name and password, by which our checks are signed: ask those that wait for it."""
        if not 0 < len(ufrag) <= _LONGEST or len(password) > _LONGEST:
            return
        if (ufrag, password) != self._remote:
            self._remote = (ufrag, password)
            for address, path in self.items():
                path.asked = 0.0
                self.ask(address)

    def ask(self, address: Address) -> None:
        """Let `address` prove itself, unless it has, or was asked just now, or has sent too little."""
        path = self[address]
        now = time.monotonic()
        if path.proven or not self._remote[0] or now - path.asked < _AGAIN:
            return
        name, password = self._remote
        check = build_request(f"{name}:{self._ufrag()}", password, path.transaction)
        if len(check) > path.credit:
            return
        path.credit -= len(check)
        path.asked = now
        self._send(check, address)
