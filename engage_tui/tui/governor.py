"""How often who is drawn, and how far below the chosen way: what pictures may cost, and what is given up first."""

from __future__ import annotations

from dataclasses import dataclass

CPU = 0.25
"""Of one core: what the screen's process may take while pictures are shown."""

LINE = 0.5
"""Of what the terminal reads a second: pictures shall leave room for everything else."""

SLOW, FAST = 2e6, 5e6
"""Bytes a second below which pictures save bytes, and above which they need not any more."""

_EASE = 0.55  # of either limit: below it something may be given back
_PATIENCE = 2  # seconds over a limit until something is given up
_FIRST_WAIT, _LONGEST_WAIT = 5, 80  # seconds below the limits until something is given back
_TRIAL = 10  # seconds in which what was given back has to prove itself; else the next wait is twice as long


@dataclass(frozen=True, slots=True)
class Plan:
    """What pictures may cost just now.

    Attributes:
        front: Pictures a second of who speaks, or is shown alone.
        quiet: Pictures a second of everybody else.
        economy: Steps below the chosen way of drawing.
    """

    front: float = 15.0
    quiet: float = 15.0
    economy: int = 0

    def rate(self, *, front: bool, large: bool) -> float:
        """Pictures a second of a tile.

        Args:
            front: Whether its person speaks or is shown alone.
            large: Whether it has the stage for itself: then twice as many, as long as nothing had to be given up.
        """
        if large and self == Plan():
            return 2 * self.front
        return self.front if front else self.quiet


def plans(ways: int) -> tuple[Plan, ...]:
    """From everything to as little as possible: quiet people's rate goes first, then sharpness, then the speaker's.

    Args:
        ways: How many ways of drawing there are, the chosen one included.
    """
    rates = [Plan(), Plan(15, 8), Plan(15, 4), Plan(10, 4)]
    lower = [Plan(10, 4, economy) for economy in range(1, ways)]
    last = max(0, ways - 1)
    return (*rates, *lower, Plan(5, 2, last), Plan(2, 1, last))


@dataclass(frozen=True, slots=True)
class Load:
    """What the last second has cost.

    Attributes:
        cpu: Share of a core.
        line: Share of what the terminal can read.
    """

    cpu: float
    line: float

    @property
    def pressure(self) -> float:
        """The worse of both, 1 at its limit."""
        return max(self.cpu / CPU, self.line / LINE)


class Governor:
    """Chooses a plan once a second; asks nobody, so that it can be tried without a clock."""

    def __init__(self) -> None:
        self._step = 0
        self._over = 0  # seconds over a limit
        self._under = 0  # seconds well below both
        self._wait = _FIRST_WAIT
        self._since_rise = _TRIAL + 1

    def second(self, load: Load, ways: int) -> Plan:
        """One second has passed.

        Args:
            load: What it has cost.
            ways: How many ways of drawing there are.
        """
        every = plans(ways)
        self._step = min(self._step, len(every) - 1)
        self._since_rise += 1
        pressure = load.pressure
        self._over = self._over + 1 if pressure > 1 else 0
        self._under = self._under + 1 if pressure < _EASE else 0
        if self._over >= _PATIENCE and self._step < len(every) - 1:
            self._fall(pressure, len(every))
        elif self._under >= self._wait and self._step:
            self._rise()
        elif self._since_rise == _TRIAL and not self._over:
            self._wait = max(_FIRST_WAIT, self._wait // 2)
        return every[self._step]

    def _fall(self, pressure: float, count: int) -> None:
        if self._since_rise < _TRIAL:
            self._wait = min(_LONGEST_WAIT, 2 * self._wait)
        self._step = min(count - 1, self._step + (2 if pressure > 2 else 1))
        self._over, self._since_rise = 0, _TRIAL + 1

    def _rise(self) -> None:
        self._step -= 1
        self._under = self._since_rise = 0


def saves(slow: bool, rate: float) -> bool:
    """Whether pictures have to save bytes; what is decided stays until it is clearly wrong."""
    return rate < (FAST if slow else SLOW)
