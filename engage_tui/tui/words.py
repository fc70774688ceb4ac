"""Numbers and states in the few words that fit on a screen. Pure."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from engage_tui.engine.messages import Event
from engage_tui.engine.view import PersonView, Phase, PublicationView
from engage_tui.sdk.enums import SpatialMode, TrackKind, TrackSource

FULL, EMPTY = "▮", "▯"
"""A meter's blocks: they differ in shape, so that a meter needs no colour."""

SOURCES: dict[TrackSource, str] = {
    TrackSource.MICROPHONE: "mic",
    TrackSource.CAMERA: "camera",
    TrackSource.SCREEN_SHARE: "screen",
    TrackSource.SCREEN_SHARE_AUDIO: "sound",
}
"""Each source in at most six letters."""

PHASES: dict[Phase, str] = {
    Phase.LOBBY: "not connected",
    Phase.CONNECTING: "connecting …",
    Phase.CONNECTED: "connected",
    Phase.RECONNECTING: "reconnecting",
    Phase.LEFT: "left",
}


EARS: dict[SpatialMode, str] = {
    SpatialMode.BINAURAL: "for headphones: voices stand around you",
    SpatialMode.STEREO: "for two loudspeakers: left and right",
    SpatialMode.OFF: "everybody in the middle, for one ear or speaker",
}
"""Each spatial mode in words."""


def source(publication: PublicationView) -> str:
    """What a publication is called in a row: its source, else its kind's general word."""
    return SOURCES.get(publication.source, "track")


def size(publication: PublicationView) -> str:
    """``640x360``, or empty while unknown."""
    if publication.width and publication.height:
        return f"{publication.width}x{publication.height}"
    return ""


def rate(bytes_per_second: float) -> str:
    """At most eight columns: ``0 B/s``, ``38 kB/s``, ``1.2 MB/s``."""
    if bytes_per_second < 999.5:
        return f"{bytes_per_second:.0f} B/s"
    if bytes_per_second < 999_500:
        return f"{bytes_per_second / 1000:.0f} kB/s"
    return f"{bytes_per_second / 1e6:.1f} MB/s"


def people(count: int) -> str:
    """``1 person``, ``4 people``."""
    return f"{count} person" if count == 1 else f"{count} people"


def shown_name(person: PersonView) -> str:
    """The name that people see; the identity when there is none."""
    return clean(person.name) or clean(person.identity)


def clean(text: str) -> str:
    """One line without control and format characters: names come from strangers, and ESC moves cursors."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def shorten(text: str, width: int) -> str:
    """`text`, cleaned, in at most `width` cells, with ``…`` where it was cut."""
    text = clean(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def fit(text: str, width: int) -> str:
    """`text`, cleaned, in exactly `width` cells."""
    return set_cell_size(shorten(text, width), max(0, width))


def meter(level: float, width: int) -> str:
    """`level` (0 to 1) as `width` blocks, full ones first."""
    filled = max(0, min(width, round(level * width)))
    return FULL * filled + EMPTY * (width - filled)


def advice(levels: list[float]) -> str:
    """What a meter's last two seconds say to whoever speaks (levels 0 to 1, perceptual)."""
    if not levels:
        return "listening …"
    peak = max(levels)
    if peak < 0.03:
        return "nothing heard: is it muted?"
    if peak < 0.35:
        return "very quiet"
    if peak > 0.97:
        return "too loud"
    return "sounds good"


def describe(event: Event, who: str) -> str | None:
    """An SDK event as a line of the log, or None when the log would only be noisier for it.

    Args:
        event: What happened.
        who: The participant's shown name; empty when the event has none.
    """
    text = _EVENTS.get(event.event)
    if text is None:
        return None
    what = event.source or event.kind or "track"
    if event.source in set(TrackSource):
        what = SOURCES.get(TrackSource(event.source), event.kind or "track")
    reason = str(event.detail.get("error") or event.detail.get("reason") or "")
    line = text.format(who=clean(who) or "somebody", what=what)
    return f"{line}: {reason}" if reason else line


_EVENTS = {
    "connected": "joined the room",
    "reconnecting": "connection lost, reconnecting",
    "reconnected": "connected again",
    "participantConnected": "{who} joined",
    "participantDisconnected": "{who} left",
    "trackPublished": "{who} offers {what}",
    "trackUnpublished": "{who} withdrew {what}",
    "trackSubscribed": "receiving {what} of {who}",
    "trackUnsubscribed": "no longer receiving {what} of {who}",
    "trackSubscriptionFailed": "cannot receive {what} of {who}",
    "trackMuted": "{who} muted {what}",
    "trackUnmuted": "{who} unmuted {what}",
    "localTrackPublished": "you publish {what}",
    "localTrackUnpublished": "you no longer publish {what}",
    "mediaDevicesError": "a device failed",
}


def volume(gain: float) -> str:
    """``volume 80 %``."""
    return f"volume {gain * 100:.0f} %"


def metres(distance: float) -> str:
    """``1.2 m``, ``35 m``, ``2 km``."""
    if distance < 9.95:
        return f"{distance:.1f} m"
    return f"{distance:.0f} m" if distance < 999.5 else f"{distance / 1000:.0f} km"


def kind(publication: PublicationView) -> str:
    """``audio`` or ``video``; ``data`` for what is neither."""
    return publication.kind.value if publication.kind is not TrackKind.UNKNOWN else "data"
