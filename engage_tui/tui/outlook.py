"""What pictures are drawn on and how: the terminal as it was found, and the person's wish."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from textual.app import App

from engage_tui.render.cells import MODES, CellMode, ColourDepth
from engage_tui.render.choice import AUTO, VideoMode, choose, next_mode
from engage_tui.render.images import PixelMode
from engage_tui.render.probe import Answers, Probe, window_cell
from engage_tui.render.terminal import Terminal, default_mode, detect, learned, with_cell
from engage_tui.tui.gallery import Gallery
from engage_tui.tui.governor import Plan


@dataclass(frozen=True, slots=True)
class Step:
    """One way of drawing.

    Attributes:
        mode: With text; also what stands wherever pixels cannot.
        colour: How many colours the text has.
        image: With pixels; None: with text alone.
    """

    mode: CellMode
    colour: ColourDepth
    image: PixelMode | None = None


@dataclass(slots=True)
class Outlook:
    """The terminal and how pictures are wanted, for the whole app.

    Attributes:
        terminal: What can be drawn; changes with the font.
        wish: One of `choice.NAMES`.
        fill: Cut what does not fit into a tile, instead of leaving bars.
        mirror: Show oneself as a mirror does.
        plan: How often who is drawn, and how many steps below the chosen mode, because machine or terminal are slow.
        resting: Whether another window has the focus: nothing is drawn that nobody looks at.
        typed: What was typed while the terminal was asked; the app begins with it.
        late: Whether answers may still come, which are no keys.
        slow: Whether the terminal takes so little that pictures have to save bytes.
        gallery: The pictures that are shown as pixels.
    """

    terminal: Terminal = field(default_factory=detect)
    wish: str = AUTO
    fill: bool = False
    mirror: bool = True
    plan: Plan = Plan()
    resting: bool = False
    typed: bytes = b""
    late: bool = False
    slow: bool = False
    gallery: Gallery = field(default_factory=Gallery)

    @property
    def mode(self) -> VideoMode:
        """How pictures are drawn, as a person would have it."""
        return choose(self.wish, self.terminal).mode

    @property
    def ladder(self) -> tuple[Step, ...]:
        """Ways of drawing, from the chosen one down to what the slowest line carries.

        A way with text that was wished for is kept, and loses colours alone; pixels give way to text.
        """
        return _ladder(self.wish, self.terminal)

    @property
    def step(self) -> Step:
        """The way of drawing that is in force."""
        ladder = self.ladder
        return ladder[min(self.plan.economy, len(ladder) - 1)]

    @property
    def image(self) -> PixelMode | None:
        """How pictures are sent as pixels; None: as text."""
        return self.step.image

    @property
    def sparing(self) -> bool:
        """Whether the cells alone are sent that moved: what saves bytes costs work."""
        return self.slow or self.terminal.remote

    def cycle(self) -> VideoMode:
        """Wish for the next mode that works here."""
        self.wish = next_mode(self.mode, self.terminal).value
        self.plan = Plan()
        return self.mode

    def learn(self, answers: Answers) -> None:
        """The terminal has answered late: what it can draw is known now."""
        self.terminal = learned(self.terminal, answers, _cell())
        self.late = False

    def refresh_cell(self) -> bool:
        """Look at the size of a cell again, after a resize; whether it is another one."""
        terminal = with_cell(self.terminal, _cell())
        changed, self.terminal = terminal != self.terminal, terminal
        return changed


@lru_cache(maxsize=16)  # every picture asks
def _ladder(wish: str, terminal: Terminal) -> tuple[Step, ...]:
    colour = terminal.colour
    chosen = choose(wish, terminal).mode
    mode = chosen.cells() or default_mode(terminal)
    steps = [Step(mode, colour)]
    if chosen.pixels:
        steps.insert(0, Step(mode, colour, PixelMode(chosen.value)))
    if not MODES[mode].coloured or colour is ColourDepth.MONO:
        return tuple(steps)
    if wish == AUTO and terminal.unicode and mode is not CellMode.HALF:
        steps.append(Step(CellMode.HALF, colour))
    if colour is ColourDepth.TRUE:
        steps.append(Step(steps[-1].mode, ColourDepth.INDEXED))
    if wish == AUTO:
        steps.append(Step(CellMode.ASCII_MONO, colour))
    return tuple(steps)


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
