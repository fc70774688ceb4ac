"""From an SRTP datagram to an RTP packet, by the shortest way: most of what a call does is this."""

from __future__ import annotations

from typing import Any

from aiortc.rtp import HeaderExtensions, RtpPacket
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

from engage_tui.wire.rtp import MARKER, parse

ROOM = 1 << 16
"""Bytes, as many as no datagram has."""

_NO_SOURCES: list[int] = []
_NO_EXTENSIONS = HeaderExtensions()


class MediaPacket(RtpPacket):
    """A packet as it came, but for its header extensions and contributing sources, which no receiver asks for."""

    version = 2
    padding_size = 0

    def __init__(
        self,
        payload_type: int = 0,
        marker: int = 0,
        sequence_number: int = 0,
        timestamp: int = 0,
        ssrc: int = 0,
        payload: bytes = b"",
    ) -> None:
        # Not theirs, which makes two objects more for each packet.
        self.payload_type = payload_type
        self.marker = marker
        self.sequence_number = sequence_number
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.payload = payload
        self.csrc = _NO_SOURCES
        self.extensions = _NO_EXTENSIONS


def read(data: bytes) -> MediaPacket:
    """Read a deciphered packet.

    Raises:
        ValueError: It is malformed.
    """
    packet = parse(data)
    if packet is None:
        raise ValueError(f"a malformed RTP packet of {len(data)} bytes")
    marker = packet.marker // MARKER
    kind, sequence, timestamp = packet.payload_type, packet.sequence, packet.timestamp
    return MediaPacket(kind, marker, sequence, timestamp, packet.ssrc, packet.payload)


class Opener:
    """Deciphers what comes by one SRTP session, in room of its own.

    Args:
        session: With the keys of the other side; kept as long as this.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._key: Any = session._srtp[0]
        self._room = bytearray(ROOM)
        self._pointer: Any = ffi.from_buffer(self._room)
        self._length: Any = ffi.new("int *")  # libsrtp's in-and-out argument
        self._open: Any = lib.srtp_unprotect

    def open(self, data: bytes) -> bytes | None:
        """The packet in an SRTP datagram; None if it is forged, came before, or is longer than any."""
        size = len(data)
        if size > ROOM:
            return None
        length = self._length
        self._room[:size] = data
        length[0] = size
        if self._open(self._key, self._pointer, length):
            return None
        return bytes(self._room[: length[0]])
