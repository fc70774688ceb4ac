"""The state as the front end knows it: only what changed goes up, at most ten times a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engage_tui.engine.messages import State
from engage_tui.engine.view import CallView, LobbyView, PersonView

INTERVAL = 0.1
"""Seconds between two states at the least."""

_IDLE = 1.0  # seconds after which the state is looked at even when nobody touched it


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a front end may see at one moment."""

    call: CallView
    lobby: LobbyView | None = None
    people: Mapping[str, PersonView] = field(default_factory=dict)


class Board:
    """Compares each scene with what was sent before, and sends the difference.

    Args:
        draw: Builds the present scene.
        send: Takes a state message.
    """

    def __init__(self, draw: Callable[[], Scene], send: Callable[[State], None]) -> None:
        self._draw = draw
        self._send = send
        self._number = 0
        self._known: Scene | None = None
        self._touched = asyncio.Event()

    def touch(self) -> None:
        """Say that something may have changed; it is shown within `INTERVAL`."""
        self._touched.set()

    def show(self) -> None:
        """Send the difference now."""
        self._touched.clear()
        scene = self._draw()
        state = difference(self._known, scene, self._number)
        self._known = scene
        if state is not None:
            self._number += 1
            self._send(state)

    async def run(self) -> None:
        """Show what is touched, until cancelled."""
        while True:
            # Some facts (a round trip, a label) change without an event. (Not `wait_for`: before Python 3.12 it
            # loses a cancellation that comes with the event.)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_IDLE):
                    await self._touched.wait()
            self.show()
            await asyncio.sleep(INTERVAL)


def difference(known: Scene | None, scene: Scene, number: int) -> State | None:
    """What a front end that knows `known` must hear to know `scene`; None when nothing changed."""
    if known is None:
        return State(number, scene.call, scene.lobby, dict(scene.people))
    call = scene.call if scene.call != known.call else None
    lobby = scene.lobby if scene.lobby != known.lobby else None
    people = {key: view for key, view in scene.people.items() if known.people.get(key) != view}
    gone = tuple(key for key in known.people if key not in scene.people)
    if call is None and lobby is None and not people and not gone:
        return None
    return State(number, call, lobby, people, gone)
