"""Drawing pictures over a whole terminal, one write a picture."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass

import numpy as np

from engage_tui.media.scale import Scaler
from engage_tui.media.source import VideoFrame
from engage_tui.render import placing
from engage_tui.render.cells import MODES, Canvas, cells
from engage_tui.render.choice import AUTO, VideoMode, choose, next_mode
from engage_tui.render.images import ImageEncoder, PixelMode, Place, image_encoder
from engage_tui.render.picture import Picture, cover, letterbox
from engage_tui.render.probe import Answers, LateAnswers, window_cell
from engage_tui.render.rows import RowEncoder
from engage_tui.render.terminal import Terminal, default_mode, learned, with_cell

_BLACK = (0, 0, 0)
_QUIT = b"q\x03"
_SEQUENCE = re.compile(rb"\x1b[\[O][\d;]*.")  # arrows and other keys that are no letter
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"


@dataclass(slots=True)
class Settings:
    """How pictures are drawn; keys change it.

    Attributes:
        mode: The way of drawing.
        wish: What was asked for, one of `choice.NAMES`: `mode` follows it until a key chooses another.
        fill: Cut what does not fit, instead of leaving bars.
        mirror: Swap left and right.
    """

    mode: VideoMode
    fill: bool = False
    mirror: bool = False
    wish: str = AUTO


class Player:
    """Draws one picture after another.

    Attributes:
        settings: How.
        cpu: Seconds of processor time that drawing took so far; writing is not counted.
    """

    def __init__(
        self, terminal: Terminal, settings: Settings, descriptor: int, *, late: bool = False
    ) -> None:
        """Draw on a terminal.

        Args:
            terminal: What it can draw.
            settings: How to begin.
            descriptor: Where to write.
            late: Whether the terminal's answers may still come; they are used then, and are no keys.
        """
        self.settings = settings
        self.cpu = 0.0
        self._terminal = terminal
        self._descriptor = descriptor
        self._scaler = Scaler()
        self._encoder = RowEncoder(terminal.colour)
        self._images: ImageEncoder | None = None
        self._drawn: tuple[VideoMode, tuple[int, int], bool] | None = None
        self._late = LateAnswers() if late else None

    def keys(self, typed: bytes) -> bool:
        """Do what was typed: a, f, m; False: to end."""
        if self._late is not None:
            typed = self._late.keep(typed)
            if self._late.done:
                self._learn(self._late.answers)
                self._late = None
        for key in _SEQUENCE.sub(b"", typed).decode("ascii", "ignore"):
            if key.encode() in _QUIT:
                return False
            if key == "f":
                self.settings.fill = not self.settings.fill
            elif key == "m":
                self.settings.mirror = not self.settings.mirror
            elif key == "a":
                self.settings.mode = next_mode(self.settings.mode, self._terminal)
                self.settings.wish = self.settings.mode.value
        return True

    def _learn(self, answers: Answers) -> None:
        self._terminal = learned(self._terminal, answers, window_cell(self._descriptor))
        self._encoder = RowEncoder(self._terminal.colour)
        self.settings.mode = choose(self.settings.wish, self._terminal).mode

    def show(self, frame: VideoFrame, size: tuple[int, int]) -> int:
        """Draw a picture as large as the window and write it; the bytes that were written.

        Args:
            frame: The picture.
            size: Columns and rows of the window, both from 1.

        Raises:
            OSError: The terminal has gone.
        """
        start = time.thread_time()
        data = self.draw(frame, size).encode()
        self.cpu += time.thread_time() - start
        written = 0
        while written < len(data):
            written += os.write(self._descriptor, data[written:])
        return written

    def draw(self, frame: VideoFrame, size: tuple[int, int]) -> str:
        """What shows a picture as large as the window."""
        mode = self.settings.mode
        kind = (mode, size, self.settings.fill)
        full, self._drawn = kind != self._drawn, kind
        if full:  # perhaps with another font
            self._terminal = with_cell(self._terminal, window_cell(self._descriptor))
        if mode.pixels:
            return _BEGIN + self._pixels(frame, size, PixelMode(mode.value), full=full) + _END
        return _BEGIN + self.clear() + self._cells(frame, size) + _END

    def clear(self) -> str:
        """What takes a picture of pixels off the screen; empty when there is none."""
        encoder, self._images = self._images, None
        if encoder is None:
            return ""
        text = encoder.clear()
        encoder.close()
        return text

    def _cells(self, frame: VideoFrame, size: tuple[int, int]) -> str:
        columns, rows = size
        mode = self.settings.mode.cells() or default_mode(self._terminal)
        across, down = MODES[mode].pixels
        tall = self._terminal.aspect * across / down
        box = (columns * across, rows * down)
        picture = self._picture(frame, (box[0], round(box[1] * tall)))
        fitted = (cover if self.settings.fill else letterbox)(picture.pixels, box, _BLACK, tall)
        canvas = Canvas(self._terminal.colour, self._terminal.dark is not False, _BLACK)
        drawn = cells(fitted, mode, canvas)
        lines = [
            f"\x1b[{number}H{row.text}" for number, row in enumerate(self._encoder.encode(drawn), 1)
        ]
        return "".join(lines)

    def _pixels(
        self, frame: VideoFrame, size: tuple[int, int], mode: PixelMode, *, full: bool
    ) -> str:
        """A picture of pixels; the last row stays free, because a sixel there would scroll the screen."""
        columns, rows = size[0], max(1, size[1] - 1)
        cell = self._terminal.cell_pixels
        fill = self.settings.fill
        source = (frame.picture.width, frame.picture.height)
        box = placing.wanted(mode, Place(columns, rows, cell), source)
        picture = self._picture(frame, box)
        where = placing.box((picture.width, picture.height), columns, rows, cell, fill=fill)
        shown = placing.laid(picture.pixels, where, mode, _BLACK, fill=fill)
        before = ""
        if full:
            before = self.clear() + "\x1b[0m\x1b[2J"
        if self._images is None:
            self._images = image_encoder(
                mode, 1, local=not self._terminal.remote, registers=self._terminal.registers
            )
        text = self._images.encode(shown, where.place, full=full)
        return f"{before}\x1b[{where.y + 1};{where.x + 1}H{text}"

    def _picture(self, frame: VideoFrame, box: tuple[int, int]) -> Picture:
        """The picture in square pixels, no larger than is needed."""
        width, height = box
        if self.settings.fill:  # it must cover the box, not lie in it
            have = max(1, frame.picture.width), max(1, frame.picture.height)
            scale = max(width / have[0], height / have[1])
            width, height = max(width, round(have[0] * scale)), max(height, round(have[1] * scale))
        data, width, height = self._scaler.to_rgb(frame.picture, width, height)
        picture = Picture.from_bytes(width, height, data)
        if self.settings.mirror:
            mirrored = np.ascontiguousarray(picture.pixels[:, ::-1])
            picture = Picture(width, height, mirrored)
        return picture
