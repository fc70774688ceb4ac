"""The lobby's microphone meter with a word of advice."""

from __future__ import annotations

from collections import deque

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from engage_tui.tui import words

_LOUD = 0.97
_REMEMBERED = 20  # levels come ten times a second: two seconds


class Meter(Widget):
    """The microphone's loudness before joining, with advice beside it."""

    COMPONENT_CLASSES = {"meter--full", "meter--empty", "meter--loud", "meter--advice"}

    DEFAULT_CSS = """
    Meter {
        height: 1;
        width: 1fr;
    }
    Meter > .meter--full { color: $accent; }
    Meter > .meter--empty { color: $foreground 30%; }
    Meter > .meter--loud { color: $error; }
    Meter > .meter--advice { color: $foreground 70%; }
    """

    level: reactive[float] = reactive(0.0)
    """Loudness, 0 to 1 (perceptual)."""

    active: reactive[bool] = reactive(False)
    """Whether a microphone is open; without one there is nothing to advise on."""

    def __init__(self, *, blocks: int = 10, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._blocks = blocks
        self._heard: deque[float] = deque(maxlen=_REMEMBERED)

    def hear(self, level: float) -> None:
        """Take a new level, ten times a second."""
        self._heard.append(level)
        self.level = level

    def watch_active(self) -> None:
        """Begin anew with every microphone."""
        self._heard.clear()
        self.level = 0.0

    @property
    def advice(self) -> str:
        """The words beside the blocks."""
        return words.advice(list(self._heard)) if self.active else "off"

    def render(self) -> Text:
        """The blocks, then the advice."""
        shown = words.meter(self.level, self._blocks)
        full = shown.rstrip(words.EMPTY)
        loud = "meter--loud" if self.level > _LOUD else "meter--full"
        return Text.assemble(
            (full, self.get_component_rich_style(loud)),
            (shown[len(full) :], self.get_component_rich_style("meter--empty")),
            ("  " + self.advice, self.get_component_rich_style("meter--advice")),
            no_wrap=True,
            overflow="ellipsis",
        )
