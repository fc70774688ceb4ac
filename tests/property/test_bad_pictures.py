"""Frames of any size and format, and places of any size: always a picture, never an exception, no torn sequence."""

from __future__ import annotations

import io

import av
import numpy as np
import pyte
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engage_tui.media.scale import Scaler
from engage_tui.render.cells import (
    MODES,
    Canvas,
    CellMode,
    ColourDepth,
    Ramp,
    cell_pixels,
    cells,
)
from engage_tui.render.delta import DeltaEncoder, SteadyCells
from engage_tui.render.images import STRETCHED, PixelMode, Place, image_encoder
from engage_tui.render.picture import Pixels, cover, letterbox
from engage_tui.render.rows import RESET, RowEncoder
from tests.unit.render.decoders import draw_sixels, is_whole, iterm2_images, kitty_commands

_NAMES = """
yuv420p yuvj420p nv12 nv21 yuv422p yuvj422p yuv444p yuvj444p yuyv422 uyvy422 yuv411p
yuv410p rgb24 bgr24 rgba bgra argb rgb0 gbrp gbrap gray ya8 gray10le gray16le yuv420p10le
yuv422p10le yuv444p12le p010le yuva420p rgb48le rgba64le rgb565le monob
"""

FORMATS = tuple(_NAMES.split())
"""What decoders, cameras and pictures in files give."""

_COARSE = {"rgb565le": 10, "monob": 128}
_GREY = ("gray", "ya8", "gray10le", "gray16le", "monob")

sides = st.one_of(st.integers(1, 9), st.integers(1, 130))
empty = st.integers(0, 3)
places = st.tuples(st.integers(0, 9), st.integers(0, 5))
sizes = st.tuples(sides, sides)


def flat(width: int, height: int, name: str) -> av.VideoFrame:
    rgb = np.full((height, width, 3), (200, 80, 40), np.uint8)
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=name)


@settings(max_examples=120, deadline=None)
@given(
    name=st.sampled_from(FORMATS), size=sizes, box=st.tuples(st.integers(0, 60), st.integers(0, 60))
)
def test_every_format_and_size_becomes_the_same_picture(
    name: str, size: tuple[int, int], box: tuple[int, int]
) -> None:
    data, width, height = _SCALER.to_rgb(flat(*size, name), *box)
    assert (1, 1) <= (width, height) <= (max(1, box[0]), max(1, box[1]))
    pixels = np.frombuffer(data, np.uint8).reshape(height, width, 3).astype(int)
    right = np.array((110, 110, 110) if name in _GREY else (200, 80, 40))
    assert np.abs(pixels.mean(axis=(0, 1)) - right).max() <= _COARSE.get(name, 7)


_SCALER = Scaler()  # one for all: streams change their format and size


def noise(size: tuple[int, int], seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)


pictures = st.lists(
    st.tuples(st.one_of(sizes, st.tuples(empty, empty)), places, st.sampled_from(CellMode)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(
    frames=pictures,
    depth=st.sampled_from(ColourDepth),
    fill=st.booleans(),
    paper=st.booleans(),
    ramp=st.one_of(st.none(), st.sampled_from(Ramp)),
)
def test_a_place_whose_size_and_mode_change_shows_whole_rows(
    frames: list[tuple[tuple[int, int], tuple[int, int], CellMode]],
    depth: ColourDepth,
    fill: bool,
    paper: bool,
    ramp: Ramp | None,
) -> None:
    rows, steady, delta = RowEncoder(depth), SteadyCells(), DeltaEncoder(depth)
    canvas = Canvas(depth, paper=(0, 0, 0) if paper else None, ramp=ramp)
    for seed, (size, (columns, lines), mode) in enumerate(frames):
        across, down = cell_pixels(mode)
        box = (columns * across, lines * down)
        fitted = (cover if fill else letterbox)(noise(size, seed), box, (0, 0, 0), MODES[mode].tall)
        encoded = rows.encode(cells(fitted, mode, canvas))
        assert [row.columns for row in encoded] == [columns] * lines
        for row in encoded:
            assert row.step == 1 or row.text.endswith(RESET)
        screen = pyte.Screen(columns + 1, lines + 1)
        stream = pyte.Stream(screen)
        for line, text in delta.encode(steady.cells(fitted, mode, canvas)):
            stream.feed(f"\x1b[{line + 1}H{text}")
            assert screen.cursor.x == columns
            assert (screen.cursor.attrs.fg, screen.cursor.attrs.bg) == ("default", "default")


@settings(max_examples=40, deadline=None)
@given(
    frames=st.lists(
        st.tuples(st.one_of(sizes, st.tuples(empty, empty)), places, st.booleans()),
        min_size=1,
        max_size=4,
    ),
    mode=st.sampled_from(PixelMode),
)
def test_pixels_of_any_size_in_a_place_that_changes_are_whole_sequences(
    frames: list[tuple[tuple[int, int], tuple[int, int], bool]], mode: PixelMode
) -> None:
    encoder = image_encoder(mode, 9, local=False)
    for seed, (size, (columns, lines), full) in enumerate(frames):
        place = Place(columns, lines, (5, 11))
        text = encoder.encode(noise(size, seed), place, full=full)
        assert is_whole(text)
        most = 1 if mode is PixelMode.SIXEL else STRETCHED
        shown = tuple(min(a, most * b) for a, b in zip(size, place.pixels, strict=True))
        if min(shown) < 1:
            assert text == ""
        elif mode is PixelMode.SIXEL:
            if text:
                draw_sixels(text, np.zeros((shown[1], shown[0], 3), np.uint8))
        elif mode is PixelMode.KITTY:
            ((keys, data),) = kitty_commands(text)
            assert (int(keys["s"]), int(keys["v"])) == shown
            assert (int(keys["c"]), int(keys["r"])) == (columns, lines)
            assert len(data) == 3 * shown[0] * shown[1]
        else:
            ((settings_, file),) = iterm2_images(text)
            assert (int(settings_["width"]), int(settings_["height"])) == (columns, lines)
            with Image.open(io.BytesIO(file)) as image:
                assert image.size == shown
    encoder.close()
