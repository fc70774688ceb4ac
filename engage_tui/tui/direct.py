"""Pictures past Textual's compositor, where nothing lies over them.

Composing a screen anew costs several times what a picture does. A tile that is seen whole, on the screen in front, is
therefore written straight to its place; Textual is told what stands there, and draws the same whenever it draws. Where
anything else is to be seen in a tile's cells, Textual composes it as ever.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from textual.app import App
from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget

from engage_tui.tui.driver import driver_of

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_SAVE, _RESTORE = "\x1b7", "\x1b8"


Visible = dict[Widget, tuple[Region, Region]]
"""Textual's private map of visible widgets to their regions and clips, which has what lies in front first."""

_places: WeakKeyDictionary[Screen[Any], tuple[Visible, dict[Widget, Region | None]]] = (
    WeakKeyDictionary()
)
"""What `place` has found, with the map that it was found in: Textual makes another one when anything moves."""


def place(widget: Widget) -> Region | None:
    """Where on the terminal a widget stands, if all of it is seen; None: Textual has to compose it."""
    if not widget.is_attached or not widget.app.screen_stack:
        return None
    return place_on(widget.app.screen, widget)


def place_on(screen: Screen[Any], widget: Widget) -> Region | None:
    """`place`, for the screen in front."""
    visible = screen._compositor.visible_widgets
    known = _places.get(screen)
    if known is None or known[0] is not visible:
        known = _places[screen] = (visible, {})
    if widget not in known[1]:
        known[1][widget] = _free(widget, visible, screen.size.region)
    return known[1][widget]


def _free(widget: Widget, visible: Visible, whole: Region) -> Region | None:
    region, clip = visible.get(widget, (Region(), Region()))
    if not region or not clip.contains_region(region) or not whole.contains_region(region):
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
