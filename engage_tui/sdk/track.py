"""Tracks: what a publication carries. Frames go to sinks on media threads; counters are read from any thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from engage_tui.media.levels import Meter
from engage_tui.media.source import AudioFrame, VideoFrame
from engage_tui.sdk.enums import TrackKind, TrackSource
from engage_tui.sdk.events import Emitter

if TYPE_CHECKING:
    import av

    from engage_tui.rtc.receiver import Receiver

Sink = Callable[[Any], None] | queue.Queue[Any]
"""Takes `AudioFrame` (10 ms) or `VideoFrame`: a function that neither blocks nor raises, or a bounded queue (when it
is full, its oldest frame is dropped)."""

_log = logging.getLogger(__name__)
_FRAMES = 8  # waiting for an async reader; then the oldest is dropped


@dataclass(frozen=True, slots=True)
class TrackStats:
    """What went through a track.

    Attributes:
        frames: Frames decoded (remote) or sent (local).
        bytes: RTP payload bytes received or sent.
        width: Of the last picture in pixels; 0 for sound.
        height: As `width`.
        rms: Of the last second, 0 to 1 of full scale, decoded mono before gain; None for video.
        rms_max: The largest `rms` so far; None for video.
    """

    frames: int = 0
    bytes: int = 0
    width: int = 0
    height: int = 0
    rms: float | None = None
    rms_max: float | None = None

    def plus(self, earlier: TrackStats) -> TrackStats:
        """These figures continuing `earlier` ones: counters add up, levels and sizes are the newest."""
        return TrackStats(
            self.frames + earlier.frames,
            self.bytes + earlier.bytes,
            self.width or earlier.width,
            self.height or earlier.height,
            self.rms if self.rms is not None else earlier.rms,
            max(self.rms_max or 0.0, earlier.rms_max or 0.0)
            if (self.rms_max, earlier.rms_max) != (None, None)
            else None,
        )


class Track(Emitter):
    """A stream of sound or pictures, local or remote.

    Attributes:
        kind: What it carries.
        source: Where it comes from.
        sid: The server's identifier; empty for a local track until it is published.
        name: Its publication's name.
    """

    Kind = TrackKind
    Source = TrackSource
    kind: TrackKind

    def __init__(self, source: TrackSource, *, sid: str = "", name: str = "") -> None:
        super().__init__()
        self.source = source
        self.sid = sid
        self.name = name
        self._is_muted = False
        # Compared, not hashed: a bound method is a new object at each mention, and a queue is equal to itself alone.
        self._sinks: tuple[tuple[Sink, Callable[[Any], None]], ...] = ()
        self._sinks_lock = threading.Lock()
        self._sink_failed = False

    @property
    def is_muted(self) -> bool:
        """Whether the publisher sends nothing at present."""
        return self._is_muted

    @property
    @abstractmethod
    def stats(self) -> TrackStats:
        """What went through this track since it came to be."""

    def attach(self, sink: Sink) -> Sink:
        """Have every further frame handed to `sink`, on a media thread; returns `sink`."""
        call = _queue_sink(sink) if isinstance(sink, queue.Queue) else sink
        with self._sinks_lock:
            if any(known == sink for known, _ in self._sinks):
                return sink
            self._sinks = (*self._sinks, (sink, call))
        self._attached(call)
        return sink

    def detach(self, sink: Sink | None = None) -> list[Sink]:
        """Hand nothing more to `sink` (None: to any sink); returns the sinks that were attached."""
        with self._sinks_lock:
            gone = [each for each in self._sinks if sink is None or each[0] == sink]
            self._sinks = tuple(each for each in self._sinks if each not in gone)
        for _, call in gone:
            self._detached(call)
        return [each for each, _ in gone]

    async def frames(self) -> AsyncIterator[Any]:
        """Iterate over the frames as they come; a slow reader misses the oldest ones."""
        loop = asyncio.get_running_loop()
        # Bounded by `_FRAMES`; when it is full, the oldest frame is dropped.
        waiting: asyncio.Queue[AudioFrame | VideoFrame] = asyncio.Queue(_FRAMES)

        def store(frame: AudioFrame | VideoFrame) -> None:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(frame)

        def sink(frame: AudioFrame | VideoFrame) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(store, frame)

        self.attach(sink)
        try:
            while True:
                yield await waiting.get()
        finally:
            self.detach(sink)

    def _attached(self, call: Callable[[Any], None]) -> None:
        """A sink was added (for local tracks, whose source calls it)."""

    def _detached(self, call: Callable[[Any], None]) -> None:
        """A sink was removed."""

    def _hand_out(self, frame: AudioFrame | VideoFrame) -> None:
        for _, call in self._sinks:
            try:
                call(frame)
            except Exception:  # noqa: BLE001 - border: foreign code on a media thread
                if not self._sink_failed:
                    self._sink_failed = True
                    _log.exception("a sink of track %s failed", self.sid or self.source)

    def _set_muted(self, muted: bool) -> None:
        self._is_muted = muted


class RemoteTrack(Track):
    """A track that we receive; it comes and goes with its subscription."""

    receiver_type: ClassVar[str]

    def __init__(self, receiver: Receiver, source: TrackSource, *, sid: str, name: str) -> None:
        super().__init__(source, sid=sid, name=name)
        self._receiver = receiver

    @property
    def stats(self) -> TrackStats:
        """See `Track.stats`."""
        figures = self._receiver.stats
        return TrackStats(figures.frames, figures.bytes, figures.width, figures.height)


class RemoteVideoTrack(RemoteTrack):
    """Pictures of somebody else."""

    kind = TrackKind.VIDEO

    def __init__(self, receiver: Any, source: TrackSource, *, sid: str, name: str) -> None:
        super().__init__(receiver, source, sid=sid, name=name)
        receiver.sink = self._on_picture
        self._first: Callable[[], object] | None = None

    def on_first(self, told: Callable[[], object]) -> None:
        """Have `told` called once, on the loop of this call, when the first picture is there."""
        loop = asyncio.get_running_loop()
        self._first = lambda: loop.call_soon_threadsafe(told)

    @property
    def decoding(self) -> bool:
        """Whether pictures are decoded; False saves the work while nobody looks, at the price of a keyframe later."""
        return bool(self._video_receiver.decoding)

    @decoding.setter
    def decoding(self, decoding: bool) -> None:
        self._video_receiver.decoding = decoding

    @property
    def _video_receiver(self) -> Any:
        return self._receiver

    def _on_picture(self, picture: av.VideoFrame, time: float) -> None:
        first, self._first = self._first, None
        if first is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                first()
        self._hand_out(VideoFrame(picture, time))


class RemoteAudioTrack(RemoteTrack):
    """Somebody else's sound: a voice of the space's mixer, which pulls it every 10 ms."""

    kind = TrackKind.AUDIO

    def __init__(self, receiver: Any, source: TrackSource, *, sid: str, name: str) -> None:
        super().__init__(receiver, source, sid=sid, name=name)
        self._pull_receiver = receiver.pull
        self._meter = Meter()

    @property
    def stats(self) -> TrackStats:
        """See `Track.stats`."""
        figures = self._receiver.stats
        return TrackStats(
            figures.frames, figures.bytes, rms=self._meter.rms, rms_max=self._meter.rms_max
        )

    @property
    def level(self) -> float:
        """A meter's deflection, 0 to 1."""
        return self._meter.level

    def pull(self, samples: int) -> npt.NDArray[np.float32]:
        """The next `samples` of mono sound, -1 to 1; called by the mixer alone, metered and shown to the sinks."""
        block: npt.NDArray[np.float32] = self._pull_receiver(samples)
        self._meter.add(block)
        if self._sinks:
            pcm = np.clip(block * 32768, -32768, 32767).astype(np.int16)
            self._hand_out(AudioFrame(pcm.reshape(-1, 1), monotonic()))
        return block


def _queue_sink(waiting: queue.Queue[Any]) -> Callable[[Any], None]:
    def put(frame: AudioFrame | VideoFrame) -> None:
        try:
            waiting.put_nowait(frame)
        except queue.Full:
            try:
                waiting.get_nowait()
                waiting.put_nowait(frame)
            except (queue.Empty, queue.Full):
                return  # its reader or another writer was faster; the next frame comes soon

    return put
