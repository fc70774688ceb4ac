"""The screen's picture, by mss."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from engage_tui.errors import DeviceError
from engage_tui.media.scale import fit
from engage_tui.media.source import VideoFrame
from engage_tui.media.worker import Pacer, ThreadedSource

_BOX = (1920, 1080)  # larger screens are scaled into it
_MOST = 15.0  # pictures a second


class ScreenSource(ThreadedSource[VideoFrame]):
    """A monitor, at most 15 pictures a second and at most 1920x1080.

    Args:
        monitor: Which one, from 1.
        frame_rate: Pictures a second.
    """

    kind = "video"

    def __init__(self, monitor: int = 1, *, frame_rate: float = _MOST) -> None:
        super().__init__()
        self.device_id = "screen" if monitor == 1 else f"screen:{monitor}"
        self.label = "Screen" if monitor == 1 else f"Screen {monitor}"
        self._monitor = monitor
        self._frame_rate = min(frame_rate, _MOST)
        self._size = (0, 0)
        self._screens: Any = None
        self._reformatter = VideoReformatter()

    @property
    def size(self) -> tuple[int, int]:
        """See `FrameSource.size`."""
        return self._size

    @property
    def frame_rate(self) -> float:
        """See `FrameSource.frame_rate`."""
        return self._frame_rate

    def _prepare(self) -> None:
        try:
            self._screens = importlib.import_module("mss").MSS()
            monitors = self._screens.monitors[1:]  # the first is all of them together
            if self._monitor <= len(monitors):
                self._area = monitors[self._monitor - 1]
                self._first = self._grab()
                return
        except Exception as error:  # noqa: BLE001 - border: mss raises a class of its own per platform
            raise DeviceError(f"The screen cannot be captured: {error}.", _hint()) from error
        raise DeviceError(
            f"There is no monitor {self._monitor}.", f"There is 1 to {len(monitors)}."
        )

    def _run(self, stop: threading.Event) -> None:
        pacer = Pacer()
        picture, number = self._first, 0
        del self._first
        while not stop.is_set():
            due = pacer.wait(number / self._frame_rate, stop)
            if number > 0:
                picture = self._grab()
            self.push(VideoFrame(picture, due))
            number += 1

    def _grab(self) -> av.VideoFrame:
        shot = self._screens.grab(self._area)
        pixels = np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)
        width, height = fit(
            shot.width, shot.height, min(_BOX[0], shot.width), min(_BOX[1], shot.height)
        )
        self._size = (max(2, width & ~1), max(2, height & ~1))
        return self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(pixels, format="bgra"),
            *self._size,
            "yuv420p",
            interpolation=Interpolation.AREA,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )

    def _release(self) -> None:
        screens, self._screens = self._screens, None
        if screens is not None:
            screens.close()


def _hint() -> str:
    if sys.platform == "darwin":
        return "Let the terminal record the screen (System Settings, Privacy)."
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        return "There is no X display (DISPLAY is not set); share file:PATH or test instead."
    return "Share file:PATH or test instead."
