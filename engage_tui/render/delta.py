"""Pictures for slow lines: only the cells that moved, in as few bytes as they take.

A cell is sent again when its glyph changes, or a colour moves by more than `LEVELS` from what was sent: a camera's
noise stays below. In modes of two colours a cell also keeps its glyph until another one is better by `GAIN`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from engage_tui.render.blocks import QUADRANTS, SEXTANTS, Mask, by_place, split, two_colours
from engage_tui.render.cells import Canvas, CellMode, Cells, ColourDepth, cells
from engage_tui.render.letters import shaped
from engage_tui.render.picture import Pixels
from engage_tui.render.rows import RESET, colour_codes
from engage_tui.render.shapes import PIXELS, Choice, choose
from engage_tui.render.tones import reduced

LEVELS = 6
"""Of 255, by which a colour has to move."""

GAIN = 60.0
"""Squared error a pixel by which another glyph has to be better."""

_LETTERS = (2, 6)
"""Times as far that the ground and the ink of letters have to move: ink covers a quarter of a cell, and what stands
there is a letter in any case."""

_TABLES = {CellMode.QUADRANT: ((2, 2), QUADRANTS), CellMode.SEXTANT: ((2, 3), SEXTANTS)}

Bytes = npt.NDArray[np.uint8]
Found = npt.NDArray[np.bool_]


class SteadyCells:
    """Turns pictures into cells whose glyphs do not flicker; one for each place."""

    def __init__(self) -> None:
        self._mask: Mask | None = None
        self._letters: Choice | None = None
        self._kind: tuple[CellMode, Canvas, tuple[int, ...]] | None = None

    def cells(self, rgb: Pixels, mode: CellMode, canvas: Canvas) -> Cells:
        """The same as `cells.cells`, but that a glyph stays until another one is clearly better."""
        kind = (mode, canvas, rgb.shape)
        if kind != self._kind:
            self._mask = self._letters = None
        self._kind = kind
        if canvas.colour is not ColourDepth.MONO:
            if mode is CellMode.ASCII and canvas.ramp is None:
                return self._shaped(rgb, canvas)
            if mode in _TABLES:
                return self._split(rgb, mode, canvas)
        return cells(rgb, mode, canvas)

    def _shaped(self, rgb: Pixels, canvas: Canvas) -> Cells:
        planes, grid = by_place(rgb, PIXELS)
        self._letters = choose(planes, self._letters)
        return shaped(rgb, canvas, planes, grid, self._letters)

    def _split(self, rgb: Pixels, mode: CellMode, canvas: Canvas) -> Cells:
        pixels, table = _TABLES[mode]
        planes, grid = by_place(reduced(rgb, canvas), pixels)
        mask = split(planes)
        drawn = two_colours(planes, mask)
        if self._mask is not None:
            old = two_colours(planes, self._mask)
            keep = old.error(planes) - drawn.error(planes) < GAIN * len(planes)
            drawn = two_colours(planes, np.where(keep, self._mask, mask))
        self._mask = drawn.mask
        return drawn.cells(table, grid)


class DeltaEncoder:
    """Encodes what differs from what the terminal shows; one for each place.

    Args:
        colour: How many colours the terminal shows.
        levels: By how much a colour has to move.
    """

    def __init__(self, colour: ColourDepth, levels: int = LEVELS) -> None:
        self.colour = colour
        self._levels = levels
        self._shown: Cells | None = None

    @property
    def shown(self) -> Cells | None:
        """What the terminal shows after everything was written; None: nothing is known."""
        return self._shown

    def reset(self) -> None:
        """Something else was drawn there: the next picture is sent whole."""
        self._shown = None

    def encode(self, picture: Cells) -> list[tuple[int, str]]:
        """Encode the rows that changed.

        Returns:
            The number of each row and what is written with the cursor at its start; it moves over what stays, ends
            behind the last cell, and leaves the colours reset.
        """
        if picture.glyph.size == 0:
            return []
        before = self._shown
        if (
            before is None
            or before.glyph.shape != picture.glyph.shape
            or (before.fg is None) != (picture.fg is None)
        ):
            before = None
        changed = self._changed(before, picture)
        self._shown = _copied(picture) if before is None else _merged(before, picture, changed)
        return self._written(self._shown, changed)

    def _changed(self, before: Cells | None, now: Cells) -> Found:
        if before is None:
            return np.ones(now.glyph.shape, np.bool_)
        changed: Found = before.glyph != now.glyph
        if now.fg is None or now.bg is None or before.fg is None or before.bg is None:
            return changed
        ground, ink = self._levels, self._levels
        if bool((now.glyph < 0x80).all()):
            ground, ink = ground * _LETTERS[0], ink * _LETTERS[1]
        changed |= self._moved(now.bg, before.bg, ground, behind=True)
        seen = now.glyph != 0x20
        changed |= self._moved(now.fg, before.fg, ink, behind=False) & seen
        return changed

    def _moved(self, now: Pixels, before: Pixels, levels: int, *, behind: bool) -> Found:
        """Where a colour is far from the one that was sent, and is not shown as the same one of a palette."""
        moved = _far(now, before, levels)
        if self.colour is ColourDepth.TRUE or self.colour is ColourDepth.MONO:
            return moved
        where = np.nonzero(moved)
        indexed = self.colour is ColourDepth.INDEXED
        codes = (colour_codes(each[where], indexed, behind) for each in (now, before))
        moved[where] = np.not_equal(*codes)
        return moved

    def _written(self, picture: Cells, changed: Found) -> list[tuple[int, str]]:
        columns = picture.glyph.shape[1]
        flat = np.flatnonzero(changed)
        if not len(flat):
            return []
        rows, places = np.divmod(flat, columns)
        first = np.diff(rows, prepend=-1) != 0
        last = np.append(first[1:], True)
        gap = places - np.where(first, 0, np.append(0, places[:-1]) + 1)
        parts = [_moves(columns).take(gap, axis=0)]
        tail = b""
        if (
            picture.fg is not None
            and picture.bg is not None
            and self.colour is not ColourDepth.MONO
        ):
            parts += self._colours(picture.fg, picture.bg, flat, first)
            tail = RESET.encode()
        parts.append(_utf8(picture.glyph.ravel()[flat]))
        parts.append(np.where(last[:, None], np.frombuffer(tail, np.uint8), np.uint8(0)))
        parts.append(_moves(columns).take(np.where(last, columns - 1 - places, 0), axis=0))
        parts.append(np.where(last, np.uint8(10), np.uint8(0))[:, None])
        text = np.concatenate(parts, axis=1).tobytes().translate(None, b"\0").decode()
        return list(zip(rows[first].tolist(), text.split("\n")[:-1], strict=True))

    def _colours(
        self, fg: Pixels, bg: Pixels, flat: npt.NDArray[np.intp], first: Found
    ) -> list[Bytes]:
        """The escape sequence of each cell whose colours are not those of the one before."""
        front, back = fg.reshape(-1, 3)[flat], bg.reshape(-1, 3)[flat]
        if self.colour is not ColourDepth.TRUE:
            indexed = self.colour is ColourDepth.INDEXED
            front = colour_codes(front, indexed, False)[:, None]
            back = colour_codes(back, indexed, True)[:, None]
        new_front, new_back = first | _differs(front), first | _differs(back)
        lead = {ColourDepth.TRUE: b"%d8;2;", ColourDepth.INDEXED: b"%d8;5;"}.get(self.colour, b"")
        some = new_front | new_back
        return [
            np.where(some[:, None], np.frombuffer(b"\x1b[", np.uint8), np.uint8(0)),
            _part(front, lead.replace(b"%d", b"3"), new_front, ~new_back),
            _part(back, lead.replace(b"%d", b"4"), new_back, new_back),
        ]


def _far(now: Pixels, before: Pixels, levels: int) -> Found:
    distance = np.maximum(now, before)
    distance -= np.minimum(now, before)
    far = distance > levels
    return np.asarray(far[..., 0] | far[..., 1] | far[..., 2], np.bool_)


def _copied(picture: Cells) -> Cells:
    """The caller may draw into its arrays again."""
    if picture.fg is None or picture.bg is None:
        return Cells(picture.glyph.copy(), None, None)
    return Cells(picture.glyph.copy(), picture.fg.copy(), picture.bg.copy())


def _merged(before: Cells, now: Cells, changed: Found) -> Cells:
    glyph = np.where(changed, now.glyph, before.glyph)
    if before.fg is None or before.bg is None or now.fg is None or now.bg is None:
        return Cells(glyph, None, None)
    each = changed[..., None]
    return Cells(glyph, np.where(each, now.fg, before.fg), np.where(each, now.bg, before.bg))


def _differs(colours: Bytes) -> Found:
    differs = np.ones(len(colours), np.bool_)
    differs[1:] = (colours[1:] != colours[:-1]).any(axis=1)
    return differs


def _part(colours: Bytes, lead: bytes, sent: Found, ends: Found) -> Bytes:
    """One colour's numbers, zeros where it is not sent."""
    count = colours.shape[1]
    words = _digits(b";").take(colours, axis=0)
    words[ends, count - 1] = _digits(b"m").take(colours[ends, count - 1], axis=0)
    made = np.empty((len(colours), len(lead) + 4 * count), np.uint8)
    made[:, : len(lead)] = np.frombuffer(lead, np.uint8)
    made[:, len(lead) :] = words.reshape(len(colours), 4 * count)
    made[~sent] = 0
    return made


@lru_cache(maxsize=2)
def _digits(end: bytes) -> Bytes:
    """0 to 255 with `end`, in four bytes each, zeros behind."""
    texts = (b"%d%s" % (n, end) for n in range(256))
    return np.frombuffer(b"".join(text.ljust(4, b"\0") for text in texts), np.uint8).reshape(256, 4)


@lru_cache(maxsize=8)
def _moves(columns: int) -> Bytes:
    """Moving right by 0 to `columns` cells, zeros behind."""
    texts = [b"", b"\x1b[C", *(b"\x1b[%dC" % n for n in range(2, columns + 1))]
    size = max(map(len, texts))
    return np.frombuffer(b"".join(text.ljust(size, b"\0") for text in texts), np.uint8).reshape(
        len(texts), size
    )


def _utf8(codes: npt.NDArray[np.uint32]) -> Bytes:
    """Characters in UTF-8, in four bytes each, zeros behind."""
    known, which = np.unique(codes, return_inverse=True)
    texts = b"".join(chr(code).encode().ljust(4, b"\0") for code in known.tolist())
    return np.frombuffer(texts, np.uint8).reshape(-1, 4)[which]
