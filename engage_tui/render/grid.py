"""What every way of drawing shares: cells, and the canvas that they are drawn upon."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from engage_tui.render.picture import Pixels, Rgb


class ColourDepth(IntEnum):
    """How many colours the terminal shows."""

    MONO = 2
    SIXTEEN = 16
    INDEXED = 256
    TRUE = 1 << 24


class Ramp(IntEnum):
    """Which letters stand for brightness."""

    PLAIN = 0
    """Sixteen steps of letters and signs that most fonts weigh alike."""
    LONG = 1
    """Seventy steps: smoother, busier."""
    SHORT = 2
    """Six signs: calm, like a woodcut."""
    DIGITS = 3
    """Digits alone."""
    SHADES = 4
    """Shaded blocks; not ASCII, for terminals with Unicode."""


@dataclass(frozen=True, slots=True)
class Cells:
    """What the cells of a picture show.

    Attributes:
        glyph: Code points, uint32, shape (rows, columns); every one is one cell wide.
        fg: Colour of the glyph, uint8, shape (rows, columns, 3); None: the terminal's own.
        bg: Colour behind it, the same shape; None with `fg`.
    """

    glyph: npt.NDArray[np.uint32]
    fg: Pixels | None
    bg: Pixels | None


@dataclass(frozen=True, slots=True)
class Canvas:
    """What is drawn upon.

    Attributes:
        colour: How many colours the terminal shows.
        dark: Whether ink is brighter than paper; matters without colours alone.
        paper: A colour that stays as it is, neither dithered nor inked: the bars beside a picture; None: no such.
        photo: Whether a picture is drawn, and not a flat drawing, which neither dither nor more contrast improves.
        ramp: The letters of the modes that draw with them; None: the mode's own choice.
    """

    colour: ColourDepth = ColourDepth.TRUE
    dark: bool = True
    paper: Rgb | None = None
    photo: bool = True
    ramp: Ramp | None = None
