"""Losses on the publisher's side, which a subscriber sees too: they say nothing of the subscriber's link."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engage_tui.server.incoming import IncomingStream


class Upstream:
    """What one subscription lacks because it never came to the server."""

    def __init__(self) -> None:
        self._stream: IncomingStream | None = None
        self._missing = 0
        self._unspent = 0.0  # missed here, and not yet spoken of by the subscriber

    def excuse(self, stream: IncomingStream | None, lost: float) -> float:
        """Of `lost` packets of a report, those that were sent and lost on the subscriber's own way."""
        if self._stream is not None:  # the layer may have changed just now, after the gap
            self._unspent = max(0.0, self._unspent + self._stream.missing - self._missing)
        self._stream, self._missing = stream, 0 if stream is None else stream.missing
        excused = min(lost, self._unspent)
        self._unspent -= excused
        return lost - excused
