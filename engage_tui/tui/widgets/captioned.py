"""The line over a tile: who it is, how loud, and what is wrong, in the tile's colours."""

from __future__ import annotations

from rich.segment import Segment
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from engage_tui.engine.view import PersonView, PublicationView
from engage_tui.render.terminal import Terminal
from engage_tui.tui import words
from engage_tui.tui.outlook import Outlook, outlook_of
from engage_tui.tui.widgets.caption import STATE, Caption, caption
from engage_tui.tui.widgets.poor import plain_text, shown_style


class Captioned(Widget):
    """Somebody's place on the screen, whose last row says who it is; what stands above it is its subclass' business."""

    COMPONENT_CLASSES = {
        "tile--caption",
        "tile--dim",
        "tile--alert",
        "tile--live",
        "tile--speaking",
    }

    DEFAULT_CSS = """
    Captioned > .tile--caption { background: $panel; color: $foreground; }
    Captioned > .tile--dim { color: $foreground 70%; background: $panel; }
    Captioned > .tile--alert { color: $text-error; background: $panel; text-style: bold; }
    Captioned > .tile--live { color: $text-accent; background: $panel; }
    Captioned > .tile--speaking { background: $accent; color: $text; text-style: bold; }
    """

    level: reactive[float] = reactive(0.0, repaint=False)
    """Loudness, 0 to 1 (perceptual)."""

    def __init__(
        self,
        *,
        outlook: Outlook | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        """Make one that is nobody's yet.

        Args:
            outlook: The terminal, and how pictures are wanted; None: as the app has it.
            id: Textual's.
            classes: Textual's.
        """
        super().__init__(id=id, classes=classes)
        self._outlook = outlook
        self._person: PersonView | None = None
        self._publication: PublicationView | None = None
        self._caption: Strip | None = None

    @property
    def person(self) -> PersonView | None:
        """Whose tile it is."""
        return self._person

    @property
    def publication(self) -> PublicationView | None:
        """What it shows."""
        return self._publication

    @property
    def speaking(self) -> bool:
        """Whether the frame is shown."""
        screen = self._publication is not None and self._publication.source == "screen_share"
        return self._person is not None and self._person.speaking and not screen

    @property
    def outlook(self) -> Outlook:
        """The terminal, and how pictures are wanted."""
        if self._outlook is None:
            self._outlook = outlook_of(self.app)
        return self._outlook

    @property
    def terminal(self) -> Terminal:
        """What can be drawn."""
        return self.outlook.terminal

    def _filtered(self, strip: Strip) -> Strip:
        for line_filter in self.get_line_filters():
            strip = strip.apply_filter(line_filter, self.background_colors[1])
        return strip

    # -- the line ----------------------------------------------------------------------------------------------------

    def watch_level(self, before: float, level: float) -> None:
        """Redraw the line when a block of the meter changes."""
        if words.meter(before, STATE) != words.meter(level, STATE):
            self._redraw_caption()

    def _redraw_caption(self) -> None:
        self._caption = None
        if self.is_mounted and self.size:
            self.refresh(Region(0, self.size.height - 1, self.size.width, 1))

    def _caption_strip(self) -> Strip:
        if self._caption is None:
            width = self.size.width
            line = self._caption_line(width)
            strip = Strip(self._caption_segments(line)).adjust_cell_length(
                width, self.get_component_rich_style("tile--caption")
            )
            self._caption = self._filtered(strip)
        return self._caption

    def _caption_line(self, width: int) -> Caption:
        return caption(self._person, self._publication, self.level, width)

    def _caption_segments(self, line: Caption) -> list[Segment]:
        base = self.get_component_rich_style("tile--speaking" if self.speaking else "tile--caption")
        dim = base if self.speaking else self.get_component_rich_style("tile--dim")
        state = dim
        if line.alert:
            state = self.get_component_rich_style("tile--alert")
        elif words.FULL in line.state and not self.speaking:
            state = self.get_component_rich_style("tile--live")
        parts = [(" " + line.name, base), (line.detail + " ", dim)]
        if line.state:
            parts += [(line.state, state), (" ", base)]
        return [
            Segment(plain_text(text, self.terminal), shown_style(style, self.terminal))
            for text, style in parts
            if text
        ]
