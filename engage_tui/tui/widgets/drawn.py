"""What stands above a tile's caption: a picture or initials, as cells or, where nothing lies over it, as pixels."""

from __future__ import annotations

from functools import partial

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip

from engage_tui.render import placing
from engage_tui.render.images import PixelMode
from engage_tui.render.picture import Picture, Pixels
from engage_tui.render.rows import Row
from engage_tui.tui import direct, words
from engage_tui.tui.outlook import Outlook
from engage_tui.tui.widgets.captioned import Captioned
from engage_tui.tui.widgets.drawing import (
    Look,
    picture_canvas,
    portrait_box,
    portrait_canvas,
    portrait_image,
)
from engage_tui.tui.widgets.poor import plain_text
from engage_tui.tui.widgets.surface import Surface, cell_rows, image_row, image_rows


class Drawn(Captioned):
    """Draws a person's picture, or initials and why there is none."""

    COMPONENT_CLASSES = {"tile--reason"}

    DEFAULT_CSS = """
    Drawn > .tile--reason { color: $foreground 70%; background: $surface; }
    """

    def __init__(
        self,
        number: int,
        *,
        outlook: Outlook | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        """Make one without a picture.

        Args:
            number: Its number in `messages.Watch` and `messages.Picture`.
            outlook: The terminal, and how pictures are wanted; None: as the app has it.
            id: Textual's.
            classes: Textual's.
        """
        super().__init__(outlook=outlook, id=id, classes=classes)
        self.number = number
        self._reason = ""
        self._picture: Picture | None = None
        self._surface = Surface(self._plain_row)
        self._box: placing.Box | None = None
        self._hung: Region | None = None  # where it stood when something was hung as pixels
        self._portrait = False  # whether that are initials
        self._portrait_due = True  # whether they have changed since they were hung
        self._look: Look | None = None

    @property
    def look(self) -> Look:
        """How pictures are drawn just now."""
        if self._look is None:
            background = self.background_colors[1]
            accent = self.get_component_styles("tile--speaking").background
            step = self.outlook.step
            self._look = Look(
                step.mode,
                step.colour,
                self.app.current_theme.dark,
                (background.r, background.g, background.b),
                (accent.r, accent.g, accent.b),
                self.terminal.aspect,
                self.outlook.fill,
            )
        return self._look

    @property
    def mirrored(self) -> bool:
        """Whether left and right are swapped: people know themselves from mirrors."""
        return self.outlook.mirror and self._own_camera

    @property
    def _own_camera(self) -> bool:
        publication = self._publication
        return publication is not None and publication.local and publication.source == "camera"

    @property
    def _content_rows(self) -> int:
        return max(0, self.size.height - 1)

    def _seen(self, picture: Picture) -> Pixels:
        return picture.pixels[:, ::-1] if self.mirrored else picture.pixels

    def _fitted(self, picture: Picture) -> Pixels:
        width, height = self.size
        pixels = self._seen(picture)
        return picture_canvas(pixels, width, height, self.look, framed=self.speaking, covered=1)

    # -- as cells ----------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Draw everything anew as cells, from the picture if there is one."""
        self._take_down()
        if not self.is_mounted or not self.size:
            return
        self._look = self._caption = None
        self._surface.forget()
        self._portrait_due = True
        if self._picture is not None:
            self._surface.rows = self._strips(self._fitted(self._picture))
        else:
            self._surface.rows = self._placeholder(framed=self.speaking)
        self.refresh()

    def _draw_portrait(self) -> None:
        """Draw initials and words anew; those that hang as pixels are hung anew by whoever calls `hang_portrait`."""
        if self._hung is not None and self._portrait:
            self._portrait_due = True
        else:
            self._draw()

    def _strips(self, canvas: Pixels) -> list[Strip]:
        return self._surface.strips(canvas, self.look, photo=self._picture is not None)

    def _plain_row(self, row: Row) -> Strip:
        return self._filtered(Strip([Segment(row.text, self.visual_style.rich_style)], row.columns))

    @property
    def _who(self) -> tuple[str, str]:
        """Name and identity."""
        person = self._person
        return (words.shown_name(person), person.identity) if person is not None else ("", "")

    def _placeholder(self, *, framed: bool) -> list[Strip]:
        """Initials and the reason; a small tile has room for the reason alone."""
        width, rows = self.size.width, self._content_rows
        if not rows:
            return []
        canvas, line = portrait_canvas(*self._who, width, rows, self.look, framed=framed)
        made = self._strips(canvas)
        made[line] = self._written(
            made[line], plain_text(words.shorten(self._reason, width - 2), self.terminal)
        )
        return made

    def _written(self, strip: Strip, text: str) -> Strip:
        """Write words into the middle of a row."""
        length = cell_len(text)
        if not length:
            return strip
        start = (self.size.width - length) // 2
        middle = Strip([Segment(text, self.get_component_rich_style("tile--reason"))], length)
        return Strip.join(
            [strip.crop(0, start), self._filtered(middle), strip.crop(start + length)]
        )

    # -- as pixels ---------------------------------------------------------------------------------------------------

    def _hang(self, picture: Picture, mode: PixelMode, place: Region) -> None:
        """Show a picture as pixels, over rows that Textual leaves alone."""
        rows, look = self._content_rows, self.look
        fill = self.outlook.fill
        pixels = self._seen(picture)
        where = placing.box(
            (picture.width, picture.height),
            self.size.width,
            rows,
            self.terminal.cell_pixels,
            fill=fill,
        )
        frame = look.accent if self.speaking else None
        shown = placing.laid(pixels, where, mode, look.background, fill=fill, frame=frame)
        encoder = self.outlook.gallery.encoder(self.number, mode, self.terminal)
        stays = self._hung == place and where == self._box
        text = encoder.encode(shown, where.place, full=not stays)
        style = self.visual_style.rich_style
        under = image_rows(
            where, self.size.width, rows, lambda: cell_rows(self._fitted(picture), look), style
        )
        self._surface.hang(text, where, under)
        self._hung, self._box, self._portrait = place, where, False
        if not stays:
            self.refresh()

    def hang_portrait(self, place: Region) -> bool:
        """Show initials as pixels, if they are due and there is no picture: `take` has what is to be written.

        Args:
            place: Where on the terminal the tile stands, with nothing over it.
        """
        mode, cell = self.outlook.image, self.terminal.cell_pixels
        if not self._portrait_due or mode is None or self._picture is not None:
            return False
        if place.size != self.size or not self._content_rows:
            return False
        self._portrait_due = False  # where there is no room for it, too
        width, look = self.size.width, self.look
        where = portrait_box(width, self._content_rows, cell)
        if where is None:
            return False
        shown = portrait_image(*self._who, where.place.pixels, look, framed=self.speaking)
        if shown is None:
            return False
        encoder = self.outlook.gallery.encoder(self.number, mode, self.terminal)
        text = encoder.encode(shown, where.place, full=True)
        drawn = self._placeholder(framed=False)
        rows, style = list(drawn), self.visual_style.rich_style
        for y in range(where.y, where.y + where.place.rows):
            rows[y] = image_row(where, width, partial(drawn.__getitem__, y), style)
        self._surface.hang(text, where, rows)
        self._hung, self._box, self._portrait = place, where, True
        self.refresh()
        return True

    def _take_down(self) -> None:
        """Show no pixels any more; whoever calls it draws cells there."""
        if self._hung is not None:
            self._hung = None
            direct.say(self.app, self.outlook.gallery.take_down(self.number))

    def _laid_out(self, _screen: object) -> None:
        """Something has moved: pixels can go on hanging only if they still stand free."""
        if self._hung is not None and direct.place(self) != self._hung:
            self._draw()

    def uncertain(self) -> None:
        """What the terminal shows is not known any more, or lies under another screen: draw cells."""
        if self._hung is not None:
            self._draw()
