"""What pictures are drawn on and how: the terminal as it was found, and the person's wish."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass, field
from typing import Any

from textual.app import App

from engage_tui.render.cells import MODES, CellMode, ColourDepth
from engage_tui.render.choice import AUTO, VideoMode, choose, next_mode
from engage_tui.render.probe import Probe, window_cell
from engage_tui.render.terminal import Terminal, default_mode, detect, with_cell


@dataclass(slots=True)
class Outlook:
    """The terminal and how pictures are wanted, for the whole app.

    Attributes:
        terminal: What can be drawn; changes with the font.
        wish: One of `choice.NAMES`.
        fill: Cut what does not fit into a tile, instead of leaving bars.
        mirror: Show oneself as a mirror does.
        economy: How many steps below the chosen mode pictures are drawn, because the terminal is slow.
        typed: What was typed while the terminal was asked; the app begins with it.
        late: Whether answers may still come, which are no keys.
    """

    terminal: Terminal = field(default_factory=detect)
    wish: str = AUTO
    fill: bool = False
    mirror: bool = True
    economy: int = 0
    typed: bytes = b""
    late: bool = False

    @property
    def mode(self) -> VideoMode:
        """How pictures are drawn, as a person would have it."""
        return choose(self.wish, self.terminal).mode

    @property
    def ladder(self) -> tuple[tuple[CellMode, ColourDepth], ...]:
        """Ways of drawing with text, from the chosen one down to what the slowest line carries.

        A mode that was wished for is kept, and loses colours alone.
        """
        colour = self.terminal.colour
        mode = self.mode.cells() or default_mode(self.terminal)
        if not MODES[mode].coloured or colour is ColourDepth.MONO:
            return ((mode, colour),)
        steps = [(mode, colour)]
        if self.wish == AUTO and self.terminal.unicode and mode is not CellMode.HALF:
            steps.append((CellMode.HALF, colour))
        if colour is ColourDepth.TRUE:
            steps.append((steps[-1][0], ColourDepth.INDEXED))
        if self.wish == AUTO:
            steps.append((CellMode.ASCII_MONO, colour))
        return tuple(steps)

    @property
    def drawn(self) -> tuple[CellMode, ColourDepth]:
        """The way of drawing with text that is in force."""
        ladder = self.ladder
        return ladder[min(self.economy, len(ladder) - 1)]

    def cycle(self) -> VideoMode:
        """Wish for the next mode that works here."""
        self.wish = next_mode(self.mode, self.terminal).value
        self.economy = 0
        return self.mode

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
    return Outlook(terminal, wish, typed=answers.typed, late=not answers.complete)


def outlook_of(app: App[Any]) -> Outlook:
    """The app's outlook; what the environment says, for an app that has none.

    Textual takes NO_COLOR out of the environment, and remembers it.
    """
    known = getattr(app, "outlook", None)
    outlook = known if isinstance(known, Outlook) else Outlook()
    if app.no_color and outlook.terminal.colour is not ColourDepth.MONO:
        outlook.terminal = dataclasses.replace(outlook.terminal, colour=ColourDepth.MONO)
    return outlook


def _cell() -> tuple[int, int]:
    stream = sys.__stdin__
    return window_cell(stream.fileno()) if stream is not None and stream.isatty() else (0, 0)
