"""Words and their colours on terminals that have few of either."""

from __future__ import annotations

from rich.color import Color
from rich.style import Style

from engage_tui.render.cells import ColourDepth
from engage_tui.render.rows import basic_colour
from engage_tui.render.terminal import Terminal
from engage_tui.tui import words

_PLAIN = str.maketrans({words.FULL: "#", words.EMPTY: "-", "…": "."})


def shown_style(style: Style, terminal: Terminal) -> Style:
    """The style in the colours that the terminal has: among 16, an orange easily turns into the red of failure."""
    if terminal.colour is not ColourDepth.SIXTEEN or style.bgcolor is None:
        return style
    red, green, blue = style.bgcolor.get_truecolor()
    number = basic_colour((red, green, blue))
    ink = 0 if number in (2, 3, 6, 7, 10, 11, 14, 15) else 15
    return style + Style(color=Color.from_ansi(ink), bgcolor=Color.from_ansi(number))


def plain_text(text: str, terminal: Terminal) -> str:
    """What a terminal without Unicode can show of it."""
    if terminal.unicode:
        return text
    return text.translate(_PLAIN).encode("ascii", "replace").decode()
