"""A tile: one person's picture edge to edge, one line over it, and something to read when there is no picture."""

from __future__ import annotations

import math

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from engage_tui.engine import messages
from engage_tui.engine.view import PersonView, PublicationView
from engage_tui.render import placing
from engage_tui.render.cells import CellMode
from engage_tui.render.choice import AUTO
from engage_tui.render.images import PixelMode, Place
from engage_tui.render.picture import Picture, Pixels
from engage_tui.render.rows import Row
from engage_tui.render.terminal import Terminal
from engage_tui.tui import direct, words
from engage_tui.tui.outlook import Outlook
from engage_tui.tui.widgets.caption import wants_picture, why_not
from engage_tui.tui.widgets.captioned import Captioned
from engage_tui.tui.widgets.drawing import Look, picture_canvas, portrait_canvas
from engage_tui.tui.widgets.poor import plain_text
from engage_tui.tui.widgets.surface import Part, Surface, cell_rows, image_rows

_USUAL = (16, 9)


class Tile(Captioned):
    """Shows the pictures of one publication, at its own size."""

    ALLOW_SELECT = False

    COMPONENT_CLASSES = {"tile--reason"}

    DEFAULT_CSS = """
    Tile { background: $surface; width: 1fr; height: 1fr; }
    Tile > .tile--reason { color: $foreground 70%; background: $surface; }
    """

    class Resized(Message):
        """The tile can show pictures of another size than before; see `Tile.pixels`."""

        def __init__(self, tile: Tile) -> None:
            super().__init__()
            self.tile = tile

        @property
        def control(self) -> Tile:
            """The tile."""
            return self.tile

    def __init__(
        self,
        number: int,
        *,
        mode: CellMode | None = None,
        terminal: Terminal | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        """Make an empty tile.

        Args:
            number: Its number in `messages.Watch` and `messages.Picture`.
            mode: How to draw; None: as the app has it.
            terminal: What can be drawn; None: as the app has it.
            id: Textual's.
            classes: Textual's.
        """
        outlook = Outlook(terminal, mode.value if mode else AUTO) if terminal else None
        super().__init__(outlook=outlook, id=id, classes=classes)
        self.number = number
        self.key = ""
        self._reason = ""
        self._picture: Picture | None = None
        self._surface = Surface(self._plain_row)
        self._box: placing.Box | None = None
        self._hung: Region | None = None  # where the tile stood when its picture was hung as pixels
        self._look: Look | None = None

    # -- what it shows -----------------------------------------------------------------------------------------------

    def assign(
        self,
        key: str,
        person: PersonView | None,
        publication: PublicationView | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        """Say whose tile this is; a tile that gets another key forgets its picture.

        Args:
            key: `PublicationView.key`, ``preview``, or empty.
            person: For name, state and initials.
            publication: What is shown; None: there is nothing to show.
            reason: Why there is no picture; None: as `publication` has it.
        """
        before = (self.key, self._person, self._publication, self._reason)
        given = why_not(person, publication) if reason is None else reason
        if (key, person, publication, given) == before:
            return
        stale = key != self.key or (publication is not None and not wants_picture(publication))
        framed = self.speaking
        self.key, self._person, self._publication, self._reason = key, person, publication, given
        if (stale and self._picture is not None) or publication is None and person is not None:
            self._picture = None
        hangs = (
            self._hung is not None and self._picture is not None
        )  # the next picture has the frame
        if self._picture is None or (framed != self.speaking and not hangs):
            self._draw()
        self._redraw_caption()

    def belongs(self, key: str) -> bool:
        """Whether the tile is that publication's or that person's."""
        return key in (self.key, self._person.identity if self._person is not None else "")

    @property
    def reason(self) -> str:
        """Why there is no picture."""
        return self._reason

    @property
    def has_picture(self) -> bool:
        """Whether a picture is shown."""
        return self._picture is not None

    @property
    def mode(self) -> CellMode:
        """How pictures are drawn with text."""
        return self.outlook.step.mode

    def restyle(self) -> None:
        """Draw as the outlook has it now, and say that pictures of another size are wanted."""
        self._draw()
        self.post_message(self.Resized(self))

    def retune(self) -> None:
        """Draw the next picture as the outlook has it now: drawing at once is too much for a slow terminal."""
        if self._hung is not None or self._picture is None:
            self.restyle()
            return
        self._look = None
        self._surface.forget()
        self.post_message(self.Resized(self))

    @property
    def mirrored(self) -> bool:
        """Whether left and right are swapped: people know themselves from mirrors."""
        return self.outlook.mirror and self._own_camera

    @property
    def _own_camera(self) -> bool:
        publication = self._publication
        return publication is not None and publication.local and publication.source == "camera"

    @property
    def pixels(self) -> tuple[int, int]:
        """The box of square pixels that pictures should fit into."""
        if not self.size:
            return 0, 0
        width, height = self.look.wanted(*self.size)
        image = self.outlook.image
        if image is not None and self._content_rows:
            place = Place(self.size.width, self._content_rows, self.terminal.cell_pixels)
            seen = self._publication
            source = (seen.width, seen.height) if seen is not None else (0, 0)
            width, height = placing.wanted(image, place, source)
        if self.outlook.fill:  # a picture of the usual shape shall cover the box
            scale = max(width / _USUAL[0], height / _USUAL[1])
            width, height = math.ceil(_USUAL[0] * scale), math.ceil(_USUAL[1] * scale)
        return width, height

    # -- pictures ----------------------------------------------------------------------------------------------------

    def show(self, picture: messages.Picture) -> None:
        """Show a picture at once.

        Raises:
            ValueError: Its bytes do not fit its size.
        """
        self.begin(picture)
        self.advance()

    def begin(self, picture: messages.Picture, place: Region | None = None) -> None:
        """Encode a picture, and show nothing of it yet: `advance` or `take` does.

        Args:
            picture: The picture.
            place: Where on the terminal the tile stands, if nothing lies over it; else pixels cannot be shown.

        Raises:
            ValueError: Its bytes do not fit its size.
        """
        first = self._picture is None
        self._picture = Picture.from_bytes(picture.width, picture.height, picture.pixels)
        if not self.is_mounted or not self._content_rows or not self.size:
            return
        image = self.outlook.image
        if place is not None and image is not None and place.size == self.size:
            self._hang(self._picture, image, place)
            return
        if self._hung is not None:
            self._draw()
        elif first:  # initials stood there: every row is new
            self._surface.forget()
        self._surface.begin(self._fitted(self._picture), self.look, sparing=self.outlook.sparing)

    def advance(self, budget: int | None = None) -> int:
        """Have Textual show parts of the begun picture, as many as take about `budget` bytes, at least one; None: all.

        Returns:
            The bytes that will be written; 0: the whole picture is shown.
        """
        parts = self._surface.take(budget)
        if parts:
            self.refresh(*[Region(0, part.row, self.size.width, 1) for part in parts])
        return sum(part.size for part in parts)

    def take(self, budget: int) -> list[Part]:
        """Parts of the begun picture that are to be written past Textual; see `advance`."""
        return self._surface.take(budget)

    def snapshot(self) -> tuple[Pixels, list[str]] | None:
        """The picture and the rows of cells that show it; None: there is none."""
        if self._picture is None or not self._surface.rows:
            return None
        rows = self._surface.rows
        if self._hung is not None:
            rows = self._surface.strips(self._fitted(self._picture), self.look, photo=True)
        return self._picture.pixels, [row.render(self.app.console) for row in rows]

    @property
    def unfinished(self) -> bool:
        """Whether rows of the newest picture are not shown yet."""
        return self._surface.unfinished

    # -- drawing -----------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Draw everything anew as cells, from the picture if there is one."""
        self._take_down()
        if not self.is_mounted or not self.size:
            return
        self._look = self._caption = None
        self._surface.forget()
        if self._picture is not None:
            self._surface.rows = self._strips(self._fitted(self._picture))
        else:
            self._surface.rows = self._placeholder()
        self.refresh()

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
        self._hung, self._box = place, where
        if not stays:
            self.refresh()

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
    def _content_rows(self) -> int:
        return max(0, self.size.height - 1)

    def _seen(self, picture: Picture) -> Pixels:
        return picture.pixels[:, ::-1] if self.mirrored else picture.pixels

    def _fitted(self, picture: Picture) -> Pixels:
        width, height = self.size
        pixels = self._seen(picture)
        return picture_canvas(pixels, width, height, self.look, framed=self.speaking, covered=1)

    def _strips(self, canvas: Pixels) -> list[Strip]:
        return self._surface.strips(canvas, self.look, photo=self._picture is not None)

    def _plain_row(self, row: Row) -> Strip:
        return self._filtered(Strip([Segment(row.text, self.visual_style.rich_style)], row.columns))

    def _placeholder(self) -> list[Strip]:
        """Initials and the reason; a small tile has room for the reason alone."""
        width, rows = self.size.width, self._content_rows
        if not rows:
            return []
        person = self._person
        name = words.shown_name(person) if person is not None else ""
        identity = person.identity if person is not None else ""
        canvas, line = portrait_canvas(name, identity, width, rows, self.look, framed=self.speaking)
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

    # -- Textual -----------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._draw())
        self.screen.screen_layout_refresh_signal.subscribe(self, self._laid_out, immediate=True)

    def on_unmount(self) -> None:
        """Leave no pixels behind."""
        self._take_down()

    def on_hide(self) -> None:
        """Leave no pixels behind."""
        self._take_down()

    def on_resize(self) -> None:
        """Draw at the new size, and say that pictures of another size are wanted."""
        self._draw()
        self.post_message(self.Resized(self))

    def render_line(self, y: int) -> Strip:
        """One row of the tile."""
        if y == self.size.height - 1:
            return self._caption_strip()
        rows = self._surface.rows
        if y < len(rows):
            return rows[y]
        return self._filtered(Strip.blank(self.size.width, self.visual_style.rich_style))

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows inside `crop`, without the detour over borders and padding: a tile has none."""
        right = crop.right
        return [self.render_line(y).crop(crop.x, right) for y in range(crop.y, crop.bottom)]
