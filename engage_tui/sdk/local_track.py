"""Local tracks: sources of the machine, previewed and published from one running capture."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engage_tui.errors import EngageError
from engage_tui.media.levels import Meter
from engage_tui.media.processing import MicrophoneChain, Processing
from engage_tui.media.source import AudioFrame, AudioSource, Pcm, VideoFrame, VideoSource
from engage_tui.sdk.enums import TrackEvent, TrackKind, TrackSource
from engage_tui.sdk.options import (
    ScreenShareCaptureOptions,
    VideoCaptureOptions,
)
from engage_tui.sdk.track import Track, TrackStats

if TYPE_CHECKING:
    from engage_tui.rtc.sender import AudioSender
    from engage_tui.rtc.video_sender import VideoSender

SILENCE_BLOCKS = 20
"""Blocks of 10 ms that are looked at to find a microphone that gives nothing."""


PRE_ROLL = 20
"""Blocks of 10 ms from before push to talk that are sent after all: the first syllable."""


class LocalTrack(Track, ABC):
    """A track from this machine.

    It owns `media` and hands its frames to the attached sinks and, once published, to the sender. Events:
    ``TrackEvent.MUTED``, ``UNMUTED``, and ``ENDED(error)`` when the device or file is gone.
    """

    def __init__(self, media: AudioSource | VideoSource, source: TrackSource) -> None:
        super().__init__(source)
        self.media = media
        self._earlier = TrackStats()
        self._loop: asyncio.AbstractEventLoop | None = None
        with contextlib.suppress(
            RuntimeError
        ):  # made outside of a loop: set when first used in one
            self._listen(asyncio.get_running_loop())

    @property
    def label(self) -> str:
        """The device's or file's name for people."""
        return self.media.label

    @property
    def device_id(self) -> str:
        """Under which name the source opens again."""
        return self.media.device_id

    async def start(self) -> None:
        """Open the source; nothing happens when it is open.

        Raises:
            DeviceError: The device is absent, busy or its library is missing.
            MediaFileError: The file is missing or broken.
        """
        self._listen(asyncio.get_running_loop())
        await asyncio.to_thread(self.media.open)

    async def stop(self) -> None:
        """Free the source; returns once its thread has ended."""
        await asyncio.to_thread(self.media.close)

    async def mute(self) -> None:
        """Send nothing more; a camera and a screen are freed."""
        if not self._is_muted:
            self._set_muted(True)
            self.emit(TrackEvent.MUTED)
        if self.kind is TrackKind.VIDEO:
            await self.stop()

    async def unmute(self) -> None:
        """Send again; a camera and a screen are opened again.

        Raises:
            DeviceError: The device cannot be opened any more; the track stays muted.
        """
        if self.kind is TrackKind.VIDEO or not self.media.is_open:
            await self.start()
        if self._is_muted:
            self._set_muted(False)
            self.emit(TrackEvent.UNMUTED)

    async def set_device_id(self, device_id: str) -> None:
        """Take the frames from another device or file; publication and sinks stay.

        Args:
            device_id: As for the factories: ``default``, a device's id or name, ``file:PATH`` or ``test``.

        Raises:
            DeviceError: It cannot be opened; the one before goes on.
            MediaFileError: The file is missing or broken.
        """
        media = await asyncio.to_thread(self._other_media, device_id)
        before, was_open = self.media, self.media.is_open
        if was_open:
            # Opened first: what fails must not cost us the device that works.
            await asyncio.to_thread(media.open)
        before.on_ended = None
        for call in (self._on_frame, *(each for _, each in self._sinks)):
            before.remove_sink(call)
            media.add_sink(call)
        self.media = media
        self._listen(asyncio.get_running_loop())
        await asyncio.to_thread(before.close)
        self.emit(TrackEvent.RESTARTED)

    @abstractmethod
    def _other_media(self, device_id: str) -> Any:
        """Another source for this track, not opened yet."""

    @abstractmethod
    def _on_frame(self, frame: Any) -> None:
        """Take a frame from the source, on its thread."""

    @property
    @abstractmethod
    def _sender(self) -> AudioSender | VideoSender | None:
        """The sender of the current publication."""

    @abstractmethod
    def _connect(self, sender: Any) -> None:
        """Push every further frame into `sender` too; None: into nothing."""

    def _set_muted(self, muted: bool) -> None:
        super()._set_muted(muted)
        if self._sender is not None:
            self._sender.muted = muted

    def _attached(self, call: Callable[[Any], None]) -> None:
        self.media.add_sink(call)

    def _detached(self, call: Callable[[Any], None]) -> None:
        self.media.remove_sink(call)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.media.on_ended = self._on_ended

    def _on_ended(self, error: EngageError) -> None:
        """Called on the source's thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.emit, TrackEvent.ENDED, error)

    def _sent(self) -> TrackStats:
        """Frames and bytes of the current sender."""
        if self._sender is None:
            return TrackStats()
        figures = self._sender.stats
        return TrackStats(figures.frames, figures.bytes, figures.width, figures.height)


