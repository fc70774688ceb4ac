"""KiB a frame through the delta encoder: ``python -m tests.bench.picture_bytes [--clip FILE] [--programs]``.

The mean of all frames but the first ten, cursor movements included, at 120x40; and what leaving cells as they are costs
in PSNR. Libchafa's figure is a whole frame each time, as it knows no other way; with ``--programs`` timg and mpv play
the clip too, in real time, and draw whole frames likewise (timg keeps the picture's shape: 120x34).
"""

from __future__ import annotations

import statistics
import time

import av
import numpy as np

from engage_tui.render.cells import Canvas, CellMode, Cells, ColourDepth, cell_pixels, cells
from engage_tui.render.delta import DeltaEncoder, SteadyCells
from engage_tui.render.picture import Pixels
from engage_tui.render.rows import colour_codes, palette
from tests.bench import libchafa
from tests.bench.clip import Stretcher, arguments, as_file, frames
from tests.bench.libchafa import Chafa
from tests.bench.programs import installed, written
from tests.bench.raster import HEIGHT, WIDTH, drawn, psnr
from tests.bench.render_rows import SYMBOLS

COLUMNS, ROWS = 120, 40
_SKIPPED = 10
_EVERY = 12  # frames of which one is looked at
_MOVE = len("\x1b[40;120H")  # what takes the cursor to a row

CASES = {
    (CellMode.HALF, ColourDepth.TRUE): 29.0,
    (CellMode.QUADRANT, ColourDepth.TRUE): 32.0,
    (CellMode.SEXTANT, ColourDepth.TRUE): 35.0,
    (CellMode.HALF, ColourDepth.INDEXED): 12.0,
    (CellMode.ASCII, ColourDepth.TRUE): 13.0,
    (CellMode.ASCII, ColourDepth.INDEXED): None,
    (CellMode.ASCII_MONO, ColourDepth.MONO): 5.0,
}
"""The goal of each, in KiB."""


class Measured:
    """One mode on one clip."""

    def __init__(self, mode: CellMode, depth: ColourDepth, clip: list[av.VideoFrame]) -> None:
        across, down = cell_pixels(mode)
        scale, truth = (
            Stretcher(COLUMNS * across, ROWS * down),
            Stretcher(COLUMNS * WIDTH, ROWS * HEIGHT),
        )
        steady, encoder = SteadyCells(), DeltaEncoder(depth)
        sizes: list[int] = []
        times: list[float] = []
        whole, kept = [], []
        for number, frame in enumerate(clip):
            rgb = scale(frame)
            start = time.process_time()
            rows = encoder.encode(steady.cells(rgb, mode, Canvas(depth)))
            times.append(time.process_time() - start)
            sizes.append(sum(len(text.encode()) + _MOVE for _, text in rows))
            if number % _EVERY == _EVERY - 1 and encoder.shown is not None:
                right = truth(frame)
                whole.append(
                    psnr(right, drawn(_in_palette(cells(rgb, mode, Canvas(depth)), depth)))
                )
                kept.append(psnr(right, drawn(_in_palette(encoder.shown, depth))))
        self.kib = statistics.mean(sizes[_SKIPPED:]) / 1024
        self.ms = statistics.median(times) * 1000
        self.psnr = statistics.mean(kept)
        self.loss = statistics.mean(whole) - self.psnr


def _in_palette(picture: Cells, depth: ColourDepth) -> Cells:
    """The colours that the terminal shows."""
    if depth is not ColourDepth.INDEXED or picture.fg is None or picture.bg is None:
        return picture
    colours = palette(True)
    front, back = (
        colours[colour_codes(each, True, behind)]
        for each, behind in ((picture.fg, False), (picture.bg, True))
    )
    return Cells(picture.glyph, front, back)


def main() -> None:
    """Print one line a mode, then the anchors."""
    parser = arguments(__doc__)
    parser.add_argument("--programs", action="store_true", help="let timg and mpv play the clip")
    wish = parser.parse_args()
    clip = frames(wish.clip)
    print(f"{COLUMNS}x{ROWS} cells, KiB a frame")
    for (mode, depth), goal in CASES.items():
        mine = Measured(mode, depth, clip)
        print(
            f"{mode:10} {depth.name:8} {mine.kib:6.1f} KiB   {mine.psnr:.2f} dB, {mine.loss:.2f} less"
            f" than whole frames   {mine.ms:.2f} ms" + (f"   goal {goal:.0f} KiB" if goal else "")
        )
    if libchafa.path():
        full: list[Pixels] = [
            np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in clip[:_EVERY]
        ]
        for mode, symbols in SYMBOLS.items():
            chafa, sizes = Chafa(COLUMNS, ROWS, symbols), []
            for rgb in full:
                chafa.draw(rgb)
                sizes.append(len(chafa.text()))
            print(f"{mode:10} libchafa {statistics.mean(sizes) / 1024:6.1f} KiB")
    if wish.programs:
        with as_file(wish.clip, clip) as path:
            for name, command in installed().items():
                total = written((*command, path), (COLUMNS, ROWS))
                print(f"{name:19} {total / len(clip) / 1024:6.1f} KiB")


if __name__ == "__main__":
    main()
