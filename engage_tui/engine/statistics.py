"""Counters once a second, with the rates since the last time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from engage_tui.engine import snapshot
from engage_tui.engine.messages import Statistics
from engage_tui.engine.view import PublicationStats

if TYPE_CHECKING:
    from engage_tui.sdk.room import Room


class Counters:
    """Reads a room's counters and keeps the last ones for the rates.

    Args:
        clock: Seconds on a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before: dict[str, PublicationStats] = {}
        self._read_at = 0.0

    def read(self, room: Room) -> Statistics:
        """The counters now, with frames and bytes a second since the last reading."""
        return self.rate(snapshot.counters(room))

    def rate(self, rows: list[PublicationStats]) -> Statistics:
        """Fill in the rates of `rows`, keyed by SID, against the last time."""
        now = self._clock()
        passed = now - self._read_at
        rated = tuple(
            _rated(row, self._before[row.sid], passed) if row.sid in self._before else row
            for row in rows
        )
        self._before = {row.sid: row for row in rated}
        self._read_at = now
        return Statistics(rated)


def _rated(row: PublicationStats, before: PublicationStats, passed: float) -> PublicationStats:
    return msgspec.structs.replace(
        row,
        bytes_per_second=_per_second(row.bytes, before.bytes, passed),
        frames_per_second=_per_second(row.frames, before.frames, passed),
    )


def _per_second(now: int | None, before: int | None, passed: float) -> float:
    if now is None or before is None or passed <= 0:
        return 0.0
    return max(0.0, (now - before) / passed)
