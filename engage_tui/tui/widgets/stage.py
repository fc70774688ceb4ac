"""The stage: up to nine tiles, as large as can be, in an order in which nothing jumps; never empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget

from engage_tui.engine import messages
from engage_tui.engine.view import CallView, PersonView
from engage_tui.tui.outlook import outlook_of
from engage_tui.tui.widgets.arrange import MOST, Seat, Seating, arrange, capacity
from engage_tui.tui.widgets.caption import wants_picture
from engage_tui.tui.widgets.invite import Invite
from engage_tui.tui.widgets.tile import Tile

_LARGE = 60 * 15  # cells of a tile that is worth more pictures a second when it is alone


class Stage(Widget):
    """Lays out the tiles, and says which pictures they want."""

    DEFAULT_CSS = """
    Stage { width: 1fr; height: 1fr; overflow: hidden; }
    Stage > Tile, Stage > Invite { position: absolute; display: none; }
    """

    class WatchChanged(Message):
        """A tile wants other pictures than before, or none (an empty key)."""

        def __init__(self, watch: messages.Watch) -> None:
            super().__init__()
            self.watch = watch

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._people: Mapping[str, PersonView] = {}
        self._call = CallView()
        self._chosen: Sequence[str] = ()
        self._seating = Seating()
        self._tiles = [Tile(number) for number in range(MOST)]
        self._invite = Invite()
        self._shown: dict[str, Tile] = {}  # by seat; at most MOST
        self._watches: dict[int, messages.Watch] = {}
        self._hidden = False
        self._solo = ""

    def compose(self) -> ComposeResult:
        """All tiles at once: they appear and go without being made anew."""
        yield from self._tiles
        yield self._invite

    # -- what it is told ---------------------------------------------------------------------------------------------

    def show_people(
        self, people: Mapping[str, PersonView], chosen: Sequence[str] | None = None
    ) -> None:
        """Show these people.

        Args:
            people: By identity, in the order of the list.
            chosen: Keys of publications that must be seen even if there is little room; None: as before.
        """
        self._people = people
        if chosen is not None:
            self._chosen = chosen
        self._arrange()

    def show_call(self, call: CallView) -> None:
        """Know how others get in, and whether we are in ourselves."""
        self._call = call
        self._invite.call = call
        self._arrange()

    def show_levels(self, levels: Mapping[str, float]) -> None:
        """Move the meters, ten times a second."""
        for tile in self._shown.values():
            if tile.person is not None:
                tile.level = levels.get(tile.person.identity, 0.0)

    def show_picture(self, picture: messages.Picture) -> None:
        """Show a picture at once; the app's painter does it at a better moment."""
        tile = self.tile(picture.tile)
        if tile is not None and tile.key == picture.key:
            tile.show(picture)

    def tile(self, number: int) -> Tile | None:
        """The tile of a number, if it is shown."""
        return next((tile for tile in self._shown.values() if tile.number == number), None)

    @property
    def tiles(self) -> list[Tile]:
        """The tiles that are shown, in their order."""
        return [self._shown[key] for key in self._order if key in self._shown]

    @property
    def watches(self) -> tuple[messages.Watch, ...]:
        """What is wanted now: all of it is to be said again to a new engine."""
        return tuple(self._watches.values())

    def restyle(self) -> None:
        """Draw pictures another way: the outlook has changed."""
        self._arrange()  # another font may have cells of another shape
        for tile in self._tiles:
            tile.restyle()

    # -- one alone ---------------------------------------------------------------------------------------------------

    @property
    def solo(self) -> str:
        """The publication or person that has the whole stage; empty: nobody."""
        return self._solo

    def show_alone(self, key: str) -> None:
        """Give the whole stage to somebody as long as they are there; empty: to all again.

        Args:
            key: `PublicationView.key`, or an identity.
        """
        self._solo = key
        self._arrange()

    # -- layout ------------------------------------------------------------------------------------------------------

    @property
    def _order(self) -> list[str]:
        return self._seating.order

    def _arrange(self) -> None:
        width, height = self.size
        if not self.is_mounted or not width or not height:
            return
        outlook = outlook_of(self.app)
        room = capacity(width, height, sharp=outlook.image is not None)
        people = list(self._people.values())
        alone = all(person.local for person in people)
        chosen = [self._solo] if self._solo else self._chosen
        seats = self._seating.seat(people, room - alone, chosen)
        if (one := [seat for seat in seats if _is(seat, self._solo)]) and self._solo:
            self._seat(one[:1], [Region(0, 0, width, height)])
            _place(self._invite, None)
            return
        large = bool(seats) and seats[0].large
        aspect = outlook.terminal.aspect
        regions = arrange(width, height, len(seats) + alone, large=large, aspect=aspect)
        if alone and not seats:
            regions = [Region(0, 0, width, height)]  # words are no picture: they take what there is
        self._seat(seats[: len(regions)], regions)
        last = regions[-1] if alone and regions else None
        _place(self._invite, last)

    def _seat(self, seats: list[Seat], regions: list[Region]) -> None:
        wanted = {seat.key for seat in seats}
        for key in [key for key in self._shown if key not in wanted]:
            tile = self._shown.pop(key)
            tile.assign("", None)
            _place(tile, None)
            self._watch(tile)
        free = [tile for tile in self._tiles if tile not in self._shown.values()]
        for seat, region in zip(seats, regions, strict=False):
            if seat.key not in self._shown:
                self._shown[seat.key] = free.pop(0)
            tile = self._shown[seat.key]
            publication = seat.publication
            tile.assign(publication.key if publication else seat.key, seat.person, publication)
            _place(tile, region)
            self._watch(tile)

    def _watch(self, tile: Tile) -> None:
        """Say what the tile wants, if that is news; its size is told by Textual only after the layout."""
        watch = messages.Watch(tile.number, "")
        outlook = outlook_of(self.app)
        shown = not self._hidden and not outlook.resting and tile in self._shown.values()
        if shown and wants_picture(tile.publication):
            width, height = tile.pixels
            if not width or not height:
                return  # `on_tile_resized` comes
            alone = len(self._shown) == 1
            large = alone and tile.size.area >= _LARGE
            rate = outlook.plan.rate(front=tile.speaking or alone, large=large)
            watch = messages.Watch(tile.number, tile.key, width, height, rate)
        before = self._watches.get(tile.number, messages.Watch(tile.number, ""))
        if watch == before:
            return
        if watch.key:
            self._watches[tile.number] = watch
        else:
            self._watches.pop(tile.number, None)
        self.post_message(self.WatchChanged(watch))

    def on_mount(self) -> None:
        """Nobody yet: how others get in."""
        self._arrange()

    def on_resize(self) -> None:
        """Another size, another grid."""
        self._arrange()

    def on_hide(self) -> None:
        """Nobody looks: nothing is to be decoded."""
        self._hide(True)

    def on_show(self) -> None:
        """Somebody looks again."""
        self._hide(False)

    def _hide(self, hidden: bool) -> None:
        self._hidden = hidden
        for tile in self._shown.values():
            self._watch(tile)

    def on_tile_resized(self, event: Tile.Resized) -> None:
        """A tile has its size."""
        event.stop()
        self._watch(event.tile)


def _is(seat: Seat, key: str) -> bool:
    """Whether a seat is a publication's or person's."""
    return key in (seat.key, seat.person.identity) or (
        seat.publication is not None and seat.publication.key == key
    )


def _place(widget: Widget, region: Region | None) -> None:
    """Put a widget there, or hide it; styles are touched only when they change, because each touch is a new layout."""
    styles = widget.styles
    shown = region is not None
    if region is not None:
        if styles.offset.x.value != region.x or styles.offset.y.value != region.y:
            styles.offset = (region.x, region.y)
        for axis, cells in (("width", region.width), ("height", region.height)):
            now = getattr(styles, axis)
            if now is None or now.value != cells or not now.is_cells:
                setattr(styles, axis, cells)
    if (styles.display == "block") != shown:
        styles.display = "block" if shown else "none"
