"""RGB pictures, and fitting them into a box of cells without losing their shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""RGB24, shape (height, width, 3)."""

Rgb = tuple[int, int, int]
"""A colour, 0 to 255 each."""

SLACK = 0.04
"""A bar narrower than this share of the box is filled by the picture: such a stretch is not seen, a bar is."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in memory.

    Attributes:
        width: In pixels.
        height: In pixels.
        pixels: RGB24, shape (height, width, 3).
    """

    width: int
    height: int
    pixels: Pixels

    @classmethod
    def from_bytes(cls, width: int, height: int, data: bytes) -> Picture:
        """Look at packed RGB24 rows as a picture, without a copy.

        Raises:
            ValueError: `data` is not ``width * height * 3`` bytes, or a side is not positive.
        """
        if width <= 0 or height <= 0 or len(data) != width * height * 3:
            raise ValueError(f"{len(data)} bytes are no RGB picture of {width}x{height}")
        return cls(width, height, np.frombuffer(data, np.uint8).reshape(height, width, 3))


def fit(width: int, height: int, box: tuple[int, int], tall: float = 1.0) -> tuple[int, int]:
    """Find the largest size inside `box` that keeps the shape of a picture of `width` x `height`.

    Args:
        width: Of the picture, in square pixels.
        height: Of the picture, in square pixels.
        box: Width and height of the place, in its own pixels.
        tall: Height of one of the box's pixels divided by its width.

    Returns:
        Width and height in the box's pixels, each at least 1. A bar thinner than `SLACK` is not left.
    """
    box_width, box_height = box
    scale = min(box_width / width, box_height * tall / height)
    fitted = [width * scale, height * scale / tall]
    for axis, room in enumerate(box):
        if room - fitted[axis] < max(1.0, room * SLACK):
            fitted[axis] = room
    return max(1, round(fitted[0])), max(1, round(fitted[1]))


def letterbox(
    pixels: Pixels, box: tuple[int, int], background: Rgb, tall: float = 1.0, covered: int = 0
) -> Pixels:
    """Lay a picture into the middle of a box, with its shape kept and bars of `background` beside it.

    Args:
        pixels: The picture, in square pixels.
        box: Width and height of the result.
        background: Colour of the bars.
        tall: Height of one of the box's pixels divided by its width.
        covered: Rows at the bottom that something else will cover; the picture avoids them if it fits above.

    Returns:
        A new array of shape (box height, box width, 3).
    """
    height, width = pixels.shape[:2]
    canvas = np.empty((box[1], box[0], 3), np.uint8)
    canvas[...] = background
    if not pixels.size or not canvas.size:
        return canvas
    fitted_width, fitted_height = fit(width, height, box, tall)
    fitted = resample(pixels, fitted_width, fitted_height)
    room = box[1] - covered if fitted_height <= box[1] - covered else box[1]
    left, top = (box[0] - fitted_width) // 2, (room - fitted_height) // 2
    canvas[top : top + fitted_height, left : left + fitted_width] = fitted
    return canvas


def cover(pixels: Pixels, box: tuple[int, int], background: Rgb, tall: float = 1.0) -> Pixels:
    """Cover a whole box with the middle of a picture, its shape kept; what does not fit is cut off.

    Takes what `letterbox` takes, so that either can be chosen; the background is seen where there is no picture.
    """
    if not pixels.size or min(box) < 1:
        return letterbox(pixels, box, background, tall)
    height, width = pixels.shape[:2]
    scale = max(box[0] / width, box[1] * tall / height)
    wide, high = max(box[0], round(width * scale)), max(box[1], round(height * scale / tall))
    left, top = (wide - box[0]) // 2, (high - box[1]) // 2
    covered = resample(pixels, wide, high)[top : top + box[1], left : left + box[0]]
    return np.ascontiguousarray(covered)


def resample(pixels: Pixels, width: int, height: int) -> Pixels:
    """Scale a picture: the mean of what a pixel covers when shrinking, a straight line between when enlarging.

    A picture that is off by at most two rows or columns is cut or extended instead, which keeps it sharp: a decoder's
    even sizes and a terminal's odd ones differ by that much. What has no pixels becomes black.
    """
    if not pixels.size or width < 1 or height < 1:
        return np.zeros((height, width, 3), np.uint8)
    have_height, have_width = pixels.shape[:2]
    if abs(have_width - width) <= 2 and abs(have_height - height) <= 2:
        if have_height != height:
            pixels = pixels.take(_nearest(have_height, height), axis=0)
        if have_width != width:
            pixels = pixels.take(_nearest(have_width, width), axis=1)
        return pixels
    scaled = pixels.astype(np.float32)
    if height != have_height:
        scaled = (_weights(have_height, height) @ scaled.reshape(have_height, -1)).reshape(
            height, have_width, 3
        )
    if (
        width != have_width
    ):  # one product of two matrices, where one for each row would cost several times as much
        columns = scaled.transpose(1, 0, 2).reshape(have_width, -1)
        scaled = (_weights(have_width, width) @ columns).reshape(width, height, 3)
        scaled = scaled.transpose(1, 0, 2)
    scaled += 0.5
    result: Pixels = np.ascontiguousarray(scaled.astype(np.uint8))
    return result


@lru_cache(maxsize=64)
def _nearest(source: int, target: int) -> npt.NDArray[np.intp]:
    """Make the indices that cut an axis at both ends, or extend it with its ends."""
    return np.clip(np.arange(target) + (source - target) // 2, 0, source - 1)


@lru_cache(maxsize=64)
def _weights(source: int, target: int) -> npt.NDArray[np.float32]:
    """Make the matrix (target, source) that scales one axis; every row sums to 1."""
    ratio = source / target
    centres = (np.arange(target) + 0.5) * ratio
    if ratio > 1:  # the share of every source pixel that lies under the target pixel
        start, end = centres - ratio / 2, centres + ratio / 2
        index = np.arange(source)
        share = np.minimum(index + 1, end[:, None]) - np.maximum(index, start[:, None])
        weights = np.clip(share, 0.0, None)
    else:
        place = np.clip(centres - 0.5, 0, source - 1)
        weights = np.clip(1.0 - np.abs(place[:, None] - np.arange(source)), 0.0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
