"""Outgoing tracks, and sound: frames pushed from any thread, encoded, and sent by an `RtpSender`."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpSendParameters

from engage_tui.rtc.levels import LevelMeter, audio_level
from engage_tui.rtc.opus import FRAME, SAMPLE_RATE, Pcm, create_encoder
from engage_tui.rtc.rtp_sender import Encoded, RtpSender
from engage_tui.wire import red

_log = logging.getLogger(__name__)

MAX_BLOCKS = 30
"""Audio blocks that wait to be sent: 200 ms of pre-roll and 100 of a loop held up; the oldest are dropped."""


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


class Sender(ABC):
    """One outgoing track.

    Attributes:
        cid: Our name for the track, as in AddTrackRequest and in the description.
        kind: ``audio`` or ``video``.
        codec: Name of the codec as in descriptions.
    """

    kind: str
    codec: str

    def __init__(self, cid: str) -> None:
        self.cid = cid
        self._muted = False
        self._started = False
        self._closed = False

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

    @property
    @abstractmethod
    def rids(self) -> list[str]:
        """The names of its simulcast layers, the smallest first; empty without simulcast."""

    @property
    @abstractmethod
    def ssrcs(self) -> tuple[int, int] | None:
        """The SSRCs of media and retransmissions as a description names them; None with several layers."""

    def set_enabled(self, rid: str, enabled: bool) -> None:  # noqa: B027 - sound has no layers
        """Encode and send a layer, or nothing of it while nobody wants it."""

    async def start(self, parameters: RTCRtpSendParameters, rids: Sequence[str] = ()) -> None:
        """Begin to send with the negotiated payload types; once.

        Args:
            parameters: Of the answered section.
            rids: The simulcast layers that the server takes.
        """
        if not self._started and not self._closed:
            self._started = True
            await self._begin(parameters, rids)

    async def close(self) -> None:
        """Send nothing more; idempotent."""
        if not self._closed:
            self._closed = True
            await self._end()

    @abstractmethod
    async def _begin(self, parameters: RTCRtpSendParameters, rids: Sequence[str]) -> None: ...

    @abstractmethod
    async def _end(self) -> None: ...


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
        super().__init__(cid)
        self.rtp = RtpSender(self, transport)
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._frames = self._bytes = 0
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

    @property
    def rids(self) -> list[str]:
        """None: sound has one layer."""
        return []

    @property
    def ssrcs(self) -> tuple[int, int] | None:
        """The SSRCs of the sound and, unused, of its retransmissions."""
        return self.rtp.ssrcs

    def request_keyframe(self) -> None:
        """Every packet of sound stands alone."""

    def reported(self, lost: float) -> None:
        """Sound is sent whole or not at all, whatever is `lost`."""

    async def _begin(self, parameters: RTCRtpSendParameters, rids: Sequence[str]) -> None:
        del rids
        # With redundancy if that comes first.
        if parameters.codecs and parameters.codecs[0].name.lower() == "red":
            opus = [each for each in parameters.codecs if each.name.lower() == "opus"]
            self._red_type = opus[0].payloadType if opus else None
        await self.rtp.send(parameters)

    async def _end(self) -> None:
        await self.rtp.stop()

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

    async def next_frame(self) -> Encoded | None:
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
        self._frames += 1
        self._bytes += sum(map(len, payloads))
        return Encoded(payloads, timestamp, -level)

    def _notify(self) -> None:
        """Wake `next_frame`, from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:  # the loop has ended: a device thread pushed its last block
            self._closed = True

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
