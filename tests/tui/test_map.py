"""The map: everybody is seen wherever they stand, keys and mouse ask for places, nothing jumps."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.pilot import Pilot

from engage_tui.engine.messages import Left
from engage_tui.engine.view import HearingView, Moved, PlaceView, SoundView
from engage_tui.tui import words
from engage_tui.tui.widgets import map_lines, map_view
from engage_tui.tui.widgets.hint import HintLine
from engage_tui.tui.widgets.log import LogPanel
from engage_tui.tui.widgets.map_lines import Letters, Spot
from engage_tui.tui.widgets.people import PeoplePanel
from engage_tui.tui.widgets.space_map import STEP, TURN, SpaceMap
from engage_tui.tui.widgets.stage import Stage
from tests.tui import fake_engine
from tests.tui.fake_engine import FakeEngine
from tests.tui.starting import hit, in_call
from tests.waiting import until

SIZES = [(160, 45), (100, 30), (80, 24), (50, 24)]
metres = st.floats(-60, 60) | st.floats(-1e6, 1e6)


def plain(drawn: map_lines.Drawn) -> list[str]:
    return ["".join(text for text, _ in line) for line in drawn.lines]


@given(
    points=st.lists(st.tuples(metres, metres), min_size=1, max_size=12),
    width=st.integers(20, 120),
    height=st.integers(6, 60),
    aspect=st.floats(1.5, 2.5),
)
def test_the_window_holds_everybody_and_cells_are_where_points_are(
    points: list[tuple[float, float]], width: int, height: int, aspect: float
) -> None:
    view = map_view.fit(points, width, height, aspect)
    me = points[0]
    assert view.holds(*view.cell(me))
    assert all(view.holds(*view.cell(each)) for each in points if math.dist(each, me) <= 14)
    for point in points:
        back = view.point(*view.cell(point))
        assert abs(back[0] - point[0]) <= view.scale * 0.51
        assert abs(back[1] - point[1]) <= view.scale * aspect * 0.51


def test_the_window_stays_until_somebody_leaves_it() -> None:
    everybody = [(0.0, 0.0), (-1.0, 2.0), (1.0, 2.0)]
    view = map_view.fit(everybody, 44, 40, 2)
    step = [(0.0, 0.25), *everybody[1:]]
    assert map_view.fit(step, 44, 40, 2, view) is view
    far = [(0.0, 9.0), *everybody[1:]]
    wider = map_view.fit(far, 44, 40, 2, view)
    assert wider.scale > view.scale
    assert map_view.fit(everybody, 44, 40, 2, wider).scale < wider.scale
    assert map_view.fit(step, 60, 20, 2, view) is not view


names = st.text(max_size=30)


@settings(max_examples=30)
@given(
    people=st.lists(st.tuples(names, metres, metres, st.booleans()), max_size=30),
    width=st.integers(20, 100),
    height=st.integers(6, 40),
    style=st.sampled_from([Letters(), map_lines.DOTTED, map_lines.PLAIN]),
    facing=st.floats(0, 359),
)
def test_every_line_is_as_wide_as_the_window_and_everybody_can_be_hit(
    people: list[tuple[str, float, float, bool]],
    width: int,
    height: int,
    style: Letters,
    facing: float,
) -> None:
    everybody = [Spot("me", "me", (0.0, 0.0), facing, me=True)]
    everybody += [
        Spot(f"p{number}", words.clean(name), (x, y), lit=lit)
        for number, (name, x, y, lit) in enumerate(people)
    ]
    view = map_view.fit([each.point for each in everybody], width, height, 2)
    drawn = map_lines.draw(view, everybody, "p0", style)
    assert len(drawn.lines) == height
    assert {cell_len(line) for line in plain(drawn)} == {width}
    assert set(drawn.hits) == {each.key for each in everybody}
    for row, first, end in drawn.hits.values():
        assert 0 <= row < height
        assert 0 <= first < end <= width
    assert all(text.isprintable() for line in drawn.lines for text, _ in line)


def test_ascii_terminals_get_ascii() -> None:
    everybody = map_lines.spots(fake_engine.hall())
    view = map_view.fit([each.point for each in everybody], 60, 20, 2)
    style = map_lines.letters(unicode=False, blocks=False)
    text = "\n".join(plain(map_lines.draw(view, everybody, "mira", style)))
    assert text.isascii()
    assert "[(* mira)]" in text
    assert " x kaito " in text
    assert " o sam " in text
    assert "^" in text
    assert map_lines.letters(unicode=True, blocks=False).dot == "·"


def test_who_stands_in_the_same_spot_is_still_seen() -> None:
    everybody = [Spot(name, name, (0.0, 1.0)) for name in ("alexandra", "bartholomew", "cleo")]
    view = map_view.fit([each.point for each in everybody], 40, 20, 2)
    text = "\n".join(plain(map_lines.draw(view, everybody, "", Letters())))
    assert " ● alexandra " in text
    assert " ba " in text
    assert " cl " in text


@pytest.mark.parametrize(
    ("degrees", "word"),
    [
        (0, "ahead"), (-30, "ahead left"), (90, "right"), (-90, "left"),
        (140, "behind right"), (180, "behind"),
    ],
)  # fmt: skip
def test_directions_have_words(degrees: float, word: str) -> None:
    assert map_lines.heading_words(degrees) == word


def test_a_person_in_a_sentence() -> None:
    people = fake_engine.hall()
    me = msgspec.structs.replace(people["ada"], place=PlaceView(0, 0, 90))
    quiet = msgspec.structs.replace(people["mira"], volume=0.5)
    assert map_lines.explain(quiet, me) == (
        "mira · 1.2 m behind left · hear: auto · connected · volume 50 %"
    )
    assert map_lines.explain(me, me) == "you · looking right · at your seat"
    walks = msgspec.structs.replace(people["sam"], place=PlaceView(0, 1, 0, Moved.THEMSELVES))
    assert "walks · hear: auto · not connected" in map_lines.explain(walks, people["ada"])
    far = msgspec.structs.replace(people["sam"], place=PlaceView(0, 31, 0))
    assert map_lines.explain(far, people["ada"], 25).startswith("sam · 31 m ahead")
    assert map_lines.explain(far, people["ada"], 25).endswith("too far off to be heard")
    assert map_lines.where_words(PlaceView(0, -5000), people["ada"]) == "5 km behind"
    assert map_lines.heard(HearingView()) == "no microphones"


def test_a_wide_letter_goes_whole() -> None:
    grid = map_lines.Grid(6, 1)
    grid.write(1, 0, "漢字", "name")
    grid.write(2, 0, "x", "name")
    (line,) = grid.lines()
    assert "".join(text for text, _ in line) == "  x字 "


def test_a_crowd_fits_into_a_small_window() -> None:
    crowd = [Spot(f"p{n}", f"person-{n}", (-6 + n % 6 * 2.4, n // 6 * 2.0)) for n in range(24)]
    view = map_view.fit([each.point for each in crowd], 78, 15, 2)
    drawn = map_lines.draw(view, crowd, "p3", Letters())
    assert set(drawn.hits) == {each.key for each in crowd}
    assert "[● person-3]" in "\n".join(plain(drawn))


# -- on the screen -----------------------------------------------------------------------------------------------------


def the_map(pilot: Pilot[Left]) -> SpaceMap:
    return pilot.app.screen.query_one(SpaceMap)


async def opened(pilot: Pilot[Left]) -> SpaceMap:
    hit(pilot, "o")
    await until(lambda: the_map(pilot).text and the_map(pilot).has_focus)
    return the_map(pilot)


async def test_the_map_shows_everybody_in_every_size_and_follows_what_changes() -> None:
    engine = FakeEngine()
    async with in_call(engine, size=SIZES[0]) as pilot:
        space_map = await opened(pilot)
        screen = pilot.app.screen
        hint, stage = screen.query_one(HintLine), screen.query_one(Stage)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            text = "\n".join(space_map.text)
            for name in ("(● mira)", "○ noor", "✕ kaito", "○ sam", "[↑]", " 1 m "):
                assert name in text
            assert space_map.region.width >= 40
            assert not stage.display or not space_map.region.overlaps(stage.region)
            await until(lambda: hint.text == "you · looking ahead · at your seat")
        assert space_map.border_subtitle == "seats: circle · 1 of 3 heard"
        assert "Esc" in hint.offers
        screen.query_one(PeoplePanel).select(("mira", "mira/camera/"))
        await until(lambda: space_map.chosen == "mira")
        sounds = (SoundView("sound:1", "waves.wav", PlaceView(0.5, 1.5)),)
        hearing = HearingView(seating="row", connected=2, microphones=2, limit=8, sounds=sounds)
        engine.state(call=fake_engine.call(hearing=hearing), gone=("mira",))
        await until(lambda: "♪ waves.wav" in "\n".join(space_map.text))
        assert space_map.border_subtitle == "seats: row · 2 of 2 heard"
        assert space_map.chosen == "noor", "as in the list: the neighbour"
        assert "mira" not in "\n".join(space_map.text)
        hit(pilot, "escape")
        await until(lambda: not space_map.display)
        assert screen.query_one(PeoplePanel).has_focus
        await opened(pilot)
        hit(pilot, "l")
        await until(lambda: screen.query_one(LogPanel).display)
        assert not space_map.display


WALKS: list[tuple[str, dict[str, Any]]] = [
    ("up", {"ahead": STEP, "right": 0, "turn": 0}),
    ("down", {"ahead": -STEP, "right": 0, "turn": 0}),
    ("left", {"ahead": 0, "right": 0, "turn": -TURN}),
    ("right", {"ahead": 0, "right": 0, "turn": TURN}),
    ("shift+left", {"ahead": 0, "right": -STEP, "turn": 0}),
    ("shift+right", {"ahead": 0, "right": STEP, "turn": 0}),
]


async def test_keys_walk_turn_move_the_selected_one_and_change_how_they_are_heard() -> None:
    engine = FakeEngine()
    async with in_call(engine, size=(80, 24)) as pilot:
        space_map = await opened(pilot)
        hit(pilot, "plus", *(key for key, _ in WALKS))  # nobody is louder to oneself
        await until(engine.asked(len(WALKS)))
        assert [each.arguments for each in engine.intents("walk")] == [each for _, each in WALKS]
        hit(pilot, "tab", "up", "left", "n", "plus", "minus", "equals_sign", "h")
        await until(engine.asked(len(WALKS) + 7))
        wanted: dict[str, list[dict[str, object]]] = {
            "place": [
                {"participant": "mira", "x": 0, "y": STEP, "by": True},
                {"participant": "mira", "x": -STEP, "y": 0, "by": True},
            ],
            "set_audio_connection_mode": [{"participant": "mira", "mode": "always"}],
            "set_volume": [{"participant": "mira", "steps": step} for step in (1, -1, 1)],
            "arrange_seats": [{"seating": "table"}],
        }
        for name, asked in wanted.items():
            assert [each.arguments for each in engine.intents(name)] == asked
        panel = pilot.app.screen.query_one(PeoplePanel)
        assert panel.selected is not None
        assert panel.selected.key == ("mira", "")
        hit(pilot, "shift+tab", "shift+tab")
        await until(lambda: space_map.chosen == "sam")


async def test_the_mouse_drags_people_turns_and_looks() -> None:
    engine = FakeEngine()
    async with in_call(engine, size=(100, 30)) as pilot:
        space_map = await opened(pilot)
        border = 1
        row, first, _ = space_map._drawn.hits["sam"]
        start = (first + 2 + border, row + border)
        end = (start[0] - 10, start[1] + 4)
        await pilot.mouse_down(SpaceMap, offset=start)
        assert space_map.chosen == "sam"
        await pilot.hover(SpaceMap, offset=end)
        await until(lambda: engine.intents("place"), what="told while it is carried")
        told = len(engine.intents("place"))
        await pilot.mouse_up(SpaceMap, offset=end)
        await until(lambda: len(engine.intents("place")) > told, what="told where it was left")
        told = len(engine.intents("place"))
        placed = engine.intents("place")[-1].arguments
        assert (placed["participant"], placed["by"]) == ("sam", False)
        assert placed["x"] < 0.95
        assert placed["y"] < 0.69
        # The floor: look there.
        await pilot.click(SpaceMap, offset=(2, start[1] - 8))
        await until(engine.asked(1, "face"))
        assert -90 < engine.intents("face")[-1].arguments["degrees"] < 0
        # A click alone moves nobody.
        row, first, _ = space_map._drawn.hits["mira"]
        await pilot.click(SpaceMap, offset=(first + 1 + border, row + border))
        await until(lambda: space_map.chosen == "mira")
        assert len(engine.intents("place")) == told
