"""Local tracks: what muting frees, what an ended source says, and failures told together."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import av
import numpy as np
import pytest

from engage_tui import (
    AudioCaptureOptions,
    DeviceError,
    DeviceErrors,
    DeviceManager,
    LocalAudioTrack,
    LocalVideoTrack,
    MediaDeviceKind,
    MediaFileError,
    TrackEvent,
    create_local_tracks,
)
from engage_tui.media.source import AudioFrame, FrameSource, VideoFrame
from engage_tui.rtc.sender import SenderStats
from tests.leftovers import left_threads, threads
from tests.waiting import until


class FakeCamera(FrameSource[VideoFrame]):
    kind = "video"
    label, device_id = "Camera", "0"

    def __init__(self) -> None:
        super().__init__()
        self.opened = 0
        self.busy = False
        self._open = False

    def open(self) -> None:
        if self.busy:
            raise DeviceError("The camera is busy.", "Close the other program.")
        self.opened += not self._open
        self._open = True

    def close(self) -> None:
        self._open = False

    @property
    def is_open(self) -> bool:
        return self._open


class FakeMicrophone(FrameSource[AudioFrame]):
    kind = "audio"
    label, device_id = "Microphone", "0"
    is_open = True

    def open(self) -> None:
        """Is open."""

    def close(self) -> None:
        """Stays open."""


class FakeSender:
    def __init__(self) -> None:
        self.muted = False
        self.pushed: list[Any] = []

    @property
    def stats(self) -> SenderStats:
        return SenderStats(frames=len(self.pushed), bytes=10 * len(self.pushed))

    def push(self, *frame: Any) -> None:
        self.pushed.append(frame)


def picture() -> VideoFrame:
    return VideoFrame(av.VideoFrame(32, 16, "yuv420p"), 0.0)


async def test_a_muted_camera_is_free_and_comes_back() -> None:
    camera = FakeCamera()
    track, sender = LocalVideoTrack(camera), FakeSender()
    said: list[TrackEvent] = []
    for event in (TrackEvent.MUTED, TrackEvent.UNMUTED):
        track.on(event, lambda event=event: said.append(event))
    await track.start()
    track._connect(sender)  # type: ignore[arg-type]
    await track.mute()
    assert (track.is_muted, sender.muted, camera.is_open) == (True, True, False)
    camera.busy = True
    with pytest.raises(DeviceError):
        await track.unmute()
    still_muted = track.is_muted
    assert still_muted
    camera.busy = False
    await track.unmute()
    assert (sender.muted, camera.is_open, camera.opened) == (False, True, 2)
    assert said == [TrackEvent.MUTED, TrackEvent.UNMUTED]


async def test_one_capture_serves_preview_and_sender_and_counters_go_on() -> None:
    camera = FakeCamera()
    track = LocalVideoTrack(camera)
    seen: list[VideoFrame] = []
    track.attach(seen.append)
    track.attach(seen.append)
    camera.push(picture())
    for _ in range(2):  # published, taken back, published again
        sender = FakeSender()
        track._connect(sender)  # type: ignore[arg-type]
        camera.push(picture())
    track._connect(None)
    camera.push(picture())
    track.detach(seen.append)
    camera.push(picture())
    assert len(seen) == 4
    assert (track.stats.frames, track.stats.bytes) == (2, 20)


async def test_frames_come_to_an_asynchronous_reader_from_a_media_thread() -> None:
    microphone = FakeMicrophone()
    track = LocalAudioTrack(microphone)
    reader = track.frames()
    loud = AudioFrame(np.full((480, 1), 16384, np.int16), 0.0)
    pushing = threading.Event()

    def push() -> None:
        while not pushing.wait(0.005):
            microphone.push(loud)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        assert await anext(reader) is loud
        await until(lambda: track.stats.rms_max == pytest.approx(0.5))
        await track.mute()
        assert track.stats.rms == 0.0
    finally:
        pushing.set()
        thread.join()
        await reader.aclose()  # type: ignore[attr-defined]
    assert track.detach() == []


async def test_the_end_of_a_source_is_said_on_the_loop() -> None:
    camera = FakeCamera()
    track, ended = LocalVideoTrack(camera), []
    track.on(TrackEvent.ENDED, lambda error: ended.append((error, threading.current_thread())))
    error = DeviceError("The camera is gone.")
    assert camera.on_ended is not None
    thread = threading.Thread(target=camera.on_ended, args=(error,))
    thread.start()
    thread.join()
    await until(lambda: ended)
    assert ended == [(error, threading.main_thread())]


async def test_both_failures_are_told_together_and_what_opened_is_closed() -> None:
    with pytest.raises(DeviceErrors) as caught:
        await create_local_tracks("file:missing.wav", "file:missing.webm")
    assert len(caught.value.failures) == 2
    assert all(isinstance(each, MediaFileError) for each in caught.value.failures)
    assert caught.value.exit_code == 6
    before = threads()
    with pytest.raises(DeviceErrors, match="missing"):
        await create_local_tracks(AudioCaptureOptions("test"), "file:missing.webm")
    assert await asyncio.to_thread(left_threads, before) == []
    tracks = await create_local_tracks("test", "test")
    try:
        assert [type(track) for track in tracks] == [LocalAudioTrack, LocalVideoTrack]
    finally:
        for track in tracks:
            await track.stop()


async def test_the_device_manager_is_one_and_lists_by_kind() -> None:
    manager = DeviceManager.get_instance()
    assert manager is DeviceManager.get_instance()
    for kind in (MediaDeviceKind.VIDEO_INPUT, MediaDeviceKind.AUDIO_INPUT):
        assert {str(device.kind) for device in await manager.get_devices(kind)} <= {kind.value}


async def test_push_to_talk_sends_what_was_said_just_before() -> None:
    media = FakeMicrophone()
    track = LocalAudioTrack(media)
    sender = EarlierSender()
    track._connect(cast("Any", sender))
    await track.mute()
    for number in range(30):
        media.push(AudioFrame(np.full((480, 1), number, np.int16), 0.0))
    track.send_earlier()
    media.push(AudioFrame(np.full((480, 1), 30, np.int16), 0.0))
    assert sender.earlier == []
    await track.unmute()
    media.push(AudioFrame(np.full((480, 1), 31, np.int16), 0.0))
    media.push(AudioFrame(np.full((480, 1), 32, np.int16), 0.0))
    assert [int(each[0, 0]) for each in sender.earlier] == list(range(11, 31))


class EarlierSender(FakeSender):
    def __init__(self) -> None:
        super().__init__()
        self.earlier: list[Any] = []

    def push_earlier(self, blocks: list[Any]) -> None:
        self.earlier += blocks
