"""Outgoing tracks: frames pushed from any thread, encoded, and packetised by aiortc's sender.

`RTCRtpSender` does the RTP: packets, retransmissions, sender reports. What it sends comes from us, encoded frame by
encoded frame, so that bit rates, levels and timestamps are ours.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCRtpSender
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpSendParameters
from aiortc.rtcrtpsender import RTCEncodedFrame
from aiortc.rtp import AnyRtcpPacket, RtcpRrPacket, RtcpSrPacket
from av.frame import Frame
from av.packet import Packet

from engage_tui.rtc.bitrate import BitrateControl
from engage_tui.rtc.encode import CLOCK_RATE, PictureEncoder, pool
from engage_tui.rtc.levels import LevelMeter, audio_level
from engage_tui.rtc.opus import FRAME, SAMPLE_RATE, Pcm, create_encoder
from engage_tui.wire import red

_log = logging.getLogger(__name__)

MAX_BLOCKS = 30
"""Audio blocks that wait to be sent: 200 ms of pre-roll and 100 of a loop held up; the oldest are dropped."""

KEYFRAME_INTERVAL = 0.25
"""Seconds between keyframes, however often they are asked for."""

STILL = 0.3
"""Seconds after which the last picture is sent again when a keyframe was asked for and no new one comes."""


@dataclass(frozen=True, slots=True)
class SenderStats:
    """Figures of one outgoing track since it was made.

    Attributes:
        frames: Audio or video frames encoded and sent.
        bytes: RTP payload bytes sent, without retransmissions.
        width: Of the last picture, pixels; 0 for audio.
        height: As `width`.
        rms: Of the last second of sound, 0 to 1 of full scale; 0 for video.
        rms_max: The maximum of `rms` so far.
    """

    frames: int = 0
    bytes: int = 0
    width: int = 0
    height: int = 0
    rms: float = 0.0
    rms_max: float = 0.0


class _Feed(MediaStreamTrack):
    """The track that `RTCRtpSender` wants to have; frames take another way."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    async def recv(self) -> Frame | Packet[Any]:
        raise MediaStreamError


class RtpSender(RTCRtpSender):
    """`RTCRtpSender` whose encoded frames come from a `Sender`."""

    def __init__(self, source: Sender, transport: RTCDtlsTransport) -> None:
        super().__init__(_Feed(source.kind), transport)
        self._source = source

    @property
    def ssrcs(self) -> tuple[int, int]:
        """The SSRCs of the media and of its retransmissions."""
        return self._ssrc, self._rtx_ssrc

    async def _next_encoded_frame(self, codec: RTCRtpCodecParameters) -> RTCEncodedFrame | None:
        """Called by `RTCRtpSender` for each frame; the codec was chosen with the source."""
        del codec
        return await self._source.next_frame()

    def _send_keyframe(self) -> None:
        """Called by `RTCRtpSender` for each PLI and FIR."""
        self._source.request_keyframe()

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        """Called by `RTCDtlsTransport` for what the receiver says of our stream."""
        if isinstance(packet, (RtcpRrPacket, RtcpSrPacket)):
            for report in packet.reports:
                if report.ssrc == self._ssrc:
                    self._source.reported(report.fraction_lost / 256)
        await super()._handle_rtcp_packet(packet)


