"""The people panel: everybody and what each of them publishes, a line each; one widget that draws its own lines.

Ten times a second something changes, mostly a meter. So the panel compares each visible line with what stands
on the screen and redraws only the lines that differ; nothing is mounted or laid out again.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engage_tui.engine.view import PersonView
from engage_tui.tui.widgets import people_rows
from engage_tui.tui.widgets.people_rows import Facts, Item, Line, StripLine

Key = tuple[str, str]


class PeoplePanel(ScrollView, can_focus=True):
    """People and publications; exactly one of them is selected.

    The selection is kept by identity and publication key, so that it survives updates, reordering and rejoins;
    when the selected thing goes, its neighbour is selected.
    """

    COMPONENT_CLASSES = {
        "people--text",
        "people--name",
        "people--you",
        "people--dim",
        "people--live",
        "people--alert",
        "people--chosen",
        "people--selected",
        "people--cursor",
    }

    DEFAULT_CSS = """
    PeoplePanel {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    PeoplePanel > .people--text { color: $foreground; }
    PeoplePanel > .people--name { color: $foreground; text-style: bold; }
    PeoplePanel > .people--you { color: $accent; text-style: bold; }
    PeoplePanel > .people--dim { color: $foreground 55%; }
    PeoplePanel > .people--live { color: $accent; }
    PeoplePanel > .people--alert { color: $error; }
    PeoplePanel > .people--chosen { color: $accent; text-style: bold; }
    PeoplePanel > .people--selected { color: $foreground; background: $foreground 20%; text-style: bold; }
    PeoplePanel > .people--cursor { background: $panel; }
    """

    strip_mode: reactive[bool] = reactive(False)
    """A line a person (narrow screens) instead of a line a publication."""

    class Selected(Message):
        """Another row was selected."""

        def __init__(self, item: Item | None) -> None:
            super().__init__()
            self.item = item

    class Toggled(Message):
        """The mark of a row was clicked, or the row twice."""

        def __init__(self, item: Item) -> None:
            super().__init__()
            self.item = item

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._items: list[Item] = []
        self._strip: list[StripLine] = []
        self._facts = Facts()
        self._chosen: Key | None = None
        self._shown: dict[int, Line] = {}

    # -- what it shows -----------------------------------------------------------------------------------------------

    def show_people(self, people: Mapping[str, PersonView], facts: Facts) -> None:
        """Show these people (ordered) and keep the selection, or its neighbour."""
        before = self._place()
        self._items = people_rows.items(people)
        self._facts = facts
        keys = [each.key for each in self._items]
        if self._chosen not in keys:
            kept = min(before or 0, len(keys) - 1)
            self._choose(self._items[kept] if keys else None)
        elif (item := self.selected) is not None:
            self.post_message(self.Selected(item))
        self._arrange()

    def show_facts(self, facts: Facts) -> None:
        """Show new levels, counters and pending marks: only lines that changed are drawn."""
        self._facts = facts
        self._redraw_changed()

    @property
    def facts(self) -> Facts:
        """Levels, counters and pending marks as shown."""
        return self._facts

    @property
    def selected(self) -> Item | None:
        """The selected person or publication."""
        place = self._place()
        return None if place is None else self._items[place]

    @property
    def lines(self) -> list[str]:
        """Every line as plain text (for tests and for reading aloud)."""
        return ["".join(text for text, _ in self._line(y)) for y in range(self._height())]

    # -- selecting ---------------------------------------------------------------------------------------------------

    def move(self, steps: int) -> None:
        """Select the row `steps` further down (negative: up), stopping at the ends."""
        if not self._items:
            return
        place = self._place() or 0
        self.select(self._items[max(0, min(len(self._items) - 1, place + steps))].key)

    def select(self, key: Key) -> None:
        """Select the row with this key, if it is there, and scroll to it."""
        for item in self._items:
            if item.key == key:
                self._choose(item)
                self._redraw_changed()
                self._scroll_to_chosen()
                return

    def _choose(self, item: Item | None) -> None:
        self._chosen = item.key if item else None
        self.post_message(self.Selected(item))

    def _place(self) -> int | None:
        for place, item in enumerate(self._items):
            if item.key == self._chosen:
                return place
        return None

    def _scroll_to_chosen(self) -> None:
        y = self._line_of_chosen()
        self.scroll_to_region(Region(0, y, 1, 1), animate=False, x_axis=False)

    def _line_of_chosen(self) -> int:
        if not self.strip_mode:
            return self._place() or 0
        for y, line in enumerate(self._strip):
            if any(item.key == self._chosen for item in line.items):
                return y
        return 0

    # -- drawing -----------------------------------------------------------------------------------------------------

    def watch_strip_mode(self) -> None:
        """Lay the lines out anew."""
        self._arrange()

    def on_resize(self) -> None:
        """Lay the lines out for the new width."""
        self._arrange()
        self.call_after_refresh(self._scroll_to_chosen)

    def _arrange(self) -> None:
        width = self._width()
        self._strip = people_rows.strip_lines(self._items, width) if self.strip_mode else []
        size = Size(width, self._height())
        # A strip is as high as its people are many, up to the style's max-height.
        self.styles.height = size.height if self.strip_mode and size.height else None
        if self.virtual_size != size:
            self.virtual_size = size
            self._shown.clear()
            self.refresh()
        else:
            self._redraw_changed()

    def _width(self) -> int:
        return self.scrollable_content_region.width

    def _height(self) -> int:
        return len(self._strip) if self.strip_mode else len(self._items)

    def _line(self, y: int) -> Line:
        if self.strip_mode:
            return people_rows.strip_row(self._strip[y], self._facts, self._width(), self._chosen)
        item = self._items[y]
        return people_rows.row(item, self._facts, self._width(), chosen=item.key == self._chosen)

    def _redraw_changed(self) -> None:
        top = self.scroll_offset.y
        for y in range(top, min(self._height(), top + self.size.height)):
            if self._shown.get(y) != self._line(y):
                self.refresh_line(y)

    def render_line(self, y: int) -> Strip:
        """One line of the screen, remembered for comparison."""
        y += self.scroll_offset.y
        base = self.rich_style
        width = self._width()
        if not 0 <= y < self._height():
            return Strip.blank(width, base)
        line = self._line(y)
        self._shown[y] = line
        cursor = Style()
        if not self.strip_mode and self._items[y].key == self._chosen:
            cursor = Style(bgcolor=self._style("cursor").bgcolor)
        segments = [Segment(text, base + self._style(name) + cursor) for text, name in line]
        return Strip(segments, width)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"people--{name}")

    # -- mouse -------------------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """Select the row under the mouse; on its mark, or twice, toggle it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        item = self._item_at(offset.x, offset.y + self.scroll_offset.y)
        if item is None:
            return
        self.select(item.key)
        on_mark = not self.strip_mode and 2 <= offset.x <= 3
        if item.publication is not None and (on_mark or event.chain == 2):
            self.post_message(self.Toggled(item))

    def _item_at(self, x: int, y: int) -> Item | None:
        if not 0 <= y < self._height():
            return None
        if self.strip_mode:
            return people_rows.strip_hit(self._strip[y], x)
        return self._items[y]