class LocalAudioTrack(LocalTrack):
    """A microphone, a sound file or the test tone.

    Attributes:
        low_latency: Whether it is published in packets of 10 ms; for a microphone also captured in small blocks.
    """

    kind = TrackKind.AUDIO
    media: AudioSource

    def __init__(
        self,
        media: AudioSource,
        source: TrackSource = TrackSource.MICROPHONE,
        *,
        low_latency: bool = False,
    ) -> None:
        self.low_latency = low_latency
        self._audio_sender: AudioSender | None = None
        self._meter = Meter()
        # The last 0.2 s, for push to talk; the oldest go first.
        self._recent: deque[Pcm] = deque(maxlen=PRE_ROLL)
        self._earlier_owed = False
        super().__init__(media, source)
        media.add_sink(self._on_frame)

    @property
    def stats(self) -> TrackStats:
        """See `Track.stats`; `rms` is the captured sound's, 0 while muted."""
        sent = self._sent().plus(self._earlier)
        rms = 0.0 if self._is_muted else self._meter.rms
        return TrackStats(sent.frames, sent.bytes, rms=rms, rms_max=self._meter.rms_max)

    @property
    def level(self) -> float:
        """A meter's deflection, 0 to 1, of the captured sound; works before publishing and while muted."""
        return self._meter.level

    async def check_for_silence(self, timeout: float = 1.0) -> bool:
        """Whether the source gives nothing but constant samples for 200 ms, or nothing at all.

        A microphone in a quiet room is not silent in this sense: one that is switched off or unplugged is.
        """
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[bool] = loop.create_future()
        left = SILENCE_BLOCKS

        def settle(silent: bool) -> None:
            if not heard.done():
                heard.set_result(silent)

        def listen(frame: AudioFrame) -> None:
            nonlocal left
            left -= 1
            sound = bool(frame.samples.size) and bool((frame.samples != frame.samples[0]).any())
            if (sound or left <= 0) and not loop.is_closed():
                loop.call_soon_threadsafe(settle, not sound)

        self.media.add_sink(listen)
        try:
            async with asyncio.timeout(timeout):
                return await heard
        except TimeoutError:
            return True
        finally:
            self.media.remove_sink(listen)

    def _other_media(self, device_id: str) -> AudioSource:
        from engage_tui.media.devices import open_source

        wanted = Processing() if self.chain is None else self.chain.wanted
        return open_source("audio", device_id, processing=wanted, low_latency=self.low_latency)

    @property
    def chain(self) -> MicrophoneChain | None:
        """What is done to a microphone's sound, changeable while it runs; None for files and patterns."""
        chain = getattr(self.media, "chain", None)
        return chain if isinstance(chain, MicrophoneChain) else None

    def send_earlier(self) -> None:
        """Have the next unmute also send the last `PRE_ROLL` blocks before it (push to talk)."""
        self._earlier_owed = True

    @property
    def _sender(self) -> AudioSender | None:
        return self._audio_sender

    def _connect(self, sender: AudioSender | None) -> None:
        self._earlier = self._sent().plus(self._earlier)
        if sender is not None:
            sender.muted = self._is_muted
        self._audio_sender = sender

    def _on_frame(self, frame: AudioFrame) -> None:
        self._meter.add(frame.samples)
        sender = self._audio_sender
        if sender is not None:
            if self._earlier_owed and not sender.muted:
                self._earlier_owed = False
                sender.push_earlier(list(self._recent))
            sender.push(frame.samples)
        self._recent.append(frame.samples)


class LocalVideoTrack(LocalTrack):
    """A camera, a screen, a video file or the test picture."""

    kind = TrackKind.VIDEO
    media: VideoSource

    def __init__(
        self,
        media: VideoSource,
        source: TrackSource = TrackSource.CAMERA,
        capture: VideoCaptureOptions | ScreenShareCaptureOptions | None = None,
    ) -> None:
        self._video_sender: VideoSender | None = None
        self._capture = capture or VideoCaptureOptions()
        super().__init__(media, source)
        media.add_sink(self._on_frame)

    @property
    def dimensions(self) -> tuple[int, int]:
        """Width and height in pixels; ``(0, 0)`` while closed."""
        return self.media.size

    @property
    def published_size(self) -> tuple[int, int]:
        """Width and height in pixels, as far as known: of the open source, else as it was asked for."""
        return self.media.size if self.media.size[0] else self._capture.resolution

    @property
    def stats(self) -> TrackStats:
        """See `Track.stats`."""
        sent = self._sent().plus(self._earlier)
        width, height = self.media.size
        return TrackStats(sent.frames, sent.bytes, sent.width or width, sent.height or height)

    def _other_media(self, device_id: str) -> VideoSource:
        return video_source(dataclasses.replace(self._capture, device_id=device_id))

    @property
    def _sender(self) -> VideoSender | None:
        return self._video_sender

    def _connect(self, sender: VideoSender | None) -> None:
        self._earlier = self._sent().plus(self._earlier)
        if sender is not None:
            sender.muted = self._is_muted
        self._video_sender = sender

    def _on_frame(self, frame: VideoFrame) -> None:
        sender = self._video_sender
        if sender is not None:
            sender.push(frame.picture, frame.time)


def video_source(chosen: VideoCaptureOptions | ScreenShareCaptureOptions) -> VideoSource:
    """The camera, screen or file that the options name, not opened yet."""
    from engage_tui.media.devices import open_source

    size, rate = chosen.resolution, chosen.frame_rate
    if chosen.device_id == "test" and isinstance(chosen, ScreenShareCaptureOptions):
        from engage_tui.media.synthetic import TEST_SIZE

        # The box is as large as a screen is; the test's own size lies in it, and costs what a test may cost.
        size = min(size[0], TEST_SIZE[0]), min(size[1], TEST_SIZE[1])
    return open_source("video", chosen.device_id, size=size, frame_rate=rate)
