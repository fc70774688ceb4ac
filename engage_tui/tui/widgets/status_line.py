"""The status line: room, people, state, round trip; recording and the clock at the right."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from engage_tui.engine.view import CallView, Phase
from engage_tui.tui import words


def left_words(call: CallView, people: int) -> list[str]:
    """What stands at the left, the most important first."""
    parts = [words.clean(call.room) or "no room"]
    if people:
        parts.append(words.people(people))
    if call.phase is not Phase.CONNECTED:
        parts.insert(1, words.clean(call.detail) or words.PHASES[call.phase])
    else:
        parts.append(words.PHASES[call.phase])
        if call.round_trip_ms >= 0:
            parts.append(f"{call.round_trip_ms} ms")
    return parts


class StatusLine(Widget):
    """One line that says where one is and how well the line holds."""

    COMPONENT_CLASSES = {"status--room", "status--dim", "status--alert", "status--live"}

    DEFAULT_CSS = """
    StatusLine { height: 1; width: 1fr; }
    StatusLine > .status--room { color: $accent; text-style: bold; }
    StatusLine > .status--dim { color: $foreground 65%; }
    StatusLine > .status--live { color: $accent; }
    StatusLine > .status--alert { color: $error; text-style: bold; }
    """

    call: reactive[CallView] = reactive(CallView())
    """The call as a whole."""

    people: reactive[int] = reactive(0)
    """How many are in the room, oneself included."""

    clock: reactive[str] = reactive("")
    """The time of day, ``12:04``."""

    def render(self) -> Text:
        """Left part and right part, the gap between them filled."""
        right: list[tuple[str, Style]] = []
        if self.call.recording:
            right.append(("● REC   ", self._style("alert")))
        right.append((self.clock, self._style("dim")))
        room = self.size.width - sum(cell_len(text) for text, _ in right) - 2
        calm = self.call.phase in (Phase.CONNECTED, Phase.CONNECTING)
        text = Text(no_wrap=True)
        for place, part in enumerate(left_words(self.call, self.people)):
            piece = part if place == 0 else f" · {part}"
            if cell_len(text.plain) + cell_len(piece) > room:
                break
            name = "room" if place == 0 else "alert" if place == 1 and not calm else "dim"
            text.append(piece, self._style(name))
        text.append(" " * max(1, room + 2 - cell_len(text.plain)))
        for part, part_style in right:
            text.append(part, part_style)
        return text

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"status--{name}")
