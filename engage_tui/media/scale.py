"""Pictures at a tile's size: straight from YUV to small RGB, without a full-size RGB picture between."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

# The mean over each output pixel's area does not flicker as point sampling does. Full chroma interpolation makes
# swscale compute colours exactly (white becomes 255 instead of 253) at no measurable cost.
_METHOD = Interpolation.AREA | Interpolation.FULL_CHR_H_INT


def fit(width: int, height: int, box_width: int, box_height: int) -> tuple[int, int]:
    """The largest size of `width` to `height`'s proportion inside the box; at least 1x1.

    Sizes are in pixels; the picture is enlarged when the box is larger than it.
    """
    scale = min(box_width / width, box_height / height)
    return (
        max(1, min(box_width, round(width * scale))),
        max(1, min(box_height, round(height * scale))),
    )


class Scaler:
    """Scales pictures to RGB, keeping its tables between pictures of one size.

    One per caller and thread. Takes every size, odd ones too, and heeds the picture's colour range (pictures that
    do not name one count as limited, as camera and WebRTC pictures are).
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def to_rgb(self, picture: av.VideoFrame, width: int, height: int) -> tuple[bytes, int, int]:
        """Scale a picture into a box, keeping its proportions.

        Args:
            picture: A frame in any format, usually yuv420p; is not changed.
            width: The box's width in pixels, from 1.
            height: The box's height in pixels, from 1.

        Returns:
            ``(rgb, w, h)``: w·h·3 bytes, rows from the top without padding, and the size that they have.
        """
        w, h = fit(picture.width, picture.height, width, height)
        small = self._reformatter.reformat(
            picture,
            w,
            h,
            "rgb24",
            interpolation=_METHOD,
            dst_color_range=ColorRange.JPEG,
            threads=1,  # a thread pool costs more than a tile does
        )
        plane = small.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(h, plane.line_size)
        return rows[:, : w * 3].tobytes(), w, h


def to_rgb(picture: av.VideoFrame, width: int, height: int) -> tuple[bytes, int, int]:
    """`Scaler.to_rgb` for a single picture; streams keep a `Scaler`, which is faster."""
    return Scaler().to_rgb(picture, width, height)
