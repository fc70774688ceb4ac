"""Milliseconds a frame from RGB to encoded rows: ``python -m tests.bench.render_rows [--size 120x40]``.

Each figure is the median of several rounds; the modes take turns, so that a busy machine is busy for all of them.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from engage_tui.render.cells import MODES, Canvas, CellMode, ColourDepth, cells
from engage_tui.render.picture import Pixels
from engage_tui.render.rows import RowEncoder

ROUNDS, FRAMES = 9, 10


def picture(width: int, height: int) -> Pixels:
    """Smooth shades with noise: what a camera gives."""
    y, x = np.mgrid[:height, :width]
    base = np.stack([x * 255 / width, y * 255 / height, (x + y) * 127 / (width + height)], axis=2)
    noise = np.random.default_rng(3).normal(0, 8, base.shape)
    return np.clip(base + noise, 0, 255).astype(np.uint8)


def frame_ms(rgb: Pixels, mode: CellMode, encoder: RowEncoder) -> float:
    """CPU time of one frame, the mean of a short run: other programs on the machine do not count."""
    canvas = Canvas(encoder.colour)
    start = time.process_time()
    for _ in range(FRAMES):
        encoder.encode(cells(rgb, mode, canvas))
    return (time.process_time() - start) / FRAMES * 1000


def main() -> None:
    """Print one line a mode and depth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="120x40", help="columns x rows")
    columns, rows = (int(part) for part in parser.parse_args().size.split("x"))
    cases = []
    for mode in (CellMode.HALF, CellMode.ASCII, CellMode.ASCII_MONO):
        across, down = MODES[mode].pixels
        for depth in ColourDepth if MODES[mode].coloured else (ColourDepth.MONO,):
            cases.append((mode, RowEncoder(depth), picture(columns * across, rows * down)))
    times: list[list[float]] = [[] for _ in cases]
    for _ in range(ROUNDS):
        for took, (mode, encoder, rgb) in zip(times, cases, strict=True):
            took.append(frame_ms(rgb, mode, encoder))
    print(f"{columns}x{rows} cells, median of {ROUNDS} rounds of {FRAMES} frames")
    for took, (mode, encoder, rgb) in zip(times, cases, strict=True):
        size = sum(
            len(row.text) for row in encoder.encode(cells(rgb, mode, Canvas(encoder.colour)))
        )
        print(
            f"{mode:10} {encoder.colour.name:8} {statistics.median(took):6.2f} ms"
            f"  {size / 1024:6.0f} k characters"
        )


if __name__ == "__main__":
    main()
