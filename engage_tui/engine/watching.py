"""Which tracks feed which tiles: attaches the pictures' sinks, and asks publishers for no more than is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from engage_tui.engine import snapshot
from engage_tui.engine.messages import Credit, Picture, Watch
from engage_tui.engine.pictures import Pictures
from engage_tui.sdk.enums import TrackKind

if TYPE_CHECKING:
    from engage_tui.engine.lobby import Lobby
    from engage_tui.sdk.room import Room
    from engage_tui.sdk.track import Track

PREVIEW = "preview"
"""The key under which a tile watches the lobby's camera."""


@dataclass(slots=True)
class _Feed:
    track: Track
    sink: Callable[[Any], None]


class Watching:
    """Keeps tiles and tracks together as both come and go.

    Args:
        send: Takes each picture, on the scaling thread.
    """

    def __init__(self, send: Callable[[Picture], None]) -> None:
        self._pictures = Pictures(send)
        self._feeds: dict[str, _Feed] = {}
        # Without tiles (line mode) everything subscribed is decoded and counted; with them only what is seen.
        self._has_tiles = False

    def watch(self, watch: Watch) -> None:
        """A tile asks for pictures, or for no more; `sync` must follow."""
        self._has_tiles = True
        self._pictures.watch(watch)

    def credit(self, credit: Credit) -> None:
        """A tile has painted its picture."""
        self._pictures.credit(credit)

    def sync(self, room: Room | None, lobby: Lobby | None) -> None:
        """Attach and detach, so that exactly the watched tracks feed the tiles."""
        wanted = self._pictures.wanted()
        present = self._tracks(room, lobby)
        for key in list(self._feeds):
            if key not in wanted or present.get(key) is not self._feeds[key].track:
                feed = self._feeds.pop(key)
                feed.track.detach(feed.sink)
                self._pictures.forget(key)
        for key in wanted:
            track = present.get(key)
            if track is not None and key not in self._feeds:
                sink = partial(self._pictures.frame, key)
                self._feeds[key] = _Feed(track, sink)
                track.attach(sink)
        if room is not None and self._has_tiles:
            self._ask(room)

    def close(self) -> None:
        """Detach everything and end the scaling thread."""
        for feed in self._feeds.values():
            feed.track.detach(feed.sink)
        self._feeds.clear()
        self._pictures.close()

    def _tracks(self, room: Room | None, lobby: Lobby | None) -> dict[str, Track]:
        tracks: dict[str, Track] = {}
        if lobby is not None and lobby.video_track is not None:
            tracks[PREVIEW] = lobby.video_track
        for participant in snapshot.everybody(room):
            for key, publication in snapshot.keyed(participant):
                if publication.kind is TrackKind.VIDEO and publication.track is not None:
                    tracks[key] = publication.track
        return tracks

    def _ask(self, room: Room) -> None:
        """Have others' cameras sent at the size that is seen, and nothing of what is not."""
        wanted = self._pictures.wanted()
        for participant in room.participants.values():
            for key, publication in snapshot.keyed(participant):
                if publication.kind is not TrackKind.VIDEO:
                    continue
                want = wanted.get(key)
                if want is not None:
                    # Before it is subscribed too, so that the right layer is sent from the start.
                    publication.set_video_dimensions(want.width, want.height)
                if (track := publication.video_track) is not None:
                    track.decoding = want is not None
                    publication.set_visible(want is not None)
