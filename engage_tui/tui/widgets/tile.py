"""A tile: one person's picture edge to edge, one line over it, and something to read when there is no picture."""

from __future__ import annotations

import math

from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from engage_tui.engine import messages
from engage_tui.engine.view import PersonView, PublicationView
from engage_tui.render import placing
from engage_tui.render.cells import CellMode
from engage_tui.render.choice import AUTO
from engage_tui.render.images import Place
from engage_tui.render.picture import Picture, Pixels
from engage_tui.render.terminal import Terminal
from engage_tui.tui.outlook import Outlook
from engage_tui.tui.widgets.caption import wants_picture, why_not
from engage_tui.tui.widgets.drawn import Drawn
from engage_tui.tui.widgets.surface import Part

_USUAL = (16, 9)


class Tile(Drawn):
    """Shows the pictures of one publication, at its own size."""

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    Tile { background: $surface; width: 1fr; height: 1fr; }
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
        super().__init__(number, outlook=outlook, id=id, classes=classes)
        self.key = ""

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
        if self._picture is None:
            self._draw_portrait()
        elif framed != self.speaking and self._hung is None:  # else the next picture has the frame
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

    def take(self, budget: int | None) -> list[Part]:
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
