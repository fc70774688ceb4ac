"""Where tiles stand: a grid that makes them as large as can be, and one large place for a shared screen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from textual.geometry import Region

from engage_tui.engine.view import PersonView, PublicationView, Subscription
from engage_tui.render.cells import CELL_ASPECT
from engage_tui.sdk.enums import TrackKind, TrackSource

MOST = 9
"""Tiles on the stage."""

GAP = (2, 1)
"""Columns and rows between tiles: about the same on the screen."""

_WIDE = 16 / 9  # most pictures
_SMALLEST = (12, 4)
_READABLE = (30, 8)  # what a face of text needs
_SHARP = (20, 6)  # and one of pixels


@dataclass(frozen=True, slots=True)
class Seat:
    """What a tile shows.

    Attributes:
        key: The publication's, else ``identity/`` followed by a word.
        large: Whether it gets the large place.
    """

    key: str
    person: PersonView
    publication: PublicationView | None
    large: bool = False


def capacity(width: int, height: int, *, sharp: bool = False) -> int:
    """Tiles that still show a face: 2x2 in 80 columns, at most nine.

    Args:
        width: Columns of the place.
        height: Rows of the place.
        sharp: Whether pictures are drawn with pixels; of text, a narrow place shows one or two.
    """
    least = _SHARP if sharp else _READABLE
    across = max(1, (width + GAP[0]) // (least[0] + GAP[0]))
    down = max(1, (height + GAP[1]) // (least[1] + GAP[1]))
    if width < 60 and not sharp:
        across = 1
        down = min(down, 2)
    return max(1, min(MOST, across * down))


def arrange(
    width: int, height: int, count: int, *, large: bool = False, aspect: float = CELL_ASPECT
) -> list[Region]:
    """Lay `count` tiles into a place.

    Args:
        width: Columns of the place.
        height: Rows of the place.
        count: How many tiles.
        large: Whether the first one gets the large place.
        aspect: Height of a cell divided by its width.

    Returns:
        One region a tile, none outside the place, none over another; fewer when the place is too small.
    """
    if count <= 0 or width <= 0 or height <= 0:
        return []
    shape = _WIDE * aspect  # columns to rows
    for fewer in range(count, 1, -1) if large else ():
        if found := _with_large(width, height, fewer, shape):
            return found
    count = 1 if large else count
    return _grid(Region(0, 0, width, height), count, shape)


def _with_large(width: int, height: int, count: int, shape: float) -> list[Region]:
    """The large tile, and the others beside or below it: whichever leaves it larger."""
    others = count - 1
    best: list[Region] = []
    best_area = -1.0
    for across in (True, False):
        for share in (0.2, 0.25, 0.3, 0.35):
            if across:
                strip = max(_SMALLEST[0], int(width * share))
                first = Region(0, 0, width - strip - GAP[0], height)
                rest = Region(width - strip, 0, strip, height)
            else:
                strip = max(_SMALLEST[1], int(height * share))
                first = Region(0, 0, width, height - strip - GAP[1])
                rest = Region(0, height - strip, width, strip)
            small = _grid(rest, others, shape)
            if not small or not all(_usable(each) for each in (first, small[0])):
                continue
            # The large picture counts most, but faces that nobody can see are no faces.
            area = _seen(first, shape) + min(_seen(each, shape) for each in small) * 3
            if area > best_area:
                best, best_area = [first, *small], area
    return best


def _grid(place: Region, count: int, shape: float) -> list[Region]:
    best_columns, best_seen = 1, -1.0
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        tile = Region(0, 0, *_tile_size(place, columns, rows))
        if tile.width < 1 or tile.height < 1:
            continue
        if _seen(tile, shape) > best_seen + 1e-9:
            best_columns, best_seen = columns, _seen(tile, shape)
    return _cells(place, count, best_columns, shape)


def _tile_size(place: Region, columns: int, rows: int) -> tuple[int, int]:
    width = (place.width - (columns - 1) * GAP[0]) // columns
    height = (place.height - (rows - 1) * GAP[1]) // rows
    return width, height


def _cells(place: Region, count: int, columns: int, shape: float) -> list[Region]:
    """Fill rows from the top; a short last row stands in the middle. What is left over goes to the margins."""
    rows = -(-count // columns)
    width, height = _tile_size(place, columns, rows)
    # The shape of a picture, and a row for the caption: what is wider or taller would be bars.
    width = min(width, max(_SMALLEST[0], round((height - 1) * shape)))
    height = min(height, max(_SMALLEST[1], round(width / shape) + 1))
    width = min(width, max(_SMALLEST[0], round((height - 1) * shape)))
    if width < 1 or height < 1:
        return []
    top = place.y + (place.height - rows * height - (rows - 1) * GAP[1]) // 2
    regions = []
    for index in range(count):
        row, column = divmod(index, columns)
        here = min(columns, count - row * columns)
        left = place.x + (place.width - here * width - (here - 1) * GAP[0]) // 2
        regions.append(
            Region(left + column * (width + GAP[0]), top + row * (height + GAP[1]), width, height)
        )
    return regions


def _usable(tile: Region) -> bool:
    return tile.width >= _SMALLEST[0] and tile.height >= _SMALLEST[1]


def _seen(tile: Region, shape: float) -> float:
    """Cells of a wide picture that fits into the tile."""
    return min(tile.width, tile.height * shape) * min(tile.height, tile.width / shape)


@dataclass(slots=True)
class Seating:
    """Who sits on the stage: people keep their places, and a speaker without one takes that of the longest silent.

    Attributes:
        order: Keys in the order of their places.
    """

    order: list[str] = field(default_factory=list)
    _spoke: dict[str, int] = field(default_factory=dict)  # one entry a person present
    _turn: int = 0

    def seat(
        self,
        people: Sequence[PersonView],
        room: int,
        chosen: Sequence[str] = (),
    ) -> list[Seat]:
        """Choose at most `room` seats.

        Args:
            people: Everybody, in the order of the list.
            room: How many tiles there are.
            chosen: Keys that must be seen, if they exist.
        """
        self._turn += 1
        self._listen(people)
        seats = {seat.key: seat for seat in _wishes(people)}
        rank = self._rank(list(seats.values()), chosen)
        winners = sorted(seats, key=lambda key: rank[key])[:room]
        entering = [key for key in seats if key in winners and key not in self.order]
        order: list[str] = []
        for key in self.order:
            if key in winners:
                order.append(key)
            elif (
                key in seats and entering
            ):  # somebody present makes room: the newcomer takes that very place
                order.append(entering.pop(0))
        self.order = order + entering
        return sorted((seats[key] for key in self.order), key=lambda seat: not seat.large)

    def _listen(self, people: Sequence[PersonView]) -> None:
        for person in people:
            if person.speaking or person.identity not in self._spoke:
                self._spoke[person.identity] = self._turn if person.speaking else 0
        here = {person.identity for person in people}
        self._spoke = {who: turn for who, turn in self._spoke.items() if who in here}

    def _rank(self, wishes: list[Seat], chosen: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Who goes first when there is no room: the highest rank."""
        rank: dict[str, tuple[int, ...]] = {}
        for place, seat in enumerate(wishes):
            kind = _kind(seat, chosen)
            rank[seat.key] = (kind, -self._spoke[seat.person.identity], place)
        return rank


