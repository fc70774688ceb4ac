"""The lines of the people panel: pure functions from people, levels and counters to text in fixed columns.

A line is a tuple of spans, each a text and the name of a style; every line is exactly as wide as asked for,
so that nothing moves when a number grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.cells import cell_len

from engage_tui.engine.view import PersonView, PublicationStats, PublicationView, Subscription
from engage_tui.sdk.enums import AudioConnectionMode, ConnectionQuality, TrackKind, TrackSource
from engage_tui.tui import words

Span = tuple[str, str]
"""A text, and the style's name: ``text``, ``name``, ``you``, ``dim``, ``live``, ``alert``, ``chosen``."""

Line = tuple[Span, ...]

MARKS = {
    Subscription.ON: "●",
    Subscription.OFF: "○",
    Subscription.PENDING: "…",
    Subscription.FAILED: "✕",
}
"""The mark before a publication."""

_PLACES = {source: place for place, source in enumerate(words.SOURCES)}  # the rest comes last

CHIP = 19
"""Cells of one publication in the strip."""

_SOURCE, _KIND, _SIZE, _STATE, _RATE = 6, 5, 9, 7, 8
ROW = 4 + _SOURCE + 1 + _KIND + 1 + _SIZE + 1 + _STATE + 1 + _RATE
"""Cells of a full publication row."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be selected: a person (`publication` None) or one of their publications."""

    person: PersonView
    publication: PublicationView | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What stays the same while everything else changes: identity and publication key."""
        return (self.person.identity, self.publication.key if self.publication else "")


@dataclass(frozen=True, slots=True)
class Facts:
    """What changes often, beside the people themselves.

    Attributes:
        levels: Loudness by identity, 0 to 1.
        statistics: Counters by publication key.
        waiting: Keys of the rows whose intent has no answer yet.
        seen: Keys of the publications that tiles show; None: unknown.
    """

    levels: Mapping[str, float] = field(default_factory=dict)
    statistics: Mapping[str, PublicationStats] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()
    seen: frozenset[str] | None = None

    def unseen(self, counters: PublicationStats) -> bool:
        """Whether pictures come and no tile shows them: what nobody looks at is not decoded."""
        return (
            self.seen is not None
            and not counters.local
            and counters.kind is TrackKind.VIDEO
            and counters.key not in self.seen
            and not counters.frames_per_second
        )


def items(people: Mapping[str, PersonView]) -> list[Item]:
    """Everything that can be selected, in the order of the screen."""
    found: list[Item] = []
    for person in people.values():
        found.append(Item(person))
        rows = sorted(person.publications, key=lambda each: _PLACES.get(each.source, len(_PLACES)))
        found.extend(Item(person, each) for each in rows)
    return found


def mark(publication: PublicationView, facts: Facts) -> str:
    """The row's mark; an intent on its way shows at once as pending."""
    if publication.key in facts.waiting:
        return MARKS[Subscription.PENDING]
    return MARKS[publication.subscription]


def state(publication: PublicationView, person: PersonView, facts: Facts) -> Span:
    """The middle of a row in one word, a meter, or pictures a second."""
    if publication.key in facts.waiting or publication.subscription is Subscription.PENDING:
        return ("wait …", "dim")
    if publication.subscription is Subscription.FAILED:
        return ("failed", "alert")
    if publication.muted:
        return ("MUTED", "alert")
    if publication.subscription is Subscription.OFF:
        return ("off", "dim")
    if publication.kind is TrackKind.AUDIO:
        level = facts.levels.get(person.identity, 0.0)
        return (words.meter(level, _STATE - 1), "live" if level > 0.03 else "dim")
    counters = facts.statistics.get(publication.key)
    if counters is None:
        return ("", "text")
    if facts.unseen(counters):
        return ("unseen", "dim")
    return (f"{counters.frames_per_second:.0f} fps", "text")


def detail(publication: PublicationView, person: PersonView) -> str:
    """Size of a picture; for a microphone how it is connected; else the codec or the name."""
    if publication.kind is TrackKind.VIDEO:
        return words.size(publication) or publication.codec
    if publication.source is TrackSource.MICROPHONE and not person.local:
        return person.connection_mode.value
    return publication.codec or publication.name


