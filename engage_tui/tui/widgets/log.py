"""The event log: what happened, in words, the newest at the bottom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from rich.table import Table
from rich.text import Text
from textual import events
from textual.widgets import RichLog

from engage_tui.tui import words
from engage_tui.tui.model import LogLine


class LogPanel(RichLog, can_focus=False):
    """The last lines of the log, wrapped to the panel's width, whatever that becomes."""

    COMPONENT_CLASSES = {"log--time", "log--text", "log--warning", "log--error"}

    DEFAULT_CSS = """
    LogPanel { scrollbar-size-vertical: 1; background: transparent; overflow-x: hidden; scrollbar-gutter: stable; }
    LogPanel > .log--time { color: $foreground 45%; }
    LogPanel > .log--text { color: $foreground 85%; }
    LogPanel > .log--warning { color: $warning; }
    LogPanel > .log--error { color: $error; }
    """

    def __init__(self, history: Callable[[], Iterable[LogLine]], *, id: str | None = None) -> None:  # noqa: A002
        """Show `history()` anew whenever the width changes."""
        super().__init__(id=id, wrap=True, min_width=10, markup=False, highlight=False)
        self._history = history
        self._width = 0

    def show_line(self, line: LogLine) -> None:
        """Add one line at the bottom."""
        if self._width:  # without a width it could not wrap; the resize writes everything
            self.write(self._renderable(line), width=self._width)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap everything anew."""
        super().on_resize(event)
        width = self.scrollable_content_region.width
        if width == self._width or not width:
            return
        self._width = width
        self.clear()
        for line in self._history():
            self.show_line(line)

    def _renderable(self, line: LogLine) -> Table:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=5)
        grid.add_column(ratio=1, overflow="fold")
        name = line.kind if line.kind in ("warning", "error") else "text"
        clock = time.strftime("%H:%M", time.localtime(line.time))
        grid.add_row(
            Text(clock, self.get_component_rich_style("log--time")),
            Text(words.clean(line.text), self.get_component_rich_style(f"log--{name}")),
        )
        return grid
