"""What this process plays at the moment: every block of the mix that goes to a sound card, for echo cancellers.

A speaker writes, each microphone listens for itself. There is one `PLAYING` in a process, because there is one room
in which its speaker and its microphone stand.
"""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
import numpy.typing as npt

from engage_tui.media.source import BLOCK

Mono = npt.NDArray[np.float32]

_BOUND = 40  # blocks that wait for a listener, 400 ms; the oldest go first
_SLACK = 6  # blocks that bursts of the sound system may leave waiting; more for a second is drift
_LOOK = 100  # blocks between two looks at the drift: a second


class Listener:
    """One microphone's view of what is played: written on the mixing thread, read on the microphone's."""

    def __init__(self) -> None:
        self._blocks: deque[Mono] = deque(maxlen=_BOUND)
        self._part = np.zeros(0, np.float32)  # less than a block
        self._silence = np.zeros(BLOCK, np.float32)
        self._lowest = _BOUND
        self._reads = 0

    def write(self, sound: Mono) -> None:
        """Take what is played next, of any length."""
        waiting = np.concatenate((self._part, sound)) if len(self._part) else sound
        while len(waiting) >= BLOCK:
            self._blocks.append(waiting[:BLOCK])
            waiting = waiting[BLOCK:]
        self._part = waiting

    def read(self) -> Mono:
        """The block that belongs to the next captured one; silence while nothing is played.

        What waited for a whole second is more than bursts explain: two cards drift apart. One block is left out
        then, which the canceller's filter absorbs.
        """
        self._lowest = min(self._lowest, len(self._blocks))
        self._reads += 1
        if self._reads >= _LOOK:
            if self._lowest > _SLACK:
                self._blocks.popleft()
            self._lowest, self._reads = _BOUND, 0
        try:
            return self._blocks.popleft()
        except IndexError:
            return self._silence


class Playing:
    """Hands what is played to all listeners.

    Attributes:
        label: The name of the speaker that plays; empty while none does.
    """

    def __init__(self) -> None:
        self.label = ""
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()

    def listen(self) -> Listener:
        """A listener that hears everything from now on, until `leave`."""
        listener = Listener()
        with self._lock:
            self._listeners = (*self._listeners, listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Stop handing blocks to `listener`; unknown ones are ignored."""
        with self._lock:
            self._listeners = tuple(each for each in self._listeners if each is not listener)

    def write(self, block: npt.NDArray[np.float32]) -> None:
        """Take a block of the mix, float32 ``(samples, 2)``, on its way to a card; costs nothing unheard."""
        if self._listeners:
            mono = block.mean(axis=1, dtype=np.float32)
            for listener in self._listeners:
                listener.write(mono)


PLAYING = Playing()
"""What the speakers of this process play."""
