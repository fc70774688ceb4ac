"""The devices of a call: which there are, which are used, and changing them while it goes on."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec

from engage_tui.engine.messages import Start
from engage_tui.engine.view import DevicesView, DeviceView
from engage_tui.errors import EngageError
from engage_tui.sdk.enums import MediaDeviceKind, TrackSource

if TYPE_CHECKING:
    from engage_tui.engine.call import Call
    from engage_tui.engine.intents import Intents

_CAPTURING = {
    MediaDeviceKind.VIDEO_INPUT: TrackSource.CAMERA,
    MediaDeviceKind.AUDIO_INPUT: TrackSource.MICROPHONE,
}


class Equipment:
    """What the person captures with and hears by, once in the room.

    Args:
        call: The call.
        intents: Its switches.

    Attributes:
        chosen: Device or file by source, as `open_source` takes it; ``off``: none was chosen.
    """

    def __init__(self, call: Call, intents: Intents) -> None:
        start = call.start
        self.chosen = {
            TrackSource.CAMERA: start.camera,
            TrackSource.MICROPHONE: start.microphone,
            TrackSource.SCREEN_SHARE: start.screen,
        }
        self._call = call
        self._intents = intents
        self._given = given(start)
        self._devices: tuple[DeviceView, ...] = ()
        self._error = ""

    def view(self) -> DevicesView:
        """As the screen shows it."""
        return DevicesView(
            devices=self._devices,
            camera_id=self.chosen[TrackSource.CAMERA],
            microphone_id=self.chosen[TrackSource.MICROPHONE],
            speaker_id=self._call.start.speaker,
            error=self._error,
        )

    async def look(self) -> None:
        """Look for devices."""
        found, self._error = await find()
        self._devices = (*found, *self._given)
        self._call.touch()

    async def choose(self, kind: MediaDeviceKind, device_id: str) -> None:
        """Take another device; what was on goes on from it. What cannot be opened leaves all as it was.

        Raises:
            EngageError: It cannot be opened, or there is no room yet.
        """
        if kind is MediaDeviceKind.AUDIO_OUTPUT:
            await self._hear_by(device_id)
        else:
            await self._capture_with(_CAPTURING[kind], device_id)
        self._call.touch()

    async def play_tone(self, device_id: str = "") -> None:
        """Sound two notes out of a speaker; of the chosen one unless told.

        Raises:
            DeviceError: It cannot be opened.
        """
        from engage_tui.media.tone import play_tone

        await asyncio.to_thread(play_tone, device_id or self._call.start.speaker)

    async def _hear_by(self, device_id: str) -> None:
        call = self._call
        before = call.start.speaker
        call.start = msgspec.structs.replace(call.start, speaker=device_id)
        try:
            await call.speaker.choose(device_id)
        except EngageError:
            call.start = msgspec.structs.replace(call.start, speaker=before)
            with contextlib.suppress(EngageError):  # told is the failure of what was asked for
                await call.speaker.choose(before)
            raise

    async def _capture_with(self, source: TrackSource, device_id: str) -> None:
        """Nothing is published anew: subscribers go on with the track that they have."""
        await self._intents.switch_device(source, device_id)
        self.chosen[source] = device_id


async def find() -> tuple[tuple[DeviceView, ...], str]:
    """All devices of the machine, and why sound has none."""
    from engage_tui.media import devices

    found = await asyncio.to_thread(devices.list_devices)
    problem = await asyncio.to_thread(devices.devices_problem)
    views = tuple(
        DeviceView(MediaDeviceKind(each.kind), each.device_id, each.label, each.default)
        for each in found
    )
    return views, "" if problem is None else str(problem)


def given(start: Start) -> tuple[DeviceView, ...]:
    """What the command line named and no device list would show."""
    named = (
        (MediaDeviceKind.VIDEO_INPUT, start.camera),
        (MediaDeviceKind.AUDIO_INPUT, start.microphone),
    )
    return tuple(
        DeviceView(
            kind,
            src,
            "test signal" if src == "test" else src.rpartition("/")[2].removeprefix("file:"),
        )
        for kind, src in named
        if src == "test" or src.startswith("file:")
    )
