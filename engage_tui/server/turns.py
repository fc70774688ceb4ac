"""Work that takes a millisecond or more, one piece in each pass of the loop: between two pieces media are read."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

_log = logging.getLogger(__name__)

_MOST = 4096  # pieces that wait; one more is not taken, and whoever sent it sends it again


class Turns:
    """A queue of handshakes, joins and descriptions.

    Ten people who join at once bring 200 ms of such work; done as it comes, media would wait for all of it.
    """

    def __init__(self) -> None:
        self._work: deque[Callable[[], None]] = deque()
        self._loop = asyncio.get_running_loop()

    def put(self, work: Callable[[], None]) -> None:
        """Do `work` soon, after what was put before; nothing if too much waits."""
        if len(self._work) >= _MOST:
            return
        self._work.append(work)
        if len(self._work) == 1:
            self._loop.call_soon(self._next)

    async def mine(self) -> None:
        """Wait for a turn; what the caller does then, up to its next pause, is a piece of work."""
        if not self._work:
            self._work.append(_nothing)  # whoever comes next in this pass waits
            self._loop.call_soon(self._next)
            return
        turn = self._loop.create_future()
        self._work.append(lambda: None if turn.done() else turn.set_result(None))
        await turn

    def _next(self) -> None:
        work = self._work[0]
        try:
            work()
        except Exception:  # noqa: BLE001 - packet border: one peer's trouble is not another's
            _log.warning("a piece of work failed", exc_info=True)
        self._work.popleft()
        if self._work:
            self._loop.call_soon(self._next)


def _nothing() -> None:
    """The piece of somebody who did not have to wait."""
