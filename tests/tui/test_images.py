"""Pictures of pixels in tiles: where they hang, what takes them down, and what others see of them."""

from __future__ import annotations

import pyte
import pytest
from textual.geometry import Region

from engage_tui.render.terminal import Terminal
from engage_tui.tui import direct
from engage_tui.tui.governor import Plan
from engage_tui.tui.outlook import Outlook
from engage_tui.tui.widgets.cell_strip import CellStrip, ImageStrip
from tests.tui.image_app import KITTY, SIXEL, Box, ImageApp, kinds
from tests.tui.people import camera_person
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("free_driver")


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
