"""Data packets as they travel over the data channels (``livekit.protocol.models.DataPacket``)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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

MAX_CHUNKS = 4096
"""Chunks of the longest stream that is put together: small ones cost memory too."""

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


@dataclass(frozen=True, slots=True)
class Stream:
    """A text or byte stream, whole.

    Attributes:
        kind: ``text`` or ``bytes``.
        content: The bytes; of text UTF-8.
        name: A byte stream's file name; may be empty.
        attributes: Free fields that the sender gave.
    """

    kind: str
    topic: str
    content: bytes
    mime_type: str = ""
    name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    stream_id: str = ""


def stream_packets(stream: Stream, destinations: Sequence[str] = ()) -> Iterator[models.DataPacket]:
    """A stream's header, chunks and trailer, to be sent reliably in this order."""
    stream_id = stream.stream_id or str(uuid.uuid4())
    header, trailer = _stream_packet(destinations), _stream_packet(destinations)
    head = header.stream_header
    head.stream_id = stream_id
    head.timestamp = int(time.time() * 1000)
    head.topic = stream.topic
    head.total_length = len(stream.content)
    head.attributes.update(stream.attributes)
    if stream.kind == "text":
        head.mime_type = "text/plain"
        head.text_header.SetInParent()
    else:
        head.mime_type = stream.mime_type or "application/octet-stream"
        head.byte_header.name = stream.name
    yield header
    for index, start in enumerate(range(0, len(stream.content), STREAM_CHUNK)):
        packet = _stream_packet(destinations)
        packet.stream_chunk.stream_id = stream_id
        packet.stream_chunk.chunk_index = index
        packet.stream_chunk.content = stream.content[start : start + STREAM_CHUNK]
        yield packet
    trailer.stream_trailer.stream_id = stream_id
    yield trailer


def text_stream(
    text: str,
    *,
    topic: str = CHAT_TOPIC,
    destinations: Sequence[str] = (),
    attributes: Mapping[str, str] | None = None,
) -> list[models.DataPacket]:
    """`text` as the packets of one text stream, as `stream_packets`."""
    stream = Stream("text", topic, text.encode(), attributes=attributes or {})
    return list(stream_packets(stream, destinations))


class _Open:
    """A stream that is being received."""

    def __init__(self, header: models.DataStream.Header) -> None:
        self.header = header
        self.chunks: dict[int, bytes] = {}
        self.size = 0

    def add(self, chunk: models.DataStream.Chunk) -> None:
        # A chunk that comes again with a higher version replaces the one before.
        self.size += len(chunk.content) - len(self.chunks.get(chunk.chunk_index, b""))
        self.chunks[chunk.chunk_index] = chunk.content

    def whole(self, trailer: models.DataStream.Trailer) -> Stream | None:
        """The stream, if nothing of it is missing and its sender did not break it off."""
        head = self.header
        missing = set(self.chunks) != set(range(len(self.chunks)))
        short = head.HasField("total_length") and self.size != head.total_length
        if missing or short or trailer.reason:
            return None
        text = head.WhichOneof("content_header") == "text_header"
        return Stream(
            kind="text" if text else "bytes",
            topic=head.topic,
            content=b"".join(self.chunks[index] for index in sorted(self.chunks)),
            mime_type=head.mime_type,
            name="" if text else head.byte_header.name,
            attributes={**head.attributes, **trailer.attributes},
            stream_id=head.stream_id,
        )


class Streams:
    """Text and byte streams being received: fed packet by packet, answers with the whole at the end.

    At most `limit` streams and `max_bytes` a stream; the oldest, the too long and the incomplete ones are dropped.
    """

    def __init__(self, *, limit: int = 32, max_bytes: int = 1_000_000) -> None:
        self._limit = limit
        self._max_bytes = max_bytes
        self._open: dict[tuple[str, str], _Open] = {}

    def feed(self, packet: models.DataPacket) -> Stream | None:
        """Take a packet; returns its stream once it is complete, else None."""
        sender = packet.participant_identity
        match packet.WhichOneof("value"):
            case "stream_header":
                header = packet.stream_header
                if header.total_length > self._max_bytes:
                    return None
                while len(self._open) >= self._limit:
                    self._open.pop(next(iter(self._open)))
                self._open[sender, header.stream_id] = _Open(header)
            case "stream_chunk":
                key = sender, packet.stream_chunk.stream_id
                if (stream := self._open.get(key)) is not None:
                    stream.add(packet.stream_chunk)
                    if stream.size > self._max_bytes or len(stream.chunks) > MAX_CHUNKS:
                        del self._open[key]
            case "stream_trailer":
                trailer = packet.stream_trailer
                stream = self._open.pop((sender, trailer.stream_id), None)
                return None if stream is None else stream.whole(trailer)
        return None


def _stream_packet(destinations: Sequence[str]) -> models.DataPacket:
    return models.DataPacket(
        kind=models.DataPacket.RELIABLE, destination_identities=list(destinations)
    )
