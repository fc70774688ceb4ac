"""A room and the machine's devices: switching them in a call, noticing a change of them and a dead microphone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from engage_tui.sdk.device_manager import DeviceManager
from engage_tui.sdk.enums import MediaDeviceKind, RoomEvent, TrackSource
from engage_tui.sdk.local_track import LocalAudioTrack
from engage_tui.sdk.room_facts import RoomFacts
from engage_tui.tasks import TaskGroup

if TYPE_CHECKING:
    from engage_tui.sdk.local_publication import LocalTrackPublication
    from engage_tui.sdk.options import RoomOptions

_log = logging.getLogger(__name__)

_SOURCES = {
    MediaDeviceKind.AUDIO_INPUT: TrackSource.MICROPHONE,
    MediaDeviceKind.VIDEO_INPUT: TrackSource.CAMERA,
}


class OutputPort(Protocol):
    """What is needed of the space that the room is heard in."""

    async def set_output(self, device: str | None) -> None:
        """Change where the mix is heard.

        Raises:
            DeviceError: It cannot be opened.
        """

    @property
    def output(self) -> str | None:
        """Where it is heard now; None: nowhere."""


class RoomDevices(RoomFacts):
    """The side of a `Room` that has to do with devices."""

    def __init__(self, space: OutputPort, url: str, options: RoomOptions) -> None:
        super().__init__(url, options)
        self.tasks = TaskGroup("room")
        self._output = space
        self.on(RoomEvent.LOCAL_TRACK_PUBLISHED, self._look_for_silence)

    async def switch_active_device(self, kind: MediaDeviceKind, device_id: str) -> bool:
        """Take another device in the middle of a call; nothing is published anew.

        The choice holds for later captures too. Inputs change microphone and camera tracks alone, an output every
        room of the space.

        Args:
            kind: Which kind of device.
            device_id: ``default``, a device's id or name; for inputs also ``file:PATH`` or ``test``.

        Returns:
            Whether something in use changed over.

        Raises:
            DeviceError: It cannot be opened; everything goes on as before.
            ConnectError: The room has not been joined yet.
        """
        if kind is not MediaDeviceKind.AUDIO_OUTPUT:
            return await self.local_participant.switch_device(_SOURCES[kind], device_id)
        before = self._output.output
        try:
            await self._output.set_output(device_id)
        except BaseException:
            await self._output.set_output(before)
            raise
        return True

    async def _watch_devices(self) -> None:
        """Say when devices come or go, for as long as the room stands."""
        async for _ in DeviceManager.get_instance().changes():
            self.emit(RoomEvent.MEDIA_DEVICES_CHANGED)

    def _look_for_silence(self, publication: LocalTrackPublication, *_: Any) -> None:
        track = publication.track
        if isinstance(track, LocalAudioTrack) and not publication.is_muted:
            self.tasks.spawn(self._tell_silence(publication, track), "silence")

    async def _tell_silence(self, publication: Any, track: LocalAudioTrack) -> None:
        silent = await track.check_for_silence()
        if silent and publication.track is track and not publication.is_muted:
            _log.info("%s gives nothing but silence", track.label)
            self.emit(RoomEvent.LOCAL_AUDIO_SILENCE_DETECTED, publication)