def throughput(publication: PublicationView, facts: Facts) -> Span:
    """The row's right end: bytes a second, or the key that would make them flow."""
    if publication.subscription is Subscription.OFF and publication.key not in facts.waiting:
        return ("[s]", "dim")
    counters = facts.statistics.get(publication.key)
    return (words.rate(counters.bytes_per_second) if counters else "", "dim")


def row(item: Item, facts: Facts, width: int, *, chosen: bool) -> Line:
    """One line of the full panel, exactly `width` cells."""
    if item.publication is None:
        return _person_line(item.person, width, chosen=chosen)
    publication, person = item.publication, item.person
    middle, middle_style = state(publication, person, facts)
    right, right_style = throughput(publication, facts)
    live = publication.subscription is Subscription.ON and not publication.muted
    spare = width - ROW
    wider = max(0, spare)
    spans = [
        ("▌ " if chosen else "  ", "chosen"),
        (mark(publication, facts) + " ", "live" if live else _mark_style(publication)),
        (words.fit(words.source(publication), _SOURCE) + " ", "text"),
        (words.fit(words.kind(publication), _KIND) + " ", "dim"),
        (words.fit(detail(publication, person), _SIZE + wider) + " ", "text"),
        (words.fit(middle, _STATE) + " ", middle_style),
        (words.shorten(right, _RATE).rjust(_RATE), right_style),
    ]
    return cut(spans, width)


def _mark_style(publication: PublicationView) -> str:
    return "alert" if publication.subscription is Subscription.FAILED else "dim"


def _person_line(person: PersonView, width: int, *, chosen: bool) -> Line:
    word, style = person_state(person)
    name = words.shown_name(person)
    you = " (you)" if person.local else ""
    room = max(0, width - 2 - cell_len(word) - 1)
    return cut(
        [
            ("▌ " if chosen else "  ", "chosen"),
            (
                words.fit(words.shorten(name, room - len(you)) + you, room),
                "you" if person.local else "name",
            ),
            (" " + word, style),
        ],
        width,
    )


def person_state(person: PersonView) -> Span:
    """The one word beside a name that matters most now; empty when there is nothing to say."""
    if person.joining:
        return ("… joining", "dim")
    if person.speaking:
        return ("◜ speaking", "live")
    if person.local and not person.publications:
        return ("m mic  v camera  d share", "dim")  # an empty place says which key fills it
    if any(_is_microphone(each) and each.muted for each in person.publications):
        return ("MUTED", "alert")
    if not person.local and person.connection_mode is AudioConnectionMode.NEVER:
        return ("not heard", "dim")
    if person.quality in (ConnectionQuality.POOR, ConnectionQuality.LOST):
        return (f"{person.quality.value} line", "alert")
    return ("", "dim")


def _is_microphone(publication: PublicationView) -> bool:
    return publication.source is TrackSource.MICROPHONE


def cut(spans: list[Span], width: int) -> Line:
    """`spans` in exactly `width` cells: filled up with blanks, or cut at the right."""
    line: list[Span] = []
    left = width
    for text, style in spans:
        cells = cell_len(text)
        if cells > left:
            text, cells = words.fit(text, left) if left else "", left
        if text:
            line.append((text, style))
        left -= cells
    if left > 0:
        line.append((" " * left, "text"))
    return tuple(line)


# -- the strip: a person in a line, for narrow screens ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StripLine:
    """One line of the strip.

    Attributes:
        items: What can be selected on it, from left to right: the person, then publications.
    """

    items: tuple[Item, ...]
    first: bool


NAME = 18
"""Cells of the name in the strip."""


