"""What every microphone, camera, screen, file and synthetic pattern looks like to the rest of the house.

A source pushes frames into sinks on a thread of its own, paced by the device or by a monotonic clock. Opening is
explicit and may fail; a preview and a published track share one running source.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import av
import numpy as np
import numpy.typing as npt

from engage_tui.errors import EngageError

SAMPLE_RATE = 48_000
"""Samples a second of every audio frame in the house."""

BLOCK = 480
"""Samples of one audio block: 10 ms."""

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """One block of sound.

    Attributes:
        samples: int16, shape ``(samples, channels)``, 48 kHz, full scale ±32768; `BLOCK` samples a frame.
        time: `time.monotonic()` of the first sample's capture, seconds.
    """

    samples: Pcm
    time: float


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One picture.

    Attributes:
        picture: A PyAV frame in ``yuv420p``; read-only, shared by every sink.
        time: `time.monotonic()` of its capture, seconds.
    """

    picture: av.VideoFrame
    time: float


FrameT = TypeVar("FrameT", AudioFrame, VideoFrame)
Sink = Callable[[FrameT], None]


class FrameSource(ABC, Generic[FrameT]):
    """A source of frames of one kind.

    Attributes:
        kind: ``"audio"`` or ``"video"``.
        label: A device's or file's name for people.
        device_id: The stable id under which `devices.open_source` opens it again (``file:…``, ``test``, an index).
        is_device: True for a microphone, camera or screen; False for files and patterns, which bypass echo,
            noise and gain processing.
        on_ended: Called once on the source's thread when the frames end without `stop`: the device is gone or
            the file broke. None until an owner sets it.
    """

    kind: Literal["audio", "video"]
    label: str
    device_id: str
    is_device: bool = True

    def __init__(self) -> None:
        self.on_ended: Callable[[EngageError], None] | None = None
        self._sinks: tuple[Sink[FrameT], ...] = ()
        self._sinks_lock = threading.Lock()

    @abstractmethod
    def open(self) -> None:
        """Open the device or file and start pushing frames; idempotent while open.

        Blocks for as long as the device needs (call it in a worker thread).

        Raises:
            DeviceError: The device is absent, busy or its library is missing.
            MediaFileError: The file is missing or broken.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop pushing and free the device; idempotent; returns once the thread has ended."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether frames are being pushed."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of a video source once open; ``(0, 0)`` for audio."""
        return (0, 0)

    @property
    def frame_rate(self) -> float:
        """Pictures a second of a video source once open; blocks a second for audio."""
        return SAMPLE_RATE / BLOCK

    def add_sink(self, sink: Sink[FrameT]) -> None:
        """Have every further frame handed to `sink` on the source's thread; it must neither block nor raise."""
        with self._sinks_lock:
            self._sinks = self._sinks + (sink,)

    def remove_sink(self, sink: Sink[FrameT]) -> None:
        """Stop handing frames to `sink`; unknown sinks are ignored."""
        with self._sinks_lock:
            self._sinks = tuple(each for each in self._sinks if each != sink)

    def push(self, frame: FrameT) -> None:
        """Hand a frame to every sink (for implementations)."""
        for sink in self._sinks:
            sink(frame)


AudioSource = FrameSource[AudioFrame]
VideoSource = FrameSource[VideoFrame]
