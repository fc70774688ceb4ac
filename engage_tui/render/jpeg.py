"""RGB pictures to JPEG files, with the encoder that comes with the video codecs."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from engage_tui.render.picture import Pixels

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

_BEST, _WORST = 2, 31  # the encoder's quantiser


class JpegEncoder:
    """Encodes one picture after another; keeps its tables while they are of one size.

    Args:
        quality: 1 (small) to 100 (good).
    """

    def __init__(self, quality: int = 75) -> None:
        share = (min(100, max(1, quality)) - 1) / 99
        self._quantiser = round(_WORST + (_BEST - _WORST) * share)
        self._codec: VideoCodecContext | None = None
        self._count = 0

    def encode(self, rgb: Pixels) -> bytes:
        """Make a JPEG file.

        Args:
            rgb: RGB24, shape (height, width, 3), at least 1x1.
        """
        import av  # only who sends JPEG pays for the codecs
        from av.video.reformatter import ColorRange

        height, width = rgb.shape[:2]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        codec = self._codec
        if codec is None or (codec.width, codec.height) != (width, height):
            codec = self._codec = self._open(width, height)
        planes = frame.reformat(format="yuvj420p", dst_color_range=ColorRange.JPEG)
        self._count += 1
        planes.pts, planes.time_base = self._count, codec.time_base
        return b"".join(bytes(packet) for packet in codec.encode(planes))

    def _open(self, width: int, height: int) -> VideoCodecContext:
        from av import CodecContext

        codec = CodecContext.create("mjpeg", "w")
        codec.width, codec.height = width, height
        codec.pix_fmt = "yuvj420p"
        codec.time_base = Fraction(1, 30)
        codec.thread_count = 1  # threads would hold pictures back
        codec.options = {"qmin": str(self._quantiser), "qmax": str(self._quantiser)}
        return codec
