"""What a tile shows without a picture: a person's initials, large, on a disc of their own colour."""

from __future__ import annotations

import unicodedata
import zlib

import numpy as np
import numpy.typing as npt

from engage_tui.render.picture import Pixels, Rgb

_FONT = {
    "A": "0E11111F111111",
    "B": "1E11111E11111E",
    "C": "0E11101010110E",
    "D": "1E11111111111E",
    "E": "1F10101E10101F",
    "F": "1F10101E101010",
    "G": "0E11101711110F",
    "H": "1111111F111111",
    "I": "0E04040404040E",
    "J": "0702020202120C",
    "K": "11121418141211",
    "L": "1010101010101F",
    "M": "111B1515111111",
    "N": "11111915131111",
    "O": "0E11111111110E",
    "P": "1E11111E101010",
    "Q": "0E11111115120D",
    "R": "1E11111E141211",
    "S": "0F10100E01011E",
    "T": "1F040404040404",
    "U": "1111111111110E",
    "V": "11111111110A04",
    "W": "1111111515150A",
    "X": "11110A040A1111",
    "Y": "11110A04040404",
    "Z": "1F01020408101F",
    "0": "0E11131519110E",
    "1": "040C040404040E",
    "2": "0E11010204081F",
    "3": "1F02040201110E",
    "4": "02060A121F0202",
    "5": "1F101E0101110E",
    "6": "0608101E11110E",
    "7": "1F010204080808",
    "8": "0E11110E11110E",
    "9": "0E11110F01020C",
}
"""Seven rows of five pixels a letter, the leftmost in the highest bit."""

_DISCS: tuple[Rgb, ...] = (
    (84, 104, 176),
    (42, 122, 116),
    (142, 84, 138),
    (164, 98, 58),
    (88, 120, 66),
    (62, 114, 160),
    (160, 76, 92),
    (112, 98, 152),
)
_INK: Rgb = (244, 244, 248)
_DISC = 0.86  # of the place's height is the disc where a ring may be around it
_FINE = 3  # pixels of a letter's dot from which on round corners are seen
_EDGE = 0.42  # below a half: strokes a little bolder, so that diagonal ones hold together
_TALL, _PAIR = 7, 11  # rows of a letter; columns of two


def initials(name: str) -> str:
    """One or two letters for a name: of its first and last word, accents removed; empty if the font has none."""
    letters = [_letter(word[0]) for word in name.split() if word]
    known = [letter for letter in letters if letter]
    return known[0] + known[-1] if len(known) > 1 else "".join(known)


def _letter(char: str) -> str:
    plain = unicodedata.normalize("NFKD", char)[0].upper()
    return plain if plain in _FONT else ""


def colour_of(identity: str) -> Rgb:
    """The colour of a person: always the same one."""
    return _DISCS[zlib.crc32(identity.encode()) % len(_DISCS)]


