"""Data packets on their way in: read, each reliable one once, text streams put together."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from livekit.protocol import models

from engage_tui.sdk.enums import DataPacketKind
from engage_tui.wire import data

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody sent.

    Attributes:
        sid: The sender's SID; empty for a server's message.
        identity: The sender's identity; likewise.
    """

    payload: bytes
    kind: DataPacketKind
    topic: str
    sid: str
    identity: str


class DataInbox:
    """Turns the bytes of data channels into messages."""

    def __init__(self) -> None:
        self._texts = data.TextStreams()
        self._last: dict[str, int] = {}  # the newest reliable packet of each participant, by SID

    def take(self, label: str, payload: bytes) -> Message | None:
        """Read a data channel's message; None while there is nothing to hand on.

        Args:
            label: The channel's.
            payload: One `DataPacket`; unreadable ones are dropped.
        """
        try:
            packet = models.DataPacket.FromString(payload)
        except DecodeError:
            _log.warning("dropped an unreadable data packet of %d bytes", len(payload))
            return None
        reliable = label == data.RELIABLE
        if reliable and packet.sequence:
            if packet.sequence <= self._last.get(packet.participant_sid, 0):
                return None  # sent again after a reconnect
            self._last[packet.participant_sid] = packet.sequence
        kind = DataPacketKind.RELIABLE if reliable else DataPacketKind.LOSSY
        sender = packet.participant_sid, packet.participant_identity
        if packet.WhichOneof("value") == "user":
            return Message(packet.user.payload, kind, packet.user.topic, *sender)
        text = self._texts.feed(packet)
        return None if text is None else Message(text[1].encode(), kind, text[0], *sender)

    def forget(self, sid: str) -> None:
        """The participant has left."""
        self._last.pop(sid, None)

    def clear(self) -> None:
        """Everybody counts anew."""
        self._last.clear()
