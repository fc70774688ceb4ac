"""What takes long to import, imported beside the loop: codecs, transport, devices."""

from __future__ import annotations

import importlib
import logging
import threading

_log = logging.getLogger(__name__)
_lock = threading.Lock()

MODULES = (
    "engage_tui.sdk.space",
    "engage_tui.engine.intents",
    "engage_tui.engine.lobby",
    "engage_tui.engine.statistics",
    "engage_tui.engine.watching",
    "engage_tui.media.devices",
    "engage_tui.media.scale",
    "engage_tui.media.speaker",
)
"""What a call needs once it is started."""


def load() -> None:
    """Import everything heavy, once; a second caller waits for the first.

    For a worker thread. One at a time and nobody beside it, because two threads in one circle of imports may meet
    a half-made module.
    """
    with _lock:
        for name in MODULES:
            importlib.import_module(name)


def load_early() -> None:
    """Start `load` in the background, before anybody asks for a call."""

    def run() -> None:
        try:
            load()
        except Exception:  # noqa: BLE001 - border: a thread; the call meets the same error and tells it
            _log.exception("loading failed")

    threading.Thread(target=run, name="load", daemon=True).start()
