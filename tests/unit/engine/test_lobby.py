"""Previews: opened by one call, failures told together, and the previewed tracks handed over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from engage_tui.engine.lobby import Lobby
from engage_tui.engine.messages import Start
from engage_tui.errors import DeviceError, MediaFileError
from engage_tui.sdk import create_tracks, local_track
from engage_tui.sdk.enums import MediaDeviceKind, TrackEvent
from engage_tui.sdk.options import AudioCaptureOptions

Open = Callable[..., Lobby]


@pytest.fixture
async def lobby() -> AsyncIterator[Open]:
    made: list[Lobby] = []

    def make(**start: Any) -> Lobby:
        made.append(Lobby(Start(**start), lambda: None))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def test_both_are_opened_by_one_call(lobby: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, Any]] = []
    real = create_tracks.create_local_tracks

    async def counted(audio: Any, video: str | bool) -> list[local_track.LocalTrack]:
        calls.append((audio, video))
        return await real(audio, video)

    monkeypatch.setattr(create_tracks, "create_local_tracks", counted)
    opened = lobby(camera="test", microphone="test", low_latency=True)
    assert await opened.open() == []
    assert calls == [(AudioCaptureOptions("test", low_latency=True), "test")]
    view = opened.view()
    assert view.camera.on
    assert view.microphone.on
    await opened.refresh()
    named = [each.kind for each in opened.view().devices if each.device_id == "test"]
    assert named == [MediaDeviceKind.VIDEO_INPUT, MediaDeviceKind.AUDIO_INPUT]
    audio, video = opened.audio_track, opened.video_track
    assert await opened.take() == [audio, video], "the very tracks that were previewed"
    assert audio is not None
    assert video is not None
    await asyncio.gather(audio.stop(), video.stop())


async def test_failures_of_both_are_told_together_each_in_its_row(
    lobby: Open, tmp_path: Path
) -> None:
    opened = lobby(camera=f"file:{tmp_path}/a.webm", microphone=f"file:{tmp_path}/b.wav")
    failures = await opened.open()
    assert len(failures) == 2
    assert all(isinstance(each, MediaFileError) for each in failures)
    view = opened.view()
    assert "a.webm" in view.camera.error
    assert "b.wav" in view.microphone.error
    assert not view.camera.on
    assert not view.camera.pending


async def test_what_does_not_fail_is_kept(lobby: Open, tmp_path: Path) -> None:
    opened = lobby(camera="test", microphone=f"file:{tmp_path}/b.wav")
    assert len(await opened.open()) == 1
    assert opened.video_track is not None
    assert opened.view().camera.error == ""
    assert opened.view().microphone.error


async def test_a_preview_is_switched_and_changed(lobby: Open, tmp_path: Path) -> None:
    opened = lobby(camera="test", microphone="off")
    await opened.open()
    assert not opened.view().microphone.on
    await opened.preview(camera=False)
    assert opened.camera.track is None
    await opened.choose(MediaDeviceKind.AUDIO_INPUT, "test")
    assert not opened.view().microphone.on, "choosing a device does not switch it on"
    await opened.preview(camera=True, microphone=True)
    first = opened.microphone.track
    assert first is not None
    with pytest.raises(MediaFileError):
        await opened.choose(MediaDeviceKind.AUDIO_INPUT, f"file:{tmp_path}/none.wav")
    assert opened.microphone.track is None
    assert not first.media.is_open, "the old device is free"


async def test_a_device_that_goes_says_so_in_its_row(lobby: Open) -> None:
    opened = lobby(camera="test", microphone="off")
    await opened.open()
    track = opened.camera.track
    track.emit(TrackEvent.ENDED, DeviceError("The camera is gone.", "Plug it in."))
    view = opened.view()
    assert not view.camera.on
    assert "gone" in view.camera.error
    await track.stop()
