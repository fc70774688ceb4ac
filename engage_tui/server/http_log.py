"""What aiohttp logs of requests that are none: a stranger must not fill the log, nor write tokens into it."""

from __future__ import annotations

import logging
import time

from aiohttp.http_exceptions import HttpProcessingError

HTTP_LOG = logging.getLogger(__name__)
"""The logger for aiohttp's server."""

_EVERY = 60.0  # seconds between two lines about malformed requests


class Malformed(logging.Filter):
    """Lets one line through where aiohttp would write a traceback for each malformed request."""

    def __init__(self) -> None:
        super().__init__()
        self._said = -_EVERY
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Count, and let through what is no malformed request, or the first one in a while."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        self._count += 1
        now = time.monotonic()
        if now - self._said < _EVERY:
            return False
        self._said = now
        record.levelno, record.levelname = logging.INFO, "INFO"
        where = record.getMessage()
        record.msg = "%d malformed HTTP requests were refused, the last one (%s): %s"
        record.args = (self._count, type(error).__name__, where)
        record.exc_info = record.exc_text = None
        self._count = 0
        return True


HTTP_LOG.addFilter(Malformed())
