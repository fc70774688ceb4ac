"""The entry point: a space with one listener, one mixer, and the rooms that were joined from it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from engage_tui.errors import EngageError
from engage_tui.media.devices import list_devices
from engage_tui.media.speaker import open_output
from engage_tui.sdk.audio_connection_manager import DEFAULT_CONNECTIONS, AudioConnectionManager
from engage_tui.sdk.enums import AudioBedFormat, CoordinateSystem, SpatialMode
from engage_tui.sdk.options import RoomOptions
from engage_tui.sdk.output_care import OutputCare
from engage_tui.sdk.remote_participant import RemoteParticipant
from engage_tui.sdk.room import Room
from engage_tui.sdk.space_sound import SpaceSound
from engage_tui.tasks import TaskGroup

_log = logging.getLogger(__name__)


class Space(SpaceSound):
    """Sound and rooms of one listener; use it as ``async with Space() as space:``.

    Args:
        output: Where the mix is heard: None: nowhere, clocked by a timer; ``default``, or a device's id or name.
        auto_connections: How many microphones are connected at once.
        coordinate_system: What every coordinate of this space means.
        audio_bed_format: Channels of `audio_bed`; None: no bed.
        number_of_audio_objects: How many audio objects there may be at a time.
        number_of_distance_models: Length of `distance_models`.
        spatial: For which ears the mix is.
        position_sync: Send our own position (`LocalParticipant.set_position`) to the others, on change and now and
            then without one; theirs are taken in any case.
        low_latency: Mix in blocks of 5 ms and keep less ahead: about 15 ms less delay, more CPU, and a busy machine is
            heard sooner. What we say is a matter of its capture (`AudioCaptureOptions.low_latency`).

    Attributes:
        rooms: The rooms that were joined and not left.
    """

    def __init__(
        self,
        output: str | None = None,
        auto_connections: int = DEFAULT_CONNECTIONS,
        *,
        coordinate_system: CoordinateSystem = CoordinateSystem.OPENGL,
        audio_bed_format: AudioBedFormat | None = None,
        number_of_audio_objects: int = 16,
        number_of_distance_models: int = 4,
        spatial: SpatialMode = SpatialMode.BINAURAL,
        position_sync: bool = False,
        low_latency: bool = False,
    ) -> None:
        super().__init__(
            coordinate_system,
            audio_bed_format,
            number_of_audio_objects,
            number_of_distance_models,
            spatial,
            low_latency=low_latency,
        )
        self.position_sync = position_sync
        self.rooms: list[Room] = []
        self._output = output
        self._ended: list[Room] = []
        self._tasks = TaskGroup("space")
        self._care = OutputCare(self._open_output, _is_present)
        self.mixer.on_output_lost = self._care.lost
        self._manager = AudioConnectionManager(
            self._listened_to, auto_connections, lambda: self.mixer.listener.pose.position
        )
        self._started = False
        self._starting = asyncio.Lock()
        self._ready = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Start mixing.

        Raises:
            DeviceError: The output cannot be opened.
        """
        try:
            await self.set_output(self._output)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def join_room(self, url: str, token: str, options: RoomOptions | None = None) -> Room:
        """Start joining a room; ``await room.connected()`` says how that went.

        Args:
            url: The server's address, ``ws://…`` or ``wss://…``.
            token: The access token: it names the room and says who we are.
            options: What to subscribe on sight, and how long to try.
        """
        room = Room(self, url, token, options or RoomOptions())
        self.rooms.append(room)
        self._tasks.spawn(self._start(), "start")
        room._start()
        return room

    def set_number_of_auto_connections(self, number: int) -> None:
        """Connect at most `number` microphones at once."""
        self._manager.limit = number

    @property
    def number_of_auto_connections(self) -> int:
        """How many microphones are connected at once."""
        return self._manager.limit

    async def set_output(self, device: str | None) -> None:
        """Change where the mix is heard; None: nowhere. Mixing starts if it did not yet.

        Raises:
            DeviceError: The output cannot be opened; the mix then runs by a clock, unheard.
        """
        self._care.use(None)  # nothing is looked for any more
        # By the clock, which cannot fail: voices must flow whatever becomes of the device.
        await self._start()
        await self._open_output(device)
        self._output = device
        self._care.use(device)

    def on_output(self, told: Callable[[EngageError | None], None]) -> None:
        """Have `told` called when the speaker is gone, with the error, and with None each time sound is heard again.

        A speaker that is gone is looked for; the system's own plays meanwhile.
        """
        self._care.told = told

    async def _open_output(self, device: str | None) -> None:
        output = open_output(device, low_latency=self.low_latency)
        await asyncio.to_thread(self.mixer.set_output, output)

    @property
    def output(self) -> str | None:
        """Where the mix is heard, as `set_output` took it; None: nowhere."""
        return self._output

    @property
    def connected_microphones(self) -> tuple[int, int]:
        """How many microphones are connected, and how many there are in all rooms."""
        return self._manager.counts

    @property
    def spatial_audio_initialized(self) -> bool:
        """Whether the renderer is made and runs."""
        return self._ready.is_set()

    async def spatial_audio_ready(self) -> None:
        """Wait until the renderer runs (Engage's ``spatialAudioInitializedPromise``)."""
        await self._ready.wait()

    async def resume_audio(self) -> None:
        """For Engage's sake: a browser mutes pages until somebody clicks, a terminal does not."""

    async def close(self) -> None:
        """Leave every room and stop mixing; idempotent."""
        await asyncio.gather(*(room.leave() for room in list(self.rooms)))
        for room in self._ended:
            await room._close_handlers()
        self._ended.clear()
        await self._tasks.cancel()
        await self._care.close()
        self._silence()
        await asyncio.to_thread(self.mixer.stop)
        self._started = False
        self._ready.clear()

    def microphones_changed(self) -> None:
        """Have the audio connection manager look again (for rooms)."""
        self._manager.evaluate()

    def room_ended(self, room: Room) -> None:
        """Forget a room that was left (for rooms)."""
        if room in self.rooms:
            self.rooms.remove(room)
            self._ended.append(room)

    async def _start(self) -> None:
        """Mix; returns when that runs, whoever began it."""
        if not self._started:
            self._started = True
            self._tasks.spawn(self._manager.run(), "audio_connection_manager")
        async with self._starting:
            if not self._ready.is_set():
                await asyncio.to_thread(self._prepare_sound)
                await asyncio.to_thread(self.mixer.start)
                self._ready.set()

    def _listened_to(self) -> list[RemoteParticipant]:
        return [
            participant
            for room in self.rooms
            if room.listening
            for participant in room.participants.values()
        ]


async def _is_present(device: str) -> bool:
    found = await asyncio.to_thread(list_devices, "audiooutput")
    return any(device in (each.device_id, each.label) for each in found)
