"""A small typed emitter: handlers run inline and in order, coroutine handlers as named tasks.

Which events exist stands in `enums`; what they carry (each hop appends what a listener there would lack), as
publication; participant; room::

    SUBSCRIBED(track); TRACK_SUBSCRIBED(track, publication); TRACK_SUBSCRIBED(track, publication, participant)
    UNSUBSCRIBED(track); TRACK_UNSUBSCRIBED(track, publication); TRACK_UNSUBSCRIBED(track, publication, participant)
    SUBSCRIPTION_STATUS_CHANGED(status, previous); TRACK_SUBSCRIPTION_STATUS_CHANGED(publication, status); (…,
        participant)
    SUBSCRIPTION_FAILED(error); TRACK_SUBSCRIPTION_FAILED(sid, error); (sid, participant, error)
    MUTED(), UNMUTED(); TRACK_MUTED(publication) …; TRACK_MUTED(publication, participant) …
    -; TRACK_PUBLISHED(publication), TRACK_UNPUBLISHED, LOCAL_TRACK_…; (publication, participant)
    -; TRACK_SUBSCRIPTION_PERMISSION_CHANGED(publication, status), TRACK_STREAM_STATE_CHANGED; (…, participant)
    -; DATA_RECEIVED(payload, kind); DATA_RECEIVED(payload, participant or None, kind, topic)
    -; PARTICIPANT_METADATA_CHANGED(previous), …_NAME_CHANGED(name), …_PERMISSIONS_CHANGED(previous); (…, participant)
    -; CONNECTION_QUALITY_CHANGED(quality); CONNECTION_QUALITY_CHANGED(quality, participant)
    -; AUDIO_CONNECTED(), AUDIO_DISCONNECTED(), AUDIO_CONNECTION_CHANGED(connected), IS_SPEAKING_CHANGED(speaking); -

Room alone: ``CONNECTION_STATE_CHANGED(state)``, ``DISCONNECTED(reason)``, ``ACTIVE_SPEAKERS_CHANGED(participants)``,
``PARTICIPANT_CONNECTED(participant)``, ``ROOM_METADATA_CHANGED(metadata)``, ``RECORDING_STATUS_CHANGED(recording)``,
``MEDIA_DEVICES_ERROR(error)``; changes of a participant carry the previous value, then the participant.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any

from engage_tui.tasks import TaskGroup

Handler = Callable[..., object]
"""Called with the event's arguments; may be a coroutine function."""

_log = logging.getLogger(__name__)


class Emitter:
    """Something that events happen to."""

    def __init__(self, tasks: TaskGroup | None = None) -> None:
        self._handlers: dict[str, tuple[Handler, ...]] = {}
        self._handler_tasks = tasks if tasks is not None else TaskGroup(type(self).__name__)

    def on(self, event: StrEnum, handler: Handler) -> Handler:
        """Call `handler` whenever `event` happens, after the handlers that stand already; returns `handler`.

        A plain handler runs inline, a coroutine function as a task. One that raises is logged and harms nobody.
        """
        self._handlers[event] = (*self._handlers.get(event, ()), handler)
        return handler

    def once(self, event: StrEnum, handler: Handler) -> Handler:
        """Call `handler` the next time `event` happens, and then no more; returns what `off` takes."""

        def first(*arguments: object) -> object:
            self.off(event, first)
            return handler(*arguments)

        return self.on(event, first)

    def off(self, event: StrEnum, handler: Handler) -> None:
        """Call `handler` no more for `event`; unknown handlers are ignored."""
        rest = tuple(each for each in self._handlers.get(event, ()) if each != handler)
        self._handlers[event] = rest

    def emit(self, event: StrEnum, *arguments: Any) -> None:
        """Call the handlers of `event` in order, then hand it on to whatever this object belongs to."""
        for handler in self._handlers.get(event, ()):
            self.call(handler, *arguments, name=event)
        self._reemit(event, arguments)

    def call(self, handler: Handler, *arguments: Any, name: str = "a handler") -> None:
        """Call foreign code: a plain function now, a coroutine function as a task; what it raises is logged."""
        try:
            result = handler(*arguments)
            if inspect.iscoroutine(result):
                self._handler_tasks.spawn(result, f"on {name}")
        except Exception:  # noqa: BLE001 - border: a handler is foreign code
            _log.exception("a handler of %s failed", name)

    def wait_for(
        self,
        event: StrEnum,
        predicate: Callable[..., object] | None = None,
        timeout: float | None = 10.0,
    ) -> Coroutine[Any, Any, tuple[Any, ...]]:
        """Wait for an `event` whose arguments satisfy `predicate`.

        Events count from this call on, also those that happen before the result is awaited::

            published = room.wait_for(RoomEvent.TRACK_PUBLISHED)
            await ask_somebody_to_publish()
            publication, participant = await published

        Returns:
            To be awaited: the event's arguments.

        Raises:
            TimeoutError: It did not come within `timeout` seconds of waiting.
        """
        happened: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()

        def check(*arguments: object) -> None:
            if not happened.done() and (predicate is None or predicate(*arguments)):
                happened.set_result(arguments)

        self.on(event, check)
        happened.add_done_callback(lambda _: self.off(event, check))
        return asyncio.wait_for(happened, timeout)

    def _reemit(self, event: StrEnum, arguments: tuple[Any, ...]) -> None:
        """Hand an event on (publication to participant, participant to room); by default nowhere."""
