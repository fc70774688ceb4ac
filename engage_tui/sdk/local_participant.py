"""Ourselves in the room: what we publish."""

from __future__ import annotations

import asyncio
from typing import Any

from livekit.protocol import models

from engage_tui.errors import DeviceError, EngageError
from engage_tui.sdk.create_tracks import (
    create_local_audio_track,
    create_local_screen_tracks,
    create_local_tracks,
    create_local_video_track,
)
from engage_tui.sdk.enums import (
    ParticipantEvent,
    TrackSource,
)
from engage_tui.sdk.local_profile import LocalRoomPort
from engage_tui.sdk.local_publication import LocalTrackPublication
from engage_tui.sdk.local_track import LocalAudioTrack, LocalTrack, LocalVideoTrack
from engage_tui.sdk.local_tracks import LocalTracks
from engage_tui.sdk.options import (
    AudioCaptureOptions,
    ScreenShareCaptureOptions,
    TrackPublishOptions,
    VideoCaptureOptions,
)

CaptureOptions = AudioCaptureOptions | VideoCaptureOptions | ScreenShareCaptureOptions


class LocalParticipant(LocalTracks):
    """Ourselves. Tracks that we publish stand in the same maps as everybody's."""

    def __init__(self, info: models.ParticipantInfo, room: LocalRoomPort) -> None:
        super().__init__(info, room)
        self._changing: set[TrackSource] = set()
        self._devices: dict[TrackSource, str] = {}  # the last that was switched to

    # -- one call for each of the three switches ---------------------------------------------------

    async def set_microphone_enabled(
        self,
        enabled: bool,
        capture: AudioCaptureOptions | None = None,
        publish: TrackPublishOptions | None = None,
    ) -> LocalTrackPublication | None:
        """Publish the microphone or unmute it; False mutes it.

        Returns:
            Its publication; None if there is none, or if another change is still under way.

        Raises:
            DeviceError: It cannot be opened.
            PublishError: The server does not take it.
        """
        return await self._set_enabled(TrackSource.MICROPHONE, enabled, capture, publish)

    async def set_camera_enabled(
        self,
        enabled: bool,
        capture: VideoCaptureOptions | None = None,
        publish: TrackPublishOptions | None = None,
    ) -> LocalTrackPublication | None:
        """Publish the camera or unmute it; False mutes it and frees the device.

        Returns and raises as `set_microphone_enabled`.
        """
        return await self._set_enabled(TrackSource.CAMERA, enabled, capture, publish)

    async def set_screen_share_enabled(
        self,
        enabled: bool,
        capture: ScreenShareCaptureOptions | None = None,
        publish: TrackPublishOptions | None = None,
    ) -> LocalTrackPublication | None:
        """Publish the screen; False unpublishes it, because a shared screen cannot be muted.

        Returns and raises as `set_microphone_enabled`.
        """
        return await self._set_enabled(TrackSource.SCREEN_SHARE, enabled, capture, publish)

    async def enable_camera_and_microphone(self) -> list[LocalTrackPublication]:
        """Open both at once and publish them; what is published already is unmuted.

        Raises:
            DeviceErrors: What cannot be opened; nothing is published then.
            PublishError: The server does not take one.
        """
        wanted = {TrackSource.MICROPHONE: True, TrackSource.CAMERA: True}
        for source in wanted:
            self._check_allowed(source)
            if (known := self.get_track(source)) is not None:
                wanted[source] = False
                await known.unmute()
        tracks = await create_local_tracks(
            wanted[TrackSource.MICROPHONE] and self._capture_options(TrackSource.MICROPHONE),
            wanted[TrackSource.CAMERA] and self._capture_options(TrackSource.CAMERA),
        )
        for number, track in enumerate(tracks):
            try:
                await self.publish_track(track)
            except BaseException:
                await asyncio.gather(*(each.stop() for each in tracks[number:]))
                raise
        found = (self.get_track(source) for source in wanted)
        return [each for each in found if each is not None]

    async def _set_enabled(
        self,
        source: TrackSource,
        enabled: bool,
        capture: CaptureOptions | None,
        options: TrackPublishOptions | None,
    ) -> LocalTrackPublication | None:
        if source in self._changing:
            return None
        self._changing.add(source)
        try:
            publication = self.get_track(source)
            if publication is not None:
                await self._switch(publication, enabled)
                return publication
            return await self._capture_and_publish(source, capture, options) if enabled else None
        except EngageError as error:
            if error.exit_code == DeviceError.default_exit_code:
                self.emit(ParticipantEvent.MEDIA_DEVICES_ERROR, error)
            raise
        finally:
            self._changing.discard(source)

    async def _switch(self, publication: LocalTrackPublication, enabled: bool) -> None:
        if enabled:
            await publication.unmute()
        elif publication.source is not TrackSource.SCREEN_SHARE:
            await publication.mute()
        elif publication.track is not None:
            await self.unpublish_track(publication.track)

    async def _capture_and_publish(
        self,
        source: TrackSource,
        capture: CaptureOptions | None,
        options: TrackPublishOptions | None,
    ) -> LocalTrackPublication:
        self._check_allowed(source)
        track = await _capture(source, capture or self._capture_options(source))
        try:
            return await self.publish_track(track, options)
        except BaseException:
            await track.stop()
            raise

    # -- devices -----------------------------------------------------------------------------------

    async def switch_device(self, source: TrackSource, device_id: str) -> bool:
        """Take another device for what is published of `source`, and for later captures.

        Publications, SIDs and subscribers stay. For rooms: `Room.switch_active_device`.

        Returns:
            Whether something was published that now comes from it.

        Raises:
            DeviceError: It cannot be opened; everything goes on as before.
        """
        switched: list[tuple[LocalTrack, str]] = []
        try:
            for publication in self.get_tracks():
                track = publication.track
                if track is not None and publication.source is source:
                    before = track.device_id
                    await track.set_device_id(device_id)
                    switched.append((track, before))
        except BaseException:
            for track, before in switched:
                await track.set_device_id(before)
            raise
        self._devices[source] = device_id
        return bool(switched)

    def _capture_options(self, source: TrackSource) -> Any:
        """The options with the device that was switched to last."""
        device_id = self._devices.get(source, "")
        if source is TrackSource.MICROPHONE:
            return AudioCaptureOptions(device_id or "default")
        if source is TrackSource.CAMERA:
            return VideoCaptureOptions(device_id or "default")
        return ScreenShareCaptureOptions(device_id or "screen")

    # -- tracks ------------------------------------------------------------------------------------

    async def create_tracks(
        self,
        audio: bool | str | AudioCaptureOptions = True,
        video: bool | str | VideoCaptureOptions = True,
    ) -> list[LocalTrack]:
        """As `create_local_tracks`."""
        return await create_local_tracks(audio, video)

    async def create_screen_tracks(
        self, options: ScreenShareCaptureOptions | None = None
    ) -> list[LocalTrack]:
        """As `create_local_screen_tracks`."""
        return await create_local_screen_tracks(options=options)


async def _capture(source: TrackSource, capture: CaptureOptions | None) -> LocalTrack:
    if source is TrackSource.MICROPHONE:
        audio = capture if isinstance(capture, AudioCaptureOptions) else AudioCaptureOptions()
        track: LocalAudioTrack | LocalVideoTrack = await create_local_audio_track(options=audio)
        return track
    if source is TrackSource.CAMERA:
        video = capture if isinstance(capture, VideoCaptureOptions) else VideoCaptureOptions()
        return await create_local_video_track(options=video)
    screen = capture if isinstance(capture, ScreenShareCaptureOptions) else None
    return (await create_local_screen_tracks(options=screen))[0]
