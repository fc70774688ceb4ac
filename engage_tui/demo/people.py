"""The people of the demo: each a real client in the room, following the timetable."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from engage_tui.demo.faces import FaceCamera
from engage_tui.demo.screenplay import AT_ONCE, CAST, ROUND, TIMETABLE, Cue, Do, clip_name
from engage_tui.demo.slides import SlideScreen
from engage_tui.demo.voices import SpokenVoice, load_clip
from engage_tui.sdk.enums import TrackSource
from engage_tui.sdk.local_track import LocalAudioTrack, LocalVideoTrack
from engage_tui.sdk.options import RoomOptions
from engage_tui.tasks import TaskGroup
from engage_tui.wire.token import Grants, create_token

if TYPE_CHECKING:
    from engage_tui.sdk.room import Room
    from engage_tui.sdk.space import Space

_log = logging.getLogger(__name__)


class Person:
    """One demo person.

    Attributes:
        identity: A key of `CAST`.
        room: The room while the person is in it.
    """

    def __init__(
        self, space: Space, identity: str, *, url: str, room: str, key: str, secret: str
    ) -> None:
        """Prepare a person who joins `room` at `url` with tokens made from `key` and `secret`."""
        self.identity = identity
        self.room: Room | None = None
        self._space = space
        self._url = url
        grants = Grants(room=room, room_join=True)
        self._token = create_token(
            key, secret, grants, identity=identity, name=identity.capitalize()
        )
        self._voice = SpokenVoice(identity)
        self._face = FaceCamera(identity, lambda: self._voice.loudness)
        # One thing after the other, whatever else the others do meanwhile.
        self._turn = asyncio.Lock()

    async def follow(self, cue: Cue) -> None:
        """Do what `cue` says; a wish that is already granted, or makes no sense now, changes nothing."""
        async with self._turn:
            if cue.what is Do.JOIN:
                await self._join()
            elif self.room is None:
                return
            elif cue.what is Do.SAY:
                self._voice.say(await asyncio.to_thread(load_clip, clip_name(cue)))
            elif cue.what is Do.LEAVE:
                await self._leave()
            else:
                await self._switch(self.room, cue.what)

    async def join(self) -> None:
        """Enter the room with voice and face on."""
        async with self._turn:
            await self._join()

    async def leave(self) -> None:
        """Leave the room, if in it."""
        async with self._turn:
            await self._leave()

    async def _join(self) -> None:
        if self.room is not None:
            return
        # They act and do not listen: what they would receive costs the machine and serves nobody.
        options = RoomOptions(subscribe="none", microphones=False)
        room = self._space.join_room(self._url, self._token, options)
        await room.connected()
        self.room = room
        microphone, camera = LocalAudioTrack(self._voice), LocalVideoTrack(self._face)
        await asyncio.gather(microphone.start(), camera.start())
        await asyncio.gather(
            room.local_participant.publish_track(camera),
            room.local_participant.publish_track(microphone),
        )

    async def _leave(self) -> None:
        room, self.room = self.room, None
        if room is not None:
            await room.leave()
            await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._face.close()
        self._voice.close()

    async def _switch(self, room: Room, what: Do) -> None:
        me = room.local_participant
        match what:
            case Do.MUTE | Do.UNMUTE:
                await me.set_microphone_enabled(what is Do.UNMUTE)
            case Do.CAMERA_OFF | Do.CAMERA_ON:
                await me.set_camera_enabled(what is Do.CAMERA_ON)
            case Do.SHARE:
                if me.get_track(TrackSource.SCREEN_SHARE) is None:
                    screen = LocalVideoTrack(SlideScreen(self.identity), TrackSource.SCREEN_SHARE)
                    await screen.start()
                    await me.publish_track(screen)
            case Do.STOP_SHARING:
                await me.set_screen_share_enabled(False)


class Troupe:
    """All of the demo people."""

    def __init__(self, space: Space, *, url: str, room: str, key: str, secret: str) -> None:
        """Prepare everybody of `CAST`; nobody joins before `perform`."""
        self.people = {
            name: Person(space, name, url=url, room=room, key=key, secret=secret) for name in CAST
        }
        self._tasks = TaskGroup("demo")

    async def perform(self) -> None:
        """Join, and follow the timetable again and again until cancelled."""
        try:
            for name in AT_ONCE:
                self._tasks.spawn(self.people[name].join(), f"{name} joins")
            while True:
                await self._play_round(time.monotonic())
        finally:
            await self._tasks.cancel()
            await asyncio.gather(*(person.leave() for person in self.people.values()))

    async def _play_round(self, start: float) -> None:
        for cue in TIMETABLE:
            await asyncio.sleep(start + cue.at - time.monotonic())
            _log.debug("%s: %s %s", cue.who, cue.what, cue.clip)
            self._tasks.spawn(self.people[cue.who].follow(cue), f"{cue.who} {cue.what}")
        await asyncio.sleep(start + ROUND - time.monotonic())
