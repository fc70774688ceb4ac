"""Pictures for tiles: the newest frame, at the tile's size and rate, and only when the tile can take one.

One thread scales for all tiles, so that each scaler has one user, the loop is free, and a burst of frames costs
nothing: a frame that nobody was due to see is only replaced.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engage_tui.engine.messages import Credit, Picture, Watch

if TYPE_CHECKING:
    from engage_tui.media.scale import Scaler
    from engage_tui.media.source import VideoFrame

_log = logging.getLogger(__name__)
_EARLY = 0.2  # part of a frame's time by which a frame may come early and still be shown


@dataclass(slots=True)
class _Feed:
    """The newest frame of one publication; older ones are dropped."""

    frame: VideoFrame | None = None
    count: int = 0


@dataclass(slots=True)
class _Tile:
    """What a tile asked for, and what it was given.

    Attributes:
        shown: The feed's count of the frame that was last sent; a tile never gets a frame twice.
        due: `time.monotonic()` from which the next picture may be sent.
    """

    watch: Watch
    scaler: Scaler
    credit: bool = True
    number: int = 0
    shown: int = 0
    due: float = 0.0


@dataclass(frozen=True, slots=True)
class Want:
    """The largest picture and rate that any tile wants of a publication."""

    width: int = 0
    height: int = 0
    frame_rate: float = field(default=0.0)


class Pictures:
    """The tiles of a screen and the frames that they watch.

    Args:
        send: Takes each picture; called on the scaling thread.
        scaler: Makes a scaler for a tile; `engage_tui.media.scale.Scaler` unless told.
    """

    def __init__(
        self, send: Callable[[Picture], None], scaler: Callable[[], Scaler] | None = None
    ) -> None:
        self._send = send
        self._make_scaler = scaler
        self._tiles: dict[int, _Tile] = {}
        self._feeds: dict[str, _Feed] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def watch(self, watch: Watch) -> None:
        """Serve a tile, serve it otherwise, or (empty key) no longer; a new size is served at once."""
        with self._changed:
            old = self._tiles.get(watch.tile)
            if not watch.key or watch.width < 1 or watch.height < 1:
                self._tiles.pop(watch.tile, None)
            elif old is None:
                self._tiles[watch.tile] = _Tile(watch, self._new_scaler())
                self._start()
            else:
                old.watch, old.credit, old.shown, old.due = watch, True, 0, 0.0
            wanted = {tile.watch.key for tile in self._tiles.values()}
            self._feeds = {key: self._feeds.get(key) or _Feed() for key in sorted(wanted)}
            self._changed.notify()

    def credit(self, credit: Credit) -> None:
        """The tile has painted its picture; credits of pictures before the last are ignored."""
        with self._changed:
            tile = self._tiles.get(credit.tile)
            if tile is not None and tile.number == credit.number:
                tile.credit = True
                self._changed.notify()

    def frame(self, key: str, frame: VideoFrame) -> None:
        """A publication's newest frame; any thread, never blocks for long."""
        with self._changed:
            feed = self._feeds.get(key)
            if feed is not None:
                feed.frame = frame
                feed.count += 1
                self._changed.notify()

    def forget(self, key: str) -> None:
        """The publication's track has gone: keep no frame of it."""
        with self._changed:
            if key in self._feeds:
                self._feeds[key].frame = None

    def wanted(self) -> dict[str, Want]:
        """What tiles watch now, by publication key."""
        wants: dict[str, Want] = {}
        with self._changed:
            for tile in self._tiles.values():
                watch, want = tile.watch, wants.get(tile.watch.key, Want())
                wants[watch.key] = Want(
                    max(want.width, watch.width),
                    max(want.height, watch.height),
                    max(want.frame_rate, watch.frame_rate),
                )
        return wants

    def close(self) -> None:
        """End the scaling thread; idempotent."""
        with self._changed:
            self._closed = True
            self._tiles.clear()
            self._feeds.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=2.0)
            self._thread = None

    def _new_scaler(self) -> Scaler:
        if self._make_scaler is not None:
            return self._make_scaler()
        from engage_tui.media.scale import Scaler

        return Scaler()

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed and not (due := self._due()):
                    self._changed.wait(self._pause())
                if self._closed:
                    return
            for tile, frame in due:
                self._serve(tile, frame)

    def _due(self) -> list[tuple[_Tile, VideoFrame]]:
        """The tiles that can take a frame now, marked as served."""
        now, due = time.monotonic(), []
        for tile in self._tiles.values():
            feed = self._feeds[tile.watch.key]
            if feed.frame is None or not tile.credit or feed.count == tile.shown or now < tile.due:
                continue
            tile.credit, tile.shown = False, feed.count
            tile.number += 1
            tile.due = now + (1 - _EARLY) / max(1.0, tile.watch.frame_rate)
            due.append((tile, feed.frame))
        return due

    def _pause(self) -> float | None:
        """Seconds until a tile with a fresh frame and credit comes due; None: until something changes."""
        now = time.monotonic()
        waits = [
            tile.due - now
            for tile in self._tiles.values()
            if tile.credit and self._feeds[tile.watch.key].count != tile.shown
        ]
        waits = [wait for wait in waits if wait > 0]
        return min(waits) if waits else None

    def _serve(self, tile: _Tile, frame: VideoFrame) -> None:
        watch, number = tile.watch, tile.number
        try:
            pixels, width, height = tile.scaler.to_rgb(frame.picture, watch.width, watch.height)
        except Exception:  # noqa: BLE001 - a frame that cannot be scaled must not end the thread of all tiles
            _log.exception("scaling a frame of %s failed", watch.key)
            self.credit(Credit(watch.tile, number))
            return
        self._send(Picture(watch.tile, number, watch.key, width, height, frame.time, pixels))