class Sender(ABC):
    """One outgoing track.

    Attributes:
        cid: Our name for the track, as in AddTrackRequest and in the description.
        kind: ``audio`` or ``video``.
        codec: Name of the codec as in descriptions.
        rtp: The packetiser below.
    """

    kind: str
    codec: str

    def __init__(self, cid: str, transport: RTCDtlsTransport) -> None:
        self.cid = cid
        self.rtp = RtpSender(self, transport)
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._muted = False
        self._started = False
        self._closed = False
        self._frames = 0
        self._bytes = 0

    @property
    @abstractmethod
    def stats(self) -> SenderStats:
        """The figures so far; from any thread."""

    @property
    def muted(self) -> bool:
        """While muted nothing is sent, and the track stays."""
        return self._muted

    @muted.setter
    def muted(self, value: bool) -> None:
        self._muted = value
        self.mute_changed()

    @abstractmethod
    def mute_changed(self) -> None:
        """Forget what waits, after `muted` was set."""

    @abstractmethod
    async def next_frame(self) -> RTCEncodedFrame | None:
        """The next encoded frame, awaited by the packetiser; None where nothing came of it."""

    def request_keyframe(self) -> None:  # noqa: B027 - nothing to do for sound
        """A receiver needs a picture that stands alone."""

    def reported(self, lost: float) -> None:  # noqa: B027 - sound is sent whole or not at all
        """The receiver lost this share of our packets since its last report."""

    async def start(self, parameters: RTCRtpSendParameters) -> None:
        """Begin to send with the negotiated payload types; once."""
        if self._started or self._closed:
            return
        self._started = True
        await self.rtp.send(parameters)

    async def close(self) -> None:
        """Send nothing more; idempotent."""
        if not self._closed:
            self._closed = True
            await self.rtp.stop()

    def _notify(self) -> None:
        """Wake `next_frame`, from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:  # the loop has ended: a device thread pushed its last block
            self._closed = True

    def _sent(self, payloads: list[bytes]) -> None:
        self._frames += 1
        self._bytes += sum(map(len, payloads))


class AudioSender(Sender):
    """An outgoing Opus track, fed with 10 ms blocks; in silence next to nothing is sent (DTX).

    Where the server takes redundancy (RED), each packet carries the one before once more.

    Args:
        cid: As `Sender`.
        transport: As `Sender`.
        length: Samples of a packet: `FRAME` or `SHORT_FRAME`.
    """

    kind = "audio"
    codec = "opus"

    def __init__(self, cid: str, transport: RTCDtlsTransport, length: int = FRAME) -> None:
        super().__init__(cid, transport)
        self._length = length  # samples of a packet
        self._encoder = create_encoder(length)
        self._red_type: int | None = None  # the payload type of Opus within RED
        self._before: tuple[int, bytes] | None = None  # timestamp and payload of the packet before
        self._meter = LevelMeter()
        # Bounded: the oldest block is dropped when the loop cannot follow.
        self._queue: deque[tuple[int, Pcm]] = deque(maxlen=MAX_BLOCKS)
        self._position = 0  # of the next block, in samples since the first
        self._pushed = 0  # up to where blocks were taken to be sent
        self._last_push: float | None = None
        self._frame = np.zeros((length, 2), np.int16)
        self._start = 0
        self._filled = 0

    @property
    def stats(self) -> SenderStats:
        """The figures so far; from any thread."""
        meter = self._meter
        return SenderStats(self._frames, self._bytes, 0, 0, meter.rms, meter.rms_max)

    async def start(self, parameters: RTCRtpSendParameters) -> None:
        """Begin to send, with redundancy if that comes first; once."""
        if parameters.codecs and parameters.codecs[0].name.lower() == "red":
            opus = [each for each in parameters.codecs if each.name.lower() == "opus"]
            self._red_type = opus[0].payloadType if opus else None
        await super().start(parameters)

    def push(self, samples: Pcm) -> None:
        """Send a block: int16, shape ``(480, 1)`` or ``(480, 2)``, 48 kHz; from any one thread, never blocks."""
        if self._closed:
            return
        now = time.monotonic()
        if self._last_push is not None and now - self._last_push > 0.1:
            # A pause is a gap in time, not in sound: receivers would take it for delay.
            self._position += int((now - self._last_push) * SAMPLE_RATE) - len(samples)
        self._last_push = now
        position, self._position = self._position, self._position + len(samples)
        if self._muted:
            return
        self._meter.add(samples)
        stereo = samples if samples.shape[1] == 2 else np.repeat(samples, 2, axis=1)
        self._queue.append((position, stereo))
        self._pushed = self._position
        self._notify()

    def push_earlier(self, blocks: Sequence[Pcm]) -> None:
        """Send what was captured just before, while muted: the start of a word; from the thread that pushes.

        Nothing was sent with these timestamps, so the sound keeps its place in time. What was sent already is
        left out.
        """
        position = self._position
        earlier: list[tuple[int, Pcm]] = []
        for block in reversed(blocks):
            position -= len(block)
            if position < self._pushed:
                break
            earlier.append(
                (position, block if block.shape[1] == 2 else np.repeat(block, 2, axis=1))
            )
        self._queue.extend(reversed(earlier))
        self._pushed = self._position

    def mute_changed(self) -> None:
        """Drop what waits, so that nothing said before is heard after."""
        self._queue.clear()
        if self._muted:
            self._meter.clear()

    async def next_frame(self) -> RTCEncodedFrame | None:
        """The next packet, with its level."""
        while not self._fill():
            self._wake.clear()
            await self._wake.wait()
        level = audio_level(self._frame)
        payloads = self._encoder.encode(self._frame)
        timestamp = self._start & 0xFFFFFFFF
        self._filled = 0
        if not payloads or self._muted:
            return None
        if self._red_type is not None:
            payloads = [self._redundant(self._red_type, timestamp, payloads[0])]
        self._sent(payloads)
        return RTCEncodedFrame(payloads, timestamp, level)

    def _redundant(self, opus_type: int, timestamp: int, payload: bytes) -> bytes:
        before, self._before = self._before, (timestamp, payload)
        earlier = [] if before is None else [((timestamp - before[0]) & 0xFFFFFFFF, before[1])]
        return red.build(opus_type, earlier, payload)

    def _fill(self) -> bool:
        """Move blocks into the frame; True once it is full."""
        while self._filled < self._length and self._queue:
            position, block = self._queue.popleft()
            if not self._filled:
                self._start = position
            elif position != self._start + self._filled:
                # What comes next lies behind a gap: end this frame with silence.
                self._queue.appendleft((position, block))
                self._frame[self._filled :] = 0
                self._filled = self._length
                break
            count = min(len(block), self._length - self._filled)
            self._frame[self._filled : self._filled + count] = block[:count]
            self._filled += count
            if count < len(block):
                self._queue.appendleft((position + count, block[count:]))
        return self._filled == self._length


class VideoSender(Sender):
    """An outgoing VP8 or H264 track, fed with pictures of any size; the newest wins."""

    kind = "video"

    def __init__(
        self, cid: str, transport: RTCDtlsTransport, *, codec: str = "vp8", bitrate: int = 0
    ) -> None:
        super().__init__(cid, transport)
        self._encoder = PictureEncoder(codec, bitrate)
        self._control = BitrateControl()
        self.codec = {"vp8": "VP8", "h264": "H264"}[codec.lower()]
        self._slot: tuple[av.VideoFrame, float] | None = None
        self._slot_lock = threading.Lock()
        self._last: av.VideoFrame | None = None
        self._origin: float | None = None
        self._timestamp = -1
        self._size = (0, 0)
        self._keyframe = True
        self._last_keyframe = float("-inf")

    @property
    def stats(self) -> SenderStats:
        """The figures so far; from any thread."""
        return SenderStats(self._frames, self._bytes, *self._size)

    def push(self, picture: av.VideoFrame, time: float) -> None:
        """Send a picture, taken at `time` of `time.monotonic()`; from any thread, never blocks.

        The picture is only read. One that has not been encoded when the next comes is never sent.
        """
        if self._closed or self._muted:
            return
        with self._slot_lock:
            waiting, self._slot = self._slot, (picture, time)
        if waiting is None:
            self._notify()

    def reported(self, lost: float) -> None:
        """Follow the network: fewer bits where many packets are lost."""
        self._control.report(lost, time.monotonic())
        self._encoder.share = self._control.share

    def mute_changed(self) -> None:
        """Drop what waits; begin again with a keyframe."""
        with self._slot_lock:
            self._slot = None
        self._last = None
        self._keyframe = True

    def request_keyframe(self) -> None:
        """Encode the next picture as a keyframe; soon even if no new picture comes."""
        self._keyframe = True
        self._loop.call_later(STILL, self._wake.set)

    async def next_frame(self) -> RTCEncodedFrame | None:
        """The next picture's payloads."""
        taken = self._take()
        while taken is None:
            self._wake.clear()
            await self._wake.wait()
            taken = self._take() or self._again()
        picture, when = taken
        if self._origin is None:
            self._origin = when
        # Ascending whatever the source's clock says, or the encoder refuses the picture.
        self._timestamp = max(self._timestamp + 1, int((when - self._origin) * CLOCK_RATE))
        now = time.monotonic()
        keyframe = self._keyframe and now - self._last_keyframe >= KEYFRAME_INTERVAL
        if keyframe:
            self._keyframe = False
            self._last_keyframe = now
        payloads = await self._loop.run_in_executor(
            pool(), self._encoder.encode, picture, self._timestamp, keyframe
        )
        if not payloads or self._muted:
            return None
        self._size = (picture.width, picture.height)
        self._last = picture
        self._sent(payloads)
        # No level: aiortc's annotation forgets that pictures have none.
        return RTCEncodedFrame(payloads, self._timestamp & 0xFFFFFFFF, None)  # type: ignore[arg-type]

    def _take(self) -> tuple[av.VideoFrame, float] | None:
        with self._slot_lock:
            taken, self._slot = self._slot, None
        return taken

    def _again(self) -> tuple[av.VideoFrame, float] | None:
        """The last picture, if somebody waits for a keyframe and the source is still."""
        due = time.monotonic() - self._last_keyframe >= KEYFRAME_INTERVAL
        if not self._keyframe or not due or self._last is None:
            return None
        return self._last, time.monotonic()
