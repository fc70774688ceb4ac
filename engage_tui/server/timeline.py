"""How a subscriber's timestamps go on over layers and pauses, so that pictures and sound stay in step.

Sender reports tie each stream's timestamps to the publisher's one wall clock. Where they are known, the next stream is
put where that clock wants it, and what the subscriber learned from our reports stays true. Where they are not known
yet, the time that passed here is the best guess.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engage_tui.server.incoming import IncomingStream

_SLACK = 2.0  # seconds by which what the reports say may differ from what passed here
_STEP = 90  # ticks between pictures that come too late to be shown at their time
_MASK = 0xFFFFFFFF


class Timeline:
    """The timestamps of one subscription.

    Args:
        rate: Of the codec's clock, in Hz.

    Attributes:
        later: Added to the timestamps that come in.
        exact: What should be added by the publisher's clock, while that would go back in time; else None.
    """

    def __init__(self, rate: int) -> None:
        self.later = random.getrandbits(32)
        self.exact: int | None = None
        self._rate = rate

    def go_on(
        self,
        before: IncomingStream | None,
        stream: IncomingStream,
        timestamp: int,
        last: int,
        elapsed: float,
    ) -> None:
        """Another stream follows, or the same after a pause.

        Args:
            before: What was sent until now.
            stream: What is sent from now on.
            timestamp: Of its first packet, as it came.
            last: Of the newest packet sent, as it was sent.
            elapsed: Seconds since then.
        """
        exact = self._by_reports(before, stream)
        self.exact = None
        if exact is not None:
            step = _signed(timestamp + exact - last)
            if abs(step / self._rate - elapsed) < _SLACK:
                self.later = exact
                if step <= 0:
                    # Layers differ in how long they take: a newer picture in another size was sent already.
                    self.exact = exact
                    self.catch_up(timestamp, last)
                return
        self.later = (last + max(1, round(elapsed * self._rate)) - timestamp) & _MASK

    def catch_up(self, timestamp: int, last: int) -> None:
        """A picture begins while `exact` is set: where that is not after `last` (as sent), just after it."""
        assert self.exact is not None
        if _signed(timestamp + self.exact - last) > 0:
            self.later, self.exact = self.exact, None
        else:
            self.later = (last + _STEP - timestamp) & _MASK

    def _by_reports(self, before: IncomingStream | None, stream: IncomingStream) -> int | None:
        """What is to be added to the timestamps of `stream` by the publisher's clock; None if that is not known."""
        if before is stream:
            return self.later
        if before is None or before.report is None or stream.report is None:
            return None
        old, new = before.report[0], stream.report[0]
        passed = round((new.ntp - old.ntp) * self._rate / 2**32)
        return (old.rtp + passed + self.later - new.rtp) & _MASK


def _signed(ticks: int) -> int:
    """A difference of timestamps, wherever they wrapped."""
    return ((ticks + 0x80000000) & _MASK) - 0x80000000
