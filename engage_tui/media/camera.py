"""A camera by OpenCV; the same class plays whatever else `cv2.VideoCapture` opens, a recorded file for one."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from engage_tui.errors import DeviceError
from engage_tui.media import devices
from engage_tui.media.source import VideoFrame
from engage_tui.media.worker import Pacer, ThreadedSource

_log = logging.getLogger(__name__)
_importing = threading.Lock()
_PATIENCE = 10  # grabs that may fail in a row: some cameras stumble once when light changes


class CameraSource(ThreadedSource[VideoFrame]):
    """Pictures of a camera in yuv420p, at most `frame_rate` a second.

    Args:
        device: ``default``, a number, a name or a part of it, or a path (``/dev/video2``, a recording).
        size: The size asked for; the camera may give another (see `size` once open).
        frame_rate: Pictures a second asked for, and the most that are pushed.
    """

    kind = "video"

    def __init__(
        self,
        device: str = "default",
        *,
        size: tuple[int, int] = (640, 360),
        frame_rate: float = 15.0,
    ) -> None:
        super().__init__()
        self.device_id = device
        self.label = device
        self._wanted = size
        self._size = (0, 0)
        self._frame_rate = frame_rate
        self._capture: Any = None
        self._recorded = False

    @property
    def size(self) -> tuple[int, int]:
        """See `FrameSource.size`."""
        return self._size

    @property
    def frame_rate(self) -> float:
        """See `FrameSource.frame_rate`."""
        return self._frame_rate

    def _prepare(self) -> None:
        self._cv2 = load()
        target = self._target()
        self._capture = capture = self._cv2.VideoCapture(target)
        if not capture.isOpened():
            raise self._cannot_open(target)
        if not self._recorded:
            capture.set(self._cv2.CAP_PROP_FRAME_WIDTH, self._wanted[0])
            capture.set(self._cv2.CAP_PROP_FRAME_HEIGHT, self._wanted[1])
            capture.set(self._cv2.CAP_PROP_FPS, self._frame_rate)
            capture.set(self._cv2.CAP_PROP_BUFFERSIZE, 1)  # an old picture is worth nothing
        # Only a picture proves that a camera works: a busy one often opens all the same.
        ok, first = capture.read()
        if not ok:
            raise self._cannot_open(target)
        self._first = first
        self._size = (first.shape[1] & ~1, first.shape[0] & ~1)
        if self._recorded:
            rate = float(capture.get(self._cv2.CAP_PROP_FPS))
            self._frame_rate = min(self._frame_rate, rate) if rate > 0 else self._frame_rate

    def _run(self, stop: threading.Event) -> None:
        self._push(self._first)
        del self._first
        if self._recorded:
            self._play(stop)
        else:
            self._film(stop)

    def _film(self, stop: threading.Event) -> None:
        """Take every picture off the camera, and push those that are due."""
        step = 1 / self._frame_rate
        due = time.monotonic() + step
        failures = 0
        while not stop.is_set():
            if not self._capture.grab():
                failures += 1
                if failures > _PATIENCE:
                    raise DeviceError(
                        f"The camera {self.label} is gone.",
                        "Plug it in again, or choose another one.",
                    )
                stop.wait(0.05)
                continue
            failures = 0
            now = time.monotonic()
            # A quarter of a step early counts as due: cameras jitter, and waiting for the next halves the rate.
            if now < due - step / 4:
                continue
            due = max(due + step, now)
            ok, pixels = self._capture.retrieve()
            if ok:
                self._push(pixels)

    def _play(self, stop: threading.Event) -> None:
        """Play a recording at its own rate, once."""
        pacer = Pacer()
        rate = float(self._capture.get(self._cv2.CAP_PROP_FPS)) or self._frame_rate
        number = 1
        while not stop.is_set():
            pacer.wait(number / rate, stop)
            ok, pixels = self._capture.read()
            if not ok:
                raise DeviceError(
                    f"The recording {self.label} is at its end.", "Use file:PATH to repeat it."
                )
            number += 1
            self._push(pixels)

    def _push(self, pixels: Any) -> None:
        width, height = self._size
        planes = self._cv2.cvtColor(pixels[:height, :width], self._cv2.COLOR_BGR2YUV_I420)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.color_range = 1  # limited, as OpenCV converts
        self.push(VideoFrame(picture, time.monotonic()))

    def _release(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _target(self) -> int | str:
        """What OpenCV opens."""
        path = Path(self.device_id)
        self._recorded = path.is_file()
        if self._recorded or path.is_char_device():
            self.label = path.name
            return self.device_id
        device = devices.find_device("videoinput", self.device_id)
        self.label = device.label
        return device.index

    def _cannot_open(self, target: int | str) -> DeviceError:
        if sys.platform == "darwin":
            hint = "Let the terminal use the camera (System Settings, Privacy), close other programs that use it."
        else:
            hint = "Close other programs that use it, or choose another one."
        if self._recorded:
            hint = "Check that it is a video file."
        _log.info("VideoCapture does not open %s", target)
        return DeviceError(f"The camera {self.label} gives no picture.", hint)


def load() -> Any:
    """The module `cv2`, one thread a call; imported when first asked for.

    Raises:
        DeviceError: OpenCV or a library that it needs is not installed.
    """
    try:
        with _environment_kept():
            cv2 = importlib.import_module("cv2")
    except ImportError as error:
        if "libGL" in str(error):
            raise DeviceError(
                "OpenCV needs libGL, which is not installed.", "apt install libgl1"
            ) from error
        if error.name == "cv2":
            raise DeviceError("OpenCV is not installed.", "pip install opencv-python") from error
        raise DeviceError(
            f"OpenCV does not load: {error}.", "Install the library that it names."
        ) from error
    except OSError as error:
        raise DeviceError(
            f"OpenCV does not load: {error}.", "Install the library that it names."
        ) from error
    cv2.setNumThreads(1)  # the cores belong to the call
    return cv2


@contextlib.contextmanager
def _environment_kept() -> Iterator[None]:
    """Let nobody inside change the process's environment.

    OpenCV's import sets LD_LIBRARY_PATH (for subprocesses; we start none). C's ``setenv`` may move the environment
    while a sound library on another thread reads it, and then the process crashes.
    """
    with _importing:
        environment = os.environ
        os.environ = dict(environment)  # type: ignore[assignment]  # noqa: B003 - that no C function sees it is the point
        try:
            yield
        finally:
            os.environ = environment  # noqa: B003
