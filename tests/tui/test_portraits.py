"""Initials as pixels, where a terminal shows pixels and there is no picture."""

from __future__ import annotations

import pytest

from engage_tui.render.terminal import Terminal
from engage_tui.tui.outlook import Outlook
from engage_tui.tui.widgets.cell_strip import ImageStrip
from engage_tui.tui.widgets.tile import Tile
from tests.tui.image_app import KITTY, SIXEL, Box, ImageApp, kinds
from tests.tui.people import person, publication
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("free_driver")


def shows_pixels(tile: Tile) -> bool:
    return ImageStrip in kinds(tile)


def words(tile: Tile) -> str:
    return "".join(tile.render_line(y).text for y in range(tile.size.height - 1))


@pytest.mark.parametrize(("terminal", "start"), [(SIXEL, "\x1bP"), (KITTY, "\x1b_Ga=T")])
async def test_initials_hang_above_their_words(terminal: Terminal, start: str) -> None:
    app = ImageApp(Outlook(terminal))
    async with app.run_test(size=(80, 24)) as pilot:
        tile = await app.stand(pilot)
        await until(lambda: shows_pixels(tile), what="pixels")
        texts = [text for text in app.free.text if start in text]
        assert len(texts) == 1  # hung once, not each time that somebody looks
        rows, columns = texts[0].split("\x1b[", 1)[1].split("H", 1)[0].split(";")
        assert tile.region.contains(int(columns) - 1, int(rows) - 1)
        assert tile.reason in words(tile)
        line = next(y for y in range(tile.size.height) if tile.reason in tile.render_line(y).text)
        assert not isinstance(tile.render_line(line), ImageStrip)
        assert "▀" in app.export_screenshot()


async def test_a_picture_takes_their_place_and_gives_it_back() -> None:
    app = ImageApp(Outlook(KITTY))
    async with app.run_test(size=(80, 24)) as pilot:
        tile = await app.stand(pilot)
        await until(lambda: shows_pixels(tile), what="initials")
        await app.paint()
        await pilot.pause()
        assert kinds(tile) == {ImageStrip}
        app.free.text.clear()
        app.stage.show_people({"p0": person("p0", publication("p0", muted=True))})
        assert not tile.has_picture
        assert any("a=d" in text for text in app.free.text)  # the face does not stay for a moment
        await until(lambda: shows_pixels(tile), what="initials again")
        assert tile.reason in words(tile)


async def test_who_speaks_without_a_camera_has_a_ring_and_no_cells_in_between() -> None:
    app = ImageApp(Outlook(KITTY))
    async with app.run_test(size=(80, 24)) as pilot:
        tile = await app.stand(pilot)
        silent = person("p0", publication("p0", muted=True))
        app.stage.show_people({"p0": silent})
        await until(lambda: shows_pixels(tile), what="initials")
        app.free.text.clear()
        speaking = person("p0", publication("p0", muted=True), speaking=True)
        app.stage.show_people({"p0": speaking})
        assert shows_pixels(tile)
        await until(lambda: any("a=T" in text for text in app.free.text), what="a ring")
        assert not any("a=d" in text for text in app.free.text)


async def test_a_modal_screen_takes_them_down_and_they_come_again() -> None:
    app = ImageApp(Outlook(KITTY))
    async with app.run_test(size=(80, 24)) as pilot:
        tile = await app.stand(pilot)
        await until(lambda: shows_pixels(tile), what="initials")
        app.push_screen(Box())
        await until(lambda: not shows_pixels(tile), what="cells")
        app.pop_screen()
        await until(lambda: shows_pixels(tile), what="initials again")


async def test_text_takes_over_where_it_is_chosen() -> None:
    app = ImageApp(Outlook(SIXEL))
    async with app.run_test(size=(80, 24)) as pilot:
        tile = await app.stand(pilot)
        await until(lambda: shows_pixels(tile), what="initials")
        app.outlook.wish = "half"
        app.stage.restyle()
        assert not shows_pixels(tile)
        app.free.text.clear()
        app.painter._look_around()
        assert not shows_pixels(tile)
        assert not app.free.text


async def test_where_nobody_could_read_them_there_are_none() -> None:
    app = ImageApp(Outlook(Terminal(kitty=True, cell=(1, 2))))
    async with app.run_test(size=(80, 24)) as pilot:
        tile = await app.stand(pilot)
        app.painter._look_around()
        assert not shows_pixels(tile)
