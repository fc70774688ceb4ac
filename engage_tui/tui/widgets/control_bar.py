"""The control bar: one line of buttons, each a view of an action; own switches say their state in words."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from engage_tui.engine.actions import Action, by_id
from engage_tui.engine.view import ToggleView
from engage_tui.tui import keys

SWITCHES = ("toggle_microphone", "toggle_camera", "toggle_screen")
"""The actions that show a switch of one's own."""

PICTURE = "cycle_picture"
"""The action that says how pictures are drawn."""

BAR = (
    *SWITCHES,
    "toggle_row",
    PICTURE,
    "toggle_log",
    "toggle_map",
    "devices",
    "copy_invite",
    "help",
    "leave",
)
"""The bar from left to right."""

DROPPED = ("copy_invite", PICTURE, "devices", "toggle_row", "toggle_map", "toggle_log", "help")
"""What makes room on a narrow screen, first to last; its keys go on working."""

_PICTURE_WORDS = "picture: quadrant"  # as wide as any of them gets
_SHORT = {"camera": "CAM", "share": "SHARE"}


def switch_words(action: Action, view: ToggleView, *, short: bool = False) -> str:
    """``MIC ON``, ``MIC OFF``, ``MIC …``: padded, so that a change moves nothing."""
    name = _SHORT.get(action.label, action.label.upper()) if short else action.label.upper()
    state = "…" if view.pending else "ON" if view.on else "OFF"
    return f"{name} {state}".ljust(len(name) + 4)


class ControlButton(Widget):
    """One button: its key, then its word; clicking it is pressing the key."""

    COMPONENT_CLASSES = {"control--key", "control--on", "control--off", "control--wait"}

    DEFAULT_CSS = """
    ControlButton { width: auto; height: 1; padding: 0 1; pointer: pointer; }
    ControlButton:hover { background: $foreground 12%; }
    ControlButton > .control--key { color: $foreground 55%; text-style: bold; }
    ControlButton > .control--on { color: $accent; text-style: bold; }
    ControlButton > .control--off { color: $foreground 75%; }
    ControlButton > .control--wait { color: $warning; text-style: bold; }
    ControlButton.-alert > .control--off { color: $error; text-style: bold; }
    """

    view: reactive[ToggleView | None] = reactive(None)
    """The switch behind the button; None for plain commands."""

    text: reactive[str] = reactive("")
    """Words in place of the action's label."""

    short: reactive[bool] = reactive(False, layout=True)
    """Use the shortest words."""

    class Pressed(Message):
        """The button was clicked."""

        def __init__(self, action: Action) -> None:
            super().__init__()
            self.action = action

    def __init__(self, action: Action) -> None:
        super().__init__(id=f"control-{action.id}")
        self.action = action

    @property
    def words(self) -> str:
        """The button's text after its key."""
        if self.view is None:
            return self.text or self.action.label
        return switch_words(self.action, self.view, short=self.short)

    def watch_view(self, view: ToggleView | None) -> None:
        """What the key would change, or why it could not, under the mouse."""
        self.tooltip = (view.error or view.label or None) if view else self.action.help

    def render(self) -> Text:
        """The key, dimmed, and the words."""
        view = self.view
        name = "off" if view is None or not view.on else "on"
        if view is not None and view.pending:
            name = "wait"
        return Text.assemble(
            (keys.shown(self.action.key) + " ", self._style("key")), (self.words, self._style(name))
        )

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"control--{name}")

    def on_click(self, event: events.Click) -> None:
        """Do what the key does."""
        event.stop()
        self.post_message(self.Pressed(self.action))


class ControlBar(Horizontal):
    """The buttons, as many and as long as fit."""

    DEFAULT_CSS = """
    ControlBar { height: 1; width: 1fr; overflow: hidden; }
    ControlBar > .gap { width: 1fr; }
    """

    def compose(self) -> ComposeResult:
        """All buttons; `on_resize` hides those that do not fit."""
        for action_id in BAR:
            button = ControlButton(by_id(action_id))
            if action_id == PICTURE:
                button.text = _PICTURE_WORDS
            yield button

    def show(self, toggle: Callable[[str], ToggleView], *, joined: bool) -> None:
        """Show one's own switches; red is for failures and, in the room, for a muted microphone.

        Args:
            toggle: Gives the view behind an intent.
            joined: Whether there is anybody who does not hear.
        """
        for action_id in SWITCHES:
            button = self.query_one(f"#control-{action_id}", ControlButton)
            view = toggle(button.action.intent)
            muted = joined and action_id == "toggle_microphone" and not view.on
            button.view = view
            button.set_class(muted or bool(view.error), "-alert")

    def show_picture(self, mode: str) -> None:
        """Say how pictures are drawn, in a place of fixed width."""
        button = self.query_one(f"#control-{PICTURE}", ControlButton)
        button.text = f"picture: {mode}".ljust(len(_PICTURE_WORDS))

    def on_resize(self, event: events.Resize) -> None:
        """Shorten words first, then drop what has a key anyway."""
        hidden: set[str] = set()
        short = self._needed(hidden, short=False) > event.size.width
        for action_id in DROPPED:
            if self._needed(hidden, short=short) <= event.size.width:
                break
            hidden.add(action_id)
        for button in self.query(ControlButton):
            button.short = short
            button.display = button.action.id not in hidden

    def _needed(self, hidden: set[str], *, short: bool) -> int:
        total = 0
        for action_id in BAR:
            if action_id in hidden:
                continue
            action = by_id(action_id)
            text = _PICTURE_WORDS if action_id == PICTURE else action.label
            if action_id in SWITCHES:
                text = switch_words(action, ToggleView(), short=short)
            total += cell_len(keys.shown(action.key)) + 1 + cell_len(text) + 2
        return total
