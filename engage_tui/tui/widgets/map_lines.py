"""The map as text: rings, names and oneself on a grid of cells, then lines of spans. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from engage_tui.engine.view import HearingView, PersonView, PlaceView, SoundView
from engage_tui.sdk.enums import AudioConnectionMode
from engage_tui.tui import words
from engage_tui.tui.widgets import map_view
from engage_tui.tui.widgets.map_view import Point, View
from engage_tui.tui.widgets.people_rows import Line, Span

_ARROWS = "↑↗→↘↓↙←↖"
_BEAM = 3.5  # rows that the look reaches
_NAME = 12  # cells of a name at the most


@dataclass(frozen=True, slots=True)
class Spot:
    """Somebody or something on the map.

    Attributes:
        key: An identity, or the key of a sound.
        name: As it is shown.
        point: Where, metres.
        facing: Where they look, degrees clockwise from ahead.
        me: Whether it is oneself.
        lit: Whether they speak, or it sounds.
        heard: Whether one would hear them.
        mark: One letter before the name that says so without colour.
    """

    key: str
    name: str
    point: Point
    facing: float = 0.0
    me: bool = False
    lit: bool = False
    heard: bool = True
    mark: str = "●"


@dataclass(frozen=True, slots=True)
class Letters:
    """What the map is drawn with.

    Attributes:
        dot: A ring's dots, one a cell; empty: braille, which makes a finer line.
        beam: Where one looks.
        arrows: Oneself, looking ahead and so on clockwise by 45 degrees.
        marks: What stands for the marks of spots; None: they themselves.
    """

    dot: str = ""
    beam: str = "•"
    arrows: str = _ARROWS
    marks: Mapping[str, str] | None = None

    def mark(self, mark: str) -> str:
        """A mark, in letters that the terminal has."""
        return self.marks.get(mark, mark) if self.marks is not None else mark


DOTTED = Letters("·")
"""For terminals whose font may lack braille."""

PLAIN = Letters(".", "*", "^/>\\v/<\\", {"●": "*", "○": "o", "✕": "x", "♪": "~"})
"""For terminals that draw ASCII alone."""


def letters(unicode: bool, blocks: bool) -> Letters:  # noqa: FBT001 - what a terminal has
    """What suits a terminal: more than ASCII, and a font that has the rarer blocks."""
    if not unicode:
        return PLAIN
    return Letters() if blocks else DOTTED


def spots(people: Mapping[str, PersonView], sounds: Iterable[SoundView] = ()) -> list[Spot]:
    """Everybody who has a place, and sounds in the room; oneself first."""
    found = []
    for person in people.values():
        place = person.place
        if place is None:
            continue
        mark = "●" if person.local or person.audio_connected else "○"
        if not person.local and person.connection_mode is AudioConnectionMode.NEVER:
            mark = "✕"
        found.append(
            Spot(
                person.identity,
                words.shown_name(person),
                (place.x, place.y),
                place.facing,
                person.local,
                person.speaking,
                mark == "●" and person.volume > 0,
                mark,
            )
        )
    for sound in sounds:
        if sound.place is not None:
            spot = (sound.place.x, sound.place.y)
            found.append(
                Spot(sound.key, words.clean(sound.label), spot, lit=sound.volume > 0, mark="♪")
            )
    return found


class Grid:
    """Cells with a letter and a style each; what stands is not written over unless told so."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._letters = [[" "] * width for _ in range(height)]
        self._styles = [["text"] * width for _ in range(height)]
        self._taken: set[tuple[int, int]] = set()

    def dot(self, cell: tuple[int, int], letter: str, style: str) -> None:
        """Put one letter into a free cell."""
        column, row = cell
        if cell not in self._taken and self._letters[row][column] == " ":
            self._letters[row][column], self._styles[row][column] = letter, style

    def free(self, column: int, row: int, cells: int) -> bool:
        """Whether a word of so many cells would cover no other."""
        inside = 0 <= row < len(self._letters) and 0 <= column <= self._width - cells
        return inside and not any(
            (each, row) in self._taken for each in range(column, column + cells)
        )

    def write(self, column: int, row: int, text: str, style: str) -> None:
        """Write a word that nothing else covers afterwards; what does not fit is cut."""
        for letter in text:
            cells = cell_len(letter)
            if not 0 <= column <= self._width - cells:
                column += cells
                continue
            for place in range(column, column + cells):
                self._clear(place, row)
            for place in range(column, column + cells):
                self._letters[row][place] = letter if place == column else ""
                self._styles[row][place] = style
                self._taken.add((place, row))
            column += cells

    def _clear(self, column: int, row: int) -> None:
        """Take a letter away, with its other half if it is a wide one."""
        letters = self._letters[row]
        first = column - 1 if column and letters[column] == "" else column
        for place in range(first, first + max(1, cell_len(letters[first]))):
            letters[place] = " "

    def lines(self) -> tuple[Line, ...]:
        """Each row as spans of one style."""
        return tuple(
            _spans(letters, styles)
            for letters, styles in zip(self._letters, self._styles, strict=True)
        )


