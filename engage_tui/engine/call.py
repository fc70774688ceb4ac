"""One call, from the front end's first message to its last: lobby, room, intents, and what goes up."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from engage_tui.engine import heavy, snapshot
from engage_tui.engine.board import Board, Scene
from engage_tui.engine.link import EngineLink
from engage_tui.engine.messages import (
    Credit,
    Down,
    Event,
    Intent,
    Joined,
    Left,
    Levels,
    Notice,
    Outcome,
    Start,
    Statistics,
    Watch,
)
from engage_tui.engine.microphone import Microphone
from engage_tui.engine.placing import hearing
from engage_tui.engine.scene import call_view
from engage_tui.engine.sounds import Sounds
from engage_tui.engine.speaker import Speaker
from engage_tui.engine.view import CallView, DevicesView, Phase
from engage_tui.errors import EngageError, UsageError
from engage_tui.log import log_path
from engage_tui.sdk.enums import (
    ConnectionState,
    DisconnectReason,
    RoomEvent,
    SpatialMode,
    TrackSource,
)
from engage_tui.tasks import TaskGroup
from engage_tui.wire.data import CHAT_TOPIC

if TYPE_CHECKING:
    from engage_tui.engine.intents import Intents
    from engage_tui.engine.joining import Joining
    from engage_tui.engine.lobby import Lobby
    from engage_tui.engine.seating import Seats
    from engage_tui.engine.statistics import Counters
    from engage_tui.engine.watching import Watching
    from engage_tui.sdk.room import Room
    from engage_tui.sdk.space import Space

_log = logging.getLogger(__name__)

LEVEL_INTERVAL = 0.1
"""Seconds between two sets of levels."""

STATISTICS_INTERVAL = 1.0
"""Seconds between two sets of counters."""

END_TIME = 1.5
"""Seconds in which leaving must be done; what remains of two is for starting and ending the process."""

MAX_INTENTS = 200
"""Intents under way at most; further ones are refused."""


class Call:
    """Runs one call over a link.

    Args:
        link: The engine's end.

    Attributes:
        start: What the call was started with; the lobby's choices are written into it.
        space: The SDK's entry point; None before the first message.
        room: The joined room; None in the lobby.
        lobby: The previews; None once the room is joined.
        seats: Where people sit; None in the lobby.
        phase: How far the call is.
        pending: Switches (by source) whose change is under way.
        failures: Why the last change of a switch failed.
        joining: The way from the lobby into the room; None before the first message.
        microphone: What is done to the person's own voice.
        sounds: What plays to the person alone.
        speaker: Where the others are heard.
    """

    def __init__(self, link: EngineLink) -> None:
        self.start = Start()
        self.space: Space | None = None
        self.room: Room | None = None
        self.lobby: Lobby | None = None
        self.seats: Seats | None = None
        self.phase = Phase.CONNECTING
        self.pending: set[TrackSource] = set()
        self.failures: dict[TrackSource, str] = {}
        self.joining: Joining | None = None
        self.microphone = Microphone(self)
        self.sounds = Sounds(self)
        self.speaker = Speaker(self)
        self.tasks = TaskGroup("call")
        self._link = link
        self._board = Board(self._scene, link.send)
        self._joined_at = 0.0
        self._notices = 0
        self._left: Left | None = None
        self._over = asyncio.Event()
        self._started = asyncio.Event()
        self._counters: Counters | None = None
        self._watching: Watching | None = None
        self._intents: Intents | None = None
        # Asked for before the engine is up; a screen asks for a handful of tiles.
        self._early: list[Intent | Watch | Credit] = []

    # -- life --------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Serve the front end until the call is over; the exit code."""
        self._link.listen(self._on_message, self.stop)
        try:
            await self._first(self._started.wait())
            if not self._over.is_set():
                await self._serve()
        except Exception as error:  # noqa: BLE001 - border: the front end must hear how its engine ended
            self._fail(error)
        finally:
            await self._finish()
        return self._left.exit_code if self._left is not None else 0

    def stop(self) -> None:
        """End the call as if it was left; from the event loop."""
        self.end(Left("client_initiated", 0))

    def end(self, left: Left) -> None:
        """The call is over; the first reason counts."""
        if self._left is None:
            self._left = left
            self._over.set()

    def touch(self) -> None:
        """Something that is shown may have changed."""
        self._board.touch()

    def notice(self, kind: str, text: str, sender: str = "") -> None:
        """Tell the person something: ``log``, ``chat``, ``warning`` or ``error``."""
        self._notices += 1
        self._link.send(Notice(self._notices, kind, text, time.time(), sender))

    def _fail(self, error: Exception) -> None:
        """End the call with an error that is for people, or with a bug."""
        if isinstance(error, EngageError):
            _log.info("the call ends: %s", error)
            self.end(Left("error", error.exit_code, error.message, error.hint))
            return
        _log.error("the call failed", exc_info=error)
        words = f"This is a bug: {type(error).__name__}: {error}"
        self.end(Left("error", 1, words, f"Details are in {log_path()}"))

    async def _first(self, waiting: Any) -> None:
        """Wait for `waiting` or for the end of the call, whichever comes first."""
        task = self.tasks.spawn(waiting, "wait")
        over = self.tasks.spawn(self._over.wait(), "over")
        await asyncio.wait((task, over), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        for each in (task, over):
            each.cancel()

    async def _serve(self) -> None:
        self.phase = Phase.LOBBY if self.start.lobby else Phase.CONNECTING
        self._board.show()  # the screen has something to draw before anything heavy is imported
        await self._first(asyncio.to_thread(heavy.load))
        if self._over.is_set():
            return
        from engage_tui.engine.intents import Intents
        from engage_tui.engine.joining import Joining
        from engage_tui.engine.lobby import Lobby
        from engage_tui.engine.statistics import Counters
        from engage_tui.engine.watching import Watching
        from engage_tui.sdk.space import Space

        self._counters = Counters()
        self._watching = Watching(self._send_picture())
        self._intents = Intents(self)
        self.joining = Joining(self, self._intents)
        self.lobby = Lobby(self.start, self._lobby_changed)
        self.space = Space(
            spatial=SpatialMode(self.start.spatial),
            position_sync=True,
            low_latency=self.start.low_latency,
        )
        for message in self._early:
            self._on_message(message)
        self._early.clear()
        self.tasks.spawn(self._board.run(), "board")
        self.tasks.spawn(self._send_levels(), "levels")
        self.tasks.spawn(self._send_statistics(), "statistics")
        if self.start.lobby:
            self.tasks.spawn(self.joining.open_lobby(), "lobby")
        else:
            self.tasks.spawn(self._join_at_once(), "join")
        await self._over.wait()

    async def _join_at_once(self) -> None:
        assert self.joining is not None
        try:
            await self.joining.join()
        except Exception as error:  # noqa: BLE001 - border: without the join there is no call, whatever failed
            self._fail(error)

    async def _finish(self) -> None:
        """Say how it stood, leave the room, free the devices, in bounded time; then the last message."""
        if self.room is not None and self._counters is not None and self.room.is_joined:
            self._link.send(self._counters.read(self.room))
        try:
            async with asyncio.timeout(END_TIME):
                await self.tasks.cancel()
                await self._close()
        except TimeoutError:
            _log.warning("leaving took too long")
        except Exception:  # noqa: BLE001 - border: the last message goes up whatever fails before it
            _log.exception("leaving failed")
        self.phase = Phase.LEFT
        self._link.send(self._left or Left("client_initiated", 0))

    async def _close(self) -> None:
        if self._watching is not None:
            self._watching.close()
        if self.lobby is not None:
            await self.lobby.close()
        if self.space is not None:
            await self.space.close()

    # -- the room ----------------------------------------------------------------------------------

    def joined(self, room: Room) -> None:
        """The room is joined: it is told, shown, and left again after the wanted time."""
        self.phase = Phase.CONNECTED
        self._joined_at = time.time()
        self._tell_joined(room)
        if self.start.duration > 0:
            self.tasks.spawn(self._leave_after(self.start.duration), "duration")
        if self.start.sounds:
            self.tasks.spawn(self.sounds.begin(self.start.sounds), "sounds")
        self.sync()
        self.touch()

    def enter(self, room: Room) -> None:
        """This room is the call's: what happens in it is told from now on."""
        from engage_tui.engine.events import Tap
        from engage_tui.engine.seating import Seats

        assert self.space is not None
        self.room = room
        self.seats = Seats(room, self.space.audio_listener, self.touch)
        self.seats.listen()
        Tap(self._on_event).listen(room)
        room.on(RoomEvent.DISCONNECTED, self._on_disconnected)
        room.on(RoomEvent.RECONNECTED, lambda: self._tell_joined(room))
        room.on(RoomEvent.MEDIA_DEVICES_CHANGED, self._look_for_devices)

    def _look_for_devices(self) -> None:
        if self._intents is not None:
            self.tasks.spawn(self._intents.equipment.look(), "devices")

    def _tell_joined(self, room: Room) -> None:
        local = room.local_participant
        self._link.send(Joined(local.identity, local.sid, room.name, room.server_url))

    async def _leave_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.stop()

    def _on_disconnected(self, reason: DisconnectReason) -> None:
        room = self.room
        error = room.error if room is not None else None
        if self.phase not in (Phase.CONNECTED, Phase.RECONNECTING):
            return  # the join failed: whoever waits for it is told
        if error is None:
            self.end(Left(reason.name.lower(), 0))
        else:
            self.end(Left(reason.name.lower(), error.exit_code, error.message, error.hint))

    # -- what comes down ---------------------------------------------------------------------------

    def _on_message(self, message: Down) -> None:
        if isinstance(message, Start):
            self.start = message
            self._started.set()
        elif self._intents is None or self._watching is None or self.space is None:
            if len(self._early) < 1000:
                self._early.append(message)
        elif isinstance(message, Intent) and len(self.tasks) > MAX_INTENTS:
            self._link.send(Outcome(message.id, "Too much is asked for at once.", "Wait a little."))
        elif isinstance(message, Intent):
            self.tasks.spawn(self._serve_intent(message), f"intent.{message.name}")
        elif isinstance(message, Watch):
            self._watching.watch(message)
            self.sync()
        elif isinstance(message, Credit):
            self._watching.credit(message)

    async def _serve_intent(self, intent: Intent) -> None:
        assert self._intents is not None
        error: EngageError | None = None
        try:
            await self._intents.serve(intent.name, intent.arguments)
        except EngageError as failure:
            error = failure
        except (KeyError, TypeError, ValueError) as failure:
            error = UsageError(f"{intent.name} cannot be done like this: {failure!r}.")
        except Exception:  # noqa: BLE001 - border: whoever asked must be answered, whatever went wrong
            _log.exception("intent %s failed", intent.name)
            error = EngageError(f"{intent.name} failed by a bug.", f"Details are in {log_path()}.")
        self._board.show()  # the state that the outcome speaks of goes before it
        if error is None:
            self._link.send(Outcome(intent.id))
        else:
            self._link.send(Outcome(intent.id, error.message, error.hint))

    # -- what goes up ------------------------------------------------------------------------------

    def _send_picture(self) -> Any:
        loop = asyncio.get_running_loop()

        def send(picture: Any) -> None:  # on the scaling thread
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._link.send, picture)

        return send

    def _on_event(self, event: Event) -> None:
        state = self.room.state if self.room is not None else ConnectionState.DISCONNECTED
        if self.phase in (Phase.CONNECTED, Phase.RECONNECTING):
            reconnecting = state is ConnectionState.RECONNECTING
            self.phase = Phase.RECONNECTING if reconnecting else Phase.CONNECTED
        if self.start.events:
            self._link.send(event)
        if event.event == RoomEvent.DATA_RECEIVED and event.detail.get("topic") == CHAT_TOPIC:
            self.notice("chat", str(event.detail.get("text", "")), event.participant or "")
        self.sync()
        self.touch()

    def sync(self) -> None:
        """Have tiles and tracks find each other."""
        if self._watching is not None:
            self._watching.sync(self.room, self.lobby)

    def _lobby_changed(self) -> None:
        self.sync()
        self.touch()

    async def _send_levels(self) -> None:
        before: dict[str, float] = {}
        while True:
            await asyncio.sleep(LEVEL_INTERVAL)
            self.microphone.look()
            self.sounds.look()
            levels = snapshot.levels(self.room)
            if self.lobby is not None and self.lobby.audio_track is not None:
                levels["preview"] = round(self.lobby.audio_track.level, 3)
            if levels != before:
                before = levels
                self._link.send(Levels(levels))

    async def _send_statistics(self) -> None:
        assert self._counters is not None
        while True:
            await asyncio.sleep(STATISTICS_INTERVAL)
            if self.room is not None and self.room.is_joined:
                self._link.send(self._counters.read(self.room))
            elif self.phase is Phase.CONNECTED:
                self._link.send(Statistics(()))

    def _scene(self) -> Scene:
        places = self.seats.views() if self.seats is not None else {}
        people = snapshot.people(self.room, places) if self.room is not None else {}
        lobby = self.lobby.view() if self.lobby is not None and self.start.lobby else None
        return Scene(self._call_view(), lobby, people)

    def _call_view(self) -> CallView:
        return call_view(
            self.room,
            self.start,
            self.pending,
            self.failures,
            phase=self.phase,
            joined_at=self._joined_at,
            speaker=self.speaker.words,
            processing=self.microphone.view(),
            hearing=hearing(self),
            equipment=DevicesView() if self._intents is None else self._intents.equipment.view(),
        )