def strip_lines(everything: list[Item], width: int) -> list[StripLine]:
    """Group `everything` into lines: a person's publications beside the name, as many as fit in a line."""
    room = max(1, (width - NAME) // CHIP)
    lines: list[StripLine] = []
    current: list[Item] = []
    first = True
    for item in everything:
        if item.publication is None:
            if current:
                lines.append(StripLine(tuple(current), first))
            current, first = [item], True
        elif len([each for each in current if each.publication]) >= room:
            lines.append(StripLine(tuple(current), first))
            current, first = [item], False
        else:
            current.append(item)
    if current:
        lines.append(StripLine(tuple(current), first))
    return lines


def strip_row(line: StripLine, facts: Facts, width: int, chosen: tuple[str, str] | None) -> Line:
    """One line of the strip, exactly `width` cells."""
    spans: list[Span] = []
    if line.first:
        person = line.items[0].person
        here = line.items[0].key == chosen
        word, _ = person_state(person)
        sign = "◜" if person.speaking else "…" if person.joining else " "
        you = " (you)" if person.local else ""
        name = words.shorten(words.shown_name(person), NAME - 4 - len(you)) + you
        style = "you" if person.local else "live" if person.speaking else "name"
        spans = [
            ("▌" if here else " ", "chosen"),
            (sign + " ", "live" if person.speaking else "dim"),
            (words.fit(name, NAME - 3), "selected" if here else style),
        ]
        if not person.publications and word:
            spans.append((word.removeprefix("… "), "dim"))
    else:
        spans = [(" " * NAME, "text")]
    for item in line.items:
        if item.publication is not None:
            spans.extend(_chip(item, item.publication, facts, chosen=item.key == chosen))
    return cut(spans, width)


def _chip(item: Item, publication: PublicationView, facts: Facts, *, chosen: bool) -> list[Span]:
    middle, style = state(publication, item.person, facts)
    live = publication.subscription is Subscription.ON and not publication.muted
    return [
        ("▌" if chosen else " ", "chosen"),
        (mark(publication, facts) + " ", "live" if live else _mark_style(publication)),
        (
            words.fit(words.source(publication), _SOURCE) + " ",
            "selected" if chosen else "text",
        ),
        (words.fit(middle, CHIP - 4 - _SOURCE), style),
    ]


def strip_hit(line: StripLine, column: int) -> Item | None:
    """The item of a strip line at a column."""
    if column < NAME:
        return line.items[0] if line.first else None
    place = (column - NAME) // CHIP + (1 if line.first else 0)
    return line.items[place] if 0 <= place < len(line.items) else None


def explain(item: Item, facts: Facts) -> str:
    """The selected row in a sentence: everything that a narrow row has no room for."""
    person, publication = item.person, item.publication
    who = "you" if person.local else words.shown_name(person)
    if publication is None:
        parts = [who]
        if person.quality is not ConnectionQuality.UNKNOWN:
            parts.append(f"connection {person.quality.value}")
        if not person.local:
            parts.append(f"hear: {person.connection_mode.value}")
            parts.append("connected" if person.audio_connected else "not connected to your ears")
            if person.volume != 1:
                parts.append(words.volume(person.volume))
        return " · ".join(parts)
    parts = [f"{who} {words.source(publication)}", words.kind(publication)]
    named = publication.name if publication.name not in ("", publication.source.value) else ""
    parts += [words.clean(each) for each in (named, publication.codec, words.size(publication))]
    parts.append(_subscribed(publication, facts))
    if publication.muted:
        parts.append("muted")
    counters = facts.statistics.get(publication.key)
    if publication.subscription is not Subscription.ON:
        counters = None
    if counters and publication.kind is TrackKind.VIDEO:
        shown = f"{counters.frames_per_second:.0f} fps"
        parts.append("in no tile, so not decoded" if facts.unseen(counters) else shown)
    if counters:
        parts.append(words.rate(counters.bytes_per_second))
    return " · ".join(each for each in parts if each)


def _subscribed(publication: PublicationView, facts: Facts) -> str:
    if publication.key in facts.waiting:
        return "waiting for the server"
    if publication.subscription is Subscription.FAILED:
        return f"failed: {publication.error}" if publication.error else "failed"
    if publication.local:
        return "published"
    return {
        Subscription.ON: "subscribed",
        Subscription.OFF: "not subscribed",
        Subscription.PENDING: "subscribing",
    }[publication.subscription]
