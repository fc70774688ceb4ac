"""How much a subscriber's link carries, and who gets what of it. Clocks are handed in.

The rule: nothing is known to be scarce until the feedback says trouble, be it loss, repetitions asked for or a growing
round trip. Then what came through is the budget, and layers step down to fit. Later one step up is tried; if it
brings trouble again the next try waits longer. An estimate of the receiver alone takes nothing away: on a good link
libwebrtc's stays low until it has seen more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_MEMORY = 0.6  # seconds after which what was counted has faded to a third
_SHARE = 0.1  # of the packets lost: trouble; single losses are repaired and cost nothing
_SEVERE = 0.3  # of the packets lost: more than a bad radio loses
_LEAST = 8.0  # lost packets before a share means anything
_QUEUE = 0.3  # seconds that the round trip grew by: a queue is filling
_SETTLE = 1.0  # seconds in which a step down takes effect …
_STALE = 2.5  # … and in which reports still speak of the time before it
_FLOOR = 0.25  # at least so much came through: a link that carries less is found out step by step
_SAFE = 0.85  # of what came through is asked of the link
_FIRST_WAIT, _LONGEST_WAIT = 4.0, 16.0  # seconds from trouble to the next try
_PROOF = 3.0  # seconds without trouble after which a try has succeeded
_RECENT = 1.5  # seconds that a measured round trip counts
_ROOM = 1.1  # times what a step costs is granted for it
_FRESH = 3.0  # seconds that a receiver's estimate is believed
_STICKY = 0.75  # of its cost counts for a layer that is sent already
_PAUSE_SLACK = 1.1  # a video is paused only if even its smallest layer is far from fitting


@dataclass(frozen=True, slots=True)
class Demand:
    """What one video may cost.

    Attributes:
        costs: Bits a second of each layer, the smallest first, up to the wanted one; not empty.
        importance: The larger, the later it is lowered or paused.
        level: What it has now. That may cost a little more than a new step: rates waver, and layers should not.
    """

    costs: Sequence[float]
    importance: tuple[int, ...]
    level: int = -1

    def cost(self, level: int) -> float:
        """Bits a second of a level; nothing for `PAUSED`."""
        if level < 0:
            return 0.0
        return self.costs[level] * (_STICKY if level <= self.level else 1.0)


PAUSED = -1
"""The level of a video that gets nothing."""


def allocate(demands: Sequence[Demand], limit: float) -> tuple[list[int], float | None]:
    """Share `limit` bits a second among videos.

    Returns:
        For each its level (an index of its costs, or `PAUSED`), and what all would cost with one more step; None if
        everybody has what it wants.
    """
    order = sorted(range(len(demands)), key=lambda n: demands[n].importance, reverse=True)
    levels = [0] * len(demands)
    total = sum(demand.cost(0) for demand in demands)
    for place in reversed(order):
        if total <= limit * _PAUSE_SLACK:
            break
        levels[place] = PAUSED
        total -= demands[place].cost(0)
    following: float | None = None
    stuck: set[int] = set()
    while len(stuck) < len(order):
        for place in order:
            demand, level = demands[place], levels[place]
            if place in stuck:
                continue
            if level + 1 >= len(demand.costs):
                stuck.add(place)
                continue
            step = demand.cost(level + 1) - demand.cost(level)
            if total + step > limit:
                stuck.add(place)
                if following is None:
                    following = total + max(0.0, step)
                continue
            levels[place] += 1
            total += step
    return levels, following


class Budget:
    """Estimates what a link carries.

    Args:
        since: As the attribute.

    Attributes:
        limit: Bits a second; infinite while nothing is known to be scarce.
        since: Monotonic time from when on the link is what it is; what was lost before says nothing.
    """

    def __init__(self, since: float = -math.inf) -> None:
        self.limit = math.inf
        self._sent = self._asked = self._expected = self._lost = 0.0  # packets, fading
        self._rate = 0.0
        self._updated = 0.0
        self._shortest = math.inf
        self._slow, self._travelled = (
            0,
            -math.inf,
        )  # slow round trips in a row, the time of the last one
        self._estimate, self._estimated = math.inf, -math.inf
        self._lowered = -math.inf
        self._tried = -math.inf
        self._good = math.inf  # the limit before the last try
        self._next = -math.inf
        self._wait = _FIRST_WAIT
        self.since = since

    def asked_again(self, packets: int) -> None:
        """A NACK asked for so many packets."""
        self._asked += packets

    def reported(self, expected: int, lost: float) -> None:
        """A receiver report spoke of so many packets since the one before."""
        self._expected += expected
        self._lost += lost

    def round_trip(self, seconds: float, now: float) -> None:
        """A packet and the report about it took so long."""
        self._shortest = min(self._shortest * 1.01, seconds)  # routes change: forget slowly
        # One slow answer may be a busy machine's; two in a row are a queue.
        self._slow = self._slow + 1 if seconds > self._shortest + _QUEUE else 0
        self._travelled = now

    def estimated(self, bits: float, now: float) -> None:
        """The receiver believes that its link carries so much (REMB)."""
        self._estimate, self._estimated = bits, now

    def update(
        self,
        packets: int,
        bits: float,
        following: float | None,
        least: Callable[[], float],
        now: float,
    ) -> bool:
        """Look at what was fed back; some times a second.

        Args:
            packets: Sent since the last time.
            bits: The same in bits.
            following: What one more step would cost in all, from `allocate`; None if there is none.
            least: What the smallest layers cost in all; a link that merely loses packets still gets so much.
            now: Monotonic time.

        Returns:
            Whether `limit` changed.
        """
        elapsed = now - self._updated if self._updated else 0.0
        self._updated = now
        if 0 < elapsed < 5:
            fade = math.exp(-elapsed / _MEMORY)
            self._rate = self._rate * fade + bits / elapsed * (1 - fade)
            for name in ("_sent", "_asked", "_expected", "_lost"):
                setattr(self, name, getattr(self, name) * fade)
        self._sent += packets
        if now - max(self._lowered, self.since) < _STALE:
            self._lost = self._expected = 0.0
        if now - self.since < _STALE:
            self._asked = 0.0
        queue = self._slow > 1 and now - self._travelled < _RECENT
        queue = queue and now - self._lowered >= _STALE
        share = self._share()
        if self._sent >= _LEAST and (share > _SHARE or queue):
            return self._lower(share, 0.0 if queue or share > _SEVERE else least(), now)
        return self._raise(following, now)

    def _share(self) -> float:
        """Of what was sent, how much was lost."""
        worst = 0.0
        for lost, of in ((self._asked, self._sent), (self._lost, self._expected)):
            if lost >= _LEAST and of > 0:
                worst = max(worst, min(1.0, lost / of))
        return worst

    def _lower(self, share: float, least: float, now: float) -> bool:
        if now - self._lowered < _SETTLE:
            return False
        if now - self._tried < _PROOF:
            limit = self._good  # the step up was too much: back to what went well
            self._wait = min(_LONGEST_WAIT, 2 * self._wait)
        else:
            limit = _SAFE * self._rate * max(_FLOOR, 1 - share)
            if now - self._estimated < _FRESH and self._estimate < limit:
                limit = max(self._estimate, limit / 2)
        limit = max(limit, least)
        self._tried = -math.inf
        self._lowered, self._next = now, now + self._wait
        self._asked = self._lost = self._expected = 0.0
        before, self.limit = self.limit, min(self.limit, limit)
        return self.limit < before

    def _raise(self, following: float | None, now: float) -> bool:
        if math.isinf(self.limit):
            return False
        if math.isfinite(self._tried) and now - self._tried > _PROOF:
            self._wait = _FIRST_WAIT  # the last step up went well
        known_good = (
            following is not None
            and now - self._estimated < _FRESH
            and self._estimate > 1.1 * following
            and now - max(self._lowered, self._tried) > _PROOF
        )
        if now < self._next and not known_good:
            return False
        if following is None:
            if now - self._tried < _PROOF:
                return False
            self.limit = math.inf
            return True
        self._good = self.limit
        self.limit = max(self.limit, following * _ROOM)
        self._tried, self._next = now, now + _PROOF
        return True
