"""The audio connection manager: subscribes the microphones nearest to the listener, within one limit a space."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from engage_tui.sdk.microphone_index import MicrophoneIndex, possible
from engage_tui.sdk.remote_participant import RemoteParticipant
from engage_tui.sdk.remote_publication import RemoteTrackPublication
from engage_tui.spatial.vectors import ORIGIN, Vector3D

DEFAULT_CONNECTIONS = 8
"""How many microphones are connected at once unless told otherwise."""

INTERVAL = 0.25
"""Seconds between two looks at distances, which change without an event."""

HYSTERESIS = 0.9
"""A connected voice counts as this much nearer, so that two at the same distance do not take turns."""

MAX_CHANGES = 5
"""Subscriptions and their ends in any second that have no other cause than that people move."""

Place = Callable[[], Vector3D]
"""Where the listener is, metres."""


class AudioConnectionManager:
    """Decides which microphones are heard.

    ``ALWAYS`` and microphones subscribed by hand use up the limit, and are never dropped for it; ``AUTO`` takes what
    is left, nearest first, ties by join time, then by SID; ``NEVER`` is not connected. Free places are filled at once;
    somebody nearer takes somebody's place at a measured pace (`MAX_CHANGES`).

    Args:
        participants: Gives a new list of everybody to be looked after, in every room of the space.
        limit: How many microphones are connected at once.
        listener: Where the listener is.
        clock: Seconds that only go forward.
    """

    def __init__(
        self,
        participants: Callable[[], list[RemoteParticipant]],
        limit: int = DEFAULT_CONNECTIONS,
        listener: Place = lambda: ORIGIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._participants = participants
        self._limit = max(0, limit)
        self._listener = listener
        self._clock = clock
        self._index = MicrophoneIndex()
        self._changes: deque[float] = deque(maxlen=MAX_CHANGES)  # when each swap was made, twice
        self._working = False
        self._again = False

    @property
    def limit(self) -> int:
        """How many microphones are connected at once."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = max(0, limit)
        self.evaluate()

    @property
    def counts(self) -> tuple[int, int]:
        """How many microphones are wanted, and how many there are."""
        self._index.update(self._participants())
        return len(self._index.desired), self._index.total

    def evaluate(self) -> None:
        """Connect and disconnect as the present state asks for; call it after every change."""
        if self._working:  # a subscription's own event asked; once more when this round is through
            self._again = True
            return
        self._working = True
        try:
            for _ in range(3):
                self._again = False
                self._evaluate()
                if not self._again:
                    break
        finally:
            self._working = False

    async def run(self) -> None:
        """Evaluate every `INTERVAL`, until cancelled."""
        while True:
            self.evaluate()
            await asyncio.sleep(INTERVAL)

    def _evaluate(self) -> None:
        index = self._index
        index.update(self._participants())
        taken = len(index.always) + sum(each.is_desired for each in index.by_hand)
        away, near = self._choose(max(0, self._limit - taken))
        near += [each for each in index.always if not each.is_desired]
        # First away, then near: the limit holds at every moment. Handlers of one may change the next.
        for publication in away:
            if publication.manual is None:
                publication._want(False)
        for publication in near:
            if publication.manual is None and possible(publication):
                publication._want(True)

    def _choose(
        self, room: int
    ) -> tuple[list[RemoteTrackPublication], list[RemoteTrackPublication]]:
        """Whose connection ends, and whose begins, for `room` places."""
        index = self._index
        distances = index.distances(self._listener())
        managed = index.desired - index.by_hand - index.always
        connected = {row for each in managed if (row := index.row(each)) is not None}
        distances[list(connected)] *= HYSTERESIS
        nearest = set(index.nearest(distances, room))
        leaving = index.ranked(connected - nearest, distances)[::-1]
        coming = index.ranked(nearest - connected, distances)
        forced = max(0, len(connected) - room)
        free = len(coming) - (len(leaving) - forced)
        swaps = self._take_swaps(len(leaving) - forced)
        away = [index.automatic[row] for row in leaving[: forced + swaps]]
        away += [each for each in managed if index.row(each) is None]
        return away, [index.automatic[row] for row in coming[: free + swaps]]

    def _take_swaps(self, wanted: int) -> int:
        """How many of `wanted` swaps, two changes each, may be made now."""
        now = self._clock()
        while self._changes and now - self._changes[0] >= 1:
            self._changes.popleft()
        swaps = min(wanted, (MAX_CHANGES - len(self._changes)) // 2)
        self._changes.extend([now] * (2 * swaps))
        return swaps
