"""Encoding pictures off the event loop: bit rates by size, and frames that stay as they were."""

from __future__ import annotations

import functools
import logging
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import numpy as np
from aiortc.codecs import get_encoder
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

_log = logging.getLogger(__name__)

THREADS = 2
CLOCK_RATE = 90_000
MIN_BITRATE, MAX_BITRATE = 250_000, 1_500_000
"""Bits a second between which aiortc's encoders keep themselves."""

_REFERENCE_PIXELS, _REFERENCE_BITRATE = 640 * 360, 700_000


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

    Attributes:
        share: Of that bit rate, 0 to 1, which the network bears now.
    """

    def __init__(self, codec: str, bitrate: int = 0) -> None:
        name = {"vp8": "VP8", "h264": "H264"}[codec.lower()]
        self._encoder = get_encoder(
            RTCRtpCodecParameters(f"video/{name}", CLOCK_RATE, payloadType=96)
        )
        self.share = 1.0
        self._bitrate = bitrate

    def encode(self, picture: av.VideoFrame, timestamp: int, keyframe: bool) -> list[bytes]:
        """The payloads of `picture` at `timestamp` (90 kHz, ascending); none if the encoder refuses it."""
        if picture.width < 2 or picture.height < 2:
            return []
        try:
            own = copy_picture(picture)
            own.pts = timestamp
            own.time_base = Fraction(1, CLOCK_RATE)
            if isinstance(self._encoder, (Vp8Encoder, H264Encoder)):
                full = self._bitrate or default_bitrate(own.width, own.height)
                self._encoder.target_bitrate = int(full * self.share)
            payloads, _ = self._encoder.encode(own, keyframe)
        except (av.FFmpegError, ValueError) as error:
            _log.warning("a picture could not be encoded: %s", error)
            return []
        return payloads
