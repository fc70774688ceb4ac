"""Sixels: bands of six rows of pixels, each written once for every colour in it.

After the first picture only the pixels that moved are sent; what is not written stays, as the header asks for. A pixel
counts as moved when it is more than `LEVELS` away from what was sent and has another colour of the palette.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from engage_tui.render.images import Place, placed
from engage_tui.render.palette import Palette, Planes, to_percent
from engage_tui.render.picture import Pixels

LEVELS = 6
"""Of 255, by which a pixel has to move before it is sent again: above a camera's noise."""

COLOURS = 128
"""Of the palette: 1.3 dB above 64, and as good as 256 made anew for each picture, for a tenth more time."""

_BAND = 6
_MARK = 0xFF  # no sixel has more than six bits
_MISFIT = 1.6  # a palette that fits so much worse than when it was new is replaced
_FIRST = 63  # the character without any pixel

Words = npt.NDArray[np.uint64]
"""Up to eight characters each, the first in the lowest byte, zeros where there is none."""


class SixelEncoder:
    """Sends pictures of one place as sixels.

    Args:
        colours: Of the palette, 2 to 256; no more than the terminal has registers.
        levels: By how much a pixel has to move.
    """

    def __init__(self, colours: int = COLOURS, levels: int = LEVELS) -> None:
        if not 2 <= colours <= 256:
            raise ValueError(f"A palette has 2 to 256 colours, not {colours}.")
        self._count = colours
        self._levels = levels
        self._palette: Palette | None = None
        self._fitted = 0.0
        self._place: Place | None = None
        self._sent: Planes = np.empty((3, 0, 0), np.uint8)
        self._shown = np.empty((0, 0), np.uint8)

    def encode(self, rgb: Pixels, place: Place, *, full: bool = False) -> str:
        """Encode a picture, or what differs from the one before; empty when nothing does."""
        fitted = placed(rgb, place)
        if fitted is None:
            return ""
        planes: Planes = np.ascontiguousarray(fitted.transpose(2, 0, 1))
        full = full or self._palette is None or planes.shape != self._sent.shape
        full = full or place != self._place
        palette, indices = self._coloured(planes)
        full = full or palette is not self._palette
        if full:
            changed = np.ones(indices.shape, np.bool_)
            self._sent, self._shown = planes, indices
        else:
            changed = _moved(planes, self._sent, self._levels)
            changed &= indices != self._shown
            np.copyto(self._sent, planes, where=changed)
            np.copyto(self._shown, indices, where=changed)
        self._palette, self._place = palette, place
        return _written(changed, indices, palette.colours)

    def clear(self) -> str:
        """Nothing: sixels go when their cells are written."""
        self._palette = None
        return ""

    def close(self) -> None:
        """Nothing is held."""

    def _coloured(self, planes: Planes) -> tuple[Palette, npt.NDArray[np.uint8]]:
        """The palette, a new one where the old fits no more, and the number of every pixel's colour."""
        if self._palette is not None:
            indices = self._palette.indices(planes)
            if self._palette.misfit(planes, indices) <= _MISFIT * self._fitted + 1:
                return self._palette, indices
        palette = Palette(planes, self._count)
        indices = palette.indices(planes)
        self._fitted = palette.misfit(planes, indices)
        return palette, indices


def _moved(now: Planes, before: Planes, levels: int) -> npt.NDArray[np.bool_]:
    distance = np.maximum(now, before)
    distance -= np.minimum(now, before)
    far = distance > levels
    return np.asarray(far[0] | far[1] | far[2], np.bool_)


def _written(
    changed: npt.NDArray[np.bool_], indices: npt.NDArray[np.uint8], colours: Pixels
) -> str:
    """The whole sequence for the changed pixels; empty without any."""
    height, width = indices.shape
    rows, used = _rows(changed, indices, len(colours))
    if not len(used):
        return ""
    words, starts = _runs(rows, used % len(colours), width)
    bands = used // len(colours)
    firsts = np.flatnonzero(np.diff(bands, prepend=-1))
    edges = [*starts[firsts].tolist(), len(words)]
    parts = [f'\x1bP0;1;0q"1;1;{width};{height}', _defined(colours, np.unique(used % len(colours)))]
    at = 0
    for band, start, end in zip(bands[firsts].tolist(), edges[:-1], edges[1:], strict=True):
        data = words[start:end].tobytes().translate(None, b"\0")
        parts += [
            "-" * (band - at),
            data.decode("ascii")[1:],
        ]  # no return to a start that it stands at
        at = band
    return "".join([*parts, "\x1b\\"])