def _spans(letters: Sequence[str], styles: Sequence[str]) -> Line:
    spans: list[Span] = []
    for letter, style in zip(letters, styles, strict=True):
        if spans and spans[-1][1] == style:
            spans[-1] = (spans[-1][0] + letter, style)
        else:
            spans.append((letter, style))
    return tuple(spans)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn map.

    Attributes:
        lines: As many as the window has rows, each as wide as it.
        hits: For each spot by key: row, first column and the one behind the last.
    """

    lines: tuple[Line, ...]
    hits: Mapping[str, tuple[int, int, int]]

    def at(self, column: int, row: int) -> str:
        """The key of whoever is under a cell; empty: nobody."""
        for key, (line, first, end) in self.hits.items():
            if line == row and first <= column < end:
                return key
        return ""


def draw(view: View, everybody: Sequence[Spot], chosen: str, letters: Letters) -> Drawn:
    """Draw the map.

    Args:
        view: What the window shows.
        everybody: Who is there.
        chosen: The selected one's key.
        letters: What it is drawn with.
    """
    grid = Grid(view.width, view.height)
    hits: dict[str, tuple[int, int, int]] = {}
    me = next((each for each in everybody if each.me), None)
    if me is not None:
        _draw_me(grid, view, me, letters, hits, chosen=chosen == me.key)
    # The selected and the loud ones first: they get the room for their whole names.
    others = sorted(
        (each for each in everybody if not each.me),
        key=lambda each: (each.key != chosen, not each.lit),
    )
    for spot in others:
        _draw_name(grid, view, spot, letters, hits, chosen=spot.key == chosen)
    if me is not None:
        _draw_rings(grid, view, me, letters)
    return Drawn(grid.lines(), hits)


def _draw_me(
    grid: Grid,
    view: View,
    me: Spot,
    letters: Letters,
    hits: dict[str, tuple[int, int, int]],
    *,
    chosen: bool,
) -> None:
    column, row = _edge(view, view.cell(me.point), 1)
    arrow = letters.arrows[round(me.facing / 45) % 8]
    text = f"({arrow})" if me.lit else f" {arrow} "
    text = f"[{arrow}]" if chosen else text
    grid.write(column - 1, row, text, "me-chosen" if chosen else "me")
    hits[me.key] = (row, column - 1, column + 2)
    fine = not letters.dot
    for cell, dots in map_view.ray(view, me.point, me.facing, _BEAM, steps=8 if fine else 1):
        grid.dot(cell, chr(0x2800 + dots) if fine else letters.beam, "beam")


def _draw_name(
    grid: Grid,
    view: View,
    spot: Spot,
    letters: Letters,
    hits: dict[str, tuple[int, int, int]],
    *,
    chosen: bool,
) -> None:
    style = "chosen" if chosen else "lit" if spot.lit else "name" if spot.heard else "dim"
    middle, row = _edge(view, view.cell(spot.point), 2)
    labels = [_label(spot, cells, letters, chosen=chosen) for cells in (_NAME, 6, 2)]
    for label in dict.fromkeys(labels):
        cells = cell_len(label)
        column = min(max(0, middle - cells // 2), max(0, view.width - cells))
        for near in (0, -1, 1):
            if grid.free(column, row + near, cells) and (near == 0 or label == labels[-1]):
                grid.write(column, row + near, label, style)
                hits[spot.key] = (row + near, column, column + cells)
                return
    # No room at all: one letter of theirs, over whatever is there.
    grid.write(middle, row, letters.mark(spot.mark), style)
    hits.setdefault(spot.key, (row, middle, middle + 1))


def _label(spot: Spot, cells: int, letters: Letters, *, chosen: bool) -> str:
    name = words.shorten(spot.name, cells) if cells > 2 else spot.name[:2]
    if letters.marks is not None:
        name = name.replace("…", ".")
    text = f"{letters.mark(spot.mark)} {name}" if cells > 2 else name
    if spot.lit:
        text = f"({text})"
    if chosen:
        return f"[{text}]"
    return text if spot.lit else f" {text} "


def _edge(view: View, cell: tuple[int, int], side: int) -> tuple[int, int]:
    """The nearest cell of the window."""
    column, row = cell
    column = min(max(side, column), max(side, view.width - 1 - side))
    return column, min(max(0, row), view.height - 1)


def _draw_rings(grid: Grid, view: View, me: Spot, letters: Letters) -> None:
    for radius in map_view.rings(view):
        _name_ring(grid, view, me.point, radius)
        for number, (cell, dots) in enumerate(map_view.ring(view, me.point, radius)):
            if not letters.dot:
                grid.dot(cell, chr(0x2800 + dots), "ring")
            elif number % 2 == 0:
                grid.dot(cell, letters.dot, "ring")


def _name_ring(grid: Grid, view: View, middle: Point, radius: float) -> None:
    """Say how far it is, where there is room: behind, ahead, or between."""
    text = f" {radius} m "
    for degrees in (180, 0, 150, 210, 30, 330):
        angle = math.radians(degrees)
        point = (middle[0] + radius * math.sin(angle), middle[1] + radius * math.cos(angle))
        column, row = view.cell(point)
        column -= len(text) // 2
        if grid.free(column, row, len(text)):
            grid.write(column, row, text, "ring")
            return


# -- in words ---------------------------------------------------------------------------------------------------------


def heading_words(degrees: float) -> str:
    """A direction from where one looks: ``ahead``, ``ahead left``, ``left``, ``behind``."""
    side = "left" if degrees < 0 else "right"
    turned = abs(degrees)
    if turned < 15:
        return "ahead"
    if turned < 65:
        return f"ahead {side}"
    if turned <= 115:
        return side
    return f"behind {side}" if turned < 165 else "behind"


def explain(person: PersonView, me: PersonView | None, reach: float = 0.0) -> str:
    """The selected person in a sentence: where, how loud, and whether they are heard.

    Args:
        person: Who.
        me: Oneself.
        reach: Metres beyond which nobody is heard; 0: unknown.
    """
    place = person.place
    if place is None:
        return f"{words.shown_name(person)} · no place yet"
    if person.local:
        moved = "away from your seat" if place.moved != "no" else "at your seat"
        return f"you · looking {heading_words(_turned(place.facing))} · {moved}"
    parts = [each for each in (words.shown_name(person), where_words(place, me)) if each]
    if place.moved != "no":
        parts.append("moved by you" if place.moved == "by_you" else "walks")
    parts.append(f"hear: {person.connection_mode.value}")
    parts.append("connected" if person.audio_connected else "not connected")
    if reach and me is not None and me.place is not None and _away(place, me.place) > reach:
        parts.append("too far off to be heard")
    if person.volume != 1:
        parts.append(words.volume(person.volume))
    return " · ".join(parts)


def where_words(place: PlaceView | None, me: PersonView | None) -> str:
    """``1.2 m ahead left``; empty when one of the two has no place."""
    if place is None or me is None or me.place is None:
        return ""
    own = (me.place.x, me.place.y)
    away, degrees = map_view.where(own, me.place.facing, (place.x, place.y))
    return f"{words.metres(away)} {heading_words(degrees)}"


def _away(one: PlaceView, other: PlaceView) -> float:
    return math.hypot(one.x - other.x, one.y - other.y)


def explain_sound(sound: SoundView, me: PersonView | None) -> str:
    """A selected sound in a sentence."""
    parts = [f"♪ {words.clean(sound.label)}", where_words(sound.place, me) or "all around you"]
    if sound.volume != 1:
        parts.append(words.volume(sound.volume))
    return " · ".join([*parts, "for you alone"])


def _turned(facing: float) -> float:
    return facing - 360 if facing > 180 else facing


def heard(hearing: HearingView) -> str:
    """The audio connection manager's choice: ``3 of 4 heard``."""
    if not hearing.microphones:
        return "no microphones"
    return f"{hearing.connected} of {hearing.microphones} heard"
