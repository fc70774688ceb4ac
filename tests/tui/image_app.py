"""A stage on a terminal that shows pixels, for tests."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np
from textual.app import App, ComposeResult
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Static

from engage_tui.engine.messages import Credit, Picture
from engage_tui.render.terminal import Terminal
from engage_tui.tui import direct
from engage_tui.tui.meter import Meter
from engage_tui.tui.outlook import Outlook
from engage_tui.tui.painting import Painter
from engage_tui.tui.screens.page import Page
from engage_tui.tui.session import Session
from engage_tui.tui.widgets.stage import Stage
from engage_tui.tui.widgets.tile import Tile
from tests.tui.people import camera_person
from tests.tui.starting import START
from tests.waiting import until

CELL = (8, 16)
SIXEL, KITTY = Terminal(sixel=True, cell=CELL), Terminal(kitty=True, cell=CELL)


class FreeDriver(HeadlessDriver):
    """A terminal that takes everything at once, and keeps it."""

    def __init__(self, app: App[Any]) -> None:
        super().__init__(app)
        self.meter = Meter()
        self.text: list[str] = []

    @property
    def ready(self) -> bool:
        return self.meter.room > 0

    def write(self, data: str) -> None:
        self.text.append(data)

    def paint(self, text: str) -> None:
        self.text.append(text)
        self.meter.queued(len(text))
        asyncio.get_running_loop().call_soon(self.meter.wrote, len(text), 0.0)


class Box(ModalScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static("over it")


class CallPage(Page):
    def compose(self) -> ComposeResult:
        yield Stage()


class ImageApp(App[None]):
    """A stage on a terminal that shows pixels."""

    def __init__(self, outlook: Outlook, people: int = 1) -> None:
        super().__init__()
        self.outlook = outlook
        self.credits: list[Credit] = []
        self.painter = Painter(self, self.credits.append)
        self.free = FreeDriver(self)
        self._people = {f"p{n}": camera_person(f"p{n}") for n in range(people)}
        self._count = 0

    def on_mount(self) -> None:
        self.push_screen(CallPage(Session(START)))
        self.painter.start()
        self.free.meter.on_idle(self.painter._wake)

    @property
    def stage(self) -> Stage:
        return self.screen_stack[1].query_one(Stage)

    async def stand(self, pilot: Pilot[None]) -> Tile:
        """The tile, when the layout has settled."""
        await until(lambda: len(self.screen_stack) > 1 and self.screen.query(Stage))
        self.stage.show_people(self._people)
        await until(lambda: self.stage.tiles and self.stage.tiles[0].size, what="a tile")
        await pilot.pause()
        await until(lambda: direct.place(self.stage.tiles[0]) is not None, what="a free tile")
        return self.stage.tiles[0]

    async def paint(self, shade: int = 0) -> str:
        """Show the next picture; what was written for it."""
        tile = self.stage.tiles[0]
        width, height = tile.pixels
        self._count += 1
        y, x = np.mgrid[0:height, 0:width]
        pixels = np.stack([x % 256, y % 256, np.full_like(x, shade)], axis=2).astype(np.uint8)
        before, told = len(self.free.text), len(self.credits)
        picture = Picture(
            tile.number, self._count, tile.key, width, height, time.monotonic(), pixels.tobytes()
        )
        self.painter.offer(picture)
        await until(lambda: len(self.credits) > told, what="a credit")
        return "".join(self.free.text[before:])


def kinds(tile: Tile) -> set[type]:
    """The kinds of rows above the caption."""
    rows = tile.render_lines(Region(0, 0, tile.size.width, tile.size.height - 1))
    return {type(row) for row in rows}
