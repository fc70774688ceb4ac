"""The map: people around oneself from above; walk, turn, and put people where they shall be heard."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from engage_tui.engine.actions import Scope
from engage_tui.engine.view import HearingView, PersonView
from engage_tui.tui import keys
from engage_tui.tui.outlook import outlook_of
from engage_tui.tui.widgets import map_lines, map_view
from engage_tui.tui.widgets.map_lines import Drawn, Spot
from engage_tui.tui.widgets.map_view import Point, View
from engage_tui.tui.widgets.people_rows import Line

STEP = 0.25
"""Metres of one press of a key."""

TURN = 15
"""Degrees of one press of a key."""

_DRAG_INTERVAL = 0.1  # seconds between two places that are told while somebody is dragged


@dataclass(slots=True)
class _Drag:
    """Somebody under a pressed mouse button.

    Attributes:
        key: Who; empty: the floor was pressed.
        start: The cell where it began.
        point: Where they are now, metres; None: not moved yet.
        told: When the engine was told last.
    """

    key: str
    start: tuple[int, int]
    point: Point | None = None
    told: float = 0.0


class SpaceMap(Widget, can_focus=True):
    """Draws itself line by line; asks for places by messages.

    The window stays where it is until somebody leaves it, so that one sees oneself walk.
    """

    ALLOW_SELECT = False

    BINDINGS = keys.bindings(Scope.MAP)

    COMPONENT_CLASSES = {
        "map--text",
        "map--ring",
        "map--beam",
        "map--me",
        "map--me-chosen",
        "map--name",
        "map--lit",
        "map--dim",
        "map--chosen",
    }

    DEFAULT_CSS = """
    SpaceMap > .map--text { color: $foreground; }
    SpaceMap > .map--ring { color: $foreground 35%; }
    SpaceMap > .map--beam { color: $accent; }
    SpaceMap > .map--me { color: $accent; text-style: bold; }
    SpaceMap > .map--me-chosen { color: $background; background: $accent; text-style: bold; }
    SpaceMap > .map--name { color: $foreground; background: $panel; }
    SpaceMap > .map--lit { color: $accent; background: $panel; text-style: bold; }
    SpaceMap > .map--dim { color: $foreground 55%; background: $panel; }
    SpaceMap > .map--chosen { color: $background; background: $foreground; text-style: bold; }
    """

    class Chosen(Message):
        """Somebody was selected by key or mouse."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Walked(Message):
        """One wants to go `ahead` and `right`, metres, and to turn clockwise, degrees."""

        def __init__(self, ahead: float, right: float, turn: float) -> None:
            super().__init__()
            self.ahead, self.right, self.turn = ahead, right, turn

    class Faced(Message):
        """One wants to look along a direction of the map, degrees clockwise from ahead."""

        def __init__(self, degrees: float) -> None:
            super().__init__()
            self.degrees = degrees

    class Placed(Message):
        """Somebody shall stand at a point, or `by` so many metres from where they are."""

        def __init__(self, key: str, x: float, y: float, *, by: bool = False) -> None:
            super().__init__()
            self.key, self.x, self.y, self.by = key, x, y, by

    class Removed(Message):
        """The selected one shall be there no more."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._spots: list[Spot] = []
        self._chosen = ""
        self._view: View | None = None
        self._drawn = Drawn((), {})
        self._drag: _Drag | None = None

    # -- what it is told ---------------------------------------------------------------------------------------------

    def show(self, people: Mapping[str, PersonView], hearing: HearingView) -> None:
        """Show where everybody is, and what the connection manager has connected."""
        self._spots = map_lines.spots(people, hearing.sounds)
        if self._chosen not in {each.key for each in self._spots}:
            self._chosen = self._me
        seats = f"seats: {hearing.seating} · " if hearing.seating else ""
        self.border_subtitle = f"{seats}{map_lines.heard(hearing)}"
        self._redraw()

    @property
    def chosen(self) -> str:
        """The selected one's key; oneself unless somebody else was chosen."""
        return self._chosen

    @chosen.setter
    def chosen(self, key: str) -> None:
        if key != self._chosen and any(each.key == key for each in self._spots):
            self._chosen = key
            self._redraw()

    @property
    def text(self) -> list[str]:
        """Every line as plain text (for tests and for reading aloud)."""
        return ["".join(text for text, _ in line) for line in self._drawn.lines]

    @property
    def _me(self) -> str:
        return next((each.key for each in self._spots if each.me), "")

    # -- drawing -----------------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Fit everybody into the new window."""
        self._redraw()

    def _redraw(self) -> None:
        width, height = self.size
        if not width or not height:
            return
        terminal = outlook_of(self.app).terminal
        everybody = self._dragged(self._spots)
        if self._drag is None or self._view is None:
            points = [each.point for each in everybody]
            self._view = map_view.fit(points, width, height, terminal.aspect, self._view)
        letters = map_lines.letters(terminal.unicode, terminal.quadrants)
        before, self._drawn = (
            self._drawn.lines,
            map_lines.draw(self._view, everybody, self._chosen, letters),
        )
        if len(before) != len(self._drawn.lines):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, self._drawn.lines, strict=True)):
            if old != new:
                self.refresh(Region(0, y, width, 1))

    def _dragged(self, everybody: Sequence[Spot]) -> list[Spot]:
        """Who is dragged is shown under the mouse, before the engine knows."""
        drag = self._drag
        return [
            replace(each, point=drag.point)
            if drag is not None and drag.point is not None and each.key == drag.key
            else each
            for each in everybody
        ]

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        base = self.rich_style
        line: Line = self._drawn.lines[y] if y < len(self._drawn.lines) else ()
        segments = [Segment(text, base + self._style(name)) for text, name in line]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"map--{name}")

    # -- keys --------------------------------------------------------------------------------------------------------

    def action_perform(self, action_id: str) -> None:
        """Do what the table's action says."""
        if action_id in ("map_next", "map_previous"):
            self._next(1 if action_id == "map_next" else -1)
            return
        if action_id == "map_remove":
            self.post_message(self.Removed(self._chosen))
            return
        x, y = _DIRECTIONS[action_id]
        if self._chosen != self._me:
            self.post_message(self.Placed(self._chosen, x * STEP, y * STEP, by=True))
        elif y or action_id in _ASIDE:
            self.post_message(self.Walked(y * STEP, x * STEP, 0.0))
        else:
            self.post_message(self.Walked(0.0, 0.0, x * TURN))

    def _next(self, steps: int) -> None:
        everybody = [each.key for each in self._spots]
        if everybody:
            place = everybody.index(self._chosen) if self._chosen in everybody else 0
            self._choose(everybody[(place + steps) % len(everybody)])

    def _choose(self, key: str) -> None:
        self.chosen = key
        self.post_message(self.Chosen(key))

    # -- mouse -------------------------------------------------------------------------------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Select who is under the mouse, and take hold of them."""
        offset = event.get_content_offset(self)
        if offset is None or event.button != 1:
            return
        key = self._drawn.at(offset.x, offset.y)
        if key:
            self._choose(key)
        self._drag = _Drag(key, (offset.x, offset.y))
        self.capture_mouse()
        event.stop()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Carry along who is held."""
        drag, offset = self._drag, event.get_content_offset_capture(self)
        cell = (offset.x, offset.y)
        if drag is None or not drag.key or self._view is None:
            return
        if cell == drag.start and drag.point is None:
            return
        drag.point = self._view.point(
            min(max(0, cell[0]), self._view.width - 1), min(max(0, cell[1]), self._view.height - 1)
        )
        self._redraw()
        if time.monotonic() - drag.told >= _DRAG_INTERVAL:
            self._tell(drag)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go; on the floor that turns one's head there."""
        drag, self._drag = self._drag, None
        if drag is None:
            return
        self.release_mouse()
        event.stop()
        if drag.point is not None:
            self._tell(drag)
        elif not drag.key:
            offset = event.get_content_offset_capture(self)
            self._look_at((offset.x, offset.y))

    def _tell(self, drag: _Drag) -> None:
        if drag.point is not None:
            drag.told = time.monotonic()
            self.post_message(self.Placed(drag.key, *drag.point))

    def _look_at(self, cell: tuple[int, int]) -> None:
        me = next((each for each in self._spots if each.me), None)
        if me is None or self._view is None:
            return
        away, degrees = map_view.where(me.point, 0.0, self._view.point(*cell))
        if away > 0.1:
            self.post_message(self.Faced(round(degrees)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Turn to the left."""
        event.stop()
        self.post_message(self.Walked(0.0, 0.0, -TURN))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Turn to the right."""
        event.stop()
        self.post_message(self.Walked(0.0, 0.0, TURN))


_DIRECTIONS = {
    "map_up": (0, 1),
    "map_down": (0, -1),
    "map_left": (-1, 0),
    "map_right": (1, 0),
    "map_aside_left": (-1, 0),
    "map_aside_right": (1, 0),
}
_ASIDE = ("map_aside_left", "map_aside_right")
