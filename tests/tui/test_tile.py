"""What a tile shows, at every size, and under other things."""

from __future__ import annotations

import re

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Static

from engage_tui.engine.messages import Picture
from engage_tui.engine.view import PersonView, Subscription
from engage_tui.render.cells import CellMode, ColourDepth
from engage_tui.render.terminal import Terminal
from engage_tui.sdk.enums import TrackSource
from engage_tui.tui.widgets.cell_strip import CellStrip
from engage_tui.tui.widgets.tile import Tile
from tests.tui.people import camera_person, person, picture, publication


class Box(ModalScreen[None]):
    CSS = "Box { align: center middle; } Box > Static { width: 10; height: 3; background: red; }"

    def compose(self) -> ComposeResult:
        yield Static("over it")


class TileApp(App[None]):
    CSS = "Tile { width: 100%; height: 100%; }"

    def __init__(self, terminal: Terminal | None = None, mode: CellMode | None = None) -> None:
        super().__init__()
        self.tile = Tile(3, terminal=terminal or Terminal(), mode=mode or CellMode.HALF)

    def compose(self) -> ComposeResult:
        yield self.tile

    def lines(self) -> list[str]:
        """The screen as text."""
        strips = self.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]


def fitting(tile: Tile, key: str, shade: int = 200) -> Picture:
    width, height = tile.pixels
    return picture(tile.number, key, width, height, shade)


def show(app: TileApp, who: PersonView, shade: int = 200) -> None:
    camera = next(each for each in who.publications if each.source is TrackSource.CAMERA)
    app.tile.assign(camera.key, who, camera)
    app.tile.show(fitting(app.tile, camera.key, shade))


async def test_a_picture_fills_the_tile_in_encoded_rows_under_its_caption() -> None:
    app = TileApp()
    async with app.run_test(size=(30, 10)) as pilot:
        show(app, camera_person("ada"))
        await pilot.pause()
        rows = app.tile.render_lines(Region(0, 0, 30, 10))
        assert [isinstance(row, CellStrip) for row in rows] == [True] * 9 + [False]
        assert [row.cell_length for row in rows] == [30] * 10
        assert (
            rows[2].render(app.console)
            == "\x1b[38;2;212;212;212;48;2;215;215;215m▀" * 30 + "\x1b[0m"
        )
        assert app.lines()[9].startswith(" ada")
        assert "640x360" in app.lines()[9]


async def test_cutting_a_row_cuts_between_cells() -> None:
    app = TileApp()
    async with app.run_test(size=(30, 10)):
        show(app, camera_person("ada"))
        (row,) = app.tile.render_lines(Region(4, 2, 20, 1))
        assert row.cell_length == 20
        parts = row.divide([5, 12, 20])
        assert [part.cell_length for part in parts] == [5, 7, 8]
        joined = "".join(part.render(app.console) for part in parts)
        assert joined.replace("\x1b[0m", "") == row.render(app.console).replace("\x1b[0m", "")
        assert [segment.text for segment in row] == ["▀" * 20]  # equal neighbours share one segment
        assert row.crop(3, 3).cell_length == 0


async def test_a_modal_over_the_tile_leaves_the_picture_around_it() -> None:
    app = TileApp()
    async with app.run_test(size=(30, 10)) as pilot:
        show(app, camera_person("ada"))
        await app.push_screen(Box())
        await pilot.pause()
        update = app.screen._compositor.render_full_update()
        assert update is not None
        svg = app.export_screenshot()
        assert "over" in svg
        assert svg.count("▀") > 100
        colours = set(re.findall(r"fill: #([0-9a-f]{6})", svg))
        assert len(colours) > 8  # one a row of the picture at least
        assert "d4d4d4" not in colours  # tinted, like everything under the modal


async def test_screenshots_show_the_picture() -> None:
    app = TileApp()
    async with app.run_test(size=(30, 10)) as pilot:
        show(app, camera_person("ada"))
        await pilot.pause()
        svg = app.export_screenshot()
        assert "#d4d4d4" in svg  # the row that is pinned above
        assert "#d7d7d7" in svg


async def test_only_rows_that_changed_are_painted_again() -> None:
    app = TileApp()
    async with app.run_test(size=(30, 10)) as pilot:
        show(app, camera_person("ada"))
        await pilot.pause()
        first = fitting(app.tile, app.tile.key)
        app.tile.begin(first)
        assert not app.tile.unfinished  # the same picture again
        changed = bytearray(first.pixels)
        changed[30 * 3 * 4] ^= 255
        app.tile.begin(Picture(3, 2, first.key, first.width, first.height, 0, bytes(changed)))
        assert app.tile.advance(1) > 1000  # one row, whole
        assert not app.tile.unfinished


