"""Colours: calm greys, one accent for "you" and "live", red for muted, recording and failure alone."""

from __future__ import annotations

import os
from typing import Any

from textual.app import App
from textual.theme import Theme

from engage_tui.render.cells import ColourDepth
from engage_tui.render.terminal import Terminal
from engage_tui.tui.outlook import outlook_of

DARK = Theme(
    name="engage-dark",
    primary="#5ec4b6",
    secondary="#8fa3b5",
    accent="#5ec4b6",
    warning="#d9b36c",
    error="#e8716d",
    success="#5ec4b6",
    foreground="#d8dde3",
    background="#101317",
    surface="#171b21",
    panel="#1f252d",
    dark=True,
    variables={"border": "#5ec4b6", "border-blurred": "#2a323c", "scrollbar": "#2a323c"},
)
"""The usual look."""

LIGHT = Theme(
    name="engage-light",
    primary="#0c7a6c",
    secondary="#52606d",
    accent="#0c7a6c",
    warning="#8a5a00",
    error="#b3261e",
    success="#0c7a6c",
    foreground="#1c2126",
    background="#f7f8f9",
    surface="#eef0f2",
    panel="#e2e6ea",
    dark=False,
    variables={"border": "#0c7a6c", "border-blurred": "#c5ccd3", "scrollbar": "#c5ccd3"},
)
"""For light terminals; chosen in the palette or with ``TEXTUAL_THEME=engage-light``."""


def promise_colours(terminal: Terminal) -> None:
    """Have Textual believe what we know of the terminal's colours; it reads the environment when an app is made."""
    if terminal.colour is ColourDepth.TRUE:
        os.environ["COLORTERM"] = "truecolor"


def register(app: App[Any]) -> None:
    """Make both looks known to the app; take ``TEXTUAL_THEME``, else the one that suits the terminal's background."""
    app.register_theme(DARK)
    app.register_theme(LIGHT)
    app.theme = DARK.name
    suit(app)
    chosen = os.environ.get("TEXTUAL_THEME", "")
    if chosen in app.available_themes:
        app.theme = chosen


def suit(app: App[Any]) -> None:
    """Take the look that suits the terminal's background, unless a person has chosen one."""
    if app.theme in (DARK.name, LIGHT.name) and os.environ.get("TEXTUAL_THEME") != app.theme:
        app.theme = (LIGHT if outlook_of(app).terminal.dark is False else DARK).name
