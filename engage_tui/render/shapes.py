"""Letters by their shape: which letter comes closest to a cell's picture, and in which two colours.

Eight pixels of the picture lie under a cell. A letter's colours are the ones of least error, given how much of each
eighth its ink covers. Where a cell is flat no shape is better than another: there letters go by brightness, and stand
a little above what is behind them, so that they are seen at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engage_tui.render.tones import weighted

Floats = npt.NDArray[np.float32]
Planes = npt.NDArray[np.uint8]
"""Pixels by their place in the cell: shape (8, 3, cells)."""

PIXELS = (2, 4)
"""Of the picture in a cell, across and down."""

GAIN = 100.0
"""Squared error a pixel by which a shape has to be better than the letter that would stand there otherwise."""

LIFT = 14.0
"""Levels of brightness by which letters are apart from what is behind them."""

_FADED = 24.0  # levels by which a cell may get brighter or darker before its letter is chosen anew
_BLOCK = 512  # cells whose letters are weighed at once: more would wake threads that cost more than they do
_EYE = np.array([0.3, 0.59, 0.11], np.float32)
_RAMP = " .:;+=cxso%a$&#W"  # for the flat cells, by the share that their ink covers

# In percent how much of each eighth is ink, along the rows; and the mean square of what is finer than that. Measured
# in DejaVu Sans Mono; other fonts differ less from it than its own letters from each other.
_INK = {
    " ": (0, 0, 0, 0, 0, 0, 0, 0, 0),
    ".": (0, 0, 0, 0, 8, 7, 3, 2, 0),
    ":": (0, 0, 10, 10, 8, 7, 3, 2, 1),
    ";": (0, 0, 10, 10, 7, 8, 15, 4, 2),
    "+": (0, 0, 10, 9, 31, 30, 0, 0, 2),
    "=": (0, 0, 21, 21, 21, 21, 0, 0, 2),
    "c": (0, 0, 24, 19, 34, 8, 4, 11, 2),
    "x": (0, 0, 22, 23, 30, 30, 4, 4, 2),
    "s": (0, 0, 27, 15, 22, 37, 10, 6, 2),
    "o": (0, 0, 28, 27, 35, 35, 7, 7, 2),
    "%": (10, 0, 48, 19, 17, 51, 0, 6, 1),
    "a": (0, 0, 18, 26, 40, 48, 9, 7, 1),
    "$": (2, 5, 41, 26, 21, 50, 8, 11, 2),
    "&": (15, 11, 39, 5, 37, 55, 9, 10, 3),
    "#": (6, 10, 40, 44, 45, 39, 4, 2, 3),
    "W": (10, 10, 43, 43, 47, 47, 4, 4, 2),
    "@": (2, 6, 39, 49, 44, 37, 20, 17, 2),
    "_": (0, 0, 0, 0, 0, 0, 25, 25, 2),
    "L": (10, 0, 33, 0, 37, 11, 8, 11, 1),
    "g": (0, 0, 29, 32, 36, 39, 21, 29, 2),
    "m": (0, 0, 39, 36, 40, 41, 5, 5, 1),
    "F": (18, 20, 40, 17, 33, 0, 4, 0, 2),
    "J": (10, 16, 0, 33, 12, 34, 11, 4, 3),
    "*": (5, 5, 32, 31, 1, 1, 0, 0, 1),
    "p": (0, 0, 32, 28, 38, 34, 28, 8, 1),
    "P": (19, 16, 37, 41, 37, 5, 4, 0, 2),
    "q": (0, 0, 28, 32, 34, 38, 7, 28, 1),
    "h": (11, 0, 40, 28, 30, 30, 4, 4, 1),
    "d": (0, 11, 28, 41, 34, 38, 8, 8, 1),
    "^": (9, 8, 18, 18, 0, 0, 0, 0, 1),
    "/": (0, 10, 3, 28, 29, 2, 14, 0, 2),
    "\\": (10, 0, 30, 1, 6, 25, 0, 13, 2),
    '"': (9, 9, 16, 16, 0, 0, 0, 0, 2),
}

_LETTERS = "".join(_INK)
_SHARES = np.array([share[:8] for share in _INK.values()], np.float32) / 100
_FINE = np.array([share[8] for share in _INK.values()], np.float32) / 100
_MEAN = _SHARES.mean(axis=1)
_SQUARES = ((_SHARES - _MEAN[:, None]) ** 2 + _FINE[:, None]).sum(axis=1)
# What a cell's shade is multiplied with: its square is the error that the letter saves.
_SAVES = np.ascontiguousarray(
    ((_SHARES - _MEAN[:, None]) / np.sqrt(np.maximum(_SQUARES, 1e-6))[:, None]).T
)
# And this gives how far ink and ground are apart.
_STEEP = np.ascontiguousarray(((_SHARES - _MEAN[:, None]) / np.maximum(_SQUARES, 1e-6)[:, None]).T)

CODES = np.array([ord(letter) for letter in _LETTERS], np.uint32)
"""The letters that can be chosen, by their numbers."""

_STEPS = np.array([_LETTERS.index(letter) for letter in _RAMP], np.intp)


@dataclass(frozen=True, slots=True)
class Choice:
    """A letter for every cell.

    Attributes:
        letter: Its number in `CODES`.
        bright: The cell's brightness when it was chosen, 0 to 255.
    """

    letter: npt.NDArray[np.intp]
    bright: Floats


def choose(planes: Planes, before: Choice | None = None) -> Choice:
    """Choose letters.

    Args:
        planes: What lies under the cells.
        before: What stands there: kept until another one is better by `GAIN`, or the cell's brightness has changed.
    """
    shade = weighted(planes, axis=1).astype(np.float32)
    shade *= np.float32(1 / 256)
    bright: Floats = shade.mean(axis=0)
    shade -= bright
    cells = np.arange(len(bright))
    saves = _saves(shade)
    shape = saves.argmax(axis=1)
    flat = _STEPS[(bright * np.float32(len(_STEPS) / 256)).astype(np.uint8)]
    least = GAIN * len(shade)
    best = saves[cells, shape] ** 2
    letter = np.where(best - saves[cells, flat] ** 2 > least, shape, flat)
    if before is None or len(before.letter) != len(letter):
        return Choice(letter, bright)
    keep = best - saves[cells, before.letter] ** 2 <= least
    keep &= np.abs(bright - before.bright) < _FADED
    return Choice(np.where(keep, before.letter, letter), np.where(keep, before.bright, bright))


def _saves(shade: Floats) -> Floats:
    """The root of the squared error that every letter saves in every cell, shape (cells, letters)."""
    turned = np.ascontiguousarray(shade.T)
    saves = np.empty((len(turned), len(CODES)), np.float32)
    for start in range(0, len(turned), _BLOCK):
        part = slice(start, start + _BLOCK)
        np.matmul(turned[part], _SAVES, out=saves[part])
    return np.abs(saves, out=saves)


def colours(planes: Planes, letter: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    """The colours of ink and ground, shape (3, cells), 0 to 255."""
    apart = np.zeros(planes.shape[1:], np.float32)
    for pixels, steep in zip(planes, _STEEP.take(letter, axis=1), strict=True):
        apart += pixels * steep
    mean = planes.sum(axis=0, dtype=np.uint16) * np.float32(1 / len(planes))
    step = _EYE @ apart
    apart += np.where(np.abs(step) < LIFT, np.float32(LIFT) - step, np.float32(0))
    share = _MEAN.take(letter)
    ink = np.clip(mean + (1 - share) * apart, 0, 255)
    ground = np.clip((mean - share * ink) / (1 - share), 0, 255)
    return ink, ground
