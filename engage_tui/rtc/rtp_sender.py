"""One outgoing RTP stream: packets, retransmissions and sender reports.

In the place of aiortc's `RTCRtpSender`, which can name no simulcast layer. `RTCDtlsTransport` routes feedback to it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from aiortc import clock
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpSendParameters
from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    HeaderExtensionsMap,
    RtcpByePacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    RtpPacket,
    wrap_rtx,
)

from engage_tui.tasks import TaskGroup

_log = logging.getLogger(__name__)

HISTORY = 512
"""Packets that can be sent again, a power of two: a second of 720p."""

REPORT_INTERVAL = (0.5, 1.5)
"""Seconds between sender reports, at random in between."""

ANNOUNCEMENTS, ANNOUNCEMENT_INTERVAL = 5, 0.05
"""Packets without content, and seconds between them, that make a layer known before it has pictures."""

UNHEARD = 3.0
"""Seconds of sending a layer, without a word about it, after which the receiver is taken not to know what it is.

LiveKit's servers report on every layer each second. They learn its SSRC from the names in its first packets: where
those have none, livekit-server hears the layer never after. Such a layer was once seen without that, for an unknown
reason; another SSRC helps either way.
"""

BEGINNINGS = 3
"""SSRCs that are tried; a receiver that reports on nothing at all must not make us change for ever."""

REPAIR_SHARE, REPAIR_BURST = 0.4, 40
"""Retransmissions for each packet sent, and how many are saved up, beyond which what is asked for is not sent again.

