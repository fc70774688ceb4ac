"""Pictures as pixels: what sixel, kitty's graphics and iTerm2's images have in common, and which one is which.

An encoder belongs to one place on the screen and remembers what it has sent there. What it returns is written with the
cursor on the upper left cell of the place; the cursor may stand anywhere afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from engage_tui.render.picture import Pixels, resample


class PixelMode(StrEnum):
    """How a picture is sent as pixels."""

    SIXEL = "sixel"
    """Bands of six rows of pixels in a palette; xterm, foot, mlterm, Windows Terminal and others."""
    KITTY = "kitty"
    """Kitty's graphics protocol; also Ghostty, WezTerm and Konsole."""
    ITERM2 = "iterm2"
    """Image files in an escape sequence."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture goes.

    Attributes:
        columns: Cells across.
        rows: Cells down.
        cell: Width and height of a cell in pixels.
    """

    columns: int
    rows: int
    cell: tuple[int, int]

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.columns * self.cell[0], self.rows * self.cell[1]


def placed(rgb: Pixels, place: Place, most: int = 1) -> Pixels | None:
    """A picture that is at most so many times as large as its place; None: there is nothing to show, or nowhere."""
    width, height = (most * side for side in place.pixels)
    if not rgb.size or width < 1 or height < 1:
        return None
    if rgb.shape[1] <= width and rgb.shape[0] <= height:
        return np.ascontiguousarray(rgb)
    return resample(rgb, min(width, rgb.shape[1]), min(height, rgb.shape[0]))


STRETCHED = 2
"""Times as large as its place that a picture may be where the terminal scales."""


class Shown:
    """What one place shows of a terminal that takes whole pictures and scales them."""

    def __init__(self) -> None:
        self._picture: Pixels | None = None
        self._place: Place | None = None

    def fresh(self, rgb: Pixels, place: Place, *, full: bool) -> Pixels | None:
        """The picture that is to be sent, contiguous, for `ImageEncoder.encode`; from then on it counts as shown.

        Returns:
            None: there is nothing to show, or nowhere, or it is shown already and `full` is not asked for.
        """
        fitted = placed(rgb, place, STRETCHED)
        if fitted is None:
            return None
        if not full and place == self._place and self._same(fitted):
            return None
        if self._picture is None or self._picture.shape != fitted.shape:
            self._picture = np.empty_like(fitted)
        np.copyto(self._picture, fitted)  # the caller may draw into its array again
        self._place = place
        return fitted

    def forget(self) -> None:
        """Something else is there now."""
        self._place = None

    def _same(self, now: Pixels) -> bool:
        before = self._picture
        if before is None or before.shape != now.shape:
            return False
        middle = len(now) // 2  # a row tells most pictures apart, at a fraction of the cost
        return np.array_equal(before[middle], now[middle]) and np.array_equal(before, now)


class ImageEncoder(Protocol):
    """Turns the pictures of one place into what is written to the terminal."""

    def encode(self, rgb: Pixels, place: Place, *, full: bool = False) -> str:
        """Encode a picture.

        Args:
            rgb: RGB24, shape (height, width, 3). Of ``place.pixels`` for sixels, which are shown as they are; the
                others are stretched over the place. What is much larger is scaled down.
            place: Where it goes; may change from picture to picture.
            full: Whether everything is sent, and not only what differs from the picture before: after anything
                else was drawn there.

        Returns:
            What to write; empty when the terminal shows it already.
        """

    def clear(self) -> str:
        """What takes the picture off the screen, as far as overwriting its cells does not, and forgets it."""

    def close(self) -> None:
        """Free what the encoder holds outside the process; idempotent. `clear` comes before."""


def image_encoder(
    mode: PixelMode, number: int, *, local: bool = True, registers: int = 0
) -> ImageEncoder:
    """Make the encoder for one place.

    Args:
        mode: How to send.
        number: Tells this place from the others of the screen, from 1 to 255.
        local: Whether the terminal can read this machine's memory.
        registers: Colours that it has for sixels; 0: unknown.
    """
    if mode is PixelMode.SIXEL:
        from engage_tui.render.sixel import COLOURS, SixelEncoder

        return SixelEncoder(min(COLOURS, max(2, registers or COLOURS)))
    if mode is PixelMode.KITTY:
        from engage_tui.render.kitty import KittyEncoder

        return KittyEncoder(number, shared=local)
    from engage_tui.render.iterm2 import Iterm2Encoder

    return Iterm2Encoder()
