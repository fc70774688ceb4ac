"""Soft-edged shapes on a float picture, in numpy alone: what the demo's faces and charts are drawn with."""

from __future__ import annotations

import math

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import VideoReformatter

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

Pixels = npt.NDArray[np.float32]


class Canvas:
    """A picture to draw on.

    Attributes:
        pixels: float32, shape ``(3, height, width)``, 0 to 255: a plane a colour, because whole rows are blended.
    """

    def __init__(self, width: int, height: int) -> None:
        """Make a black canvas of `width` x `height` pixels."""
        self.pixels: Pixels = np.zeros((3, height, width), np.float32)
        self._xs = np.arange(width, dtype=np.float32) + np.float32(0.5)
        self._ys = np.arange(height, dtype=np.float32) + np.float32(0.5)
        self._reformatter = VideoReformatter()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return (self.pixels.shape[2], self.pixels.shape[1])

    def fade(self, top: Colour, bottom: Colour) -> None:
        """Fill with a vertical gradient."""
        mix = np.linspace(0.0, 1.0, self.size[1], dtype=np.float32)[None, :, None]
        first, last = _planes(top), _planes(bottom)
        self.pixels[:] = first + (last - first) * mix

    def ellipse(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        colour: Colour,
        *,
        angle: float = 0.0,
        opacity: float = 1.0,
        soft: float = 1.0,
        hole: float = 0.0,
    ) -> None:
        """Draw a filled ellipse or a ring.

        Args:
            x: Centre, pixels.
            y: Centre, pixels.
            rx: Radius along the ellipse's own first axis, pixels.
            ry: Radius along its second axis, pixels.
            colour: Its colour.
            angle: Rotation, radians, clockwise on the screen.
            opacity: 0 to 1.
            soft: Width of the edge in pixels; 1 is crisp.
            hole: Inner part left out, as a share of the radii; 0 fills it.
        """
        cos, sin = math.cos(angle), math.sin(angle)
        reach_x = math.hypot(rx * cos, ry * sin) + soft
        reach_y = math.hypot(rx * sin, ry * cos) + soft
        width, height = self.size
        left, right = max(0, int(x - reach_x)), min(width, int(x + reach_x) + 2)
        top, bottom = max(0, int(y - reach_y)), min(height, int(y + reach_y) + 2)
        if left >= right or top >= bottom or min(rx, ry) <= 0:
            return
        dx = self._xs[left:right] - np.float32(x)
        dy = self._ys[top:bottom] - np.float32(y)
        # The squared radius as a quadratic form: no root and no division for each pixel.
        across, down = (cos / rx) ** 2 + (sin / ry) ** 2, (sin / rx) ** 2 + (cos / ry) ** 2
        both = 2 * cos * sin * (1 / rx**2 - 1 / ry**2)
        square = np.outer(dy * np.float32(both), dx)
        square += np.float32(across) * dx * dx
        square += (np.float32(down) * dy * dy)[:, None]
        # Around the edge the radius minus one is half of its square minus one.
        steep = np.float32(min(rx, ry) / (2 * soft))
        cover = _ramp(square, -steep, np.float32(0.5) + steep)
        if hole:
            steep /= np.float32(hole)
            cover *= _ramp(square, steep, np.float32(0.5 - steep * hole**2))
        cover *= np.float32(opacity)
        self._blend(left, top, cover, colour)

    def box(
        self, x: float, y: float, width: float, height: float, colour: Colour, opacity: float = 1.0
    ) -> None:
        """Draw a rectangle with its top left corner at `x`, `y`; edges between pixels are blended."""
        across = _overlap(self._xs, x, x + width)
        down = _overlap(self._ys, y, y + height)
        columns, rows = np.flatnonzero(across), np.flatnonzero(down)
        if len(columns) == 0 or len(rows) == 0:
            return
        cover = np.outer(down[rows[0] : rows[-1] + 1], across[columns[0] : columns[-1] + 1])
        self._blend(int(columns[0]), int(rows[0]), cover * np.float32(opacity), colour)

    def to_frame(self) -> av.VideoFrame:
        """The picture as a PyAV frame in ``yuv420p``."""
        picture = av.VideoFrame.from_ndarray(self.to_rgb(), format="rgb24")
        return self._reformatter.reformat(picture, format="yuv420p")

    def to_rgb(self) -> npt.NDArray[np.uint8]:
        """The picture as uint8, shape ``(height, width, 3)``."""
        planes = np.clip(self.pixels, 0, 255).astype(np.uint8)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))

    def _blend(self, left: int, top: int, cover: Pixels, colour: Colour) -> None:
        height, width = cover.shape
        part = self.pixels[:, top : top + height, left : left + width]
        change = _planes(colour) - part
        change *= cover
        part += change


def _planes(colour: Colour) -> Pixels:
    return np.array(colour, np.float32).reshape(3, 1, 1)


def _ramp(square: Pixels, slope: np.float32, start: np.float32) -> Pixels:
    """``start + slope * square``, kept between 0 and 1."""
    ramp: Pixels = square * slope
    ramp += start
    np.maximum(ramp, 0, out=ramp)
    np.minimum(ramp, 1, out=ramp)
    return ramp


def _overlap(centres: npt.NDArray[np.float32], start: float, end: float) -> Pixels:
    """How much of each pixel around `centres` lies between `start` and `end`, 0 to 1."""
    covered: Pixels = np.minimum(centres + 0.5, end) - np.maximum(centres - 0.5, start)
    return np.clip(covered, 0.0, 1.0).astype(np.float32)
