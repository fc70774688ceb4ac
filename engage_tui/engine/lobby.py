"""The tracks before the join: opened by one call, previewed, and handed over to be published."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engage_tui.engine.equipment import find, given
from engage_tui.engine.messages import Start
from engage_tui.engine.view import DeviceView, LobbyView, ToggleView
from engage_tui.errors import DeviceErrors, EngageError
from engage_tui.sdk.enums import MediaDeviceKind, TrackEvent

if TYPE_CHECKING:
    from engage_tui.sdk.local_track import LocalAudioTrack, LocalVideoTrack

CAMERA, MICROPHONE, SPEAKER = (
    MediaDeviceKind.VIDEO_INPUT,
    MediaDeviceKind.AUDIO_INPUT,
    MediaDeviceKind.AUDIO_OUTPUT,
)


@dataclass(slots=True)
class Capture:
    """A camera or microphone before the join.

    Attributes:
        device_id: What is opened when it is wanted.
        wanted: Whether the person wants it on.
        track: Its running track; None while off or failed.
        error: Why it could not be opened.
    """

    device_id: str
    wanted: bool
    track: Any = None
    pending: bool = False
    error: EngageError | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def view(self) -> ToggleView:
        """As the screen shows it."""
        return ToggleView(
            on=self.track is not None,
            pending=self.pending,
            error="" if self.error is None else str(self.error),
            label="" if self.track is None else self.track.label,
        )


class Lobby:
    """Camera and microphone of a person who has not joined yet.

    Args:
        start: What the call was started with.
        touch: Called when the view has changed.
    """

    def __init__(self, start: Start, touch: Callable[[], None]) -> None:
        self.camera = _capture(start.camera)
        self.microphone = _capture(start.microphone)
        self.speaker_id = start.speaker
        self._low_latency = start.low_latency
        self._given = given(start)
        self._devices: tuple[DeviceView, ...] = ()
        self._devices_error = ""
        self._touch = touch

    @property
    def audio_track(self) -> LocalAudioTrack | None:
        """The running microphone."""
        track: LocalAudioTrack | None = self.microphone.track
        return track

    @property
    def video_track(self) -> LocalVideoTrack | None:
        """The running camera."""
        track: LocalVideoTrack | None = self.camera.track
        return track

    def view(self) -> LobbyView:
        """As the screen shows it."""
        return LobbyView(
            devices=self._devices,
            camera=self.camera.view(),
            microphone=self.microphone.view(),
            camera_id=self.camera.device_id,
            microphone_id=self.microphone.device_id,
            speaker_id=self.speaker_id,
            devices_error=self._devices_error,
        )

    async def open(self) -> list[EngageError]:
        """Open what is wanted by one call, and tell every failure together.

        Returns:
            The failures; each also stands in its own row. What did not fail is open.
        """
        wanted = [each for each in (self.microphone, self.camera) if each.wanted and not each.track]
        for capture in wanted:
            capture.pending = True
        self._touch()
        try:
            await self._open_together(wanted)
        finally:
            for capture in wanted:
                capture.pending = False
            self._touch()
        return [each.error for each in wanted if each.error is not None]

    async def choose(self, kind: MediaDeviceKind, device_id: str) -> None:
        """Take another device; a running preview changes to it.

        Raises:
            EngageError: It cannot be opened.
        """
        if kind is SPEAKER:
            self.speaker_id = device_id
            self._touch()
            return
        capture = self.camera if kind is CAMERA else self.microphone
        capture.device_id = device_id
        await self._switch(capture, capture.wanted, reopen=True)

    async def preview(self, *, camera: bool | None = None, microphone: bool | None = None) -> None:
        """Switch the previews; None: as it is.

        Raises:
            EngageError: A device cannot be opened.
        """
        for capture, value in ((self.camera, camera), (self.microphone, microphone)):
            if value is not None:
                await self._switch(capture, value)

    async def refresh(self) -> None:
        """Look for devices."""
        found, self._devices_error = await find()
        self._devices = (*found, *self._given)
        self._touch()

    async def take(self) -> list[Any]:
        """Hand the running tracks over to whoever publishes them; they are no longer the lobby's."""
        tracks = [each.track for each in (self.microphone, self.camera) if each.track is not None]
        self.microphone.track = self.camera.track = None
        return tracks

    async def close(self) -> None:
        """Free the devices."""
        for track in await self.take():
            await track.stop()
        self._touch()

    async def _open_together(self, wanted: list[Capture]) -> None:
        from engage_tui.sdk.create_tracks import create_local_tracks
        from engage_tui.sdk.options import AudioCaptureOptions

        for capture in wanted:
            capture.error = None
        if not wanted:
            return
        try:
            tracks = await create_local_tracks(
                audio=self.microphone in wanted
                and AudioCaptureOptions(self.microphone.device_id, low_latency=self._low_latency),
                video=self.camera in wanted and self.camera.device_id,
            )
        except DeviceErrors as error:
            if len(wanted) == 1:
                wanted[0].error = error.failures[0]
                return
            # The call is all or nothing. Asked alone, each tells its own failure, and what works is kept.
            for capture in wanted:
                await self._open_together([capture])
        else:
            for capture, track in zip(wanted, tracks, strict=True):
                self._keep(capture, track)

    async def _switch(self, capture: Capture, value: bool, *, reopen: bool = False) -> None:
        async with capture.lock:
            capture.wanted, capture.pending, capture.error = value, True, None
            self._touch()
            try:
                if capture.track is not None and (reopen or not value):
                    track, capture.track = capture.track, None
                    await track.stop()
                if value and capture.track is None:
                    await self._open_together([capture])
            finally:
                capture.pending = False
                self._touch()
            if capture.error is not None:
                raise capture.error

    def _keep(self, capture: Capture, track: Any) -> None:  # noqa: ANN401 - audio or video
        capture.track = track

        def ended(error: EngageError) -> None:
            if capture.track is track:
                capture.track, capture.error = None, error
                self._touch()

        track.on(TrackEvent.ENDED, ended)


def _capture(src: str) -> Capture:
    return Capture("default", False) if src in ("", "off") else Capture(src, True)
