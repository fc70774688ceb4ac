"""Switches that say their value in words: what is done to one's own voice, how one talks, for which ears one hears."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from engage_tui.engine.view import ProcessingView

_ON_OFF: tuple[object, ...] = (True, False)
_VALUES: dict[str, tuple[object, ...]] = {
    "echo": ("auto", "on", "off"),
    "noise": _ON_OFF,
    "gain": _ON_OFF,
    "push": ("hold", "press"),
    "spatial": ("binaural", "stereo", "off"),
    "where": ("around", "in the room"),
    "loop": _ON_OFF,
}
_CHAIN = ("echo", "noise", "gain")
_HELP = {
    "echo": "Cancel what your speaker plays (auto: not with headphones).",
    "noise": "Suppress steady noise.",
    "gain": "Even out loud and quiet.",
    "push": "Push to talk: hold the key, or press it twice.",
    "where": "All around you, or at a place.",
    "loop": "Begin again at the end.",
    "spatial": "For headphones, for two loudspeakers, or all in the middle.",
}


class VoiceSwitch(Widget, can_focus=True):
    """One switch; Space or a click goes to its next value."""

    BINDINGS = [Binding("space", "switch", "Switch", show=False)]

    DEFAULT_CSS = """
    VoiceSwitch { width: auto; height: 1; margin: 0 1 0 0; color: $foreground 70%; pointer: pointer; }
    VoiceSwitch.-on { color: $accent; text-style: bold; }
    VoiceSwitch:focus { background: $foreground 15%; }
    VoiceSwitch:hover { background: $foreground 10%; }
    VoiceSwitch:disabled { color: $foreground 35%; }
    """

    value: reactive[object] = reactive(True, init=False)
    """One of the switch's words, or True or False."""

    class Changed(Message):
        """The person wants another value."""

        def __init__(self, name: str, value: object) -> None:
            super().__init__()
            self.name = name
            self.value = value

    def __init__(self, name: str) -> None:
        super().__init__(id=f"voice-{name}")
        self._step = name
        self.set_reactive(VoiceSwitch.value, _VALUES[name][0])
        self.set_class(True, "-on")
        self.tooltip = _HELP[name]

    def watch_value(self, value: object) -> None:
        """The accent is for what is on."""
        self.set_class(value not in (False, "off"), "-on")

    def render(self) -> str:
        """The name, a mark and the word; padded, so that a change moves nothing."""
        word = self.value if isinstance(self.value, str) else "on" if self.value else "off"
        mark = "○" if word == "off" else "●"
        width = max(len(each) if isinstance(each, str) else 3 for each in _VALUES[self._step])
        name = f"{self._step} " if self._step in _CHAIN else ""
        return f"{name}{mark}{word:<{width}}"

    def action_switch(self) -> None:
        """Ask for the next value; it is shown when the engine has taken it."""
        values = _VALUES[self._step]
        following = values[(values.index(self.value) + 1) % len(values)]
        self.post_message(self.Changed(self._step, following))

    def on_click(self) -> None:
        """Switch."""
        if not self.disabled:
            self.action_switch()


class VoiceSwitches(Horizontal):
    """The three switches; greyed where they do nothing."""

    DEFAULT_CSS = """
    VoiceSwitches { height: 1; width: 1fr; padding: 0 0 0 1; }
    """

    def compose(self) -> ComposeResult:
        """Echo, noise, gain."""
        for name in _CHAIN:
            yield VoiceSwitch(name)

    def show(self, view: ProcessingView) -> None:
        """Show what is in force."""
        for name in _CHAIN:
            switch = self.query_one(f"#voice-{name}", VoiceSwitch)
            switch.value = getattr(view, name)
            switch.disabled = bool(view.problem) or not view.applies
