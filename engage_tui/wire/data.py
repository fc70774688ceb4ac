"""Data packets as they travel over the data channels (``livekit.protocol.models.DataPacket``)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

from livekit.protocol import models

RELIABLE = "_reliable"
"""Label of the ordered, retransmitted channel."""

LOSSY = "_lossy"
"""Label of the unordered channel without retransmission."""

DATA_TRACK = "_data_track"
"""Label of the channel for binary data tracks (not `DataPacket`)."""

MAX_PACKET = 64_000
"""Bytes of the largest packet; LiveKit's SDKs refuse more."""

STREAM_CHUNK = 15_000
"""Bytes of the largest chunk of a text or byte stream."""

CHAT_TOPIC = "lk.chat"
"""Topic of the text streams that LiveKit's web clients show as chat."""


def user_packet(
    payload: bytes,
    *,
    reliable: bool = True,
    topic: str = "",
    destinations: Sequence[str] = (),
    sequence: int = 0,
) -> models.DataPacket:
    """An application's message to everybody or to the identities in `destinations`."""
    packet = models.DataPacket(
        kind=models.DataPacket.RELIABLE if reliable else models.DataPacket.LOSSY,
        destination_identities=list(destinations),
        sequence=sequence,
    )
    packet.user.payload = payload
    packet.user.destination_identities.extend(destinations)
    if topic:
        packet.user.topic = topic
    return packet


def text_stream(
    text: str, *, topic: str = CHAT_TOPIC, destinations: Sequence[str] = ()
) -> list[models.DataPacket]:
    """`text` as the header, chunks and trailer of one text stream, to be sent reliably in this order."""
    data = text.encode()
    stream_id = secrets.token_hex(8)
    header, trailer = _stream_packet(destinations), _stream_packet(destinations)
    header.stream_header.stream_id = stream_id
    header.stream_header.timestamp = int(time.time() * 1000)
    header.stream_header.topic = topic
    header.stream_header.mime_type = "text/plain"
    header.stream_header.total_length = len(data)
    header.stream_header.text_header.SetInParent()
    packets = [header]
    for index, start in enumerate(range(0, len(data), STREAM_CHUNK)):
        packet = _stream_packet(destinations)
        packet.stream_chunk.stream_id = stream_id
        packet.stream_chunk.chunk_index = index
        packet.stream_chunk.content = data[start : start + STREAM_CHUNK]
        packets.append(packet)
    trailer.stream_trailer.stream_id = stream_id
    return [*packets, trailer]


class TextStreams:
    """Text streams being received: fed packet by packet, answers with the whole text at the end.

    At most `limit` streams and `max_bytes` a stream; the oldest or the too long one is dropped.
    """

    def __init__(self, *, limit: int = 32, max_bytes: int = 1_000_000) -> None:
        self._limit = limit
        self._max_bytes = max_bytes
        self._open: dict[tuple[str, str], tuple[str, list[bytes]]] = {}

    def feed(self, packet: models.DataPacket) -> tuple[str, str] | None:
        """Take a packet; returns ``(topic, text)`` once its stream is complete, else None."""
        sender = packet.participant_identity
        match packet.WhichOneof("value"):
            case "stream_header" if (
                packet.stream_header.WhichOneof("content_header") == "text_header"
            ):
                while len(self._open) >= self._limit:
                    self._open.pop(next(iter(self._open)))
                header = packet.stream_header
                self._open[sender, header.stream_id] = (header.topic, [])
            case "stream_chunk":
                self._chunk((sender, packet.stream_chunk.stream_id), packet.stream_chunk.content)
            case "stream_trailer":
                stream = self._open.pop((sender, packet.stream_trailer.stream_id), None)
                if stream is not None:
                    return stream[0], b"".join(stream[1]).decode(errors="replace")
        return None

    def _chunk(self, key: tuple[str, str], content: bytes) -> None:
        stream = self._open.get(key)
        if stream is None:
            return
        stream[1].append(content)
        if sum(map(len, stream[1])) > self._max_bytes:
            del self._open[key]


def _stream_packet(destinations: Sequence[str]) -> models.DataPacket:
    return models.DataPacket(
        kind=models.DataPacket.RELIABLE, destination_identities=list(destinations)
    )
