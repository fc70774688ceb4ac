"""What audio and video receivers share: identity, counters, and the names that aiortc's DTLS calls."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiortc.rtp import AnyRtcpPacket, RtcpReceiverInfo, RtcpSrPacket, RtpPacket

from engage_tui.rtc.reception import Reception
from engage_tui.wire.sdp import Codec

Feedback = Callable[[bytes], None]
"""Queues one RTCP packet for sending; never blocks, never raises."""


@dataclass(frozen=True, slots=True)
class ReceiverStats:
    """Figures of one receiver since it was made.

    Attributes:
        packets: RTP packets received, retransmissions among them.
        bytes: RTP payload bytes received.
        frames: Audio or video frames decoded.
        width: Of the last picture, pixels; 0 for audio and before the first picture.
        height: As `width`.
        lost: Packets that never came.
    """

    packets: int = 0
    bytes: int = 0
    frames: int = 0
    width: int = 0
    height: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """What a description says about one incoming stream.

    Attributes:
        ssrc: Of the media; None if the description names none, then the first that comes is taken.
        repair_ssrc: Of the retransmissions.
        codecs: The payload types that may come.
        participant_sid: ``PA_…`` of the publisher; may be empty.
        track_sid: ``TR_…``; may be empty.
    """

    mid: str
    kind: str
    ssrc: int | None
    repair_ssrc: int | None
    codecs: tuple[tuple[int, str], ...]
    participant_sid: str
    track_sid: str


class Receiver(ABC):
    """One incoming track: exists from the description that announces its SSRCs to the one that drops them.

    Attributes:
        kind: ``audio`` or ``video``.
        mid: Of the section that carries it.
        track_sid: The track's SID as the server names it.
        participant_sid: The publisher's SID.
        codec: Name of the codec, as in the description (``opus``, ``VP8``, ``H264``).
        round_trip: Seconds to the server and back, as the connection measured them; None if it did not.
    """

    def __init__(
        self, stream: Stream, codecs: Sequence[Codec], feedback: Feedback, feedback_ssrc: int
    ) -> None:
        self.stream = stream
        self.kind = stream.kind
        self.mid = stream.mid
        self.round_trip: float | None = None
        self.track_sid = stream.track_sid
        self.participant_sid = stream.participant_sid
        self._codecs = {codec.payload_type: codec for codec in codecs}
        self._repair_types = {codec.payload_type for codec in codecs if codec.is_a("rtx")}
        self.codec = next((c.name for c in codecs if not c.is_a("rtx")), "")
        self._clock_rate = codecs[0].clock_rate if codecs else 90_000
        self._feedback = feedback
        self._feedback_ssrc = feedback_ssrc
        self._reception: Reception | None = None
        if stream.ssrc is not None:
            self._reception = Reception(stream.ssrc, self._clock_rate)
        self._packets = 0
        self._bytes = 0
        self._frames = 0
        self._size = (0, 0)
        self._closed = False

    @property
    def stats(self) -> ReceiverStats:
        """The figures so far; from any thread."""
        width, height = self._size
        return ReceiverStats(self._packets, self._bytes, self._frames, width, height, self._lost())

    @property
    def closed(self) -> bool:
        """Whether the track is gone."""
        return self._closed

    def report(self) -> RtcpReceiverInfo | None:
        """The next receiver report block, or None before the first packet."""
        return self._reception.report() if self._reception is not None else None

    def close(self) -> None:
        """Take no more packets; idempotent."""
        self._closed = True

    @abstractmethod
    def take(self, packet: RtpPacket, codec: Codec, now: float) -> None:
        """Handle an RTP packet of a known payload type.

        Args:
            packet: Of this stream or its retransmissions.
            codec: Of its payload type.
            now: `time.monotonic()` of its arrival.
        """

    def _lost(self) -> int:
        return self._reception.lost if self._reception is not None else 0

    def receive(self, packet: RtpPacket) -> None:
        """Take a packet as it comes off the line: pass over what is not of this track, count the rest."""
        codec = self._codecs.get(packet.payload_type)
        if self._closed or codec is None or not self._is_ours(packet):
            return
        self._packets += 1
        self._bytes += len(packet.payload)
        self.take(packet, codec, time.monotonic())

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:  # noqa: ARG002
        """What aiortc calls for each packet; its arrival time is wall clock, so unused."""
        self.receive(packet)

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        """Called by `RTCDtlsTransport` for sender reports and byes."""
        reception = self._reception
        if isinstance(packet, RtcpSrPacket) and reception and packet.ssrc == reception.ssrc:
            reception.sender_report(packet)

    def _handle_disconnect(self) -> None:  # noqa: B027 - nothing to do, yet aiortc calls it
        """Called by `RTCDtlsTransport` when the connection ends; the peer says so to its owner."""

    def _is_ours(self, packet: RtpPacket) -> bool:
        # aiortc also routes unknown SSRCs here, by payload type.
        repairs = packet.payload_type in self._repair_types
        if self._reception is None:
            if repairs:
                return False
            self._reception = Reception(packet.ssrc, self._clock_rate)
        if repairs:
            return self.stream.repair_ssrc in (None, packet.ssrc)
        return packet.ssrc == self._reception.ssrc
