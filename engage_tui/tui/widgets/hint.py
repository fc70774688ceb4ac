"""One line for the selected row in full, or for what went wrong; at the right the keys that help."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from engage_tui.tui import words


class HintLine(Widget):
    """The line above the control bar; its place is always kept, so that nothing jumps."""

    COMPONENT_CLASSES = {"hint--text", "hint--alert", "hint--keys"}

    DEFAULT_CSS = """
    HintLine { height: 1; width: 1fr; }
    HintLine > .hint--text { color: $foreground 80%; }
    HintLine > .hint--alert { color: $error; text-style: bold; }
    HintLine > .hint--keys { color: $foreground 55%; }
    """

    text: reactive[str] = reactive("")
    """The words at the left."""

    offers: reactive[str] = reactive("")
    """The keys at the right ("s unsubscribe")."""

    alert: reactive[bool] = reactive(False)
    """Whether the words tell of a failure."""

    def render(self) -> Text:
        """Words, gap, keys; the keys go first when there is no room for both."""
        width = self.size.width
        offers = self.offers
        if cell_len(self.text) + 2 + cell_len(offers) > width:
            offers = ""
        left = words.fit(self.text, width - cell_len(offers))
        return Text.assemble(
            (left, self._style("alert" if self.alert else "text")),
            (offers, self._style("keys")),
            no_wrap=True,
        )

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"hint--{name}")
