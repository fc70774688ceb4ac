"""Data packets on their way in: read, each reliable one once, streams put together."""

from __future__ import annotations

import logging

from google.protobuf.message import DecodeError
from livekit.protocol import models

from engage_tui.wire import data

_log = logging.getLogger(__name__)


class DataInbox:
    """Turns the bytes of data channels into packets and streams."""

    def __init__(self) -> None:
        self._streams = data.Streams()
        self._last: dict[str, int] = {}  # the newest reliable packet of each participant, by SID

    def take(self, label: str, payload: bytes) -> models.DataPacket | None:
        """Read a data channel's message; None if it is unreadable or came before.

        Args:
            label: The channel's.
            payload: One `DataPacket`.
        """
        try:
            packet = models.DataPacket.FromString(payload)
        except DecodeError:
            _log.warning("dropped an unreadable data packet of %d bytes", len(payload))
            return None
        if label == data.RELIABLE and packet.sequence:
            if packet.sequence <= self._last.get(packet.participant_sid, 0):
                return None  # sent again after a reconnect
            self._last[packet.participant_sid] = packet.sequence
        return packet

    def stream(self, packet: models.DataPacket) -> data.Stream | None:
        """The stream that this packet completes."""
        return self._streams.feed(packet)

    def forget(self, sid: str) -> None:
        """The participant has left."""
        self._last.pop(sid, None)

    def clear(self) -> None:
        """Everybody counts anew."""
        self._last.clear()
