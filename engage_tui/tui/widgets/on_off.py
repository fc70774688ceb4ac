"""A switch that says "on" or "off" in words; it leaves Enter alone, which joins."""

from __future__ import annotations

from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class OnOff(Widget, can_focus=True):
    """One of two states, switched with Space or a click."""

    BINDINGS = [Binding("space", "switch", "Switch", show=False)]

    DEFAULT_CSS = """
    OnOff { width: 7; height: 1; padding: 0 1; color: $foreground 70%; pointer: pointer; }
    OnOff.-on { color: $accent; text-style: bold; }
    OnOff:focus { background: $foreground 15%; }
    OnOff:hover { background: $foreground 10%; }
    """

    value: reactive[bool] = reactive(False, init=False)
    """Whether it is on."""

    class Changed(Message):
        """The person switched it."""

        def __init__(self, switch: OnOff) -> None:
            super().__init__()
            self.switch = switch

        @property
        def control(self) -> OnOff:
            """The switch."""
            return self.switch

    def __init__(self, value: bool, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.set_reactive(OnOff.value, value)
        self.set_class(value, "-on")

    def watch_value(self, value: bool) -> None:
        """The accent is for what is on."""
        self.set_class(value, "-on")

    def render(self) -> str:
        """A mark and the word."""
        return "● on" if self.value else "○ off"

    def action_switch(self) -> None:
        """Switch, and tell."""
        self.value = not self.value
        self.post_message(self.Changed(self))

    def on_click(self) -> None:
        """Switch."""
        self.action_switch()