async def test_a_picture_can_be_shown_row_by_row() -> None:
    app = TileApp()
    async with app.run_test(size=(30, 10)):
        show(app, camera_person("ada"))
        app.tile.begin(fitting(app.tile, app.tile.key, 90))
        steps = 0
        while app.tile.unfinished:
            assert app.tile.advance(2000) < 4000
            steps += 1
        assert steps == 5  # nine rows of about 1250 bytes, two at a time
        assert app.tile.advance(2000) == 0


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (person("ada"), "camera off"),
        (person("ada", publication("ada", muted=True)), "camera off"),
        (person("ada", publication("ada", subscription=Subscription.OFF)), "press s to see"),
        (person("ada", publication("ada", codec="av1")), "cannot decode av1"),
        (person("ada", publication("ada")), "waiting for the first picture"),
        (person("ada", publication("ada", subscription=Subscription.PENDING)), "subscribing …"),
        (
            person(
                "ada", publication("ada", subscription=Subscription.FAILED, error="not allowed")
            ),
            "not allowed",
        ),
    ],
)
async def test_without_a_picture_it_says_why(who: PersonView, words: str) -> None:
    app = TileApp()
    async with app.run_test(size=(40, 14)) as pilot:
        shown = who.publications[0] if who.publications else None
        app.tile.assign("k", who, shown)
        await pilot.pause()
        lines = app.lines()
        assert words in "\n".join(lines)
        assert lines[13].startswith(" ada")
        large = app.tile.render_lines(Region(0, 0, 40, 13))
        assert len({row.render(app.console) for row in large}) > 4  # the initials


async def test_a_muted_camera_takes_the_picture_away_and_another_key_too() -> None:
    app = TileApp()
    async with app.run_test(size=(30, 10)):
        seen = []
        off, mira = person("ada", publication("ada", muted=True)), camera_person("mira")
        for other in (off, mira):
            show(app, camera_person("ada"))
            seen.append(app.tile.has_picture)
            app.tile.assign(other.publications[-1].key, other, other.publications[-1])
            seen.append(app.tile.has_picture)
        assert seen == [True, False, True, False]


async def test_caption_tells_muted_speaking_and_level_in_fixed_columns() -> None:
    app = TileApp()
    async with app.run_test(size=(40, 10)) as pilot:
        muted = person(
            "ada", publication("ada", TrackSource.MICROPHONE, muted=True), publication("ada")
        )
        show(app, muted)
        await pilot.pause()
        assert app.lines()[9].endswith(" MUTED  ")
        show(app, camera_person("ada", speaking=True))
        app.tile.level = 0.5
        await pilot.pause()
        assert app.lines()[9] == " ada" + " " * 19 + " speaking ▮▮▮▯▯▯ "
        accent = app.tile.look.accent
        top = app.tile.render_lines(Region(0, 0, 40, 1))[0].render(app.console)
        assert "\x1b[38;2;{:03};{:03};{:03};".format(*accent) in top


@pytest.mark.parametrize("size", [(12, 4), (13, 5), (20, 6), (33, 9), (120, 40), (12, 40), (90, 4)])
async def test_any_size_in_any_mode(size: tuple[int, int]) -> None:
    app = TileApp()
    async with app.run_test(size=size) as pilot:
        who = camera_person("ada lovelace", speaking=True)
        await pilot.pause()
        for mode in CellMode:
            app.tile.outlook.wish = mode.value
            app.tile.restyle()
            assert app.tile.mode is mode
            app.tile.assign(mode.value, who, who.publications[1])
            assert "waiting for t"[: min(13, size[0] - 3)] in "\n".join(app.lines()), mode
            for shape in ((7, 5), (200, 30), app.tile.pixels):
                app.tile.show(picture(3, mode.value, *shape))
                rows = app.tile.render_lines(Region(0, 0, *size))
                assert [row.cell_length for row in rows] == [size[0]] * size[1], (mode, shape)
            assert app.lines()[-1].startswith(" ada")


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
@pytest.mark.parametrize("depth", ColourDepth)
async def test_every_colour_depth_and_theme_gives_a_picture(depth: ColourDepth, theme: str) -> None:
    app = TileApp(Terminal(colour=depth))
    async with app.run_test(size=(30, 10)) as pilot:
        app.theme = theme
        await pilot.pause()
        show(app, camera_person("ada"), shade=100)
        rows = app.tile.render_lines(Region(0, 0, 30, 9))
        assert len({row.render(app.console) for row in rows}) > 2
        if depth is not ColourDepth.TRUE:
            assert "38;2;" not in rows[3].render(app.console) or not isinstance(rows[3], CellStrip)


async def test_no_color_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = TileApp()
    app.tile = Tile(3)
    async with app.run_test(size=(30, 10)):
        show(app, camera_person("ada"))
        assert app.tile.terminal.colour is ColourDepth.MONO
        row = app.tile.render_lines(Region(0, 4, 30, 1))[0]
        assert type(row) is Strip
        assert set(row.text) <= set(" ▀▄█")


async def test_a_new_size_is_told_and_the_picture_is_fitted_at_once() -> None:
    sizes: list[tuple[int, int]] = []

    class Listening(TileApp):
        def on_tile_resized(self, event: Tile.Resized) -> None:
            sizes.append(event.tile.pixels)

    app = Listening()
    async with app.run_test(size=(30, 10)) as pilot:
        show(app, camera_person("ada"))
        await pilot.resize_terminal(50, 16)
        await pilot.pause()
        assert sizes == [(30, 20), (50, 32)]
        assert app.tile.has_picture
        assert isinstance(app.tile.render_lines(Region(0, 7, 50, 1))[0], CellStrip)


async def test_names_from_strangers_cannot_move_the_cursor() -> None:
    app = TileApp()
    async with app.run_test(size=(30, 10)) as pilot:
        app.tile.assign("k", person("x\x1b[2Jy\n李明"), None)
        await pilot.pause()
        assert app.lines()[9].startswith(" x[2Jy 李明")
        assert "\x1b[2J" not in app.tile.render_line(9).render(app.console)
