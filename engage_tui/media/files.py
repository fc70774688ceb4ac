"""Sound and pictures of media files: their own size and rate, paced by the clock, looped until closed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import av
import numpy as np

from engage_tui.errors import MediaFileError
from engage_tui.media.scale import on_black, see_through
from engage_tui.media.source import BLOCK, SAMPLE_RATE, AudioFrame, Pcm, VideoFrame
from engage_tui.media.worker import Pacer, ThreadedSource

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

T = TypeVar("T")
_log = logging.getLogger(__name__)
_FALLBACK_RATE = 25.0  # pictures a second of a file that does not say


class AudioFileSource(ThreadedSource[AudioFrame]):
    """The first sound stream of a file, as 10 ms blocks of mono or stereo, without a gap at the loop.

    Args:
        path: The file.
    """

    kind = "audio"
    is_device = False

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self.label = Path(path).name
        self.device_id = f"file:{path}"
        self._container: InputContainer | None = None

    def _prepare(self) -> None:
        self._container = container = open_file(self._path, "audio")
        self._blocks = self._read(container)
        self._first = _next(self._blocks, self._path)

    def _run(self, stop: threading.Event) -> None:
        pacer = Pacer()
        block, number = self._first, 0
        while not stop.is_set():
            due = pacer.wait(number * BLOCK / SAMPLE_RATE, stop)
            self.push(AudioFrame(block, due))
            block = _next(self._blocks, self._path)
            number += 1

    def _release(self) -> None:
        if self._container is not None:
            self._container.close()

    def _read(self, container: InputContainer) -> Iterator[Pcm]:
        """Blocks of int16 ``(BLOCK, channels)`` without end."""
        stream = container.streams.audio[0]
        channels = min(2, stream.codec_context.channels)
        # Kept across the loop, so that the last samples of one round join the first of the next.
        resampler = av.AudioResampler(
            format="s16",
            layout="stereo" if channels == 2 else "mono",
            rate=SAMPLE_RATE,
            frame_size=BLOCK,
        )
        while True:
            empty = True
            for frame in decode(container, stream):
                frame.pts = None
                for block in resampler.resample(frame):
                    empty = False
                    yield block.to_ndarray().astype(np.int16, copy=False).reshape(-1, channels)
            if empty:
                return
            container.seek(0)


class VideoFileSource(ThreadedSource[VideoFrame]):
    """The first video stream of a file, each picture at its own time.

    Args:
        path: The file; also a still picture, which is then repeated.
    """

    kind = "video"
    is_device = False

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self.label = Path(path).name
        self.device_id = f"file:{path}"
        self._container: InputContainer | None = None
        self._size = (0, 0)
        self._frame_rate = _FALLBACK_RATE

    @property
    def size(self) -> tuple[int, int]:
        """See `FrameSource.size`."""
        return self._size

    @property
    def frame_rate(self) -> float:
        """See `FrameSource.frame_rate`."""
        return self._frame_rate

    def _prepare(self) -> None:
        self._container = container = open_file(self._path, "video")
        stream = container.streams.video[0]
        stream.thread_count = (
            1  # the cores belong to the call, and a clip decodes faster than it plays
        )
        rate = float(stream.average_rate or 0)
        self._frame_rate = rate if 0 < rate <= 120 else _FALLBACK_RATE
        self._pictures = self._read(container)
        self._first = _next(self._pictures, self._path)
        picture = self._first[1]
        self._size = (picture.width, picture.height)

    def _run(self, stop: threading.Event) -> None:
        pacer = Pacer()
        offset, picture = self._first
        while not stop.is_set():
            due = pacer.wait(offset, stop)
            if not stop.is_set():
                self.push(VideoFrame(picture, due))
                offset, picture = _next(self._pictures, self._path)

    def _release(self) -> None:
        if self._container is not None:
            self._container.close()

    def _read(self, container: InputContainer) -> Iterator[tuple[float, av.VideoFrame]]:
        """Pictures in yuv420p with their time since the start in seconds, without end."""
        stream = container.streams.video[0]
        step = 1 / self._frame_rate
        start, last = 0.0, -step
        while True:
            first: float | None = None
            for frame in decode(container, stream):
                time = frame.time
                if time is not None:
                    first = time if first is None else first
                    time = start + time - first
                # A clock that stands still or runs back (damaged files) must not turn into a burst.
                last = last + step if time is None or time <= last else time
                yield last, _planar(frame)
            if last < start:
                return
            start = last + step
            container.seek(0)


def _planar(frame: av.VideoFrame) -> av.VideoFrame:
    if frame.format.name == "yuv420p":
        return frame
    if see_through(frame):
        frame = av.VideoFrame.from_ndarray(
            on_black(frame.reformat(format="rgba", threads=1)), format="rgb24"
        )
    return frame.reformat(format="yuv420p", threads=1)


def open_file(path: str, kind: Literal["audio", "video"]) -> InputContainer:
    """Open `path` for its first stream of `kind`.

    Raises:
        MediaFileError: There is no such file, it is no media file, or it has no such stream.
    """
    if not Path(path).is_file():
        raise MediaFileError(f"There is no file {path}.", "Check the path.")
    try:
        container = av.open(path)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if not (container.streams.video if kind == "video" else container.streams.audio):
        container.close()
        what = "pictures" if kind == "video" else "sound"
        raise MediaFileError(f"{path} holds no {what}.", f"Choose a file with {what}.")
    return container


def decode(container: InputContainer, stream: AudioStream | VideoStream) -> Iterator[Any]:
    """Every frame of one round; damaged packets are left out."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.InvalidDataError as error:
            _log.info("damaged packet in %s: %s", container.name, error)


def _next(items: Iterator[T], path: str) -> T:
    """The next item.

    Raises:
        MediaFileError: There is none, or the file broke.
    """
    try:
        return next(items)
    except StopIteration:
        raise unreadable(path, "nothing in it can be decoded") from None
    except (av.FFmpegError, OSError, ValueError) as error:
        raise unreadable(path, error) from error


def unreadable(path: str, error: object) -> MediaFileError:
    """The error of a file that is there and cannot be played."""
    return MediaFileError(
        f"{path} cannot be played: {getattr(error, 'strerror', None) or error}.",
        "Check that it is a media file that FFmpeg can read.",
    )
