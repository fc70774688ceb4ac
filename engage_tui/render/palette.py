"""A palette for one scene, and the nearest of its colours for every pixel.

The palette is made once and kept while it suits: one that is made anew for every picture flickers, and costs more than
everything else.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engage_tui.render.picture import Pixels

Planes = npt.NDArray[np.uint8]
"""A picture by its colours: shape (3, height, width)."""

_BITS, _STEP = 5, 8  # a colour is looked up by the five highest bits of each part
_WEIGHT = np.sqrt(np.array([0.3, 0.59, 0.11], np.float32))  # the eye's
_ROUNDS = 3
_BLOCK = 1024  # colours compared with the palette at a time: what fits into a cache, and wakes no threads
_DITHER = np.array(
    [[0, 4, 1, 5], [6, 2, 7, 3], [1, 5, 0, 4], [7, 3, 6, 2]], np.uint8
)  # 0 to 7: rounds to the five bits without a trace of steps


class Palette:
    """The colours of a scene.

    Attributes:
        colours: Shape (count, 3), 0 to 255.

    Args:
        planes: The picture that they are made for.
        count: How many at most.
    """

    def __init__(self, planes: Planes, count: int) -> None:
        found, weights = np.unique(_places(planes), return_counts=True)
        points = _values(found)
        self.colours = _centres(points, weights.astype(np.float32), count)
        self._nearest = _nearest(self.colours)

    def indices(self, planes: Planes) -> npt.NDArray[np.uint8]:
        """The number of the nearest colour for every pixel, dithered; shape (height, width)."""
        height, width = planes.shape[1:]
        dither = np.tile(_DITHER, (height // 4 + 1, width // 4 + 1))[:height, :width]
        return np.asarray(self._nearest.take(_places(planes, dither)), np.uint8)

    def misfit(self, planes: Planes, indices: npt.NDArray[np.uint8]) -> float:
        """The mean distance of pixels from their colours, in levels: a sample of them."""
        part = planes[:, ::3, ::3].astype(np.int16)
        shown = self.colours[indices[::3, ::3]].transpose(2, 0, 1)
        return float(np.abs(part - shown).mean())


def _places(planes: Planes, dither: npt.NDArray[np.uint8] | None = None) -> npt.NDArray[np.uint16]:
    """The number of every pixel's colour among all that have five bits a part."""
    parts = np.minimum(planes, 256 - _STEP)
    parts += np.uint8(_STEP // 2 - 1) if dither is None else dither
    parts >>= 8 - _BITS
    place: npt.NDArray[np.uint16] = parts[0].astype(np.uint16)
    for part in parts[1:]:
        place <<= _BITS
        place |= part
    return place


def _values(places: npt.NDArray[np.uint16] | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """The colours behind such numbers, shape (count, 3)."""
    top = (1 << _BITS) - 1
    parts = np.stack([places >> 2 * _BITS, places >> _BITS & top, places & top], axis=1)
    return np.asarray(parts * _STEP + (parts == top) * 4, np.float32)


def _centres(
    points: npt.NDArray[np.float32], weights: npt.NDArray[np.float32], count: int
) -> Pixels:
    """Cut the cloud of colours where it is largest, then let every colour move to the middle of what is nearest."""
    scaled = points * _WEIGHT
    boxes = [np.arange(len(points))]
    worth = [_spread(scaled, weights, boxes[0])]
    while len(boxes) < count and max(worth) > 0:
        widest = int(np.argmax(worth))
        parts = _cut(scaled, weights, boxes[widest])
        boxes[widest : widest + 1] = parts
        worth[widest : widest + 1] = [_spread(scaled, weights, part) for part in parts]
    centres = np.stack([np.average(scaled[box], axis=0, weights=weights[box]) for box in boxes])
    for _ in range(_ROUNDS):
        owner = _closest(scaled, centres.astype(np.float32))
        mass = np.bincount(owner, weights, len(centres))
        for part in range(3):
            sums = np.bincount(owner, weights * scaled[:, part], len(centres))
            centres[:, part] = np.where(mass > 0, sums / np.maximum(mass, 1), centres[:, part])
    percent = np.clip(centres / _WEIGHT * (100 / 255) + 0.5, 0, 100).astype(np.uint8)
    return from_percent(np.unique(percent, axis=0))


def from_percent(percent: npt.NDArray[np.uint8]) -> Pixels:
    """Colours of 0 to 100, which is what sixels know, as 0 to 255."""
    return np.asarray((percent.astype(np.uint16) * 255 + 50) // 100, np.uint8)


def to_percent(colours: Pixels) -> npt.NDArray[np.uint8]:
    """The reverse."""
    return np.asarray((colours.astype(np.uint16) * 100 + 127) // 255, np.uint8)


def _spread(
    scaled: npt.NDArray[np.float32], weights: npt.NDArray[np.float32], box: npt.NDArray[np.intp]
) -> float:
    """The squared error of showing a box of colours as one."""
    if len(box) < 2:
        return 0.0
    part, weight = scaled[box], weights[box]
    return float((weight @ (part * part)).sum() - ((weight @ part) ** 2).sum() / weight.sum())


def _cut(
    scaled: npt.NDArray[np.float32], weights: npt.NDArray[np.float32], box: npt.NDArray[np.intp]
) -> list[npt.NDArray[np.intp]]:
    """Cut a box across its widest side, at the mean."""
    part, weight = scaled[box], weights[box]
    mean = np.average(part, axis=0, weights=weight)
    axis = int((weight @ (part - mean) ** 2).argmax())
    above = part[:, axis] > mean[axis]
    return [box[above], box[~above]] if 0 < above.sum() < len(box) else [box[:1], box[1:]]


def _closest(
    points: npt.NDArray[np.float32], centres: npt.NDArray[np.float32]
) -> npt.NDArray[np.intp]:
    """The number of the nearest centre for every point."""
    # |p - c|^2 without the |p|^2 that is the same for every centre
    turned, length = (-2 * centres.T), (centres * centres).sum(axis=1)
    found = np.empty(len(points), np.intp)
    for start in range(0, len(points), _BLOCK):
        distance = points[start : start + _BLOCK] @ turned
        distance += length
        found[start : start + _BLOCK] = distance.argmin(axis=1)
    return found


def _nearest(colours: Pixels) -> npt.NDArray[np.uint8]:
    every = _values(np.arange(1 << 3 * _BITS))
    return np.asarray(_closest(every * _WEIGHT, colours.astype(np.float32) * _WEIGHT), np.uint8)