On a link that is too narrow they would take the place of what comes after, for ever, and hide that from the
receiver's reports. So there is an end to them, and the bit rate falls.
"""

_CNAME_ITEM = 1


class Encoded(NamedTuple):
    """One encoded frame of a source.

    Attributes:
        payloads: One for each packet.
        timestamp: In ticks of the codec's clock, from the source's own origin.
        level: Of sound, in -dBov from 0 (loudest) to 127; None for pictures.
    """

    payloads: Sequence[bytes]
    timestamp: int
    level: int | None = None


class RtpSource(Protocol):
    """What gives a stream its frames."""

    async def next_frame(self) -> Encoded | None:
        """The next encoded frame; None where nothing came of it."""

    def request_keyframe(self) -> None:
        """A receiver needs a picture that stands alone."""

    def reported(self, lost: float) -> None:
        """The receiver lost this share of our packets since its last report."""


class RtpSender:
    """Sends the frames of a source.

    Args:
        source: Asked for one frame after the other from `send` on.
        transport: The connection.
        rid: Names the simulcast layer in every packet; empty without simulcast.
    """

    def __init__(self, source: RtpSource, transport: RTCDtlsTransport, rid: str = "") -> None:
        self.rid = rid
        self._source = source
        self._transport = transport
        self._ssrc = random.getrandbits(32)
        self._repair_ssrc = random.getrandbits(32)
        self._repair_type: int | None = None
        self._repairs = random.getrandbits(15)  # sequence number of the next retransmission
        self._repairs_left = float(REPAIR_BURST)
        self._extensions = HeaderExtensionsMap()
        self._mid = ""
        self._cname = ""
        self._history: dict[int, RtpPacket] = {}  # bounded: by place, HISTORY of them
        self._tasks = TaskGroup("rtp_sender")
        self._started = False
        self._packets = self._octets = 0
        self._payload_type = 0
        self._sequence = random.getrandbits(15)
        self._refused = self._sequence  # the first number after the last refusal that was told
        self._origin = random.getrandbits(32)
        self._last = (0, 0)  # wall time (NTP) and timestamp of the last packet
        self._parameters: RTCRtpSendParameters | None = None
        self._began: float | None = None  # when the first packet with content was sent
        self._beginnings = 1
        self._known = False  # the receiver has said something about this stream

    @property
    def ssrcs(self) -> tuple[int, int]:
        """The SSRCs of the media and of its retransmissions."""
        return self._ssrc, self._repair_ssrc

    async def send(self, parameters: RTCRtpSendParameters) -> None:
        """Begin to send with the negotiated payload types; once."""
        if self._started:
            return
        self._started = True
        first = parameters.codecs[0]
        self._mid, self._cname = parameters.muxId, parameters.rtcp.cname or ""
        self._extensions.configure(parameters)
        for codec in parameters.codecs:
            if codec.name.lower() == "rtx" and codec.parameters.get("apt") == first.payloadType:
                self._repair_type = codec.payloadType
        self._transport._register_rtp_sender(self, parameters)  # noqa: SLF001
        self._parameters = parameters
        assert first.payloadType is not None
        self._payload_type = first.payloadType
        self._tasks.spawn(self._send_frames(), "frames")
        self._tasks.spawn(self._send_reports(), "reports")

    async def stop(self) -> None:
        """Send nothing more."""
        if not self._started:
            return
        self._transport._unregister_rtp_sender(self)  # noqa: SLF001
        await self._tasks.cancel()
        self._history.clear()
        await self._put(bytes(RtcpByePacket(sources=[self._ssrc])))

    def announce(self) -> None:
        """Make the stream known though nothing is to be sent: a server hears of a layer from its packets alone."""
        if self._started:
            self._tasks.spawn(self._announce(), "announce")

    async def _announce(self) -> None:
        for _ in range(ANNOUNCEMENTS):
            if self._packets:
                return
            packet = self._packet(b"", self._origin)
            packet.padding_size = 1
            await self._put(packet.serialize(self._extensions))
            await asyncio.sleep(ANNOUNCEMENT_INTERVAL)

    async def _send_frames(self) -> None:
        while True:
            frame = await self._source.next_frame()
            if frame is None:
                continue
            stamp = (self._origin + frame.timestamp) & 0xFFFFFFFF
            if self._began is None:
                self._began = time.monotonic()
            for number, payload in enumerate(frame.payloads):
                packet = self._packet(payload, stamp)
                packet.marker = int(number == len(frame.payloads) - 1)
                if frame.level is not None:
                    packet.extensions.audio_level = (False, frame.level)
                self._history[packet.sequence_number % HISTORY] = packet
                await self._put(packet.serialize(self._extensions))
                self._packets += 1
                self._repairs_left = min(REPAIR_BURST, self._repairs_left + REPAIR_SHARE)
                self._octets += len(payload)
            self._last = clock.current_ntp_time(), stamp

    def _packet(self, payload: bytes, stamp: int) -> RtpPacket:
        packet = RtpPacket(
            payload_type=self._payload_type,
            sequence_number=self._sequence,
            timestamp=stamp,
            ssrc=self._ssrc,
            payload=payload,
        )
        packet.extensions.mid = self._mid
        packet.extensions.rtp_stream_id = self.rid or None
        self._sequence = (self._sequence + 1) & 0xFFFF
        return packet

    async def _send_reports(self) -> None:
        while True:
            await asyncio.sleep(random.uniform(*REPORT_INTERVAL))
            if not self._packets:
                continue
            if self._is_unheard(time.monotonic()):
                self._begin_anew()
                continue
            ntp, stamp = self._last
            info = RtcpSenderInfo(
                ntp_timestamp=ntp,
                rtp_timestamp=stamp,
                packet_count=self._packets & 0xFFFFFFFF,
                octet_count=self._octets & 0xFFFFFFFF,
            )
            name = RtcpSourceInfo(ssrc=self._ssrc, items=[(_CNAME_ITEM, self._cname.encode())])
            report = bytes(RtcpSrPacket(ssrc=self._ssrc, sender_info=info))
            await self._put(report + bytes(RtcpSdesPacket(chunks=[name])))

    def _is_unheard(self, now: float) -> bool:
        if not self.rid or self._known or self._began is None or self._beginnings >= BEGINNINGS:
            return False
        return now - self._began > UNHEARD

    def _begin_anew(self) -> None:
        """Become another stream of the same layer."""
        assert self._parameters is not None
        _log.info("nobody reports on layer %s: it begins anew", self.rid)
        self._transport._unregister_rtp_sender(self)  # noqa: SLF001
        self._ssrc, self._repair_ssrc = random.getrandbits(32), random.getrandbits(32)
        self._packets = self._octets = 0
        self._history.clear()
        self._began = None
        self._beginnings += 1
        self._transport._register_rtp_sender(self, self._parameters)  # noqa: SLF001
        self._source.request_keyframe()

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        """Called by `RTCDtlsTransport` for what the receiver says of our stream."""
        if isinstance(packet, (RtcpRrPacket, RtcpSrPacket)):
            for report in packet.reports:
                if report.ssrc == self._ssrc:
                    self._known = True
                    self._source.reported(report.fraction_lost / 256)
        elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            self._known = True
            for number in packet.lost:
                await self._send_again(number)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
            self._known = True
            self._source.request_keyframe()

    async def _send_again(self, number: int) -> None:
        packet = self._history.get(number % HISTORY)
        if packet is None or packet.sequence_number != number:
            return
        if self._repairs_left < 1:
            self._refuse(number)
            return
        self._repairs_left -= 1
        if self._repair_type is not None:
            again = wrap_rtx(packet, self._repair_type, self._repairs, self._repair_ssrc)
            self._repairs = (self._repairs + 1) & 0xFFFF
            if self.rid:
                extensions = type(packet.extensions)()
                extensions.mid = self._mid
                extensions.repaired_rtp_stream_id = self.rid
                again.extensions = extensions
            packet = again
        await self._put(packet.serialize(self._extensions))

    def _refuse(self, number: int) -> None:
        """Too much was lost to be sent again: take that as the receiver's report, which comes later.

        Packets from before the last time say nothing of what the bit rate is now.
        """
        if (number - self._refused) & 0xFFFF < 0x8000:
            self._refused = self._sequence
            self._source.reported(REPAIR_SHARE)

    async def _put(self, data: bytes) -> None:
        try:
            await self._transport._send_rtp(data)  # noqa: SLF001
        except (ConnectionError, OSError) as error:
            _log.debug("not sent: %s", error)
