"""The one line over a tile: who it is, how loud, and what is wrong. Pure functions, fixed columns."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from engage_tui.engine.view import PersonView, PublicationView, Subscription
from engage_tui.sdk.enums import ConnectionQuality, TrackSource
from engage_tui.tui import words

STATE = 6
"""Cells of the right end, always reserved: the meter, or the word that stands in its place."""

_NARROW = 18
_SHORT = 3
_SHORTENED = {"MUTED": "off", "no mic": ""}

_DECODED = ("", "vp8", "h264")


@dataclass(frozen=True, slots=True)
class Caption:
    """The parts of the line, from left to right.

    Attributes:
        name: Padded to its column.
        detail: Size or state, right-aligned; may be empty.
        state: `STATE` cells, in a narrow tile 3: the meter, ``MUTED``, ``no mic``, or blanks.
        alert: Whether `state` is something to be red about.
    """

    name: str
    detail: str
    state: str
    alert: bool

    @property
    def text(self) -> str:
        """The whole line, as many cells as were asked for, in tiles that hold more than a name."""
        return f" {self.name}{self.detail}" + (f" {self.state} " if self.state else " ")


def caption(
    person: PersonView | None, publication: PublicationView | None, level: float, width: int
) -> Caption:
    """Lay out the line.

    Args:
        person: Whose tile it is.
        publication: What it shows.
        level: Loudness, 0 to 1.
        width: Cells of the tile.
    """
    if person is None:
        return Caption(" " * max(0, width - 2), "", "", False)
    if publication is not None and publication.source is TrackSource.SCREEN_SHARE:
        return _screen_caption(person, publication, width)
    state, alert = _state(person, level)
    reserved = STATE
    if width < _NARROW:  # the name matters most
        reserved, state = _SHORT, _SHORTENED.get(state, words.meter(level, _SHORT))
    room = max(0, width - 3 - reserved)
    if room < 3:
        return Caption(words.fit(name(person, publication), max(0, width - 3)), "", "", False)
    shown = name(person, publication)
    detail = _detail(person, publication)
    if cell_len(shown) + 2 + cell_len(detail) > room:
        detail = ""
    return Caption(
        words.fit(shown, room - cell_len(detail)), detail, words.fit(state, STATE), alert
    )


def _screen_caption(person: PersonView, publication: PublicationView, width: int) -> Caption:
    """A screen is silent: its size stands where a face has its meter."""
    room, shown, size = max(0, width - 2), name(person, publication), words.size(publication)
    if cell_len(shown) + 2 + cell_len(size) > room:
        size = ""
    return Caption(words.fit(shown, room - cell_len(size)), size, "", False)


def name(person: PersonView, publication: PublicationView | None) -> str:
    """Who is seen: ``ada (you)``, ``screen of mira``."""
    if publication is not None and publication.source is TrackSource.SCREEN_SHARE:
        return "your screen" if person.local else f"screen of {words.shown_name(person)}"
    return words.shown_name(person) + (" (you)" if person.local else "")


def why_not(person: PersonView | None, publication: PublicationView | None) -> str:
    """Why there is no picture, and which key would bring one."""
    if person is None:
        return ""
    if publication is None:
        return "joining …" if person.joining else "camera off"
    if publication.muted:
        screen = publication.source is TrackSource.SCREEN_SHARE
        return "screen paused" if screen else "camera off"
    if publication.local:
        return "waiting for the first picture"
    if publication.subscription is Subscription.OFF:
        return "press s to see"
    if publication.subscription is Subscription.FAILED:
        return words.clean(publication.error) or "cannot be shown"
    if publication.codec not in _DECODED:
        return f"cannot decode {words.clean(publication.codec)}"
    if publication.subscription is Subscription.PENDING:
        return "subscribing …"
    return "waiting for the first picture"


def wants_picture(publication: PublicationView | None) -> bool:
    """Whether pictures of the publication can be expected."""
    return (
        publication is not None
        and not publication.muted
        and (publication.local or publication.subscription is Subscription.ON)
        and publication.codec in _DECODED
    )


def _state(person: PersonView, level: float) -> tuple[str, bool]:
    microphones = [each for each in person.publications if each.source is TrackSource.MICROPHONE]
    if not microphones:
        return "no mic", False
    if all(each.muted for each in microphones):
        return "MUTED", True
    return words.meter(level, STATE), False


def _detail(person: PersonView, publication: PublicationView | None) -> str:
    if person.quality in (ConnectionQuality.POOR, ConnectionQuality.LOST):
        return f"connection {person.quality.value}"
    if person.speaking:
        return "speaking"
    return words.size(publication) if publication is not None and not publication.muted else ""
