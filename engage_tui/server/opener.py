"""What came by SRTP is opened in its place, and read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pylibsrtp._binding import ffi, lib

from engage_tui.server.inlet import Inlet
from engage_tui.wire.rtp import RtpPacket, parse

unprotect = lib.srtp_unprotect


class Opener:
    """Opens what an inlet has read.

    Args:
        inlet: It.
    """

    def __init__(self, inlet: Inlet) -> None:
        self._places = inlet.places
        self._size = ffi.new("int *")  # libsrtp's in-and-out argument …
        # … and the same, faster to touch.
        self._count = memoryview(ffi.buffer(self._size)).cast("i")

    def open(self, key: Any, datagrams: Sequence[int]) -> list[RtpPacket]:
        """Open what one peer sent.

        Args:
            key: The peer's libsrtp session (C).
            datagrams: The number of a place and the size of the datagram in it, and so on.

        Returns:
            Packets that authenticate and are well formed, in order.
        """
        packets: list[RtpPacket] = []
        for at in range(0, len(datagrams), 2):
            view, pointer = self._places[datagrams[at]]
            self._count[0] = datagrams[at + 1]
            if datagrams[at + 1] >= 12 and unprotect(key, pointer, self._size) == 0:
                packet = parse(bytes(view[: self._count[0]]))
                if packet is not None:
                    packets.append(packet)
        return packets
