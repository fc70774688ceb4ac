"""The way from the lobby into the room: what is opened before, joined, and published after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engage_tui.engine.credentials import resolve
from engage_tui.engine.view import Phase
from engage_tui.errors import DeviceErrors, EngageError
from engage_tui.sdk.enums import TrackSource
from engage_tui.sdk.options import RoomOptions

if TYPE_CHECKING:
    from engage_tui.engine.call import Call
    from engage_tui.engine.intents import Intents
    from engage_tui.engine.lobby import Lobby
    from engage_tui.sdk.room import Room


class Joining:
    """Joins what the call's `start` says.

    Args:
        call: The call.
        intents: Its switches, which are held while previews become publications.

    Attributes:
        under_way: Whether a join is under way.
    """

    def __init__(self, call: Call, intents: Intents) -> None:
        self.under_way = False
        self._call = call
        self._intents = intents

    async def open_lobby(self) -> None:
        """List the devices and start the previews."""
        call = self._call
        assert call.lobby is not None
        devices = call.tasks.spawn(call.lobby.refresh(), "refresh")
        await call.lobby.open()
        await devices
        call.sync()

    async def join(self) -> None:
        """Join with what `start` says, publish what is wanted, and hear the others.

        Raises:
            EngageError: The room cannot be joined, or a device that was named cannot be opened; back in the lobby
                the previews go on.
        """
        call = self._call
        assert call.lobby is not None
        call.phase = Phase.CONNECTING
        self.under_way = True
        call.touch()
        try:
            if not call.start.lobby:
                await self._open_required()
            room = self._make_room()
            await room.connected()
        except EngageError:
            call.room = call.seats = None
            call.phase = Phase.LOBBY
            call.touch()
            raise
        finally:
            self.under_way = False
        # Held from the first moment in which somebody may ask for a change, until what was wanted is published.
        async with self._intents.changing(*self._wanted_sources(call.lobby)):
            call.joined(room)
            call.tasks.spawn(call.speaker.open(), "speaker")
            if not call.start.lobby:
                await self._open_optional()
            lobby, call.lobby = call.lobby, None
            await self._publish_previews(lobby)
        if call.start.screen != "off":
            await self._share_screen()

    def _wanted_sources(self, lobby: Lobby) -> list[TrackSource]:
        start = self._call.start
        microphone, camera = lobby.microphone.wanted, lobby.camera.wanted
        if not start.lobby:
            microphone, camera = start.microphone != "off", start.camera != "off"
        sources = ((TrackSource.MICROPHONE, microphone), (TrackSource.CAMERA, camera))
        return [source for source, wanted in sources if wanted]

    def _make_room(self) -> Room:
        call = self._call
        assert call.space is not None
        start = call.start
        found = resolve(
            start.url,
            room=start.room,
            identity=start.identity,
            name=start.name,
            token=start.token,
            api_key=start.api_key,
            api_secret=start.api_secret,
        )
        options = RoomOptions.subscribing(start.subscribe)
        room = call.space.join_room(start.url, found.token, options)
        call.enter(room)
        return room

    async def _share_screen(self) -> None:
        call = self._call
        try:
            await self._intents.switch(TrackSource.SCREEN_SHARE, True)
        except EngageError as error:
            if not call.start.lobby:
                raise
            call.notice("error", str(error))

    async def _open_required(self) -> None:
        """Open what the person named, before anything is sent."""
        call = self._call
        assert call.lobby is not None
        required = call.start.required.split(",")
        call.lobby.camera.wanted &= "camera" in required
        call.lobby.microphone.wanted &= "microphone" in required
        failures = await call.lobby.open()
        if failures:
            raise failures[0] if len(failures) == 1 else DeviceErrors(failures)

    async def _open_optional(self) -> None:
        """Open what nobody named: what is missing is told and nothing more."""
        call = self._call
        assert call.lobby is not None
        required = call.start.required.split(",")
        for name, src in (
            ("camera", call.start.camera),
            ("microphone", call.start.microphone),
        ):
            if name not in required and src != "off":
                capture = call.lobby.camera if name == "camera" else call.lobby.microphone
                capture.wanted = True
        for failure in await call.lobby.open():
            call.notice("warning", str(failure))

    async def _publish_previews(self, lobby: Lobby) -> None:
        """Publish the very tracks that were previewed; what cannot be published is freed."""
        call = self._call
        assert call.room is not None
        waiting = await lobby.take()
        try:
            while waiting:
                track = waiting[0]
                try:
                    await call.room.local_participant.publish_track(track)
                except EngageError as error:
                    call.failures[track.source] = str(error)
                    call.notice("error", str(error))
                    await track.stop()
                waiting.pop(0)
                call.sync()
        finally:
            for track in waiting:  # the call ended meanwhile
                await track.stop()
