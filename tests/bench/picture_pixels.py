"""Pixels for terminals that take them, beside libchafa: ``python -m tests.bench.picture_pixels [--clip FILE]``.

Sixels at 480x270 and kitty's shared memory at 640x360, from a frame as it is decoded: CPU time with the scaling, bytes,
and how close the picture comes that a terminal shows (PSNR against the frame scaled to 480x270). Ours sends what
changed, as it does while it runs; its first picture, which makes the palette, stands beside. Libchafa scales from RGB
that is made for it outside the measured time. Medians of rounds in which all take turns.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from PIL import Image

from engage_tui.media.scale import Scaler
from engage_tui.render.images import ImageEncoder, PixelMode, Place, image_encoder
from engage_tui.render.picture import Pixels
from engage_tui.render.sixel import SixelEncoder
from tests.bench import libchafa
from tests.bench.clip import Stretcher, arguments, fitted, frames
from tests.bench.libchafa import Chafa, Colours, Output
from tests.bench.raster import psnr
from tests.unit.render.decoders import draw_sixels

T = TypeVar("T")

SIZE, CELL = (480, 270), (8, 18)
LARGE = (640, 360)
ROUNDS, FRAMES = 5, 30
SIXEL_GOAL, KITTY_GOAL, WITHIN = 7.5, 1.0, 1.0
"""Milliseconds, milliseconds, and dB below libchafa's."""


def each_ms(draw: Callable[[T], object], pictures: Sequence[T]) -> list[float]:
    """CPU time of every one."""
    taken = []
    for picture in pictures:
        start = time.process_time()
        draw(picture)
        taken.append((time.process_time() - start) * 1000)
    return taken


def place(size: tuple[int, int], cell: tuple[int, int]) -> Place:
    """The cells that a picture of that size covers."""
    return Place(size[0] // cell[0], size[1] // cell[1], cell)


class Sixels:
    """Ours, as it runs: the clip forth and back, and what a terminal shows."""

    def __init__(self) -> None:
        self._scaler, self._encoder = Scaler(), SixelEncoder()
        self._place = place(SIZE, CELL)
        self.text = ""

    def draw(self, frame: av.VideoFrame) -> None:
        self.text = self._encoder.encode(fitted(self._scaler, frame, *SIZE), self._place)


def shown_by_libsixel(text: bytes) -> Pixels | None:
    """The picture as Debian's sixel2png decodes it; None: not installed."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "a.six", Path(folder) / "a.png"
        source.write_bytes(text)
        try:
            subprocess.run(["sixel2png", "-i", source, "-o", target], check=True)
        except FileNotFoundError:
            return None
        with Image.open(target) as image:
            return np.asarray(image.convert("RGB"), np.uint8)


def sixels(clip: list[av.VideoFrame], full: list[Pixels]) -> None:
    """Print the lines about sixels."""
    where = place(SIZE, CELL)
    ours, screen, scale = Sixels(), np.zeros((SIZE[1], SIZE[0], 3), np.uint8), Stretcher(*SIZE)
    first = each_ms(ours.draw, clip[:1])[0]
    draw_sixels(ours.text, screen)
    sizes, close = [], []
    for frame in clip[1:]:
        ours.draw(frame)
        sizes.append(len(ours.text))
        if ours.text:
            draw_sixels(ours.text, screen)
        close.append(psnr(scale(frame), screen))
    anchors = {
        name: Chafa(where.columns, where.rows, output=Output.SIXELS, colours=colours, cell=CELL)
        for name, colours in (("256 colours", Colours.INDEXED), ("best 256", Colours.TRUE))
        if libchafa.path()
    }
    taken: dict[str, list[float]] = {"ours": []}
    for _ in range(ROUNDS):
        taken["ours"] += each_ms(ours.draw, clip)
        for name, anchor in anchors.items():
            taken.setdefault(name, []).extend(each_ms(partial(_said, anchor), full[:8]))
    print(
        f"sixel {SIZE[0]}x{SIZE[1]}: ours {statistics.median(taken['ours']):6.2f} ms"
        f" {statistics.mean(sizes) / 1024:6.1f} KiB {statistics.mean(close):6.2f} dB"
        f"   first picture {first:.1f} ms   goal {SIXEL_GOAL} ms, {WITHIN} dB below libchafa's"
    )
    for name, anchor in anchors.items():
        texts = [_said(anchor, rgb) for rgb in full[:8]]
        seen = [shown_by_libsixel(text) for text in texts[:3]]
        marks = [psnr(scale(f), s) for f, s in zip(clip, seen, strict=False) if s is not None]
        print(
            f"  libchafa, {name:12} {statistics.median(taken[name]):6.2f} ms"
            f" {statistics.mean(map(len, texts)) / 1024:6.1f} KiB"
            + (
                f" {statistics.mean(marks):6.2f} dB"
                if marks
                else " (sixel2png would tell how close)"
            )
        )
    if importlib.util.find_spec("textual_image"):
        _textual_image(full)


def _said(anchor: Chafa, rgb: Pixels) -> bytes:
    anchor.draw(rgb)
    return anchor.text()


def _textual_image(full: list[Pixels]) -> None:
    from textual_image._sixel import image_to_sixels

    images = [Image.fromarray(rgb) for rgb in full[:8]]
    texts: list[str] = []
    taken = each_ms(lambda image: texts.append(image_to_sixels(image.resize(SIZE))), images)
    print(
        f"  textual-image          {statistics.median(taken):6.2f} ms"
        f" {statistics.mean(map(len, texts)) / 1024:6.1f} KiB"
    )


def kitty(clip: list[av.VideoFrame], full: list[Pixels]) -> None:
    """Print the lines about kitty's graphics and iTerm2's images."""
    where, scaler = place(LARGE, CELL), Scaler()
    for mode in (PixelMode.KITTY, PixelMode.ITERM2):
        encoder = image_encoder(mode, 1)
        texts: list[str] = []
        taken: list[float] = []
        draw = partial(_sent, encoder, scaler, texts)
        for _ in range(ROUNDS):
            taken += each_ms(draw, clip)
        encoder.close()
        goal = f"   goal {KITTY_GOAL} ms" if mode is PixelMode.KITTY else ""
        name = f"{mode}, shared memory" if mode is PixelMode.KITTY else f"{mode}, JPEG"
        print(
            f"{name} {LARGE[0]}x{LARGE[1]}: ours {statistics.median(taken):6.2f} ms"
            f" {statistics.mean(map(len, texts)) / 1024:6.1f} KiB{goal}"
        )
    if libchafa.path():
        anchor = Chafa(where.columns, where.rows, output=Output.KITTY, cell=CELL)
        times = each_ms(lambda rgb: _said(anchor, rgb), full[:8])
        print(f"  libchafa, inline       {statistics.median(times):6.2f} ms")


def _sent(encoder: ImageEncoder, scaler: Scaler, texts: list[str], frame: av.VideoFrame) -> None:
    texts.append(encoder.encode(fitted(scaler, frame, *LARGE), place(LARGE, CELL)))


def main() -> None:
    """Print a few lines a protocol."""
    wish = arguments(__doc__).parse_args()
    clip = frames(wish.clip)[:FRAMES]
    full: list[Pixels] = [np.asarray(f.to_ndarray(format="rgb24"), np.uint8) for f in clip]
    print("libchafa:", libchafa.path() or "not installed (pip install chafa.py)")
    sixels(clip, full)
    kitty(clip, full)


if __name__ == "__main__":
    main()
