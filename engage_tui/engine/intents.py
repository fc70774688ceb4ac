"""What a person may ask for, by name: the use cases of a call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from engage_tui.engine import snapshot
from engage_tui.engine.equipment import Equipment
from engage_tui.engine.placing import Placing
from engage_tui.errors import EngageError, UsageError
from engage_tui.sdk.enums import (
    AudioConnectionMode,
    MediaDeviceKind,
    TrackSource,
)

if TYPE_CHECKING:
    from engage_tui.engine.call import Call
    from engage_tui.sdk.local_track import LocalTrack
    from engage_tui.sdk.room import Room

Arguments = dict[str, Any]


class Intents:
    """Serves the intents of `actions.INTENTS`; each raises an `EngageError` when it cannot be done.

    Args:
        call: The call that they are about.

    Attributes:
        equipment: The devices once the room is joined.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self.equipment = Equipment(call, self)
        self._locks: dict[TrackSource, asyncio.Lock] = {}
        self._serving: dict[str, Callable[[Arguments], Awaitable[None]]] = {
            "join": self._join,
            "leave": self._leave,
            "set_microphone_enabled": lambda a: self.switch(TrackSource.MICROPHONE, _flag(a)),
            "set_camera_enabled": lambda a: self.switch(TrackSource.CAMERA, _flag(a)),
            "set_screen_share_enabled": lambda a: self.switch(TrackSource.SCREEN_SHARE, _flag(a)),
            "set_subscribed": self._set_subscribed,
            "set_muted": self._set_muted,
            "publish_track": self._publish_track,
            "unpublish_track": self._unpublish_track,
            "set_audio_connection_mode": self._set_mode,
            "send_data": self._send_data,
            "choose_device": self._choose_device,
            "set_processing": self._set_processing,
            "talk": lambda a: call.microphone.talk(a, self.switch),
            "play_tone": self._play_tone,
            "preview": self._preview,
            "refresh_devices": self._refresh,
            **Placing(call).serving,
            **call.sounds.serving,
        }

    async def serve(self, name: str, arguments: Arguments) -> None:
        """Do what is asked.

        Raises:
            EngageError: It cannot be done.
        """
        serve = self._serving.get(name)
        if serve is None:
            raise UsageError(f"There is no intent {name!r}.")
        await serve(arguments)

    async def switch(self, source: TrackSource, value: bool) -> None:
        """Turn microphone, camera or screen on or off, shown as pending meanwhile.

        Raises:
            EngageError: It cannot be done; the switch then says why.
        """
        call = self._call
        local = self._room.local_participant
        async with self.changing(source):
            call.failures.pop(source, None)
            try:
                if source is TrackSource.MICROPHONE:
                    await local.set_microphone_enabled(value, self._audio(source))
                elif source is TrackSource.CAMERA:
                    await local.set_camera_enabled(value, self._video(source))
                else:
                    await local.set_screen_share_enabled(value, self._screen())
            except EngageError as error:
                call.failures[source] = str(error)
                raise

    @contextlib.asynccontextmanager
    async def changing(self, *sources: TrackSource) -> AsyncIterator[None]:
        """Own `sources` for a change, after those before it: they are shown as pending meanwhile."""
        call = self._call
        async with contextlib.AsyncExitStack() as held:
            for source in sources:
                await held.enter_async_context(self._locks.setdefault(source, asyncio.Lock()))
            call.pending.update(sources)
            call.touch()
            try:
                yield
            finally:
                call.pending.difference_update(sources)
                call.sync()
                call.touch()

    # -- lobby -------------------------------------------------------------------------------------

    async def _join(self, arguments: Arguments) -> None:
        call, lobby = self._call, self._call.lobby
        joining = call.joining
        if lobby is None or call.room is not None or joining is None or joining.under_way:
            raise UsageError("The room is joined already.")
        name = str(arguments.get("name") or call.start.name)
        identity = call.start.identity
        if not call.start.token and name != call.start.name:
            identity = name
        wanted = {
            kind: bool(arguments.get(kind, getattr(lobby, kind).wanted))
            for kind in ("camera", "microphone")
        }
        call.start = msgspec.structs.replace(
            call.start,
            name=name,
            identity=identity,
            room=str(arguments.get("room") or call.start.room),
            url=str(arguments.get("url") or call.start.url),
            speaker=str(arguments.get("speaker") or lobby.speaker_id),
        )
        self.equipment.chosen[TrackSource.CAMERA] = lobby.camera.device_id
        self.equipment.chosen[TrackSource.MICROPHONE] = lobby.microphone.device_id
        for kind, value in wanted.items():
            if not value:
                await lobby.preview(**{kind: False})
        await joining.join()

    async def _preview(self, arguments: Arguments) -> None:
        wanted = {k: bool(arguments[k]) for k in ("camera", "microphone") if k in arguments}
        lobby = self._call.lobby
        if lobby is None:
            return
        # What is as it should be is left alone: switching again would tell an old failure anew.
        changed = {k: v for k, v in wanted.items() if getattr(lobby, k).wanted != v}
        try:
            await lobby.preview(**changed)
        finally:
            self._call.sync()

    async def _set_processing(self, arguments: Arguments) -> None:
        self._call.microphone.set_processing(arguments)

    async def _play_tone(self, arguments: Arguments) -> None:
        lobby = self._call.lobby
        wanted = str(arguments.get("device_id") or "")
        await self.equipment.play_tone(wanted or ("" if lobby is None else lobby.speaker_id))

    async def _refresh(self, _: Arguments) -> None:
        if self._call.lobby is not None:
            await self._call.lobby.refresh()
        else:
            await self.equipment.look()

    async def _choose_device(self, arguments: Arguments) -> None:
        kind, device_id = _device_kind(arguments["kind"]), str(arguments["device_id"])
        call = self._call
        if call.lobby is not None:
            await call.lobby.choose(kind, device_id)
            call.sync()
        else:
            await self.equipment.choose(kind, device_id)

    async def switch_device(self, source: TrackSource, device_id: str) -> None:
        """Have what is published of `source` come from another device; what is muted stays so.

        Raises:
            EngageError: It cannot be opened; the one before goes on.
        """
        local = self._room.local_participant
        async with self.changing(source):
            await local.switch_device(source, device_id)

    # -- call --------------------------------------------------------------------------------------

    async def _leave(self, _: Arguments) -> None:
        self._call.stop()

    async def _set_subscribed(self, arguments: Arguments) -> None:
        publication = self._find(arguments, local=False)
        publication.set_subscribed(_flag(arguments))
        if publication.error is not None and _flag(arguments):
            raise publication.error

    async def _set_muted(self, arguments: Arguments) -> None:
        publication = self._find(arguments, local=True)
        if publication.source in (TrackSource.MICROPHONE, TrackSource.CAMERA):
            await self.switch(publication.source, not _flag(arguments))
        else:
            async with self.changing(publication.source):
                await (publication.mute() if _flag(arguments) else publication.unmute())

    async def _publish_track(self, arguments: Arguments) -> None:
        from engage_tui.sdk.create_tracks import create_local_audio_track, create_local_video_track
        from engage_tui.sdk.options import AudioCaptureOptions

        source = TrackSource(arguments["source"])
        src = str(arguments.get("src") or "default")
        track: LocalTrack
        if source in (TrackSource.MICROPHONE, TrackSource.SCREEN_SHARE_AUDIO):
            capture = AudioCaptureOptions(src, low_latency=self._call.start.low_latency)
            track = await create_local_audio_track(options=capture)
        else:
            if source is TrackSource.SCREEN_SHARE and src == "default":
                src = "screen"
            track = await create_local_video_track(src)
        track.source = source
        async with self.changing(source):
            try:
                await self._room.local_participant.publish_track(track)
            except BaseException:
                await track.stop()
                raise
        self.equipment.chosen[source] = src

    async def _unpublish_track(self, arguments: Arguments) -> None:
        publication = self._find(arguments, local=True)
        async with self.changing(publication.source):
            if publication.track is not None:
                await self._room.local_participant.unpublish_track(publication.track)

    async def _set_mode(self, arguments: Arguments) -> None:
        wanted = str(arguments.get("participant") or arguments.get("sid") or "")
        mode = AudioConnectionMode(arguments["mode"])
        for participant in self._room.participants.values():
            if wanted in (participant.identity, participant.sid):
                participant.set_audio_connection_mode(mode)
                return
        raise UsageError(f"{wanted or 'Nobody'} is not in the room.")

    async def _send_data(self, arguments: Arguments) -> None:
        to = arguments.get("to") or ()
        people = [to] if isinstance(to, str) else [str(each) for each in to]
        for identity in people:
            if self._room.get_participant_by_identity(identity) is None:
                raise UsageError(f"{identity} is not in the room.")
        await self._room.local_participant.publish_data(
            str(arguments["text"]),
            destination=people,
            topic=str(arguments.get("topic") or ""),
        )

    # -- helpers -----------------------------------------------------------------------------------

    @property
    def _room(self) -> Room:
        room = self._call.room
        if room is None or not room.is_joined:
            raise UsageError("There is no room yet.", "Join one first.")
        return room

    def _find(self, arguments: Arguments, *, local: bool) -> Any:
        """The publication that `key` or `sid` names."""
        wanted = str(arguments.get("sid") or arguments.get("key") or "")
        for place, participant in enumerate(snapshot.everybody(self._room)):
            for key, publication in snapshot.keyed(participant):
                if wanted in (key, publication.track_sid) and local == (place == 0):
                    return publication
        whose = "of yours" if local else "of somebody else"
        raise UsageError(f"There is no publication {wanted or '?'} {whose}.")

    def _audio(self, source: TrackSource) -> Any:
        from engage_tui.sdk.options import AudioCaptureOptions

        low_latency = self._call.start.low_latency
        return AudioCaptureOptions(_device(self.equipment.chosen[source]), low_latency=low_latency)

    def _video(self, source: TrackSource) -> Any:
        from engage_tui.sdk.options import VideoCaptureOptions

        return VideoCaptureOptions(_device(self.equipment.chosen[source]))

    def _screen(self) -> Any:
        from engage_tui.sdk.options import ScreenShareCaptureOptions

        chosen = self.equipment.chosen[TrackSource.SCREEN_SHARE]
        return ScreenShareCaptureOptions("screen" if chosen in ("off", "default") else chosen)


def _device_kind(value: Any) -> MediaDeviceKind:
    try:
        return MediaDeviceKind(value)
    except ValueError:
        kinds = ", ".join(each.value for each in MediaDeviceKind)
        raise UsageError(f"kind cannot be {value!r}.", f"It takes {kinds}.") from None


def _device(chosen: str) -> str:
    return "default" if chosen in ("off", "") else chosen


def _flag(arguments: Arguments) -> bool:
    value = arguments["value"]
    if not isinstance(value, bool):
        raise UsageError(f"value must be true or false, not {value!r}.")
    return value
