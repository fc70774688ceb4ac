"""Encoding pictures off the event loop: bit rates by size, and frames that stay as they were."""

from __future__ import annotations

import functools
import logging
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import cast

import av
import numpy as np
from aiortc.codecs import get_encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from av.video.frame import PictureType

_log = logging.getLogger(__name__)

THREADS = 2
CLOCK_RATE = 90_000
MIN_BITRATE, MAX_BITRATE = 100_000, 2_000_000
"""Bits a second that are chosen for the smallest and the largest pictures."""

LEAST_BITRATE = 60_000
"""Bits a second below which no network makes us go: the encoder would only stutter."""

TOLERANCE = 0.2
"""Share by which the wanted bit rate may differ: following it means a new encoder and a keyframe."""

_ONE_THREAD_PIXELS = 1920 * 1080  # up to which one thread keeps up
_REFERENCE_PIXELS, _REFERENCE_BITRATE = 640 * 360, 700_000
_NAMES = {"VP8": "libvpx", "H264": "libx264"}


@functools.cache
def pool() -> ThreadPoolExecutor:
    """The encode threads of this process."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="encode")


def default_bitrate(width: int, height: int) -> int:
    """Bits a second for pictures of this size: 700 kb/s for 640x360, less than in proportion for more."""
    ratio = max(1, width * height) / _REFERENCE_PIXELS
    return int(min(MAX_BITRATE, max(MIN_BITRATE, _REFERENCE_BITRATE * ratio**0.75)))


def copy_picture(picture: av.VideoFrame) -> av.VideoFrame:
    """A picture of our own in ``yuv420p``: encoders write time and type into the frame, which others share."""
    if picture.format.name != "yuv420p":
        return picture.reformat(format="yuv420p")
    own = av.VideoFrame(picture.width, picture.height, "yuv420p")
    for source, target in zip(picture.planes, own.planes, strict=True):
        rows = np.asarray(memoryview(source), np.uint8).reshape(-1, source.line_size)
        space = np.asarray(memoryview(target), np.uint8).reshape(-1, target.line_size)
        width = min(source.line_size, target.line_size)
        height = min(len(rows), len(space))
        space[:height, :width] = rows[:height, :width]
    return own


class PictureEncoder:
    """Encodes pictures into RTP payloads; one thread at a time.

    Args:
        codec: ``vp8`` or ``h264``.
        bitrate: Bits a second; 0 chooses by the size of each picture.
        shrink: By how much width and height are divided before.

    Attributes:
        share: Of that bit rate, 0 to 1, which the network bears now.
    """

    def __init__(self, codec: str, bitrate: int = 0, shrink: int = 1) -> None:
        self._name = {"vp8": "VP8", "h264": "H264"}[codec.lower()]
        # aiortc cuts encoded pictures into payloads; its own encoding knows no rate below 250 kb/s.
        self._packer = get_encoder(
            RTCRtpCodecParameters(f"video/{self._name}", CLOCK_RATE, payloadType=96)
        )
        self.share = 1.0
        self._bitrate = bitrate
        self._shrink = shrink
        self._codec: av.VideoCodecContext | None = None
        self._last: int | None = None

    def encode(self, picture: av.VideoFrame, timestamp: int, keyframe: bool) -> list[bytes]:
        """The payloads of `picture` at `timestamp` (90 kHz, ascending); none if the encoder refuses it."""
        width, height = self.size(picture)
        if width < 2 or height < 2:
            return []
        try:
            if (width, height) == (picture.width, picture.height):
                own = copy_picture(picture)
            else:
                own = picture.reformat(width=width, height=height, format="yuv420p")
            own.pts = timestamp
            own.time_base = Fraction(1, CLOCK_RATE)
            own.duration = self._duration(timestamp)
            own.pict_type = PictureType.I if keyframe else PictureType.NONE
            codec = self._codec_for(width, height)
            data = b"".join(bytes(packet) for packet in codec.encode(own))
        except (av.FFmpegError, ValueError) as error:
            _log.warning("a picture could not be encoded: %s", error)
            self._codec = None
            return []
        if not data:
            return []
        packet = av.Packet(data)
        packet.pts, packet.time_base = timestamp, Fraction(1, CLOCK_RATE)
        return self._packer.pack(packet)[0]

    def close(self) -> None:
        """Free the encoder; another picture would open it again."""
        self._codec = None

    def size(self, picture: av.VideoFrame) -> tuple[int, int]:
        """Width and height, even, in which `picture` is sent."""
        return (picture.width // self._shrink) & ~1, (picture.height // self._shrink) & ~1

    def _duration(self, timestamp: int) -> int:
        """Ticks since the picture before: rate control goes by them, not by a nominal frame rate."""
        before, self._last = self._last, timestamp
        return 6000 if before is None else max(900, min(18_000, timestamp - before))

    def _codec_for(self, width: int, height: int) -> av.VideoCodecContext:
        full = self._bitrate or default_bitrate(width, height)
        wanted = max(LEAST_BITRATE, int(full * self.share))
        codec = self._codec
        if codec is not None and (codec.width, codec.height) == (width, height):
            before = codec.bit_rate or wanted
            if abs(wanted - before) <= TOLERANCE * before:
                return codec
        self._codec = codec = _open(self._name, width, height, wanted)
        return codec


def _open(name: str, width: int, height: int, bitrate: int) -> av.VideoCodecContext:
    codec = cast(av.VideoCodecContext, av.CodecContext.create(_NAMES[name], "w"))
    codec.width, codec.height = width, height
    codec.pix_fmt = "yuv420p"
    codec.bit_rate = bitrate
    codec.time_base = Fraction(1, CLOCK_RATE)
    codec.framerate = Fraction(30)
    codec.gop_size = 3000  # keyframes come when they are asked for
    # The pool's threads are the parallelism: where cores are scarce, libvpx's wait for each other by spinning.
    codec.thread_count = 2 if width * height > _ONE_THREAD_PIXELS else 1
    steady = {"minrate": str(bitrate), "maxrate": str(bitrate), "bufsize": str(bitrate)}
    if name == "VP8":
        codec.qmin, codec.qmax = 2, 56
        codec.options = steady | {
            "deadline": "realtime",
            "cpu-used": "-6",
            "lag-in-frames": "0",
            "static-thresh": "1",
            "noise-sensitivity": "0",
            "undershoot-pct": "100",
            "overshoot-pct": "15",
        }
    else:
        del steady["minrate"]
        codec.options = steady | {
            "preset": "veryfast",
            "tune": "zerolatency",
            "level": "31",
            "forced-idr": "1",
        }
        codec.profile = "Baseline"
    return codec
