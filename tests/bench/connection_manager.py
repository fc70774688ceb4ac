"""The audio connection manager over a large crowd: what one look costs the loop, and how often it changes its mind.

``python -m tests.bench.connection_manager [PEOPLE]``: CPU time and a clock of its own, about 20 s.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import time
from collections import deque

from engage_tui.sdk.audio_connection_manager import INTERVAL, AudioConnectionManager
from engage_tui.sdk.enums import AudioConnectionMode, TrackEvent
from engage_tui.sdk.remote_participant import RemoteParticipant
from engage_tui.spatial.vectors import Vector3D
from tests.unit.sdk.fakes import FakeRoom, microphone, person

PEOPLE = 10_000
HALL = 100.0  # metres on a side
SPEED = 2.0  # metres a second
SECONDS = 20.0


class Crowd:
    """People who walk about in a hall, and a manager that listens from its middle."""

    def __init__(self, count: int) -> None:
        self._random = random.Random(7)
        self.now = 0.0
        self.changes: list[float] = []
        self.people = [self._person(number) for number in range(count)]
        self.manager = AudioConnectionManager(
            lambda: self.people, 8, lambda: Vector3D(HALL / 2, 0, HALL / 2), lambda: self.now
        )

    def _person(self, number: int) -> RemoteParticipant:
        room = FakeRoom()
        made = person(room, f"p{number}", 1 + number % 50, microphone(f"TR_{number}"))
        made.set_position(self._random.uniform(0, HALL), 0, self._random.uniform(0, HALL))
        made.microphones[0].on(
            TrackEvent.SUBSCRIPTION_STATUS_CHANGED, lambda *_: self.changes.append(self.now)
        )
        return made

    def walk(self) -> None:
        """Everybody takes the steps of one interval, each in a direction of their own."""
        stride = SPEED * INTERVAL
        for each in self.people:
            place, turn = each.get_position(), self._random.uniform(0, math.tau)
            each.set_position(
                place.x + stride * math.cos(turn), 0, place.z + stride * math.sin(turn)
            )

    def look(self) -> float:
        """One evaluation; returns its CPU time in milliseconds."""
        self.now += INTERVAL
        start = time.process_time()
        self.manager.evaluate()
        return (time.process_time() - start) * 1000


def busiest_second(times: list[float]) -> int:
    """The most of `times` within any second."""
    window: deque[float] = deque()
    most = 0
    for each in times:
        window.append(each)
        while each - window[0] >= 1:
            window.popleft()
        most = max(most, len(window))
    return most


def main() -> None:
    """Print ours and the goal."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE
    crowd = Crowd(count)
    first = crowd.look()
    chosen = len(crowd.changes)
    walking = []
    for _ in range(int(SECONDS / INTERVAL)):
        crowd.walk()
        walking.append(crowd.look())
    later = crowd.changes[chosen:]
    still = [crowd.look() for _ in range(40)]
    events = []
    for each in crowd.people[:40]:
        each.set_audio_connection_mode(AudioConnectionMode.NEVER)
        events.append(crowd.look())

    print(f"{count} people, nearest 8, CPU ms of one evaluation (median, worst)")
    print(f"{'':34} {'ours':>16} {'goal':>6}")
    for name, costs, goal in (
        ("everybody moves", walking, "3"),
        ("nobody moves", still, ""),
        ("one person's mode changes", events, ""),
        ("the first, which learns them all", [first], ""),
    ):
        print(f"{name:34} {statistics.median(costs):8.2f} {max(costs):7.2f} {goal:>6}")
    print(f"{'changes in the busiest second':34} {busiest_second(later):8} {'':7} {'5':>6}")
    print(f"{'changes in all':34} {len(later):8} in {SECONDS:g} s, after the first {chosen}")


if __name__ == "__main__":
    main()
