"""What waits to go up to the front end, and what gives way while the front end is slow.

=================  ==================================================================================
message            rule
=================  ==================================================================================
State              merged by key into one; never lost, never more than one waiting
Levels, Statistics newest wins
Picture            newest wins, one a tile
Notice, Event      in order; beyond `LIMIT` the oldest is dropped and counted
Outcome, Joined    in order, never dropped (bounded by the intents that the front end sends)
Left               the very last
=================  ==================================================================================
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from engage_tui.engine.messages import (
    Event,
    Joined,
    Left,
    Levels,
    Notice,
    Outcome,
    Picture,
    State,
    Statistics,
    Up,
)

LIMIT = 1000
"""Notices and events that wait at most: about a minute of a busy room."""


def merge(old: State, new: State) -> State:
    """Both states as one: what `new` says wins, what it does not mention stays as in `old`."""
    people = {key: view for key, view in old.people.items() if key not in new.gone} | new.people
    gone = tuple(key for key in dict.fromkeys(old.gone + new.gone) if key not in new.people)
    return State(
        new.number,
        old.call if new.call is None else new.call,
        old.lobby if new.lobby is None else new.lobby,
        people,
        gone,
    )


class Outbox:
    """The messages that wait for the border, each under its rule.

    Attributes:
        dropped: Notices and events lost so far.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.dropped = 0
        self._limit = limit
        self._droppable = 0
        self._state: State | None = None
        self._ordered: deque[Notice | Event | Outcome | Joined] = deque()
        self._levels: Levels | None = None
        self._statistics: Statistics | None = None
        self._pictures: dict[int, Picture] = {}
        self._left: Left | None = None

    def put(self, message: Up) -> None:
        """Keep `message` until it is taken, under its rule."""
        if isinstance(message, State):
            self._state = message if self._state is None else merge(self._state, message)
        elif isinstance(message, Levels):
            self._levels = message
        elif isinstance(message, Statistics):
            self._statistics = message
        elif isinstance(message, Picture):
            self._pictures[message.tile] = message
        elif isinstance(message, Left):
            self._left = message
        else:
            self._put_ordered(message)

    def take(self) -> Up | None:
        """The next message to send, or None: state before the outcome that caused it, `Left` last."""
        message: Up | None
        if self._state is not None:
            message, self._state = self._state, None
        elif self._ordered:
            message = self._ordered.popleft()
            self._droppable -= isinstance(message, Notice | Event)
        elif self._levels is not None:
            message, self._levels = self._levels, None
        elif self._statistics is not None:
            message, self._statistics = self._statistics, None
        elif self._pictures:
            message = self._pictures.pop(next(iter(self._pictures)))
        else:
            message, self._left = self._left, None
        return message

    def drain(self) -> Iterator[Up]:
        """Take until nothing waits."""
        while (message := self.take()) is not None:
            yield message

    def _put_ordered(self, message: Notice | Event | Outcome | Joined) -> None:
        if isinstance(message, Notice | Event):
            if self._droppable >= self._limit:
                self._drop_oldest()
            self._droppable += 1
        self._ordered.append(message)

    def _drop_oldest(self) -> None:
        for position, message in enumerate(self._ordered):
            if isinstance(message, Notice | Event):
                del self._ordered[position]
                self._droppable -= 1
                self.dropped += 1
                return
