"""What `tests.bench.tiles` measures: an app with tiles, on the terminal that it is started in.

``python -m tests.bench.tile_app TILES MODE RATE SECONDS RESULT [CLIP]``; MODE may be ``blank``, which has Textual draw
empty widgets of the same size, by itself.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from rich.style import Style
from textual.app import App, ComposeResult
from textual.containers import Grid
from textual.strip import Strip
from textual.widget import Widget

from engage_tui.engine.messages import Credit, Picture
from engage_tui.media.scale import Scaler
from engage_tui.render.terminal import Terminal
from engage_tui.tui.driver import paced
from engage_tui.tui.outlook import Outlook
from engage_tui.tui.painting import Painter
from engage_tui.tui.widgets.tile import Tile
from tests.bench.clip import frames
from tests.tui.people import camera_person

_WARM = 1.0  # seconds before anything is measured


class Blank(Widget):
    """An empty widget, drawn as cheaply as Textual can."""

    def render_line(self, y: int) -> Strip:
        return Strip.blank(self.size.width, Style())


class TileApp(App[None]):
    """Tiles side by side, which are fed at a rate."""

    CSS = "Screen { overflow: hidden; } Grid { grid-gutter: 0; } Tile, Blank { width: 100%; height: 100%; }"

    def __init__(self, wish: list[str]) -> None:
        super().__init__()
        count, mode, rate, seconds, result, *clip = wish
        self.outlook = Outlook(Terminal(sextants=True), "half" if mode == "blank" else mode)
        self._count, self._blank = int(count), mode == "blank"
        self._rate, self._seconds, self._result = float(rate), float(seconds), Path(result)
        self._frames = frames(clip[0] if clip else None)
        self._scalers = [Scaler() for _ in range(self._count)]
        self._painter = Painter(self, self._take_credit)
        self._credit = [True] * self._count
        self._ticks = 0
        self._start = (0.0, 0.0, 0, 0)

    def get_driver_class(self):  # type: ignore[no-untyped-def]
        return paced(super().get_driver_class())

    def compose(self) -> ComposeResult:
        side = round(self._count**0.5)
        grid = Grid(*(Blank() if self._blank else Tile(n) for n in range(self._count)))
        grid.styles.grid_size_columns = grid.styles.grid_size_rows = side
        yield grid

    def on_mount(self) -> None:
        for tile in self.query(Tile):
            who = camera_person(f"p{tile.number}")
            tile.assign(who.publications[1].key, who, who.publications[1])
        self._painter.start()
        self.set_interval(1 / self._rate, self._tick)
        self.set_timer(_WARM, self._begin)
        self.set_timer(_WARM + self._seconds, self._end)

    def _take_credit(self, credit: Credit) -> None:
        self._credit[credit.tile] = True

    def _tick(self) -> None:
        self._ticks += 1
        frame = self._frames[self._ticks % len(self._frames)]
        for blank in self.query(Blank):
            blank.refresh()
        for tile in self.query(Tile):
            if not self._credit[tile.number]:
                continue
            self._credit[tile.number] = False
            data, width, height = self._scalers[tile.number].to_rgb(frame, *tile.pixels)
            now = time.monotonic()
            self._painter.offer(
                Picture(tile.number, self._ticks, tile.key, width, height, now, data)
            )

    def _begin(self) -> None:
        self._start = (time.monotonic(), time.process_time(), self._ticks, self._painter.painted)

    def _end(self) -> None:
        wall, cpu, ticks, painted = self._start
        found = {
            "seconds": time.monotonic() - wall,
            "cpu": time.process_time() - cpu,
            "ticks": self._ticks - ticks,
            "painted": (self._painter.painted - painted) / self._count,
        }
        self._result.write_text(json.dumps(found))
        self.exit()


if __name__ == "__main__":
    TileApp(sys.argv[1:]).run()
