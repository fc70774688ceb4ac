"""Native libraries' chatter (ALSA, PortAudio, OpenCV, FFmpeg) on file descriptor 2: into the log, off the screen."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from engage_tui.log import log_path

_STDERR = 2
_kept: TextIO | None = None  # what sys.stderr was redirected to, so that it is done once only


def redirect_native_stderr(*, keep_python: bool = False) -> None:
    """Send everything that is written to file descriptor 2 to the log file, for the rest of the process.

    Args:
        keep_python: Let Python's own `sys.stderr` go where it went before (a command that shows its errors
            there); else it goes to the log too (the engine process).
    """
    global _kept
    if _kept is not None:
        return
    sys.stderr.flush()
    original = os.dup(_STDERR)
    _to_log()
    if keep_python:
        _kept = os.fdopen(original, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        sys.stderr = _kept
    else:
        os.close(original)
        _kept = sys.stderr


@contextlib.contextmanager
def native_stderr_in_log() -> Iterator[None]:
    """Send file descriptor 2 to the log file inside a ``with`` block; no thread may print meanwhile."""
    sys.stderr.flush()
    original = os.dup(_STDERR)
    _to_log()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(original, _STDERR)
        os.close(original)


def _to_log() -> None:
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        target = os.open(os.devnull, os.O_WRONLY)  # a read-only home must not stop a call
    os.dup2(target, _STDERR)
    os.close(target)
