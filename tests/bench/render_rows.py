"""Milliseconds a frame from YUV to encoded rows, beside libchafa.

``python -m tests.bench.render_rows [--size 120x40] [--clip FILE]``

CPU time of one thread, scaling included on both sides (libchafa scales by itself, from RGB that is made for it outside
the measured time). Medians of several rounds in which all take turns, so that a busy machine is busy for all of them.
Libchafa's figure is without printing, which is the part it does fast.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import av
import numpy as np

from engage_tui.render.cells import Canvas, CellMode, ColourDepth, cell_pixels, cells
from engage_tui.render.picture import Pixels
from engage_tui.render.rows import Row, RowEncoder
from tests.bench import libchafa
from tests.bench.clip import Stretcher, arguments, frames
from tests.bench.libchafa import Chafa, Symbols

T = TypeVar("T")

ROUNDS, FRAMES = 9, 10

GOALS = {CellMode.HALF: 0.5, CellMode.QUADRANT: 2.2, CellMode.SEXTANT: 2.8}
"""Milliseconds at 120x40."""

SYMBOLS = {
    CellMode.HALF: Symbols.UPPER_LOWER | Symbols.SPACE,
    CellMode.QUADRANT: Symbols.QUAD | Symbols.HALF | Symbols.SPACE,
    CellMode.SEXTANT: Symbols.SEXTANT | Symbols.HALF | Symbols.SPACE,
    CellMode.BRAILLE: Symbols.BRAILLE | Symbols.SPACE,
    CellMode.ASCII: Symbols.ASCII | Symbols.SPACE,
}


def run_ms(draw: Callable[[T], object], pictures: Sequence[T]) -> float:
    """CPU time of one frame, the mean of a short run: other programs on the machine do not count."""
    start = time.process_time()
    for picture in pictures:
        draw(picture)
    return (time.process_time() - start) / len(pictures) * 1000


class Ours:
    """Draws in one mode, as a tile does: what was shown is kept until the next is made."""

    def __init__(self, mode: CellMode, depth: ColourDepth, size: tuple[int, int]) -> None:
        across, down = cell_pixels(mode)
        self._mode = mode
        self._canvas = Canvas(depth)
        self._scale = Stretcher(size[0] * across, size[1] * down)
        self._encoder = RowEncoder(depth)
        self.shown: list[Row] = []

    def draw(self, frame: av.VideoFrame) -> None:
        rgb = self._scale(frame)
        self.shown = self._encoder.encode(cells(rgb, self._mode, self._canvas))


def main() -> None:
    """Print one line a mode and depth."""
    parser = arguments(__doc__)
    parser.add_argument("--size", default="120x40", help="columns x rows")
    wish = parser.parse_args()
    columns, rows = (int(part) for part in wish.size.split("x"))
    clip = frames(wish.clip)[:FRAMES]
    full: list[Pixels] = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in clip]
    depths = {CellMode.HALF: list(ColourDepth), CellMode.ASCII_MONO: [ColourDepth.MONO]}
    cases = [(m, d) for m in CellMode for d in depths.get(m, [ColourDepth.TRUE])]
    ours = {case: Ours(*case, (columns, rows)) for case in cases}
    theirs = {m: Chafa(columns, rows, s) for m, s in SYMBOLS.items() if libchafa.path()}
    taken: dict[object, list[float]] = {}
    for _ in range(ROUNDS):
        for case, each in ours.items():
            taken.setdefault(case, []).append(run_ms(each.draw, clip))
        for mode, chafa in theirs.items():
            taken.setdefault(mode, []).append(run_ms(chafa.draw, full))
    print(f"{columns}x{rows} cells, ms a frame: median of {ROUNDS} rounds of {FRAMES} frames")
    print("libchafa:", libchafa.path() or "not installed (pip install chafa.py)")
    for case, each in ours.items():
        mode, depth = case
        mine = statistics.median(taken[case])
        line = f"{mode:10} {depth.name:8} {mine:6.2f} ms"
        line += f" {sum(len(row.text.encode()) for row in each.shown) / 1024:6.0f} KiB"
        if depth is ColourDepth.TRUE and mode in theirs:
            anchor = statistics.median(taken[mode])
            line += f"   libchafa {anchor:6.2f} ms = {anchor / mine:4.1f} times ours"
        if depth is ColourDepth.TRUE and mode in GOALS and (columns, rows) == (120, 40):
            line += f"   goal {GOALS[mode]} ms"
        print(line)


if __name__ == "__main__":
    main()
