"""How close cells come to the picture, beside libchafa.

``python -m tests.bench.picture_quality [--size 120x40] [--clip FILE]``

PSNR in dB of what the cells show, 4x8 pixels each, against the picture scaled to that; the mean of three frames.
"""

from __future__ import annotations

import numpy as np

from engage_tui.render.cells import CellMode, cell_pixels, cells
from engage_tui.render.picture import Pixels
from tests.bench import libchafa
from tests.bench.clip import Stretcher, arguments, frames
from tests.bench.libchafa import Chafa
from tests.bench.raster import HEIGHT, WIDTH, drawn, psnr
from tests.bench.render_rows import SYMBOLS

FRAMES = (5, 15, 25)
LESS = 0.05  # dB below the anchor that still pass
_JUDGED = (CellMode.HALF, CellMode.QUADRANT, CellMode.SEXTANT, CellMode.ASCII)


def main() -> None:
    """Print one line a mode."""
    parser = arguments(__doc__)
    parser.add_argument("--size", default="120x40", help="columns x rows")
    wish = parser.parse_args()
    columns, rows = (int(part) for part in wish.size.split("x"))
    clip = frames(wish.clip)
    chosen = [clip[number] for number in FRAMES]
    truth = [Stretcher(columns * WIDTH, rows * HEIGHT)(frame) for frame in chosen]
    full: list[Pixels] = [np.asarray(f.to_ndarray(format="rgb24"), np.uint8) for f in chosen]
    print(f"{columns}x{rows} cells, PSNR in dB, mean of {len(FRAMES)} frames")
    print("libchafa:", libchafa.path() or "not installed (pip install chafa.py)")
    for mode in CellMode:
        if (
            mode is CellMode.BRAILLE
        ):  # most fonts have no dots: terminals draw them, each in its own way
            continue
        across, down = cell_pixels(mode)
        scale = Stretcher(columns * across, rows * down)
        shown = [drawn(cells(scale(frame), mode)) for frame in chosen]
        ours = float(np.mean([psnr(t, s) for t, s in zip(truth, shown, strict=True)]))
        line = f"{mode:10} {ours:6.2f}"
        if mode in SYMBOLS and libchafa.path():
            anchor = Chafa(columns, rows, SYMBOLS[mode])
            marks = []
            for picture, right in zip(full, truth, strict=True):
                anchor.draw(picture)
                marks.append(psnr(right, drawn(anchor.cells())))
            theirs = float(np.mean(marks))
            line += f"   libchafa {theirs:6.2f}   {ours - theirs:+.2f}"
            if mode in _JUDGED:
                line += f"   goal >= {-LESS:+.2f}"
        print(line)


if __name__ == "__main__":
    main()
