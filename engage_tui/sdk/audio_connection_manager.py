"""The audio connection manager: subscribes the microphones nearest to the listener, within one limit a space."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engage_tui.sdk.enums import AudioConnectionMode, PermissionStatus
from engage_tui.sdk.participant import RemoteParticipant
from engage_tui.sdk.publication import RemoteTrackPublication

DEFAULT_CONNECTIONS = 8
"""How many microphones are connected at once unless told otherwise."""

INTERVAL = 0.25
"""Seconds between two looks at distances, which change without an event."""

HYSTERESIS = 0.9
"""A connected voice counts as this much nearer, so that two at the same distance do not take turns."""

Distance = Callable[[RemoteParticipant], float]
"""Metres between the listener and a participant."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A microphone that may be connected."""

    participant: RemoteParticipant
    publication: RemoteTrackPublication


class AudioConnectionManager:
    """Decides which microphones are heard.

    ``ALWAYS`` and microphones subscribed by hand use up the limit, and are never dropped for it; ``AUTO`` takes what
    is left, nearest first, ties by join time, then by SID; ``NEVER`` is not connected.

    Args:
        participants: Gives everybody to be looked after, in every room of the space.
        limit: How many microphones are connected at once.
        distance: How far away somebody is.
    """

    def __init__(
        self,
        participants: Callable[[], Iterable[RemoteParticipant]],
        limit: int = DEFAULT_CONNECTIONS,
        distance: Distance = lambda _: 0.0,
    ) -> None:
        self._participants = participants
        self._limit = max(0, limit)
        self._distance = distance
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
        candidates = [
            Candidate(participant, publication)
            for participant in self._participants()
            for publication in participant.microphones
        ]
        wanted = self._choose(candidates)
        # First away, then near: the limit holds at every moment.
        for candidate in candidates:
            publication = candidate.publication
            if publication.manual is None and publication not in wanted:
                publication._want(False)
        for candidate in candidates:
            publication = candidate.publication
            if publication.manual is None and publication in wanted and _possible(publication):
                publication._want(True)

    def _choose(self, candidates: list[Candidate]) -> set[RemoteTrackPublication]:
        wanted: set[RemoteTrackPublication] = set()
        taken = 0
        automatic = []
        for candidate in candidates:
            publication = candidate.publication
            if publication.manual is not None:
                taken += publication.is_desired
            elif candidate.participant.audio_connection_mode is AudioConnectionMode.ALWAYS:
                wanted.add(publication)
                taken += 1
            elif (
                candidate.participant.audio_connection_mode is AudioConnectionMode.AUTO
                and _possible(publication)
            ):
                automatic.append(candidate)
        automatic.sort(key=self._rank)
        room = max(0, self._limit - taken)
        return wanted | {each.publication for each in automatic[:room]}

    def _rank(self, candidate: Candidate) -> tuple[float, float, str]:
        distance = self._distance(candidate.participant)
        if candidate.publication.is_desired:
            distance *= HYSTERESIS
        joined = candidate.participant.joined_at.timestamp()
        return distance, joined, candidate.publication.track_sid


def _possible(publication: RemoteTrackPublication) -> bool:
    """Whether subscribing has a chance; what failed is not tried again by itself."""
    return (
        publication.error is None
        and publication.permission_status is PermissionStatus.ALLOWED
        and publication.may_be_subscribed
    )
