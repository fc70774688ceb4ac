"""An incoming video track: repairs on a timer, keyframe requests, decoding off the loop, newest wins."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import av
from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RtcpPsfbPacket,
    RtpPacket,
    unwrap_rtx,
)

from engage_tui.rtc.decode import PictureDecoder
from engage_tui.rtc.frames import EncodedFrame, FrameBuffer
from engage_tui.rtc.receiver import Feedback, Receiver, Stream
from engage_tui.rtc.repairs import Repairs
from engage_tui.rtc.smoothing import Smoothing
from engage_tui.wire import rtcp
from engage_tui.wire.sdp import Codec

VideoSink = Callable[[av.VideoFrame, float], None]

PLI_INTERVAL = 0.3
"""Seconds between keyframe requests; servers throttle further what they ask of publishers."""

MAX_HELD = 30
"""Whole pictures that wait for their turn, a second of video; beyond it they are decoded at once."""

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
        self._repairs = Repairs()
        self._smoothing = Smoothing()
        # Bounded by MAX_HELD, in `_decode`.
        self._held: deque[tuple[EncodedFrame, float, float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._turn: asyncio.TimerHandle | None = None
        self._last_pli = float("-inf")
        self._last_packet = float("-inf")

    @property
    def repair_times(self) -> list[float]:
        """Seconds that the latest repairs took, from the first request to the packet; the last is the newest."""
        return list(self._repairs.times)

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
        self._held.clear()
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
        repair = codec.payload_type in self._repair_types
        if repair:
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
        self._repairs.came(place, now)
        if frames := self._buffer.add(place, packet, codec.name, now, repair=repair):
            self._decode(frames, now)
        if self._buffer.waits or self._repairs.running:
            self._mend(now)

    def close(self) -> None:
        """Take no more packets and decode nothing more."""
        super().close()
        self._decoder.close()
        self._held.clear()
        for timer in (self._timer, self._turn):
            if timer is not None:
                timer.cancel()

    def _mend(self, now: float) -> None:
        """Ask for what is missing and due, for a keyframe where only that helps, and come again in time."""
        buffer, repairs = self._buffer, self._repairs
        missing = buffer.missing
        if not missing and not buffer.need_keyframe:
            repairs.clear()
            return
        repairs.round_trip = self.round_trip
        if asked := repairs.due(missing, now):
            self._nack(asked)
        if buffer.keyframe_wanted or (repairs.hopeless(now) and not buffer.keyframe_comes):
            self.request_keyframe()
        due = repairs.next_due()
        if buffer.need_keyframe:
            due = min(now + PLI_INTERVAL, due or float("inf"))
        if due is None or self._closed:
            return
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._closed or not self._decoding or now - self._last_packet > SILENCE:
            return
        self._decode(self._buffer.expire(now), now)
        self._mend(now)

    def _nack(self, places: Sequence[int]) -> None:
        reception = self._reception
        if reception is None:
            return
        # The newest are the likeliest to be still in the sender's memory.
        lost = [place & 0xFFFF for place in places[-MAX_NACKED:]]
        self.nacked += len(lost)
        self._feedback(rtcp.build_nack(reception.ssrc, lost, self._feedback_ssrc))

    def _decode(self, frames: Sequence[EncodedFrame], now: float) -> None:
        """Have whole pictures decoded, each when its turn comes."""
        for frame in frames:
            due = self._smoothing.due(frame.timestamp, now, repaired=frame.repaired)
            if len(self._held) >= MAX_HELD:
                self._release(float("inf"))
            self._held.append((frame, now, due))
        self._release(now)

    def _release(self, now: float) -> None:
        while self._held and self._held[0][2] <= now:
            frame, arrived, _ = self._held.popleft()
            if not self._decoder.add(frame, arrived):
                self._buffer.need_keyframe = True
        self._frames, self._size = self._decoder.frames, self._decoder.size
        if self._held and self._turn is None and not self._closed:
            self._turn = self._loop.call_at(self._held[0][2], self._next_turn)

    def _next_turn(self) -> None:
        self._turn = None
        self._release(self._loop.time())

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
            self._held.clear()
            self._mend(self._loop.time())
