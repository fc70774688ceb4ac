"""Every key, from the table of actions."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from engage_tui.engine.actions import ACTIONS, Scope
from engage_tui.tui import keys

_GROUPS = (
    (Scope.CALL, "In the call"),
    (Scope.ROW, "On the selected row"),
    (Scope.MAP, "On the map"),
    (Scope.ALWAYS, "Always, also while typing"),
)
_TEXTUAL = (("Ctrl+P", "Command palette: every action by name."), ("Ctrl+Q", "Quit."))


class HelpScreen(ModalScreen[None]):
    """A panel over the call; Esc, ? or F1 closes it."""

    BINDINGS = [
        Binding("escape,question_mark,f1,q", "dismiss", "Close", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
    ]

    def compose(self) -> ComposeResult:
        """One table, grouped by where the keys work."""
        with VerticalScroll(id="help") as panel:
            panel.border_title = "Keys"
            panel.border_subtitle = "Esc close"
            yield Static(self._table(), id="help-text")

    def action_scroll(self, lines: int) -> None:
        """Scroll the panel."""
        self.query_one("#help").scroll_relative(y=lines, animate=False)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, justify="right", style="bold")
        table.add_column()
        for scope, title in _GROUPS:
            table.add_row("", Text(title.upper(), style="dim"))
            for action in ACTIONS:
                if action.scope is scope:
                    table.add_row(keys.shown_keys(action), action.help)
            table.add_row("", "")
        for key, meaning in _TEXTUAL:
            table.add_row(key, meaning)
        return table
