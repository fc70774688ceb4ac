"""Pictures past Textual's compositor, where nothing lies over them.

Composing a screen anew costs several times what a picture does. A tile that is seen whole, on the screen in front, is
therefore written straight to its place; Textual is told what stands there, and draws the same whenever it draws. Where
anything else is to be seen in a tile's cells, Textual composes it as ever.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.geometry import Region
from textual.widget import Widget

from engage_tui.tui.driver import driver_of

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_SAVE, _RESTORE = "\x1b7", "\x1b8"


def place(widget: Widget) -> Region | None:
    """Where on the terminal a widget stands, if all of it is seen; None: Textual has to compose it.

    Stands on the compositor's private map of visible widgets, which has what lies in front first.
    """
    if not widget.is_attached or not widget.app.screen_stack:
        return None
    screen = widget.app.screen
    if widget.screen is not screen:
        return None
    visible = screen._compositor.visible_widgets
    region, clip = visible.get(widget, (Region(), Region()))
    if not region or not clip.contains_region(region):
        return None
    if not screen.size.region.contains_region(region):
        return None
    for other, (its, within) in visible.items():
        if other is widget:
            return region
        if region.overlaps(its.intersection(within)):
            return None
    return None


def say(app: App[Any], text: str) -> None:
    """Write to the terminal behind an app, if there is one."""
    driver = driver_of(app)
    if text and driver is not None:
        driver.write(text)


def at(x: int, y: int, text: str) -> str:
    """Text that is written from a cell on; both from 0."""
    return f"\x1b[{y + 1};{x + 1}H{text}"


def frame(texts: list[str], *, sync: bool) -> str:
    """One write of all that belongs to a moment, which leaves the cursor where it was.

    Args:
        texts: From `at`.
        sync: Whether the terminal shows frames whole (mode 2026).
    """
    text = "".join([_SAVE, *texts, _RESTORE])
    return f"{_BEGIN}{text}{_END}" if sync else text
