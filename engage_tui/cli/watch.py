"""`engage-tui serve --watch`: rooms and people as a table that stays up to date."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from livekit.protocol import models
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from engage_tui.server.app import RunningServer
    from engage_tui.server.client import Client

_REFRESH = 1.0  # seconds
_WIDEST = 40  # characters of a name: strangers choose them

_SOURCES = {
    models.TrackSource.MICROPHONE: "mic",
    models.TrackSource.CAMERA: "cam",
    models.TrackSource.SCREEN_SHARE: "screen",
    models.TrackSource.SCREEN_SHARE_AUDIO: "screen sound",
}


async def watch_rooms(
    server: RunningServer, ended: asyncio.Event, console: Console | None = None
) -> None:
    """Draw the table until `ended` is set.

    Args:
        server: Whose rooms.
        ended: Ends it.
        console: Where to draw; stdout unless told.
    """
    with Live(rooms_table(server), console=console, auto_refresh=False) as live:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _REFRESH)
            live.update(rooms_table(server), refresh=True)


def rooms_table(server: RunningServer, now: float | None = None) -> Table:
    """Everybody in every room; `now` is Unix time."""
    now = time.time() if now is None else now
    limits = server.config.limits
    table = Table(
        title=f"{server.url}: {server.participants} of {limits.participants} people, "
        f"{server.video_tracks} of {limits.video_tracks} videos",
        title_justify="left",
        caption=None if server.participants else "nobody is here",
    )
    for heading in ("room", "person", "state", "here for", "sends", "receives"):
        table.add_column(heading, justify="right" if heading == "here for" else "left")
    for name, room in sorted(server.rooms.items()):
        shown = plain(name)
        for client in room.clients.values():
            table.add_row(Text(shown), *_person(client, now))
            shown = ""  # the room is named once
        if not room.clients:
            table.add_row(Text(shown), Text("(empty)", style="dim"))
    return table


def plain(text: str) -> str:
    """A stranger's words without what a terminal would obey, and not too long."""
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return shown if len(shown) <= _WIDEST else shown[: _WIDEST - 1] + "…"


def _person(client: Client, now: float) -> list[Text]:
    info = client.info
    who = plain(info.identity)
    if info.name and info.name != info.identity:
        who = f"{plain(info.name)} ({who})"
    state = models.ParticipantInfo.State.Name(info.state).lower()
    received = list(client.subscriber.subscriptions.values())
    pictures = sum(subscription.track.video for subscription in received)
    return [
        Text(who),
        Text(state, style="" if client.active else "dim"),
        Text(_duration(now - info.joined_at)),
        Text(", ".join(_track(track) for track in info.tracks)),
        Text(f"{len(received) - pictures} sound, {pictures} video" if received else ""),
    ]


def _track(track: models.TrackInfo) -> str:
    name = _SOURCES.get(track.source, "video" if track.type else "sound")
    size = f" {track.width}x{track.height}" if track.width else ""
    return f"{name}{size}{' (muted)' if track.muted else ''}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
