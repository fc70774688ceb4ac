"""The log: a rotating file, never the screen; secrets masked."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

_FORMAT = "%(asctime)s %(levelname)-7s %(process)d %(name)s: %(message)s"
# A JWT (three base64url parts), and whatever follows the words that name a secret.
_SECRETS = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.[\w-]+|(?<=access_token=)[^&\s]+|(?<=join_request=)[^&\s]+|(?<=secret=)\S+"
)


class MaskSecrets(logging.Filter):
    """Replace tokens and secrets in a record's text by ``***``."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record in place; always lets it pass."""
        text = record.getMessage()
        masked = _SECRETS.sub("***", text)
        if masked != text:
            record.msg, record.args = masked, ()
        return True


def log_path() -> Path:
    """Where the log file lies: ``ENGAGE_TUI_LOG`` or the platform's log folder."""
    if chosen := os.environ.get("ENGAGE_TUI_LOG"):
        return Path(chosen)
    return Path(platformdirs.user_log_dir("engage-tui", appauthor=False)) / "engage-tui.log"


class JsonLines(logging.Formatter):
    """A record as one JSON object a line: ``time``, ``level``, ``process``, ``logger``, ``message``, ``error``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def setup(
    process: str,
    *,
    level: int = logging.INFO,
    to_stderr: bool = False,
    as_json: bool = False,
) -> None:
    """Send this process's log records to the log file, or to stderr for a server in the foreground.

    Args:
        process: A short name of the process for the first line.
        level: The least severe level that is kept.
        to_stderr: Write to stderr instead of the file.
        as_json: Write lines of JSON instead of text.
    """
    handler: logging.Handler
    if to_stderr:
        handler = logging.StreamHandler()
    else:
        try:
            path = log_path()
            path.parent.mkdir(parents=True, exist_ok=True)
            handler = logging.handlers.RotatingFileHandler(
                path, maxBytes=1_000_000, backupCount=2, encoding="utf-8"
            )
        except OSError:
            handler = logging.NullHandler()  # a read-only home must not stop a call
    handler.setFormatter(JsonLines() if as_json else logging.Formatter(_FORMAT))
    handler.addFilter(MaskSecrets())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aioice", "aiortc", "aiohttp.access", "libav", "asyncio"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    logging.getLogger("engage_tui").info("%s starts", process)
