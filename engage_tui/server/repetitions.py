"""Which lost packets are sent again: within bounds, or a slow link only gets slower."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engage_tui.server.outlet import Packet
from engage_tui.wire.rtp import is_newer

_GAP = 0.1  # seconds before the same packet is repeated again
_TIMES = 3
_SHARE = 0.15  # of the stream's packets may be repetitions
_CREDIT = 60.0  # packets of that share which may be saved up
_REMEMBERED = 1024  # repetitions


class Repetitions:
    """The answers to one subscription's NACKs.

    Attributes:
        entered: Outgoing number of the last packet before the present layer.
    """

    def __init__(self) -> None:
        self.entered = 0
        self._repeated: dict[int, tuple[float, int]] = {}
        self._asked: set[int] = set()
        self._credit = _CREDIT
        self._credited = 0  # packets for which credit was given

    def choose(
        self,
        numbers: Sequence[int],
        sent: int,
        find: Callable[[int], Packet | None],
        now: float,
    ) -> tuple[list[Packet], int]:
        """Answer a NACK.

        Args:
            numbers: What it asks for.
            sent: Packets of the stream so far.
            find: The packet that was sent under a number, if it is still there.
            now: Monotonic time.

        Returns:
            What is to be sent again, and how many packets of the present layer that were sent are asked for the first
            time. What never came from the publisher is not lost on the subscriber's way.
        """
        fresh = [n for n in numbers if n not in self._asked and is_newer(n, self.entered)]
        if len(self._asked) > _REMEMBERED:
            self._asked.clear()
        self._asked.update(fresh)
        self._credit = min(_CREDIT, self._credit + (sent - self._credited) * _SHARE)
        self._credited = sent
        again: list[Packet] = []
        for number in numbers:
            if self._credit < 1:
                break
            at, times = self._repeated.get(number, (0.0, 0))
            if now - at < _GAP or times >= _TIMES:
                continue
            if (packet := find(number)) is None:
                continue
            if len(self._repeated) > _REMEMBERED:
                self._repeated.clear()
            self._repeated[number] = now, times + 1
            self._credit -= 1
            again.append(packet)
        return again, sum(find(number) is not None for number in fresh)
