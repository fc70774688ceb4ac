"""Pictures at a tile's size: straight from YUV to small RGB, without a full-size RGB picture between."""

from __future__ import annotations

from functools import lru_cache

import av
import numpy as np
import numpy.typing as npt
from av.video.format import VideoFormat
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

# The mean over each output pixel's area does not flicker as point sampling does. Full chroma interpolation makes
# swscale compute colours exactly (white becomes 255 instead of 253) at no measurable cost. Plain numbers: to look up
# an enum's costs a part of what scaling to a tile does.
_METHOD = int(Interpolation.AREA | Interpolation.FULL_CHR_H_INT)
_FULL_RANGE = int(ColorRange.JPEG)


Pixels = npt.NDArray[np.uint8]
"""RGB24, shape (height, width, 3)."""


def fit(width: int, height: int, box_width: int, box_height: int) -> tuple[int, int]:
    """The largest size of `width` to `height`'s proportion inside the box; at least 1x1.

    Sizes are in pixels; the picture is enlarged when the box is larger than it. What has no size is 1x1.
    """
    if min(width, height) < 1:
        return 1, 1
    scale = min(box_width / width, box_height / height)
    return (
        max(1, min(box_width, round(width * scale))),
        max(1, min(box_height, round(height * scale))),
    )


class Scaler:
    """Scales pictures to RGB, keeping its tables between pictures of one size.

    One per caller and thread. Takes every size and format, and heeds the picture's colour range (pictures that do not
    name one count as limited, as camera and WebRTC pictures are). What is transparent lies on black; a picture
    without any pixels is black.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def to_rgb(self, picture: av.VideoFrame, width: int, height: int) -> tuple[bytes, int, int]:
        """Scale a picture into a box, keeping its proportions.

        Args:
            picture: A frame in any format, usually yuv420p, and of any size; is not changed.
            width: The box's width in pixels, from 1.
            height: The box's height in pixels, from 1.

        Returns:
            ``(rgb, w, h)``: w·h·3 bytes, rows from the top without padding, and the size that they have.
        """
        w, h = fit(picture.width, picture.height, width, height)
        return self.stretch(picture, w, h).tobytes(), w, h

    def stretch(self, picture: av.VideoFrame, width: int, height: int) -> Pixels:
        """Scale a picture to exactly this size, whatever becomes of its proportions; else as `to_rgb`.

        Returns:
            The pixels, whose rows may lie apart in memory.
        """
        if picture.width < 1 or picture.height < 1:
            return np.zeros((height, width, 3), np.uint8)
        if see_through(picture):
            return on_black(self._scaled(picture, width, height, "rgba"))
        return _rows(self._scaled(picture, width, height, "rgb24"), 3)

    def _scaled(self, picture: av.VideoFrame, width: int, height: int, name: str) -> av.VideoFrame:
        return self._reformatter.reformat(
            picture,
            width,
            height,
            name,
            interpolation=_METHOD,
            dst_color_range=_FULL_RANGE,
            threads=1,  # a thread pool costs more than a tile does
        )


def see_through(picture: av.VideoFrame) -> bool:
    """Whether a picture has an opacity of its own."""
    return _has_opacity(picture.format.name)


@lru_cache
def _has_opacity(name: str) -> bool:
    return any(part.is_alpha for part in VideoFormat(name).components)


def on_black(picture: av.VideoFrame) -> Pixels:
    """Lay a picture in ``rgba`` on black."""
    parts = _rows(picture, 4)
    share = parts[..., 3:].astype(np.uint16)
    share += share >> 7  # 255 becomes 256: what is opaque stays as it is
    return np.asarray(parts[..., :3] * share >> 8, np.uint8)


def _rows(picture: av.VideoFrame, size: int) -> npt.NDArray[np.uint8]:
    """The bytes of a packed picture of `size` bytes a pixel, without the padding: shape (height, width, size)."""
    plane = picture.planes[0]
    shape, strides = (picture.height, picture.width, size), (plane.line_size, size, 1)
    return np.ndarray(shape, np.uint8, memoryview(plane), 0, strides)


def to_rgb(picture: av.VideoFrame, width: int, height: int) -> tuple[bytes, int, int]:
    """`Scaler.to_rgb` for a single picture; streams keep a `Scaler`, which is faster."""
    return Scaler().to_rgb(picture, width, height)
