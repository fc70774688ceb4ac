"""Between a socket and aioice: media told from checks by their first byte, and all that waits read at one turn.

The packets of one picture come together; a turn of the event loop for each costs more than to read it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from aioice.ice import StunProtocol

LARGEST = 1 << 16
"""Bytes, as many as no datagram has, that room is made for to read one.

asyncio would make room for four times as much: a size for which the system is asked anew each time.
"""

AT_ONCE = 16
"""Datagrams read at one turn; then others have theirs."""

_LAST_OF_STUN = 3  # the first byte of what belongs to STUN (RFC 7983 7)

Taker = Callable[[bytes, int], None]


class Datagrams(asyncio.DatagramProtocol):
    """The protocol of one socket, in the place of aioice's, which gets what concerns it.

    Args:
        stun: aioice's, for checks and everything else that happens.
        take: Gets each packet that is no check, and the component that it came for.
        transport: The socket's; this becomes its protocol.
    """

    def __init__(
        self, stun: StunProtocol, take: Taker, transport: asyncio.DatagramTransport
    ) -> None:
        self._stun = stun
        self._give = take
        self._component = stun.local_candidate.component
        self._transport = transport
        self._socket: socket.socket | None = None
        if isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop):
            # A second handle of the same socket: asyncio's own is not to be read from.
            self._socket = transport.get_extra_info("socket").dup()
        if hasattr(transport, "max_size"):
            transport.max_size = LARGEST
        transport.set_protocol(self)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take the datagram that came, and those that wait behind it."""
        self._take(data, addr)
        for _ in range(1, AT_ONCE):
            if self._socket is None or self._transport.is_closing():
                return
            try:
                data, addr = self._socket.recvfrom(LARGEST)
            except BlockingIOError:
                return
            except OSError as error:
                self.error_received(error)
                return
            self._take(data, addr)

    def error_received(self, exc: Exception) -> None:
        """Pass it on."""
        self._stun.error_received(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the handle and pass it on."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._stun.connection_lost(exc)

    def _take(self, data: bytes, addr: tuple[str, int]) -> None:
        if data and data[0] > _LAST_OF_STUN:
            self._give(data, self._component)
        else:
            self._stun.datagram_received(data, addr)
