"""What pictures are drawn on and how: the terminal as it was found, and the person's wish."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass, field
from typing import Any

from textual.app import App

from engage_tui.render.cells import ColourDepth
from engage_tui.render.choice import AUTO
from engage_tui.render.probe import Probe, window_cell
from engage_tui.render.terminal import Terminal, detect, with_cell


@dataclass(slots=True)
class Outlook:
    """The terminal and the wish, for the whole app.

    Attributes:
        terminal: What can be drawn; changes with the font.
        wish: One of `choice.NAMES`.
        typed: What was typed while the terminal was asked; the app begins with it.
        late: Whether answers may still come, which are no keys.
    """

    terminal: Terminal = field(default_factory=detect)
    wish: str = AUTO
    typed: bytes = b""
    late: bool = False

    def refresh_cell(self) -> bool:
        """Look at the size of a cell again, after a resize; whether it is another one."""
        terminal = with_cell(self.terminal, _cell())
        changed, self.terminal = terminal != self.terminal, terminal
        return changed


def found(probe: Probe | None, wish: str) -> Outlook:
    """Wait for the terminal's answers, and make of them what the app needs."""
    if probe is None:
        return Outlook(detect(cell=_cell()), wish)
    answers = probe.finish()
    terminal = detect(answers=answers, cell=_cell())
    return Outlook(terminal, wish, answers.typed, not answers.complete)


def outlook_of(app: App[Any]) -> Outlook:
    """The app's outlook; what the environment says, for an app that has none."""
    known = getattr(app, "outlook", None)
    return known if isinstance(known, Outlook) else Outlook()


def terminal_of(app: App[Any]) -> Terminal:
    """What can be drawn in the app's terminal; Textual takes NO_COLOR out of the environment, and remembers it."""
    terminal = outlook_of(app).terminal
    return dataclasses.replace(terminal, colour=ColourDepth.MONO) if app.no_color else terminal


def _cell() -> tuple[int, int]:
    stream = sys.__stdin__
    return window_cell(stream.fileno()) if stream is not None and stream.isatty() else (0, 0)