def _kind(seat: Seat, chosen: Sequence[str]) -> int:
    if seat.key in chosen or (seat.publication is not None and seat.publication.key in chosen):
        return 0
    if seat.large:
        return 1
    if seat.publication is not None and seat.publication.source is TrackSource.SCREEN_SHARE:
        return 3 if seat.publication.subscription is Subscription.ON else 5
    if seat.person.speaking:
        return 2
    return 3 if seat.publication is not None and not seat.person.local else 4


def _wishes(people: Sequence[PersonView]) -> list[Seat]:
    """Everything that could be shown: shared screens, and one place a person."""
    shared: list[Seat] = []
    offered: list[Seat] = []  # screens that nobody asked to see stand behind the faces
    for person in people:
        if person.local:
            continue  # one's own screen would show itself, endlessly
        for publication in _videos(person, screens=True):
            seen = publication.subscription in (Subscription.ON, Subscription.PENDING)
            seat = Seat(publication.key, person, publication, large=seen and not shared)
            (shared if seen else offered).append(seat)
    faces: list[Seat] = []
    for person in people:
        cameras = _videos(person, screens=False)
        if cameras or not person.local or len(people) > 1:
            faces.append(Seat(f"{person.identity}/", person, cameras[0] if cameras else None))
    return shared + faces + offered


def _videos(person: PersonView, *, screens: bool) -> list[PublicationView]:
    return [
        each
        for each in person.publications
        if each.kind is TrackKind.VIDEO and (each.source is TrackSource.SCREEN_SHARE) == screens
    ]
