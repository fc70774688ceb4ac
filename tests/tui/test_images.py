"""Pictures of pixels in tiles: where they hang, what takes them down, and what others see of them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np
import pyte
import pytest
from textual.app import App, ComposeResult
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Static

from engage_tui.engine.messages import Credit, Picture
from engage_tui.render.terminal import Terminal
from engage_tui.tui import direct, painting
from engage_tui.tui.governor import Plan
from engage_tui.tui.meter import Meter
from engage_tui.tui.outlook import Outlook
from engage_tui.tui.painting import Painter
from engage_tui.tui.screens.page import Page
from engage_tui.tui.session import Session
from engage_tui.tui.widgets.cell_strip import CellStrip, ImageStrip
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


@pytest.fixture(autouse=True)
def _free(monkeypatch: pytest.MonkeyPatch) -> None:
    def driver_of(app: App[Any]) -> FreeDriver | None:
        return app.free if isinstance(app, ImageApp) else None

    monkeypatch.setattr(direct, "driver_of", driver_of)
    monkeypatch.setattr(painting, "driver_of", driver_of)
    monkeypatch.setattr(Painter, "_govern", lambda self: None)  # it would count the tests' own work
    monkeypatch.delenv("NO_COLOR", raising=False)


def kinds(tile: Tile) -> set[type]:
    rows = tile.render_lines(Region(0, 0, tile.size.width, tile.size.height - 1))
    return {type(row) for row in rows}


@pytest.mark.parametrize(("terminal", "start"), [(SIXEL, "\x1bP"), (KITTY, "\x1b_Ga=T")])
async def test_a_picture_hangs_as_pixels_at_its_cells(terminal: Terminal, start: str) -> None:
    app = ImageApp(Outlook(terminal))
    async with app.run_test(size=(80, 24)) as pilot:
        tile = await app.stand(pilot)
        text = await app.paint()
        assert start in text
        region = tile.region
        rows, columns = text.split("\x1b[", 1)[1].split("H", 1)[0].split(";")
        assert region.contains(int(columns) - 1, int(rows) - 1)
        await pilot.pause()
        assert kinds(tile) == {ImageStrip}
        written = tile.render_line(5).render(app.console)
        assert "\x1b[" in written  # a step over the picture's cells
        assert "▀" not in written
        again = await app.paint(1)
        assert len(again) < len(text) or terminal is KITTY
        assert "▀" in app.export_screenshot()


async def test_a_modal_screen_takes_it_down_and_it_comes_again() -> None:
    app = ImageApp(Outlook(KITTY))
    async with app.run_test(size=(80, 24)) as pilot:
        tile = await app.stand(pilot)
        await app.paint()
        app.free.text.clear()
        app.push_screen(Box())
        await until(lambda: kinds(tile) == {CellStrip}, what="cells")
        assert any("a=d" in text for text in app.free.text)
        assert "a=T" not in await app.paint()
        app.pop_screen()
        await pilot.pause()
        assert "a=T" in await app.paint()


async def test_whatever_lies_over_a_tile_takes_it_down() -> None:
    app = ImageApp(Outlook(SIXEL))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        tile = await app.stand(pilot)
        await app.paint()
        await pilot.pause()
        app.notify("a word over the faces", timeout=60)
        await until(lambda: kinds(tile) == {CellStrip}, what="cells")
        assert "\x1bP" not in await app.paint()
        app.clear_notifications()
        await until(lambda: direct.place(tile) is not None, what="a free tile")
        assert "\x1bP" in await app.paint()


async def test_another_size_takes_it_down_until_the_next_picture() -> None:
    app = ImageApp(Outlook(SIXEL))
    async with app.run_test(size=(80, 24)) as pilot:
        tile = await app.stand(pilot)
        await app.paint()
        before = tile.region
        await pilot.resize_terminal(100, 30)
        await until(lambda: tile.region != before and kinds(tile) == {CellStrip}, what="cells")
        await pilot.pause()
        assert "\x1bP" in await app.paint()
        assert tile.region == direct.place(tile)


async def test_who_begins_to_speak_stays_sharp() -> None:
    app = ImageApp(Outlook(SIXEL))
    async with app.run_test(size=(80, 24)) as pilot:
        tile = await app.stand(pilot)
        await app.paint()
        await pilot.pause()
        app.stage.show_people({"p0": camera_person("p0", speaking=True)})
        await pilot.pause()
        assert kinds(tile) == {ImageStrip}
        assert "\x1bP" in await app.paint()  # the frame


async def test_what_a_slow_terminal_gets_is_text() -> None:
    app = ImageApp(Outlook(SIXEL, plan=Plan(economy=1)))
    async with app.run_test(size=(80, 24)) as pilot:
        tile = await app.stand(pilot)
        assert "▀" in await app.paint()
        assert kinds(tile) == {CellStrip}


async def test_at_the_end_nothing_hangs() -> None:
    app = ImageApp(Outlook(KITTY))
    async with app.run_test(size=(80, 24)) as pilot:
        await app.stand(pilot)
        await app.paint()
        app.free.text.clear()
    assert "a=d" in "".join(app.free.text)


def shown(screen: pyte.Screen, region: Region) -> list[list[tuple[str, str, str]]]:
    """Glyph, ink and ground of every cell in a region."""
    return [
        [tuple(screen.buffer[y][x][:3]) for x in region.column_range]  # type: ignore[misc]
        for y in region.line_range
    ]


@pytest.mark.parametrize("slow", [False, True])
async def test_what_is_written_past_textual_is_what_textual_would_draw(slow: bool) -> None:
    app = ImageApp(Outlook(Terminal(), "quadrant", slow=slow))
    async with app.run_test(size=(60, 20)) as pilot:
        tile = await app.stand(pilot)
        await pilot.pause()
        terminal = pyte.Screen(60, 20)
        stream = pyte.Stream(terminal)
        sizes = []
        for shade in (0, 3, 40):
            text = await app.paint(shade)
            sizes.append(len(text))
            stream.feed(text)
        assert (sizes[1] < sizes[0] // 10) is slow  # a step of three levels is noise
        drawn = pyte.Screen(60, 20)
        content = Region(*tile.region.offset, tile.size.width, tile.size.height - 1)
        for row, y in enumerate(content.line_range):
            strip = tile.render_line(row)
            pyte.Stream(drawn).feed(direct.at(content.x, y, strip.render(app.console)))
        assert shown(terminal, content) == shown(drawn, content)
