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


def same(before: Pixels, now: Pixels) -> bool:
    """Whether two pictures are the same."""
    return before.shape == now.shape and bool((before == now).all())


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


def image_encoder(mode: PixelMode, number: int, *, local: bool = True) -> ImageEncoder:
    """Make the encoder for one place.

    Args:
        mode: How to send.
        number: Tells this place from the others of the screen, from 1 to 255.
        local: Whether the terminal can read this machine's memory.
    """
    if mode is PixelMode.SIXEL:
        from engage_tui.render.sixel import SixelEncoder

        return SixelEncoder()
    if mode is PixelMode.KITTY:
        from engage_tui.render.kitty import KittyEncoder

        return KittyEncoder(number, shared=local)
    from engage_tui.render.iterm2 import Iterm2Encoder

    return Iterm2Encoder()
