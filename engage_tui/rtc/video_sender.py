"""Outgoing pictures: one stream of them, or several sizes at once (simulcast)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import av
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpSendParameters

from engage_tui.rtc.bitrate import BitrateControl
from engage_tui.rtc.encode import CLOCK_RATE, PictureEncoder, pool
from engage_tui.rtc.rtp_sender import Encoded, RtpSender
from engage_tui.rtc.sender import Sender, SenderStats

KEYFRAME_INTERVAL = 0.25
"""Seconds between keyframes, however often they are asked for."""

STILL = 0.1
"""Seconds after which the last picture is sent again when a keyframe was asked for and no new one comes."""

LEAST_SIMULCAST = 480
"""Pixels of width from which a small layer is sent beside the full one."""

SMALL_HEIGHT = 180
"""Pixels: about the height of the small layer, more than any tile of text shows."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One size of a video.

    Attributes:
        rid: LiveKit's name for it: ``q`` the smallest, ``h`` the next; empty where it is the only one.
        shrink: By how much width and height are divided.
    """

    rid: str
    shrink: int = 1


ONE_LAYER = (Layer(""),)


def layers_for(width: int, height: int) -> tuple[Layer, ...]:
    """The layers in which to send pictures of this size, the smallest first."""
    if width < LEAST_SIMULCAST or height < 2 * SMALL_HEIGHT:
        return ONE_LAYER
    return Layer("q", max(2, round(height / SMALL_HEIGHT))), Layer("h")


class LayerStream:
    """One layer: the newest picture is encoded in its size, and what its receiver reports is followed.

    Attributes:
        layer: Which one.
        enabled: Whether somebody wants it; while nobody does, nothing is encoded.
    """

    def __init__(self, layer: Layer, codec: str, bitrate: int, transport: RTCDtlsTransport) -> None:
        self.layer = layer
        self.enabled = True
        self.rtp = RtpSender(self, transport, layer.rid)
        self.frames = self.bytes = 0
        self.size = (0, 0)
        self._encoder = PictureEncoder(codec, bitrate, layer.shrink)
        self._control = BitrateControl()
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._slot: tuple[av.VideoFrame, float] | None = None
        self._slot_lock = threading.Lock()
        self._last: av.VideoFrame | None = None
        self._origin: float | None = None
        self._timestamp = -1
        self._keyframe = True
        self._last_keyframe = float("-inf")
        self._muted = False

    def push(self, picture: av.VideoFrame, time: float) -> None:
        """Take a picture to be sent; from any thread. One that waits still is replaced."""
        if not self.enabled:
            return
        with self._slot_lock:
            waiting, self._slot = self._slot, (picture, time)
        if waiting is None:
            self._loop.call_soon_threadsafe(self._wake.set)

    def reset(self, *, muted: bool) -> None:
        """Drop what waits; begin again with a keyframe."""
        with self._slot_lock:
            self._slot = None
        self._last = None
        self._keyframe = True
        self._muted = muted

    async def end(self) -> None:
        """Send nothing more, and free what is large without waiting for the garbage collector."""
        await self.rtp.stop()
        self.reset(muted=True)
        self._encoder.close()

    def reported(self, lost: float) -> None:
        """Follow the network: fewer bits where many packets are lost."""
        self._control.report(lost, time.monotonic())
        self._encoder.share = self._control.share

    def request_keyframe(self) -> None:
        """Encode the next picture as a keyframe; soon even if no new picture comes."""
        self._keyframe = True
        due = self._last_keyframe + KEYFRAME_INTERVAL - time.monotonic() + 0.005
        self._loop.call_later(max(STILL, due), self._wake.set)

    async def next_frame(self) -> Encoded | None:
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
        self.size = self._encoder.size(picture)
        self._last = picture
        self.frames += 1
        self.bytes += sum(map(len, payloads))
        return Encoded(payloads, self._timestamp & 0xFFFFFFFF)

    def _take(self) -> tuple[av.VideoFrame, float] | None:
        with self._slot_lock:
            taken, self._slot = self._slot, None
        return taken

    def _again(self) -> tuple[av.VideoFrame, float] | None:
        """The last picture, if somebody waits for a keyframe and the source is still."""
        due = time.monotonic() - self._last_keyframe >= KEYFRAME_INTERVAL
        if not self._keyframe or not due or self._last is None or not self.enabled:
            return None
        return self._last, time.monotonic()


class VideoSender(Sender):
    """An outgoing VP8 or H264 track, fed with pictures of any size; the newest wins.

    Args:
        cid: Our name for the track.
        transport: The connection.
        codec: ``vp8`` or ``h264``.
        bitrate: Bits a second of the largest layer; 0 chooses by size.
        layers: The sizes to send, the smallest first.
    """

    kind = "video"

    def __init__(
        self,
        cid: str,
        transport: RTCDtlsTransport,
        *,
        codec: str = "vp8",
        bitrate: int = 0,
        layers: Sequence[Layer] = ONE_LAYER,
    ) -> None:
        super().__init__(cid)
        self.codec = {"vp8": "VP8", "h264": "H264"}[codec.lower()]
        self.streams = [
            LayerStream(layer, codec, bitrate if layer is layers[-1] else 0, transport)
            for layer in layers
        ]

    @property
    def stats(self) -> SenderStats:
        """The figures so far, of all layers together, the size of the largest; from any thread."""
        sent = [stream for stream in self.streams if stream.size[0]]
        size = max((stream.size for stream in sent), default=(0, 0))
        return SenderStats(
            max(stream.frames for stream in self.streams),
            sum(stream.bytes for stream in self.streams),
            *size,
        )

    @property
    def rids(self) -> list[str]:
        """The names of the layers, the smallest first; empty without simulcast."""
        return [stream.layer.rid for stream in self.streams if stream.layer.rid]

    @property
    def ssrcs(self) -> tuple[int, int] | None:
        """The SSRCs of media and retransmissions as a description names them; None with several layers."""
        return None if self.rids else self.streams[0].rtp.ssrcs

    def push(self, picture: av.VideoFrame, time: float) -> None:
        """Send a picture, taken at `time` of `time.monotonic()`; from any thread, never blocks.

        The picture is only read. One that has not been encoded when the next comes is never sent.
        """
        if self._closed or self._muted:
            return
        try:
            for stream in self.streams:
                stream.push(picture, time)
        except RuntimeError:  # the loop has ended: a device thread pushed its last picture
            self._closed = True

    def set_enabled(self, rid: str, enabled: bool) -> None:
        """Encode and send a layer, or nothing of it while nobody wants it."""
        for stream in self.streams:
            if stream.layer.rid == rid and stream.enabled != enabled:
                stream.reset(muted=self._muted)
                stream.enabled = enabled

    def mute_changed(self) -> None:
        """Drop what waits; begin again with a keyframe."""
        for stream in self.streams:
            stream.reset(muted=self._muted)

    async def _begin(self, parameters: RTCRtpSendParameters, rids: Sequence[str]) -> None:
        for stream in self.streams:
            # A server that takes no simulcast gets the largest layer.
            if stream.layer.rid in rids or (not rids and stream is self.streams[-1]):
                await stream.rtp.send(parameters)
                if stream.layer.rid and self._muted:
                    stream.rtp.announce()
            else:
                stream.enabled = False

    async def _end(self) -> None:
        for stream in self.streams:
            await stream.end()
