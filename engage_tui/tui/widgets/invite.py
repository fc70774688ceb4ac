"""What stands on the stage while one is alone: how others get in."""

from __future__ import annotations

import textwrap

from rich.cells import cell_len
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from engage_tui.engine.actions import by_id
from engage_tui.engine.view import CallView, Phase
from engage_tui.tui import words

_NARROW = 20
_TITLES = {
    Phase.CONNECTING: "Connecting …",
    Phase.RECONNECTING: "Reconnecting …",
    Phase.LEFT: "The call is over.",
}


class Invite(Widget):
    """The command with which others join, in the middle of its place."""

    COMPONENT_CLASSES = {"invite--title", "invite--text", "invite--command", "invite--key"}

    DEFAULT_CSS = """
    Invite { content-align: center middle; text-align: center; }
    Invite > .invite--title { text-style: bold; color: $foreground; }
    Invite > .invite--text { color: $foreground 70%; }
    Invite > .invite--command { color: $foreground; background: $panel; }
    Invite > .invite--key { color: $text-accent; text-style: bold; }
    """

    call: reactive[CallView] = reactive(CallView())
    """The call as a whole."""

    def render(self) -> Text:
        """As many of the lines as there is room for, the command before everything else."""
        width, height = self.size
        if not width or not height:
            return Text()
        text = Text(justify="center", no_wrap=True, end="")
        for index, (line, style) in enumerate(self._lines(max(8, width - 4), height)):
            text.append("\n" if index else "")
            text.append(line, self.get_component_rich_style(f"invite--{style}", partial=True))
        return text

    def _lines(self, width: int, height: int) -> list[tuple[str, str]]:
        title = _TITLES.get(self.call.phase, "Nobody else is here yet.")
        detail = words.clean(self.call.detail)
        invite = words.clean(self.call.invite)
        if self.call.phase in _TITLES or not invite:
            said = textwrap.wrap(detail, width)
            return [(title, "title"), *((line, "text") for line in ["", *said][: height - 1])]
        command = self._boxed(invite, width)
        keys = [(f"{_key()}  copy it", "key")]
        intro = [("Others join with", "text"), ("", "text")]
        for lines in (
            [(title, "title"), ("", "text"), *intro, *command, ("", "text"), *keys],
            [(title, "title"), intro[0], *command, *keys],
            [intro[0], *command, *keys],
            [*command, *keys],
        ):
            if len(lines) <= height and width > _NARROW:
                return lines
        return [(f"{_key()}  invite", "key")]  # what cannot be read can still be copied

    def _boxed(self, command: str, width: int) -> list[tuple[str, str]]:
        """The command on a plate; broken between words where it is too long, which a shell does not mind."""
        lines = textwrap.wrap(command, width - 4, break_on_hyphens=False) or [""]
        broad = max(cell_len(line) for line in lines)
        lines = [line + (" \\" if each + 1 < len(lines) else "") for each, line in enumerate(lines)]
        broad = max(cell_len(line) for line in lines)
        plate = [f" {line}{' ' * (broad - cell_len(line))} " for line in lines]
        return [(line, "command") for line in plate]


def _key() -> str:
    return by_id("copy_invite").key
