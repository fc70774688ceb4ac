"""What the app tells a screen; each screen takes what concerns it."""

from __future__ import annotations

from textual.screen import Screen

from engage_tui.engine.messages import Outcome
from engage_tui.tui.model import Change, LogLine, Waiting
from engage_tui.tui.session import Session
from engage_tui.tui.widgets.tile import Tile


class Page(Screen[None]):
    """A screen over the session's model.

    Attributes:
        ready: Whether its widgets stand. What is told before is in the model, and shown when they do.
    """

    ready = False

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def show(self, change: Change) -> None:
        """Draw what changed, and nothing else."""

    def restyle(self) -> None:
        """Pictures are to be drawn another way, or the terminal's cells have another shape."""

    def take_down_images(self) -> None:
        """Draw cells in place of pixels, which another screen or another size would tear; pixels come again."""
        for tile in self.query(Tile):
            tile.uncertain()

    def on_screen_suspend(self) -> None:
        """Another screen comes: pixels would shine through it."""
        self.take_down_images()

    def show_waiting(self) -> None:
        """An intent was sent or answered: show what is pending."""

    def show_levels(self) -> None:
        """New loudness, ten times a second."""

    def show_statistics(self) -> None:
        """New counters, once a second."""

    def show_line(self, line: LogLine) -> None:
        """A new line of the log."""

    def show_failure(self, waiting: Waiting, outcome: Outcome) -> None:
        """An intent failed: say what was wanted, why it failed and what to do."""
        text = " ".join(each for each in (outcome.error, outcome.hint) if each)
        self.notify(text, title=f"{waiting.what} failed", severity="error", timeout=8)
