"""Where the server ends: how many people and pictures it carries, and what one client may ask of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engage_tui.wire.signal import MAX_FRAME


@dataclass(frozen=True, slots=True)
class Limits:
    """The stated limits; what is over them is refused in words, dropped or slowed down.

    At both limits, 25 with open microphones and 16 videos at 600 kbit/s that everybody watches, 78,000 packets a second
    leave: 0.5 to 0.6 of a core and none lost, measured with ``tests.bench.server_load --people 25 --videos 16``.

    Attributes:
        participants: In all rooms together; one more is refused (503).
        video_tracks: Published in all rooms together; one more is refused.
        rooms: At one time; one more is refused (503).
        message_bytes: Of one signalling frame; a longer one ends the session.
        messages_per_second: Signalling frames of one client; what is more waits its turn in the client.
        data_rate: Bytes of data messages a second of one client; what is more is dropped, so that SCTP slows down.
        media_rate: Bytes of sound and pictures a second of one client; what is more is dropped.
        strangers: Connections to one TCP port that have not said yet what they want; the oldest makes room.
        strangers_per_address: … of one address.
        stranger_seconds: How long they may take: for a request's line and headers, the TLS handshake before them
            included, and on the media port for a valid connectivity check.
    """

    participants: int = 25
    video_tracks: int = 16
    rooms: int = 100
    message_bytes: int = MAX_FRAME
    messages_per_second: int = 500
    data_rate: int = 4_000_000
    media_rate: int = 4_000_000
    strangers: int = 256
    strangers_per_address: int = 64
    stranger_seconds: float = 10


class Allowance:
    """A token bucket: `rate` a second, of which one second may be saved up.

    Args:
        rate: How much a second.
        now: Monotonic time; the present unless told.
    """

    def __init__(self, rate: float, now: float | None = None) -> None:
        self._rate = rate
        self._left = rate
        self._at = time.monotonic() if now is None else now

    def take(self, amount: float, now: float) -> bool:
        """Take `amount` if it is there."""
        left = self._left + (now - self._at) * self._rate
        self._at = now
        if left > self._rate:
            left = self._rate
        if amount > left:
            self._left = left
            return False
        self._left = left - amount
        return True

    def owe(self, amount: float, now: float) -> float:
        """Take `amount` in any case; returns the seconds to wait until it is paid."""
        self._refill(now)
        self._left -= amount
        return max(0.0, -self._left / self._rate)

    def left(self, now: float) -> float:
        """How much there is."""
        self._refill(now)
        return self._left

    def _refill(self, now: float) -> None:
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
