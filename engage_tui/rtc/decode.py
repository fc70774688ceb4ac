"""Decoding pictures off the event loop, in threads that all receivers share."""

from __future__ import annotations

import atexit
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import cast

import av

from engage_tui.rtc.frames import EncodedFrame

_log = logging.getLogger(__name__)

THREADS = 2
MAX_WAITING = 30
"""Encoded pictures that wait for a decoder, about 1 s; more are dropped and a keyframe is asked for."""

LAST_PICTURE = 1.0
"""Seconds for which the end of the process waits for a picture that is being decoded."""

_NAMES = {"VP8": "vp8", "H264": "h264"}
_TICK = Fraction(1, 90_000)

Shown = Callable[[av.VideoFrame, float], None]


class _Threads:
    """The decode threads of this process: they begin with the first picture, and end when the process does.

    They share a queue and nothing else: to hand a picture to an executor costs a fifth of decoding a small one.
    """

    def __init__(self) -> None:
        # Bounded: each decoder has one job at a time.
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def run(self, job: Callable[[], None]) -> None:
        """Have `job` called on whichever thread is free first."""
        if not self._threads:
            self._start()
        self._jobs.put(job)

    def _start(self) -> None:
        with self._lock:
            if self._threads:
                return
            threads = [
                threading.Thread(target=self._work, name=f"decode_{number}", daemon=True)
                for number in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            self._threads = threads
        atexit.register(self._end)

    def _end(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(LAST_PICTURE)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:  # noqa: BLE001 - border: one decoder never ends the thread of all
                _log.exception("decoding failed")


_threads = _Threads()


class PictureDecoder:
    """Decodes one stream, one picture at a time, each on whichever shared thread is free.

    Args:
        shown: Called on a decode thread with each picture that is still new, and the time of its arrival.
        failed: Called on a decode thread when decoding cannot go on without a keyframe.
    """

    def __init__(self, shown: Shown, failed: Callable[[], None]) -> None:
        self.frames = 0
        self.size = (0, 0)
        self._shown = shown
        self._failed = failed
        # Bounded by MAX_WAITING, in `add`: beyond it everything is dropped.
        self._waiting: deque[tuple[EncodedFrame, float]] = deque()
        self._lock = threading.Lock()
        self._busy = False
        self._closed = False
        self._codec: av.VideoCodecContext | None = None
        self._name = ""

    def add(self, frame: EncodedFrame, time: float) -> bool:
        """Have a picture decoded; False if the decoder is hopelessly behind and everything was dropped."""
        with self._lock:
            if self._closed:
                return True
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.clear()
                if not frame.keyframe:
                    return False
            self._waiting.append((frame, time))
            if self._busy:
                return True
            self._busy = True
        _threads.run(self._work)
        return True

    def clear(self) -> None:
        """Drop what waits."""
        with self._lock:
            self._waiting.clear()

    def close(self) -> None:
        """Decode nothing more; returns at once."""
        with self._lock:
            self._closed = True
            self._waiting.clear()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy = False
                    return
                frame, time = self._waiting.popleft()
            try:
                pictures = self._decode(frame)
            except (av.FFmpegError, ValueError) as error:
                _log.info("a %s picture could not be decoded: %s", frame.codec, error)
                self._codec = None
                self.clear()
                self._failed()
                continue
            for picture in pictures:
                self.frames += 1
                self.size = (picture.width, picture.height)
                # Newest wins: a picture with a successor waiting is decoded, as the successor needs it, not shown.
                if not self._waiting and not self._closed:
                    self._show(picture, time)

    def _decode(self, frame: EncodedFrame) -> list[av.VideoFrame]:
        name = frame.codec.upper()
        codec = self._codec
        if codec is None or name != self._name:
            codec = cast(av.VideoCodecContext, av.CodecContext.create(_NAMES[name], "r"))
            codec.thread_count = 1  # the pool is the parallelism; codec threads add latency
            self._codec, self._name = codec, name
        packet = av.Packet(frame.data)
        packet.pts = frame.timestamp
        packet.time_base = _TICK
        return codec.decode(packet)

    def _show(self, picture: av.VideoFrame, time: float) -> None:
        try:
            self._shown(picture, time)
        except Exception:  # noqa: BLE001 - handler call: a viewer that fails must not end decoding
            _log.exception("a video sink failed")