def _rows(
    changed: npt.NDArray[np.bool_], indices: npt.NDArray[np.uint8], colours: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp]]:
    """Collect the sixels of every colour in every band.

    Returns:
        Rows of ``width + 1`` sixels, the first one a mark; and for each row its band times the number of colours, plus
        its colour, ascending.
    """
    height, width = indices.shape
    bands = -(-height // _BAND)
    lines, columns = _places(bands, width, colours)
    used = np.zeros(bands * colours, np.bool_)
    taken = []
    for line in range(_BAND):
        flat = np.flatnonzero(changed[line::_BAND])
        keys = lines.take(flat)
        keys += np.ascontiguousarray(indices[line::_BAND]).ravel().take(flat)
        used[keys] = True
        taken.append((flat, keys))
    found = np.flatnonzero(used)
    starts = np.zeros(len(used), np.intp)
    starts[found] = np.arange(len(found)) * (width + 1)
    rows = np.zeros(len(found) * (width + 1), np.uint8)
    rows[:: width + 1] = _MARK
    for line, (flat, keys) in enumerate(taken):
        places = starts.take(keys)
        places += columns.take(flat)
        rows[places] += np.uint8(1 << line)
    return rows, found


@lru_cache(maxsize=8)
def _places(
    bands: int, width: int, colours: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """For every sixel of a picture: its band times the number of colours, and where in a row it goes."""
    lines = np.repeat(np.arange(bands) * colours, width)
    return lines, np.tile(np.arange(1, width + 1), bands)


def _runs(
    rows: npt.NDArray[np.uint8], colours: npt.NDArray[np.intp], width: int
) -> tuple[Words, npt.NDArray[np.intp]]:
    """Encode rows of sixels: a return and the colour, then runs, without the empty one at the end.

    Returns:
        The words, and for each row the number of its first.
    """
    starts = np.flatnonzero(rows[1:] != rows[:-1])
    starts += 1
    starts = np.concatenate([np.zeros(1, np.intp), starts])
    lengths = np.diff(starts, append=len(rows))
    sixels = rows.take(starts)
    heads = np.flatnonzero(sixels == _MARK)
    frames, lanes = _frames(width)
    words = lanes.take(lengths)
    words *= sixels
    words += frames.take(lengths)
    ends = np.append(heads[1:], len(words)) - 1
    words[ends[sixels[ends] == 0]] = 0
    words[heads] = _heads()[colours]
    return words, heads


@lru_cache(maxsize=8)
def _frames(width: int) -> tuple[Words, Words]:
    """For every length of a run: its characters with an empty sixel, and ones where the sixel is."""
    frames = [b""] + [
        bytes([_FIRST]) * n if n < 4 else b"!%d%c" % (n, _FIRST) for n in range(1, width + 1)
    ]
    lanes = [b""] + [
        bytes([1]) * n if n < 4 else b"\0%s\1" % bytes(len(str(n))) for n in range(1, width + 1)
    ]
    return _words(frames), _words(lanes)


@lru_cache(maxsize=1)
def _heads() -> Words:
    return _words([b"$#%d" % number for number in range(256)])


def _words(texts: list[bytes]) -> Words:
    return np.frombuffer(b"".join(text.ljust(8, b"\0") for text in texts), "<u8").astype(np.uint64)


def _defined(colours: Pixels, used: npt.NDArray[np.intp]) -> str:
    return "".join(
        f"#{number};2;{red};{green};{blue}"
        for number, (red, green, blue) in zip(
            used.tolist(), to_percent(colours)[used].tolist(), strict=True
        )
    )
