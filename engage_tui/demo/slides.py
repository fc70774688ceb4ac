"""What a demo person shares: a chart that grows, drawn like the faces."""

from __future__ import annotations

import math
import threading
from typing import Literal

import numpy as np

from engage_tui.demo.paint import Canvas, Colour
from engage_tui.media.source import VideoFrame
from engage_tui.media.worker import Pacer, ThreadedSource

SIZE = (640, 360)
"""Pixels of the shared picture."""

FRAME_RATE = 5.0
"""Pictures a second."""

_PAPER: Colour = (246, 244, 238)
_INK: Colour = (44, 48, 66)
_RULE: Colour = (208, 206, 200)
_ACCENT: Colour = (232, 84, 70)
_BARS: tuple[Colour, ...] = ((38, 140, 146), (92, 80, 176), (100, 158, 76), (238, 150, 62))
_GROWS = 20.0  # seconds until the chart starts again
_LEFT, _BASE, _TALL = 48.0, 318.0, 190.0

# Letters of 5 x 7 dots, a row as five bits: large enough to be read where a cell is a dot.
_LETTERS: dict[str, tuple[int, ...]] = {
    "E": (0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111),
    "N": (0b10001, 0b11001, 0b11001, 0b10101, 0b10011, 0b10011, 0b10001),
    "G": (0b01110, 0b10001, 0b10000, 0b10111, 0b10001, 0b10001, 0b01110),
    "A": (0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001),
}


def paper() -> Canvas:
    """What stands still: the sheet, its title and the rules."""
    canvas = Canvas(*SIZE)
    canvas.fade(_PAPER, (230, 228, 220))
    write(canvas, "ENGAGE", _LEFT, 24, 9, _INK)
    for row in range(1, 5):
        canvas.box(_LEFT, _BASE - row * _TALL / 4, 550, 2, _RULE)
    return canvas


def draw(canvas: Canvas, now: float) -> None:
    """Draw the chart on a sheet of `paper` as it looks `now` seconds after it began to grow."""
    canvas.ellipse(590, 54, 22, 22, _ACCENT, opacity=0.6 + 0.4 * math.sin(now * 4), soft=3)
    grown = min(1.0, (now % _GROWS) / (_GROWS * 0.7))
    tops = [_bar(canvas, index, grown, now) for index in range(10)]
    for index, (start, end) in enumerate(zip(tops, tops[1:], strict=False)):
        if index + 1 < grown * 10:
            _line(canvas, start, end)
    last = tops[min(9, int(grown * 10))]
    canvas.ellipse(*last, 11, 11, _ACCENT)
    canvas.ellipse(*last, 5, 5, _PAPER)
    canvas.box(_LEFT, _BASE, 550, 5, _INK)


def write(canvas: Canvas, text: str, x: float, y: float, dot: float, colour: Colour) -> None:
    """Write `text` (of the few letters that there are) with dots of `dot` pixels, top left at `x`, `y`."""
    for place, letter in enumerate(text):
        for row, bits in enumerate(_LETTERS[letter]):
            for column in range(5):
                if bits >> (4 - column) & 1:
                    left = x + (place * 6 + column) * dot
                    canvas.box(left, y + row * dot, dot, dot, colour)


def _bar(canvas: Canvas, index: int, grown: float, now: float) -> tuple[float, float]:
    """Draw one bar and return the point of the line above it."""
    wanted = 0.22 + 0.07 * index + 0.08 * math.sin(index * 2.1)
    share = min(1.0, max(0.0, grown * 10 - index + 0.5))
    height = _TALL * wanted * share * (1 + 0.03 * math.sin(now * 3 + index))
    x = _LEFT + 12 + index * 54
    canvas.box(x, _BASE - height, 38, height, _BARS[index % len(_BARS)])
    return (x + 19, _BASE - height - 16)


def _line(canvas: Canvas, start: tuple[float, float], end: tuple[float, float]) -> None:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    canvas.ellipse(*middle, length / 2 + 4, 4, _ACCENT, angle=math.atan2(dy, dx))


class SlideScreen(ThreadedSource[VideoFrame]):
    """A screen on which a chart grows."""

    kind: Literal["video"] = "video"
    is_device = False

    def __init__(self, name: str) -> None:
        """Set up the screen of `name`."""
        super().__init__()
        self.label = f"{name}'s chart"
        self.device_id = f"demo:{name}:screen"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return SIZE

    @property
    def frame_rate(self) -> float:
        """Pictures a second."""
        return FRAME_RATE

    def _prepare(self) -> None:
        self._canvas = Canvas(*SIZE)
        self._paper = paper().pixels

    def _run(self, stop: threading.Event) -> None:
        pacer = Pacer()
        number = 0
        while not stop.is_set():
            due = pacer.wait(number / FRAME_RATE, stop)
            np.copyto(self._canvas.pixels, self._paper)
            draw(self._canvas, number / FRAME_RATE)
            self.push(VideoFrame(self._canvas.to_frame(), due))
            number += 1
