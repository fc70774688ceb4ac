"""Shows a call in this terminal, and leaves the terminal as it was."""

from __future__ import annotations

from collections.abc import Callable

from engage_tui.engine import messages as wire
from engage_tui.tui import themes
from engage_tui.tui.app import EngageApp
from engage_tui.tui.outlook import Outlook
from engage_tui.tui.session import Engine
from engage_tui.tui.size import require_size


def run(
    engine: Engine,
    start: wire.Start,
    restart: Callable[[], Engine] | None = None,
    outlook: Outlook | None = None,
) -> wire.Left:
    """Show a call until it is left; the terminal is as it was afterwards.

    Args:
        engine: A running engine (`engine.process.spawn`), started before Textual is imported.
        start: What the call is started with; `start.lobby` shows the lobby first.
        restart: Makes another engine. With it, ``q`` leads to the lobby; without, to the shell.
        outlook: The terminal, and how pictures are wanted; None: what the environment says.

    Returns:
        How the call ended; its `exit_code` is the command's, its message is for stderr.

    Raises:
        UsageError: The terminal is too small to start in.
    """
    require_size()
    outlook = outlook or Outlook()
    themes.promise_colours(outlook.terminal)
    restarted: list[Engine] = []

    def another() -> Engine:
        assert restart is not None
        restarted.append(restart())
        return restarted[-1]

    app = EngageApp(engine, start, another if restart else None, outlook)
    try:
        left = app.run()
    finally:
        for each in restarted:  # the first one is its owner's
            each.close()
    return left or wire.Left("error", app.return_code or 1)
