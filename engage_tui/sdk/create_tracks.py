"""Factories of local tracks: a device, a file or a pattern is opened, or it is said why not."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from engage_tui.errors import DeviceErrors, EngageError
from engage_tui.media.processing import Processing
from engage_tui.sdk.enums import TrackSource
from engage_tui.sdk.local_track import LocalAudioTrack, LocalTrack, LocalVideoTrack, video_source
from engage_tui.sdk.options import (
    AudioCaptureOptions,
    CreateLocalTracksOptions,
    ScreenShareCaptureOptions,
    VideoCaptureOptions,
)


async def create_local_audio_track(
    device_id: str = "default", *, options: AudioCaptureOptions | None = None
) -> LocalAudioTrack:
    """Open a microphone.

    Args:
        device_id: ``default``, a device's id or name, ``file:PATH`` or ``test``.
        options: All choices together; wins over `device_id`.

    Raises:
        DeviceError: The device is absent, busy or its library is missing.
        MediaFileError: The file is missing or broken.
    """
    from engage_tui.media.devices import open_source

    chosen = options or AudioCaptureOptions(device_id)
    media = await asyncio.to_thread(
        open_source,
        "audio",
        chosen.device_id,
        processing=_processing(chosen),
        low_latency=chosen.low_latency,
    )
    track = LocalAudioTrack(media, low_latency=chosen.low_latency)
    await track.start()
    return track


async def create_local_video_track(
    device_id: str = "default",
    *,
    resolution: tuple[int, int] = (640, 360),
    frame_rate: float | None = None,
    options: VideoCaptureOptions | None = None,
) -> LocalVideoTrack:
    """Open a camera.

    Args:
        device_id: ``default``, a device's id, name or index, ``file:PATH`` or ``test``.
        resolution: Wanted width and height in pixels.
        frame_rate: Wanted pictures a second; None: the device's own.
        options: All choices together; wins over the others.

    Raises:
        DeviceError: The device is absent, busy or its library is missing.
        MediaFileError: The file is missing or broken.
    """
    chosen = options or VideoCaptureOptions(device_id, resolution, frame_rate)
    return await _open_video(chosen, TrackSource.CAMERA)


async def create_local_screen_tracks(
    device_id: str = "screen", *, options: ScreenShareCaptureOptions | None = None
) -> list[LocalTrack]:
    """Open the screen for sharing: a list whose first track is the video.

    Raises:
        DeviceError: There is no screen to share.
    """
    chosen = options or ScreenShareCaptureOptions(device_id)
    return [await _open_video(chosen, TrackSource.SCREEN_SHARE)]


async def create_local_tracks(
    audio: bool | str | AudioCaptureOptions = True,
    video: bool | str | VideoCaptureOptions = True,
    *,
    options: CreateLocalTracksOptions | None = None,
) -> list[LocalTrack]:
    """Open microphone and camera at once; both are tried before anything is reported.

    Args:
        audio: False: none; True: the default device; else a device id or options.
        video: The same for the camera.
        options: Both together; wins over the others.

    Raises:
        DeviceErrors: What failed, all of it; whatever opened is closed again.
    """
    if options is not None:
        audio, video = options.audio, options.video
    openings: list[Any] = []
    if audio is not False:
        openings.append(create_local_audio_track(options=_audio_options(audio)))
    if video is not False:
        openings.append(create_local_video_track(options=_video_options(video)))
    results = await asyncio.gather(*openings, return_exceptions=True)
    failures = [each for each in results if isinstance(each, EngageError)]
    bugs = [e for e in results if isinstance(e, BaseException) and not isinstance(e, EngageError)]
    tracks: list[LocalTrack] = [each for each in results if isinstance(each, LocalTrack)]
    if failures or bugs:
        await asyncio.gather(*(track.stop() for track in tracks))
        raise bugs[0] if bugs else DeviceErrors(failures)
    return tracks


async def _open_video(
    chosen: VideoCaptureOptions | ScreenShareCaptureOptions, source: TrackSource
) -> LocalVideoTrack:
    media = await asyncio.to_thread(video_source, chosen)
    track = LocalVideoTrack(media, source, chosen)
    await track.start()
    return track


def _processing(chosen: AudioCaptureOptions) -> Processing:
    echo: Literal["auto", "on", "off"] = "auto"
    if chosen.echo_cancellation is not None:
        echo = "on" if chosen.echo_cancellation else "off"
    return Processing(echo, chosen.noise_suppression, chosen.auto_gain_control)


def _audio_options(choice: bool | str | AudioCaptureOptions) -> AudioCaptureOptions:
    if isinstance(choice, AudioCaptureOptions):
        return choice
    return AudioCaptureOptions(choice) if isinstance(choice, str) else AudioCaptureOptions()


def _video_options(choice: bool | str | VideoCaptureOptions) -> VideoCaptureOptions:
    if isinstance(choice, VideoCaptureOptions):
        return choice
    return VideoCaptureOptions(choice) if isinstance(choice, str) else VideoCaptureOptions()
