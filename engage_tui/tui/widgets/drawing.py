"""What a tile's rows are drawn from: a canvas of pixels, with the picture or the initials, and the speaker's frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engage_tui.render.cells import CELL_ASPECT, MODES, Canvas, CellMode, ColourDepth
from engage_tui.render.images import Place
from engage_tui.render.initials import colour_of, initials, portrait, round_portrait
from engage_tui.render.picture import Pixels, Rgb, cover, letterbox
from engage_tui.render.placing import Box

_WHITE: Rgb = (255, 255, 255)
_BLACK: Rgb = (0, 0, 0)
_TEXT_ROWS = 2  # the reason below the initials
_NEARLY = 0.3  # pixels that differ no more from squares count as such


@dataclass(frozen=True, slots=True)
class Look:
    """How a tile draws.

    Attributes:
        colour: What the terminal shows.
        dark: Whether the theme is.
        background: Beside pictures and behind initials.
        accent: Of the speaker's frame.
        aspect: Height of a cell divided by its width.
        fill: Cut what does not fit, instead of leaving bars.
    """

    mode: CellMode
    colour: ColourDepth
    dark: bool
    background: Rgb
    accent: Rgb
    aspect: float = CELL_ASPECT
    fill: bool = False

    @property
    def tall(self) -> float:
        """Height of one of the mode's pixels divided by its width, on this terminal."""
        across, down = MODES[self.mode].pixels
        return self.aspect * across / down

    def wanted(self, columns: int, rows: int) -> tuple[int, int]:
        """The box of square pixels that a place can show."""
        width, height = self.box(columns, rows)
        return width, max(1, round(height * self.tall))

    @property
    def mono(self) -> bool:
        """Whether there are no colours at all."""
        return self.colour is ColourDepth.MONO or not MODES[self.mode].coloured

    @property
    def ink(self) -> Rgb:
        """What is surely seen on the background."""
        return _WHITE if self.dark else _BLACK

    def paper(self, *, photo: bool) -> Canvas:
        """What the cells are drawn upon."""
        return Canvas(self.colour, self.dark, self.background, photo)

    def box(self, columns: int, rows: int) -> tuple[int, int]:
        """Pixels of a place, in the mode's own shape."""
        across, down = MODES[self.mode].pixels
        return columns * across, rows * down


def picture_canvas(
    pixels: Pixels, columns: int, rows: int, look: Look, *, framed: bool, covered: int = 0
) -> Pixels:
    """Fit a picture into a tile.

    Args:
        pixels: The picture, in square pixels.
        columns: Of the tile.
        rows: Of the tile, the covered ones included.
        look: How to draw.
        framed: Whether the person speaks.
        covered: Rows at the bottom over which something else lies; they are not drawn.

    Returns:
        Whole cells of ``rows - covered`` rows.
    """
    mode = MODES[look.mode]
    box, below = look.box(columns, rows), covered * mode.pixels[1]
    if look.fill:
        return _framed(
            cover(pixels, (box[0], box[1] - below), look.background, look.tall), look, framed
        )
    canvas = letterbox(pixels, box, look.background, look.tall, below)
    return _framed(canvas[: box[1] - below], look, framed)


def portrait_canvas(
    name: str, identity: str, columns: int, rows: int, look: Look, *, framed: bool
) -> tuple[Pixels, int]:
    """Draw large initials, and leave a row for words below them.

    Returns:
        Whole cells, and the row for the words: the middle one when there is no room for initials.
    """
    across, down = look.box(columns, rows)
    canvas = np.empty((down, across, 3), np.uint8)
    canvas[...] = look.background
    air = _air(rows)
    drawn = _portrait(name, identity, columns, rows - _TEXT_ROWS + 1 - 2 * air, look)
    line = max(0, (rows - 1) // 2)
    if drawn is not None:
        top = air * MODES[look.mode].pixels[1]
        canvas[top : top + len(drawn)] = drawn
        line = rows - 1 - air
    return _framed(canvas, look, framed), line


def portrait_box(columns: int, rows: int, cell: tuple[int, int]) -> Box | None:
    """The cells above the words that a portrait of pixels covers, about square; None: there is no room.

    Args:
        columns: Of the place.
        rows: Of the place, as for `portrait_canvas`.
        cell: Width and height of a cell in pixels.
    """
    air = _air(rows)
    down = rows - _TEXT_ROWS + 1 - 2 * air
    if down <= 0:
        return None
    across = min(columns, -(-down * cell[1] // cell[0]))
    return Box((columns - across) // 2, air, Place(across, down, cell))


def portrait_image(
    name: str, identity: str, size: tuple[int, int], look: Look, *, framed: bool
) -> Pixels | None:
    """Draw large initials in square pixels; None: they could not be read."""
    ring = look.accent if framed else None
    return round_portrait(initials(name), size, look.background, colour_of(identity), ring=ring)


def _air(rows: int) -> int:
    """Empty rows above initials, and below the words."""
    return 1 if rows > 8 else 0


def _portrait(name: str, identity: str, columns: int, rows: int, look: Look) -> Pixels | None:
    letters = initials(name)
    if not letters or rows <= 0:
        return None
    mode = MODES[look.mode]
    box = look.box(columns, rows)
    # Scaled, letters blur. So pixels that are nearly square are drawn on as they are, and only the disc heeds them.
    straight = abs(look.tall - 1) <= _NEARLY
    size, tall = (box, look.tall) if straight else (look.wanted(columns, rows), 1.0)
    colour = colour_of(identity)
    drawn = None
    if mode.pixels == (1, 1) or look.mono:
        drawn = portrait(
            letters, size, look.background, None, ink=look.ink, grid=max(1, 2 // mode.pixels[1])
        )
    else:
        drawn = portrait(letters, size, look.background, colour, tall=tall)
        if drawn is None:  # no room for a disc around them
            drawn = portrait(letters, size, look.background, None, ink=colour)
    if drawn is None:
        return None
    return drawn if straight else letterbox(drawn, box, look.background, look.tall)


def _framed(canvas: Pixels, look: Look, framed: bool) -> Pixels:
    """Draw a frame one pixel thick; the tile's caption is its lower edge."""
    if framed and canvas.size:
        canvas[0] = canvas[:, 0] = canvas[:, -1] = look.ink if look.mono else look.accent
    return canvas
