"""Pictures at a tile's size: straight from YUV to small RGB, without a full-size RGB picture between."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

# The mean over each output pixel's area does not flicker as point sampling does. Full chroma interpolation makes
# swscale compute colours exactly (white becomes 255 instead of 253) at no measurable cost.
_METHOD = Interpolation.AREA | Interpolation.FULL_CHR_H_INT


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
        if min(picture.width, picture.height) < 1:
            return bytes(3 * w * h), w, h
        if see_through(picture):
            pixels = on_black(self._scaled(picture, w, h, "rgba"))
        else:
            small = self._scaled(picture, w, h, "rgb24")
            pixels = _rows(small, w * 3)
        return pixels.tobytes(), w, h

    def _scaled(self, picture: av.VideoFrame, width: int, height: int, name: str) -> av.VideoFrame:
        return self._reformatter.reformat(
            picture,
            width,
            height,
            name,
            interpolation=_METHOD,
            dst_color_range=ColorRange.JPEG,
            threads=1,  # a thread pool costs more than a tile does
        )


def see_through(picture: av.VideoFrame) -> bool:
    """Whether a picture has an opacity of its own."""
    return any(part.is_alpha for part in picture.format.components)


def on_black(picture: av.VideoFrame) -> npt.NDArray[np.uint8]:
    """Lay a picture in ``rgba`` on black: RGB24, shape (height, width, 3)."""
    parts = _rows(picture, picture.width * 4).reshape(picture.height, picture.width, 4)
    share = parts[..., 3:].astype(np.uint16)
    share += share >> 7  # 255 becomes 256: what is opaque stays as it is
    return np.asarray(parts[..., :3] * share >> 8, np.uint8)


def _rows(picture: av.VideoFrame, length: int) -> npt.NDArray[np.uint8]:
    """The bytes of a packed picture without the padding."""
    plane = picture.planes[0]
    padded = np.frombuffer(memoryview(plane), np.uint8).reshape(picture.height, plane.line_size)
    return padded[:, :length]


def to_rgb(picture: av.VideoFrame, width: int, height: int) -> tuple[bytes, int, int]:
    """`Scaler.to_rgb` for a single picture; streams keep a `Scaler`, which is faster."""
    return Scaler().to_rgb(picture, width, height)
