"""Sound and pictures without a device: a tone of known level, and a moving bar whose frames carry their number."""

from __future__ import annotations

import threading
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from engage_tui.media.source import BLOCK, SAMPLE_RATE, AudioFrame, VideoFrame
from engage_tui.media.worker import Pacer, ThreadedSource

TONE_FREQUENCY = 440
"""Hertz of the test tone."""

TONE_PEAK = 10 ** (-12 / 20)
"""Peak of the test tone, of full scale: -12 dBFS (so its rms is 0.1776)."""

COUNTER_BITS = 16
"""Width of the frame counter; it wraps."""

TEST_SIZE = (640, 360)
"""Width and height of the test picture where nothing else is asked for."""

_CELLS: Final = COUNTER_BITS + 4  # white, black, the bits, their parity, white
_STRIP: Final = 0.12  # the counter's share of the picture's height, at the bottom
_BLACK, _WHITE = 16, 235
# A 3x5 font: five rows of three dots a digit, each row an octal figure.
_DIGITS: Final = (
    *("75557", "26227", "71747", "71717", "55711"),
    *("74717", "74757", "71111", "75757", "75717"),
)
_Luma = npt.NDArray[np.uint8]


class ToneSource(ThreadedSource[AudioFrame]):
    """A sine without end: `TONE_FREQUENCY`, `TONE_PEAK`, mono, continuous in phase."""

    kind = "audio"
    is_device = False

    def __init__(self) -> None:
        super().__init__()
        self.label = "Test tone"
        self.device_id = "test"

    def _prepare(self) -> None:
        # One second holds a whole number of periods and of blocks, so that repeating it keeps the phase.
        angle = 2 * np.pi * TONE_FREQUENCY / SAMPLE_RATE * np.arange(SAMPLE_RATE)
        second = np.round(np.sin(angle) * TONE_PEAK * 32767).astype(np.int16)
        second.flags.writeable = False
        self._blocks = second.reshape(-1, BLOCK, 1)

    def _run(self, stop: threading.Event) -> None:
        pacer = Pacer()
        number = 0
        while not stop.is_set():
            due = pacer.wait(number * BLOCK / SAMPLE_RATE, stop)
            self.push(AudioFrame(self._blocks[number % len(self._blocks)], due))
            number += 1


class PatternSource(ThreadedSource[VideoFrame]):
    """A bar that crosses a coloured ground, with the frame's number in digits and as a strip of bits.

    Args:
        size: Width and height in pixels, even.
        frame_rate: Pictures a second.
    """

    kind = "video"
    is_device = False

    def __init__(self, size: tuple[int, int] = TEST_SIZE, frame_rate: float = 15.0) -> None:
        super().__init__()
        self.label = "Test picture"
        self.device_id = "test"
        self._size = (size[0] & ~1, size[1] & ~1)
        self._frame_rate = frame_rate

    @property
    def size(self) -> tuple[int, int]:
        """See `FrameSource.size`."""
        return self._size

    @property
    def frame_rate(self) -> float:
        """See `FrameSource.frame_rate`."""
        return self._frame_rate

    def _prepare(self) -> None:
        self._ground = _ground(*self._size)

    def _run(self, stop: threading.Event) -> None:
        pacer = Pacer()
        number = 0
        while not stop.is_set():
            due = pacer.wait(number / self._frame_rate, stop)
            self.push(VideoFrame(self._draw(number), due))
            number += 1

    def _draw(self, number: int) -> av.VideoFrame:
        width, height = self._size
        planes = self._ground.copy()
        luma = planes[:height]
        bar = max(2, width // 16)
        left = number * max(1, width // 90) % (width - bar)
        luma[:, left : left + bar] = 200
        _write_digits(luma, number)
        _write_strip(luma, number)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.color_range = 1  # limited, as video usually is
        return picture


def read_counter(picture: av.VideoFrame) -> int | None:
    """Read the frame number from a picture of `PatternSource`, even scaled or through a codec.

    Args:
        picture: yuv420p of any size from about 80 pixels of width.

    Returns:
        The number modulo 2 ** `COUNTER_BITS`; None when the picture is none of ours or too damaged.
    """
    plane = picture.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    luma = rows[:, : plane.width]
    middle = luma[int(plane.height * (1 - _STRIP / 2))].astype(np.float32)
    centres = ((np.arange(_CELLS) + 0.5) * plane.width / _CELLS).astype(int)
    bright = (middle[centres] > (_BLACK + _WHITE) / 2).astype(int).tolist()
    bits = bright[2:-2]
    if bright[:2] != [1, 0] or bright[-1] != 1 or sum(bits) % 2 != bright[-2]:
        return None
    return int("".join(map(str, bits)), 2)


def _ground(width: int, height: int) -> _Luma:
    """The unchanging part, planes of yuv420p one below the other: a soft ramp in brightness and hue."""
    luma = np.tile(np.linspace(50, 120, width).astype(np.uint8), (height, 1))
    blue = np.tile(np.linspace(90, 170, width // 2).astype(np.uint8), (height // 2, 1))
    red = np.tile(np.linspace(160, 100, height // 2).astype(np.uint8)[:, None], (1, width // 2))
    for plane in (blue, red):
        plane[int(height * (1 - _STRIP)) // 2 :] = 128  # the bits stand on grey
    chroma = np.concatenate([blue.reshape(-1), red.reshape(-1)]).reshape(height // 2, width)
    return np.concatenate([luma, chroma])


def _write_digits(luma: _Luma, number: int) -> None:
    dot = max(1, luma.shape[0] // 24)
    top, left = luma.shape[0] // 3, (luma.shape[1] - 19 * dot) // 2
    luma[top - dot : top + 6 * dot, max(0, left - dot) : left + 20 * dot] = _BLACK
    for figure in f"{number:05d}":
        rows = [[int(row) >> shift & 1 for shift in (2, 1, 0)] for row in _DIGITS[int(figure)]]
        dots = np.kron(np.array(rows, np.uint8), np.ones((dot, dot), np.uint8))
        place = luma[top : top + dots.shape[0], left : left + dots.shape[1]]
        place[:] = np.where(dots[: place.shape[0], : place.shape[1]], _WHITE, _BLACK)
        left += 4 * dot


def _write_strip(luma: _Luma, number: int) -> None:
    bits = [int(bit) for bit in f"{number % (1 << COUNTER_BITS):0{COUNTER_BITS}b}"]
    cells = [1, 0, *bits, sum(bits) % 2, 1]
    row = np.where(np.array(cells, bool), _WHITE, _BLACK).astype(np.uint8)
    columns = (np.arange(luma.shape[1]) * _CELLS // luma.shape[1]).astype(int)
    luma[int(luma.shape[0] * (1 - _STRIP)) :] = row[columns]