def portrait(
    text: str,
    size: tuple[int, int],
    background: Rgb,
    disc: Rgb | None,
    *,
    ink: Rgb = _INK,
    grid: int = 1,
    tall: float = 1.0,
) -> Pixels | None:
    """Draw initials in the middle of a picture.

    Args:
        text: What `initials` made.
        size: Width and height in pixels.
        background: Around the disc.
        disc: Colour of the disc; None: no disc.
        ink: Colour of the letters.
        grid: Letters are scaled and placed by multiples of this, so that coarse cells keep them sharp.
        tall: Height of a pixel divided by its width: the disc is round with any, letters are as tall as it is.

    Returns:
        Shape (height, width, 3), or None when there is no room for letters that could be read.
    """
    width, height = size
    shape = _bitmap(text)
    scale = _scale(shape.shape, size, disc is not None) // grid * grid
    if not text or scale < 1:
        return None
    canvas = np.empty((height, width, 3), np.float32)
    canvas[...] = background
    if disc is not None:
        _fill_disc(canvas, disc, tall)
    mask = np.kron(shape, np.ones((scale, scale), np.bool_))
    top = (height - mask.shape[0]) // 2 // grid * grid
    left = (width - mask.shape[1] + 1) // 2
    canvas[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = ink
    return np.asarray(canvas + 0.5, np.uint8)


def round_portrait(
    text: str, size: tuple[int, int], background: Rgb, disc: Rgb, *, ring: Rgb | None = None
) -> Pixels | None:
    """Draw initials on a disc with room for a ring around it, in square pixels fine enough for round shapes.

    Args:
        text: What `initials` made.
        size: Width and height in pixels.
        background: Around the disc.
        disc: Colour of the disc.
        ring: Colour of the ring; None: there is none.

    Returns:
        Shape (height, width, 3), or None when there is no room for letters that could be read.
    """
    width, height = size
    within = int(min(size) * _DISC), int(min(size) * _DISC)
    shape = _bitmap(text)
    scale = _scale(shape.shape, within, True)
    if not text or scale < _FINE:
        return None
    canvas = np.empty((height, width, 3), np.float32)
    canvas[...] = background
    if ring is not None:
        _fill_disc(canvas, ring, 1.0)
        _fill_disc(canvas, background, 1.0, (1 + _DISC) / 2)
    _fill_disc(canvas, disc, 1.0, _DISC)
    ink = _softened(shape, scale)[..., None]
    top, left = (height - ink.shape[0]) // 2, (width - ink.shape[1]) // 2
    place = canvas[top : top + ink.shape[0], left : left + ink.shape[1]]
    place += ink * (np.array(_INK, np.float32) - place)
    return np.asarray(canvas + 0.5, np.uint8)


def _softened(shape: npt.NDArray[np.bool_], scale: int) -> npt.NDArray[np.float32]:
    """How much of each pixel letters cover: between the dots of the font is interpolated, so that corners are round."""
    dots = np.pad(shape, 1).astype(np.float32)
    for axis in (0, 1):
        place = (np.arange(dots.shape[axis] * scale) + 0.5) / scale - 0.5
        place = place.clip(0, dots.shape[axis] - 1.001)
        before = place.astype(np.intp)
        share = (place - before).astype(np.float32)
        share = share[:, None] if axis == 0 else share
        dots = dots.take(before, axis) * (1 - share) + dots.take(before + 1, axis) * share
    return np.asarray(((dots - _EDGE) * scale + 0.5).clip(0, 1), np.float32)


def _bitmap(text: str) -> npt.NDArray[np.bool_]:
    columns: list[npt.NDArray[np.bool_]] = []
    for char in text:
        rows = np.frombuffer(bytes.fromhex(_FONT[char]), np.uint8)
        columns += [
            np.unpackbits(rows[:, None], axis=1)[:, 3:].astype(np.bool_),
            np.zeros((_TALL, 1), np.bool_),
        ]
    return np.concatenate(columns[:-1], axis=1) if columns else np.zeros((_TALL, 0), np.bool_)


def _scale(shape: tuple[int, ...], size: tuple[int, int], disc: bool) -> int:
    tall, wide = shape
    width, height = size
    if disc:
        room = 0.95 * min(width, height)
        pair = int(room // float(np.hypot(tall, _PAIR)))
        return max(
            pair, min(1, int(room // float(np.hypot(tall, wide))))
        )  # one letter is no larger than two
    return min((width - 2) // max(wide, 1), (height - 1) // tall)


def _fill_disc(
    canvas: npt.NDArray[np.float32], colour: Rgb, tall: float, part: float = 1.0
) -> None:
    """Fill a disc as large as fits, or that `part` of its diameter."""
    height, width = canvas.shape[:2]
    y, x = np.ogrid[:height, :width]
    distance = np.hypot(x - (width - 1) / 2, (y - (height - 1) / 2) * tall)
    radius = part * min(width, height * tall) / 2
    share = np.clip(radius - distance, 0, 1)[..., None].astype(np.float32)
    canvas += share * (np.array(colour, np.float32) - canvas)
