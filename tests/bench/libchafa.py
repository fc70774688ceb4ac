"""Libchafa through ctypes, the anchor of the picture benches: from the package chafa.py, or Debian's libchafa0."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
from enum import IntEnum, IntFlag
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from engage_tui.render.cells import Cells
from engage_tui.render.picture import Pixels

_RGB8 = 8
_WORK = ctypes.c_float(0.9)  # better and faster for the small sets of symbols than its lower ones


class Symbols(IntFlag):
    """Which symbols it may choose."""

    SPACE = 0x1
    SOLID = 0x2
    QUAD = 0x80
    HALF = 0x300
    UPPER_LOWER = 0x200
    BRAILLE = 0x800
    ASCII = 0x4000
    SEXTANT = 0x400000


class Output(IntEnum):
    """What it makes."""

    SYMBOLS = 0
    SIXELS = 1
    KITTY = 2


class Colours(IntEnum):
    """How many colours."""

    TRUE = 0
    INDEXED = 1


class _GString(ctypes.Structure):
    _fields_ = (
        ("text", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("allocated", ctypes.c_size_t),
    )


def path() -> str | None:
    """Where the library is; None: not installed."""
    package = importlib.util.find_spec("chafa")
    if package is not None and package.origin is not None:
        for file in (Path(package.origin).parent / "libs").glob("libchafa.*"):
            return str(file)
    return ctypes.util.find_library("chafa")


@cache
def _library() -> ctypes.CDLL:
    file = path()
    if file is None:
        raise SystemExit("libchafa is missing: pip install chafa.py, or apt-get install libchafa0")
    library = ctypes.CDLL(file)
    pointers = ("chafa_canvas_config_new", "chafa_symbol_map_new", "chafa_canvas_new")
    for name in pointers:
        getattr(library, name).restype = ctypes.c_void_p
    library.chafa_canvas_print.restype = ctypes.POINTER(_GString)
    library.chafa_canvas_get_char_at.restype = ctypes.c_uint32
    library.chafa_set_n_threads(1)
    return library


class Chafa:
    """Draws pictures on one canvas."""

    def __init__(
        self,
        columns: int,
        rows: int,
        symbols: Symbols = Symbols.SPACE,
        *,
        output: Output = Output.SYMBOLS,
        colours: Colours = Colours.TRUE,
        cell: tuple[int, int] = (8, 16),
    ) -> None:
        self.columns, self.rows = columns, rows
        self._lib = lib = _library()
        config = ctypes.c_void_p(lib.chafa_canvas_config_new())
        lib.chafa_canvas_config_set_geometry(config, columns, rows)
        lib.chafa_canvas_config_set_cell_geometry(config, *cell)
        lib.chafa_canvas_config_set_canvas_mode(config, int(colours))
        lib.chafa_canvas_config_set_pixel_mode(config, int(output))
        lib.chafa_canvas_config_set_work_factor(config, _WORK)
        chosen = ctypes.c_void_p(lib.chafa_symbol_map_new())
        lib.chafa_symbol_map_add_by_tags(chosen, int(symbols))
        lib.chafa_canvas_config_set_symbol_map(config, chosen)
        self._canvas = ctypes.c_void_p(lib.chafa_canvas_new(config))

    def draw(self, rgb: Pixels) -> None:
        """Choose symbols and colours for a picture of any size."""
        height, width = rgb.shape[:2]
        data = ctypes.c_void_p(rgb.ctypes.data)
        self._lib.chafa_canvas_draw_all_pixels(self._canvas, _RGB8, data, width, height, width * 3)

    def text(self) -> bytes:
        """What it would write."""
        made = self._lib.chafa_canvas_print(self._canvas, None)
        text = ctypes.string_at(made.contents.text, made.contents.length)
        _free(made)
        return text

    def cells(self) -> Cells:
        """What it drew."""
        glyph = np.empty((self.rows, self.columns), np.uint32)
        colours = np.zeros((2, self.rows, self.columns, 3), np.uint8)
        front, back = ctypes.c_int(), ctypes.c_int()
        for y in range(self.rows):
            for x in range(self.columns):
                glyph[y, x] = self._lib.chafa_canvas_get_char_at(self._canvas, x, y)
                self._lib.chafa_canvas_get_colors_at(
                    self._canvas, x, y, ctypes.byref(front), ctypes.byref(back)
                )
                for side, value in enumerate((front.value, back.value)):
                    if value >= 0:
                        colours[side, y, x] = (value >> 16 & 255, value >> 8 & 255, value & 255)
        return Cells(glyph, colours[0], colours[1])


def _free(made: Any) -> None:
    glib = ctypes.CDLL(ctypes.util.find_library("glib-2.0") or "libglib-2.0.so.0")
    glib.g_string_free(made, 1)
