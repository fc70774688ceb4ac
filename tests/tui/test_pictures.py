"""Keys for pictures: another way of drawing, one person alone, fit or fill, mirror, snapshot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from textual.geometry import Region

from engage_tui.engine.messages import Picture
from engage_tui.render.cells import CellMode, ColourDepth
from engage_tui.render.choice import VideoMode, working
from engage_tui.render.images import PixelMode
from engage_tui.render.probe import Answers
from engage_tui.render.terminal import Terminal
from engage_tui.tui.driver import TerminalKnown
from engage_tui.tui.governor import Plan
from engage_tui.tui.outlook import Outlook, Step, outlook_of
from engage_tui.tui.widgets.people import PeoplePanel
from engage_tui.tui.widgets.stage import Stage
from engage_tui.tui.widgets.tile import Tile
from tests.tui import fake_engine
from tests.tui.fake_engine import FakeEngine
from tests.tui.people import camera_person, person, publication
from tests.tui.starting import hit, in_call
from tests.tui.test_tile import TileApp, show
from tests.waiting import until


async def test_a_key_cycles_through_what_works_and_the_bar_says_it() -> None:
    async with in_call(FakeEngine(), size=(180, 45)) as pilot:
        outlook = outlook_of(pilot.app)
        outlook.terminal = Terminal(sextants=True)
        modes = [mode for mode in working(outlook.terminal) if not mode.pixels]
        seen = []
        for _ in modes:
            await pilot.press("a")
            await pilot.pause()
            button = pilot.app.screen.query_one("#control-cycle_picture")
            assert outlook.mode.value in str(button.render())
            seen.append(outlook.mode)
            tile = pilot.app.screen.query_one(Stage).tiles[0]
            assert tile.mode == CellMode(outlook.mode.value)
        assert set(seen) == set(modes)


@pytest.mark.parametrize("chosen", ["", "engage-dark", "nord"])
async def test_a_light_background_that_is_told_late_gets_its_look(
    chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTUAL_THEME", chosen)
    async with in_call(FakeEngine(), size=(100, 30)) as pilot:
        before = pilot.app.theme
        pilot.app.post_message(TerminalKnown(Answers(complete=True, background=(255, 255, 255))))
        await until(lambda: outlook_of(pilot.app).terminal.dark is False, what="the answer")
        assert (before, pilot.app.theme) == (
            (chosen, chosen) if chosen else ("engage-dark", "engage-light")
        )


async def test_one_person_alone_and_back() -> None:
    async with in_call(FakeEngine()) as pilot:
        screen = pilot.app.screen
        stage, panel = screen.query_one(Stage), screen.query_one(PeoplePanel)
        for size, back in (((160, 45), "f"), ((80, 24), "escape"), ((50, 24), "f")):
            await pilot.resize_terminal(*size)
            panel.select(("mira", "mira/camera/"))
            hit(pilot, "f")
            await until(lambda: [tile.key for tile in stage.tiles] == ["mira/camera/"])
            (tile,) = stage.tiles
            whole = size[0], size[1] - 1  # the bar stays
            await until(lambda tile=tile, whole=whole: tile.region.size == whole)  # type: ignore[misc]
            assert [panel.display] == [False]
            hit(pilot, back)
            await until(lambda: stage.solo == "" and panel.display)
            await until(lambda: len(stage.tiles) != 1)


async def test_who_leaves_while_shown_alone_makes_room_for_all() -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        screen = pilot.app.screen
        screen.query_one(PeoplePanel).select(("mira", "mira/camera/"))
        hit(pilot, "f")
        await until(lambda: len(screen.query_one(Stage).tiles) == 1)
        engine.state(gone=("mira",))
        await until(lambda: len(screen.query_one(Stage).tiles) > 1)


async def test_fill_leaves_no_bars_and_asks_for_larger_pictures() -> None:
    app = TileApp()
    async with app.run_test(size=(40, 8)) as pilot:  # wider than a face
        show(app, camera_person("ada"))
        fitted = app.tile.pixels
        app.tile.outlook.fill = True
        app.tile.restyle()
        await pilot.pause()
        assert app.tile.pixels[1] > fitted[1]
        key = app.tile.key
        red = np.zeros((36, 64, 3), np.uint8)
        red[..., 0] = 200
        app.tile.show(Picture(3, 1, key, 64, 36, 0.0, red.tobytes()))
        rows = app.tile.render_lines(Region(0, 0, 40, 7))
        assert all(row.render(app.console).count("200;") == 80 for row in rows)
        app.tile.outlook.fill = False
        app.tile.restyle()
        rows = app.tile.render_lines(Region(0, 0, 40, 7))
        assert any(row.render(app.console).count("200;") < 80 for row in rows)


async def test_one_sees_oneself_mirrored_and_others_not() -> None:
    app = TileApp()
    async with app.run_test(size=(40, 12)) as pilot:
        split = np.zeros((22, 40, 3), np.uint8)
        split[:, :20, 0] = 200
        seen = []
        for local, mirror in ((False, True), (True, True), (True, False)):
            camera = publication("me", local=local)
            app.tile.outlook.mirror = mirror
            app.tile.assign(f"me/{local}/{mirror}", person("me", camera, local=local), camera)
            app.tile.show(Picture(3, 1, app.tile.key, 40, 22, 0.0, split.tobytes()))
            await pilot.pause()
            row = app.tile.render_lines(Region(0, 5, 40, 1))[0].render(app.console)
            seen.append(row.index("200;000;000") < len(row) // 2)
        assert seen == [True, False, True]


@pytest.mark.parametrize("cell", [(8, 16), (8, 24), (10, 14), (3, 100)])
async def test_a_round_thing_stays_round_with_cells_of_any_shape(cell: tuple[int, int]) -> None:
    app = TileApp(Terminal(cell=cell))
    async with app.run_test(size=(60, 31)):
        who = camera_person("ada")
        app.tile.assign("k", who, who.publications[1])
        square = np.full((64, 64, 3), 200, np.uint8)
        app.tile.show(Picture(3, 1, "k", 64, 64, 0.0, square.tobytes()))
        rows = [row.render(app.console) for row in app.tile.render_lines(Region(0, 0, 60, 30))]
        down = sum("200;200;200" in row for row in rows)
        across = max(row.count("38;2;200;200;200") for row in rows)
        assert across / down == pytest.approx(app.tile.terminal.aspect, rel=0.08)


async def test_a_snapshot_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_pictures_path", lambda: tmp_path)

    def saved() -> list[Path]:
        return sorted(tmp_path.iterdir(), key=lambda path: path.suffix, reverse=True)

    engine = FakeEngine()
    async with in_call(engine) as pilot:
        await pilot.press("i")
        await pilot.pause()
        assert not saved()  # nothing is seen yet
        await until(lambda: [each for each in engine.watches() if each.key == "mira/camera/"])
        watch = [each for each in engine.watches() if each.key == "mira/camera/"][-1]
        engine.send(fake_engine.picture(watch, 1, 0.0))
        tiles = lambda: [t for t in pilot.app.screen.query(Tile) if t.has_picture]  # noqa: E731
        await until(tiles)
        await pilot.press("i")
        await until(lambda: len(saved()) == 2)
        image, text = saved()
        assert image.read_bytes().startswith(b"\x89PNG")
        assert "\x1b[" in text.read_text()


def test_the_ladder_goes_down_to_what_any_line_carries() -> None:
    auto = Outlook(Terminal(sextants=True))
    assert auto.mode is VideoMode.SEXTANT
    assert auto.ladder == (
        Step(CellMode.SEXTANT, ColourDepth.TRUE),
        Step(CellMode.HALF, ColourDepth.TRUE),
        Step(CellMode.HALF, ColourDepth.INDEXED),
        Step(CellMode.ASCII_MONO, ColourDepth.TRUE),
    )
    pixels = Outlook(Terminal(sixel=True, cell=(8, 16)))
    assert pixels.image is PixelMode.SIXEL
    assert [step.image for step in pixels.ladder] == [PixelMode.SIXEL, None, None, None]
    assert pixels.step.mode is CellMode.HALF
    auto.plan = Plan(economy=99)
    assert auto.step.mode is CellMode.ASCII_MONO
    wished = Outlook(Terminal(), "quadrant")
    assert [step.mode for step in wished.ladder] == [CellMode.QUADRANT] * 2
    assert len(Outlook(Terminal(colour=ColourDepth.MONO)).ladder) == 1
