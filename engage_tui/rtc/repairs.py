"""When to ask for missing packets again, and when to hope no more.

livekit-server sends a packet again when asked at least ``min(100 ms, 2 RTT)`` after it last sent it, three times at
most; a request that comes sooner is ignored and costs nothing, so one that is sent on noticing a gap is lost by
design on a fast network. Pure: no clock but the one that is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

GUARD = 0.1
"""Seconds: the longest time for which servers ignore requests after a sending."""

STEP = 0.01
"""Seconds between requests for the same packet from when the server may heed one."""

MARGIN = 0.002
"""Seconds after the end of the server's guard at which the next request should reach it."""

UNMEASURED = 0.025
"""Seconds between requests where the round trip is not known."""

RESENDS = 3
"""Times that a server sends a packet again."""

KEPT_TIMES = 200
"""Repairs whose time is kept."""

PATIENCE = (0.25, 0.5)
"""The least and most seconds for which repair is hoped for."""


@dataclass(slots=True)
class _Missing:
    since: float
    due: float


class Repairs:
    """The requests for what is missing of one stream.

    Attributes:
        round_trip: Seconds, as measured; None if not known.
        times: Seconds that the latest repairs took, from the first request on.
    """

    def __init__(self) -> None:
        self.round_trip: float | None = None
        self.times: deque[float] = deque(maxlen=KEPT_TIMES)  # the oldest are dropped
        self._missing: dict[int, _Missing] = {}

    @property
    def running(self) -> bool:
        """Whether something was asked for."""
        return bool(self._missing)

    def came(self, place: int, now: float) -> None:
        """A packet came, missing or not."""
        each = self._missing.pop(place, None)
        if each is not None:
            self.times.append(now - each.since)

    def due(self, missing: Collection[int], now: float) -> list[int]:
        """Which of what is `missing` to ask for at `now` (s); ascending as `missing` is."""
        known = self._missing
        self._missing = {
            place: known.get(place) or _Missing(since=now, due=now) for place in missing
        }
        asked = []
        for place, each in self._missing.items():
            if each.due <= now:
                asked.append(place)
                each.due = now + self._wait(now - each.since)
        return asked

    def clear(self) -> None:
        """Nothing is missing."""
        self._missing.clear()

    def next_due(self) -> float | None:
        """When `due` has something again; None while nothing is missing."""
        return min((each.due for each in self._missing.values()), default=None)

    def hopeless(self, now: float) -> bool:
        """Whether something has been missing for longer than any repair takes."""
        patience = self.patience
        return any(now - each.since > patience for each in self._missing.values())

    @property
    def patience(self) -> float:
        """Seconds after which a missing packet will not come any more: all resends had their time."""
        trip = self.round_trip
        if trip is None:
            return PATIENCE[1]
        each = max(min(GUARD, 2 * trip), trip) + STEP
        return min(PATIENCE[1], max(PATIENCE[0], RESENDS * each + trip))

    def _wait(self, age: float) -> float:
        """Seconds until a packet that was noticed `age` seconds ago is asked for again."""
        trip = self.round_trip
        if trip is None:
            return UNMEASURED
        if trip > GUARD:
            return 1.1 * trip  # the server heeds each request: what it sends must have time to come
        # The packet was sent half a round trip before its absence showed; a request needs as long.
        heeded = min(GUARD, 2 * trip) - trip + MARGIN
        return heeded - age if age < heeded - STEP / 2 else STEP
