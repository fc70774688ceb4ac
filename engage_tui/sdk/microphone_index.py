"""Who has which microphones: kept up to date by what changed, and asked for the nearest with numpy.

People move all the time and change rarely. Each writes a new place into columns of plain numbers, so that a look at
ten thousand of them touches none: it compares two lists and calculates, and looks closely only at whoever changed.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable
from functools import partial
from itertools import compress, count
from operator import ne

import numpy as np
import numpy.typing as npt

from engage_tui.sdk.enums import AudioConnectionMode, PermissionStatus
from engage_tui.sdk.remote_participant import RemoteParticipant
from engage_tui.sdk.remote_publication import RemoteTrackPublication
from engage_tui.spatial.vectors import Vector3D

Distances = npt.NDArray[np.float64]


class MicrophoneIndex:
    """The microphones of a crowd, sorted by what the audio connection manager may do with them.

    Attributes:
        automatic: Those of ``AUTO`` that may be subscribed, in no order; `distances` are in the same.
        always: Those of ``ALWAYS``.
        by_hand: Those about which ``set_subscribed`` spoke.
        desired: Those that are wanted now, by whomever.
        total: How many there are.
    """

    def __init__(self) -> None:
        self.automatic: list[RemoteTrackPublication] = []
        self.always: set[RemoteTrackPublication] = set()
        self.by_hand: set[RemoteTrackPublication] = set()
        self.desired: set[RemoteTrackPublication] = set()
        self.total = 0
        self._people: list[RemoteParticipant] = []
        self._wishes: list[int] = []  # of each in `_people`, as last looked at
        self._known: dict[RemoteParticipant, list[RemoteTrackPublication]] = {}
        self._rows: dict[RemoteTrackPublication, int] = {}  # place in `automatic`
        self._joined = array("d")
        self._columns = self._x, self._y, self._z = array("d"), array("d"), array("d")

    def update(self, people: list[RemoteParticipant]) -> None:
        """Take in what changed of `people`, who are everybody."""
        wishes = [each.wishes for each in people]
        if people == self._people:  # compares identities
            if wishes == self._wishes:
                return
            # By number: to touch ten thousand objects would cost more than all the rest.
            differ = map(ne, wishes, self._wishes)
            changed = [people[number] for number in compress(count(), differ)]
        else:
            before = dict(zip(self._people, self._wishes, strict=True))
            changed = [
                each
                for each, now in zip(people, wishes, strict=True)
                if before.pop(each, None) != now
            ]
            for gone in before:
                self._forget(gone)
        for each in changed:
            self._forget(each)
            self._learn(each)
        self._people, self._wishes = people, wishes

    def distances(self, listener: Vector3D) -> Distances:
        """Metres from `listener` to each of `automatic`."""
        if not self.automatic:
            return np.zeros(0)
        # The views last no longer than this: while there are any, the columns cannot grow.
        x, y, z = (np.frombuffer(each) for each in (self._x, self._y, self._z))
        return np.sqrt((x - listener.x) ** 2 + (y - listener.y) ** 2 + (z - listener.z) ** 2)

    def row(self, publication: RemoteTrackPublication) -> int | None:
        """Where in `automatic` it stands, if it does."""
        return self._rows.get(publication)

    def ranked(self, rows: Iterable[int], distances: Distances) -> list[int]:
        """`rows`, nearest first, ties by join time, then by SID."""
        return sorted(rows, key=lambda row: self._rank(row, distances))

    def nearest(self, distances: Distances, number: int) -> list[int]:
        """The `number` nearest rows of `automatic`, ties as in `ranked`; in no order."""
        if number <= 0:
            return []
        if number >= len(distances):
            return list(range(len(distances)))
        chosen, tied = _lowest(distances, number)
        if len(chosen) < number:  # everybody may stand at one place
            earliest, together = _lowest(np.frombuffer(self._joined)[tied], number - len(chosen))
            chosen += [tied[each] for each in earliest]
            rest = heapq.nsmallest(
                number - len(chosen),
                (tied[each] for each in together),
                key=lambda row: self.automatic[row].track_sid,
            )
            chosen += rest
        return chosen

    def _rank(self, row: int, distances: Distances) -> tuple[float, float, str]:
        return float(distances[row]), self._joined[row], self.automatic[row].track_sid

    def _learn(self, participant: RemoteParticipant) -> None:
        microphones = self._known[participant] = participant.microphones
        self.total += len(microphones)
        for each in microphones:
            if each.is_desired:
                self.desired.add(each)
            if each.manual is not None:
                self.by_hand.add(each)
            elif participant.audio_connection_mode is AudioConnectionMode.ALWAYS:
                self.always.add(each)
            elif participant.audio_connection_mode is AudioConnectionMode.AUTO and possible(each):
                self._rows[each] = len(self.automatic)
                self.automatic.append(each)
                self._joined.append(participant.joined_at.timestamp())
                place = participant._source.position
                for column, value in zip(self._columns, (place.x, place.y, place.z), strict=True):
                    column.append(value)
        participant._moved = partial(self._moved, microphones)

    def _forget(self, participant: RemoteParticipant) -> None:
        microphones = self._known.pop(participant, ())
        participant._moved = None
        self.total -= len(microphones)
        for each in microphones:
            for group in (self.desired, self.by_hand, self.always):
                group.discard(each)
            row = self._rows.pop(each, None)
            if row is not None:
                self._vacate(row)

    def _vacate(self, row: int) -> None:
        """Put the last row into the place of this one."""
        last = self.automatic.pop()
        values = [column.pop() for column in (self._joined, *self._columns)]
        if row < len(self.automatic):
            self.automatic[row] = last
            self._rows[last] = row
            for column, value in zip((self._joined, *self._columns), values, strict=True):
                column[row] = value

    def _moved(self, microphones: list[RemoteTrackPublication], place: Vector3D) -> None:
        """Somebody with these microphones is elsewhere now."""
        for each in microphones:
            row = self._rows.get(each)
            if row is not None:
                self._x[row], self._y[row], self._z[row] = place.x, place.y, place.z


def _lowest(values: Distances, count: int) -> tuple[list[int], list[int]]:
    """Which are among the `count` lowest for certain, and which share the last place or places."""
    limit = np.partition(values, count - 1)[count - 1]
    lower = np.flatnonzero(values < limit).tolist()
    level = np.flatnonzero(values == limit).tolist()
    return (lower + level, []) if len(lower) + len(level) == count else (lower, level)


def possible(publication: RemoteTrackPublication) -> bool:
    """Whether subscribing has a chance; what failed is not tried again by itself."""
    return (
        publication.error is None
        and publication.permission_status is PermissionStatus.ALLOWED
        and publication.may_be_subscribed
    )
