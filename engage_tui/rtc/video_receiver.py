"""An incoming video track: repeated NACKs on a timer, keyframe requests, decoding off the loop, newest wins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import av
from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtpPacket,
    unwrap_rtx,
)

from engage_tui.rtc.decode import PictureDecoder
from engage_tui.rtc.frames import EncodedFrame, FrameBuffer
from engage_tui.rtc.receiver import Feedback, Receiver, Stream
from engage_tui.wire.sdp import Codec

VideoSink = Callable[[av.VideoFrame, float], None]

NACK_INTERVAL = 0.025
"""Seconds between requests for the same packet.

livekit-server ignores a request that comes within two round trips of the packet's last sending, and an ignored one
costs nothing; a single request is lost by design on a fast network.
"""

PLI_INTERVAL = 0.5
"""Seconds between keyframe requests."""

MAX_NACKED = 100
"""Packets asked for in one request."""

SILENCE = 2.0
"""Seconds without packets after which nothing more is asked for: the track is muted."""


class VideoReceiver(Receiver):
    """An incoming VP8 or H264 track.

    Attributes:
        sink: Called on a decode thread with each decoded picture and the `time.monotonic()` of its arrival.
        nacked: Packets that were asked for again, repetitions included.
        keyframes_requested: Keyframe requests sent.
    """

    def __init__(
        self, stream: Stream, codecs: Sequence[Codec], feedback: Feedback, feedback_ssrc: int
    ) -> None:
        super().__init__(stream, codecs, feedback, feedback_ssrc)
        self.sink: VideoSink | None = None
        self.nacked = 0
        self.keyframes_requested = 0
        self._loop = asyncio.get_running_loop()
        self._buffer = FrameBuffer()
        self._decoder = PictureDecoder(self._show, self._decoding_failed)
        self._decoding = True
        self._timer: asyncio.TimerHandle | None = None
        self._last_pli = float("-inf")
        self._last_packet = float("-inf")

    @property
    def decoding(self) -> bool:
        """Whether pictures are decoded; set False, packets are counted and nothing else.

        Set True again, a keyframe is asked for at once. To be set on the event loop.
        """
        return self._decoding

    @decoding.setter
    def decoding(self, value: bool) -> None:
        if value == self._decoding:
            return
        self._decoding = value
        self._buffer.reset()
        self._decoder.clear()
        if value and not self._closed:
            self._last_pli = float("-inf")
            self.request_keyframe()

    def request_keyframe(self) -> None:
        """Ask the sender for a keyframe, unless that was done just now."""
        reception = self._reception
        now = self._loop.time()
        if reception is None or self._closed or now - self._last_pli < PLI_INTERVAL:
            return
        self._last_pli = now
        self.keyframes_requested += 1
        self._feedback(
            bytes(
                RtcpPsfbPacket(
                    fmt=RTCP_PSFB_PLI, ssrc=self._feedback_ssrc, media_ssrc=reception.ssrc
                )
            )
        )

    def take(self, packet: RtpPacket, codec: Codec, now: float) -> None:
        """Put a packet in its place and have decoded what it completes."""
        reception = self._reception
        if reception is None:
            return
        self._last_packet = now
        if codec.is_a("rtx"):
            repaired = codec.parameters.get("apt", "")
            original = self._codecs.get(int(repaired)) if repaired.isdecimal() else None
            if original is None or len(packet.payload) < 3:
                return  # padding sent to probe the path
            packet = unwrap_rtx(packet, original.payload_type, reception.ssrc)
            codec = original
        else:
            reception.measure(packet.timestamp, now)
        place = reception.place(packet.sequence_number)
        if place is None or not self._decoding:
            return
        before = len(self._buffer.missing)
        self._decode(self._buffer.add(place, packet, codec.name, now), now)
        missing = self._buffer.missing
        if len(missing) > before:
            self._nack(missing[before - len(missing) :])
        if self._buffer.keyframe_wanted:
            self.request_keyframe()
        if missing or self._buffer.need_keyframe:
            self._arm()

    def close(self) -> None:
        """Take no more packets and decode nothing more."""
        super().close()
        self._decoder.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is None and not self._closed:
            self._timer = self._loop.call_later(NACK_INTERVAL, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._closed or not self._decoding or now - self._last_packet > SILENCE:
            return
        self._decode(self._buffer.expire(now), now)
        missing = self._buffer.missing
        if missing:
            self._nack(missing)
        if self._buffer.keyframe_wanted:
            self.request_keyframe()
        if missing or self._buffer.need_keyframe:
            self._arm()

    def _nack(self, places: Sequence[int]) -> None:
        reception = self._reception
        if reception is None:
            return
        # The newest are the likeliest to be still in the sender's memory.
        lost = [place & 0xFFFF for place in places[-MAX_NACKED:]]
        self.nacked += len(lost)
        self._feedback(
            bytes(
                RtcpRtpfbPacket(
                    fmt=RTCP_RTPFB_NACK,
                    ssrc=self._feedback_ssrc,
                    media_ssrc=reception.ssrc,
                    lost=lost,
                )
            )
        )

    def _decode(self, frames: Sequence[EncodedFrame], now: float) -> None:
        for frame in frames:
            if not self._decoder.add(frame, now):
                self._buffer.need_keyframe = True
        self._frames, self._size = self._decoder.frames, self._decoder.size

    def _show(self, picture: av.VideoFrame, arrived: float) -> None:
        self._frames, self._size = self._decoder.frames, self._decoder.size
        if self.sink is not None and self._decoding:
            self.sink(picture, arrived)

    def _decoding_failed(self) -> None:
        """On a decode thread: ask for a keyframe from the loop."""
        try:
            self._loop.call_soon_threadsafe(self._restart)
        except RuntimeError:  # the loop has ended meanwhile
            self._closed = True

    def _restart(self) -> None:
        if not self._closed and self._decoding:
            self._buffer.need_keyframe = True
            self.request_keyframe()
            self._arm()
