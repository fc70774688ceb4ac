"""The people panel: fixed columns, a selection that survives, and only changed lines drawn again."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from engage_tui.engine.view import PersonView, Subscription
from engage_tui.sdk.enums import TrackSource
from engage_tui.tui.widgets import people_rows
from engage_tui.tui.widgets.people import PeoplePanel
from engage_tui.tui.widgets.people_rows import Facts, Item
from tests.tui import fake_engine

MIC, CAMERA = TrackSource.MICROPHONE, TrackSource.CAMERA


class PanelApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.toggled: list[Item] = []

    def compose(self) -> ComposeResult:
        yield PeoplePanel()

    def on_people_panel_toggled(self, message: PeoplePanel.Toggled) -> None:
        self.toggled.append(message.item)


def facts(people: Mapping[str, PersonView], **more: object) -> Facts:
    counters = fake_engine.statistics(dict(people))
    usual = Facts({"mira": 0.5}, {each.key: each for each in counters.publications})
    return Facts(usual.levels, usual.statistics, **more)  # type: ignore[arg-type]


def test_each_row_says_in_words_what_it_is() -> None:
    people = fake_engine.hall()
    lines = [
        "".join(text for text, _ in people_rows.row(item, facts(people), 48, chosen=False))
        for item in people_rows.items(people)
    ]
    assert lines[0].split() == ["ada", "(you)"]
    assert lines[4].split() == ["●", "mic", "audio", "auto", "▮▮▮▯▯▯", "4", "kB/s"]
    assert lines[5].split() == ["●", "camera", "video", "640x360", "15", "fps", "38", "kB/s"]
    assert lines[6].split() == ["○", "screen", "video", "1920x1080", "off", "[s]"]
    assert lines[8].split()[:5] == ["●", "mic", "audio", "always", "MUTED"]
    assert lines[9].split()[:6] == ["…", "camera", "video", "640x360", "wait", "…"]
    assert lines[12].split()[:5] == ["✕", "camera", "video", "640x360", "failed"]


def test_a_camera_that_no_tile_shows_is_unseen_and_not_stuck() -> None:
    people = fake_engine.hall()
    known = facts(people)
    counters = {
        key: msgspec.structs.replace(each, frames_per_second=0.0)
        for key, each in known.statistics.items()
    }
    camera = next(
        item
        for item in people_rows.items(people)
        if item.publication and item.publication.key == "mira/camera/"
    )
    words = {}
    for seen in (frozenset(), frozenset({"mira/camera/"}), None):
        now = Facts(known.levels, counters, seen=seen)
        words[seen] = (
            "".join(text for text, _ in people_rows.row(camera, now, 48, chosen=False)),
            people_rows.explain(camera, now),
        )
    assert "unseen" in words[frozenset()][0]
    assert "in no tile" in words[frozenset()][1]
    for shown in (frozenset({"mira/camera/"}), None):
        assert "0 fps" in words[shown][0]
        assert "0 fps" in words[shown][1]


names = st.text(max_size=40)


@given(
    name=names,
    track=names,
    level=st.floats(0, 1),
    width=st.integers(10, 120),
    chosen=st.booleans(),
    subscription=st.sampled_from(Subscription),
    source=st.sampled_from(TrackSource),
)
def test_every_line_is_exactly_as_wide_as_asked_for(
    name: str,
    track: str,
    level: float,
    width: int,
    chosen: bool,
    subscription: Subscription,
    source: TrackSource,
) -> None:
    if source is TrackSource.UNKNOWN:
        source = CAMERA
    publication = fake_engine.publication("x", source, name=track, subscription=subscription)
    someone = fake_engine.person("x", publication, name=name)
    given_facts = Facts({"x": level})
    items = people_rows.items({"x": someone})
    for item in items:
        line = people_rows.row(item, given_facts, width, chosen=chosen)
        assert sum(cell_len(text) for text, _ in line) == width
        assert all(text.isprintable() for text, _ in line)
    for strip in people_rows.strip_lines(items, width):
        line = people_rows.strip_row(strip, given_facts, width, items[-1].key if chosen else None)
        assert sum(cell_len(text) for text, _ in line) == width


def test_columns_stay_when_numbers_grow() -> None:
    someone = fake_engine.person("x", fake_engine.publication("x", CAMERA))
    item = people_rows.items({"x": someone})[1]
    small = fake_engine.statistics({"x": someone}).publications[0]
    large = msgspec.structs.replace(small, bytes_per_second=1.24e6, frames_per_second=120.0)
    first, second = (
        people_rows.row(item, Facts(statistics={each.key: each}), 48, chosen=False)
        for each in (small, large)
    )
    assert [cell_len(text) for text, _ in first] == [cell_len(text) for text, _ in second]
    assert "1.2 MB/s" in second[-1][0]


async def test_selection_survives_updates_and_moves_to_the_neighbour() -> None:
    app = PanelApp()
    async with app.run_test(size=(60, 20)) as pilot:
        panel = app.query_one(PeoplePanel)
        people = fake_engine.hall()
        panel.show_people(people, facts(people))
        panel.select(("noor", "noor/camera/"))
        newcomer = fake_engine.person("bob", fake_engine.publication("bob", MIC))
        panel.show_people({"bob": newcomer, **people}, facts(people))
        await pilot.pause()
        assert panel.selected is not None
        assert panel.selected.key == ("noor", "noor/camera/")
        fewer = dict(people)
        fewer["noor"] = msgspec.structs.replace(
            people["noor"], publications=people["noor"].publications[:1]
        )
        panel.show_people({"bob": newcomer, **fewer}, facts(people))
        assert panel.selected.key == ("kaito", "")


async def test_a_level_redraws_one_line_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    app = PanelApp()
    async with app.run_test(size=(60, 20)) as pilot:
        panel = app.query_one(PeoplePanel)
        people = fake_engine.hall()
        panel.show_people(people, facts(people))
        await pilot.pause()
        drawn: list[int] = []
        monkeypatch.setattr(panel, "refresh_line", drawn.append)
        before = facts(people)
        panel.show_facts(before)
        assert drawn == []
        panel.show_facts(Facts({"mira": 0.9}, before.statistics))
        assert drawn == [4]


async def test_a_click_selects_and_a_click_on_the_mark_toggles() -> None:
    app = PanelApp()
    async with app.run_test(size=(60, 20)) as pilot:
        panel = app.query_one(PeoplePanel)
        people = fake_engine.hall()
        panel.show_people(people, facts(people))
        await pilot.pause()
        await pilot.click(PeoplePanel, offset=(20, 5))
        assert panel.selected is not None
        assert panel.selected.key == ("mira", "mira/camera/")
        assert app.toggled == []
        await pilot.click(PeoplePanel, offset=(2, 6))
        assert [each.key for each in app.toggled] == [("mira", "mira/screen_share/")]


async def test_the_strip_has_a_line_a_person_and_everything_can_be_selected() -> None:
    app = PanelApp()
    async with app.run_test(size=(80, 20)) as pilot:
        panel = app.query_one(PeoplePanel)
        people = fake_engine.hall()
        panel.show_people(people, facts(people))
        panel.strip_mode = True
        await pilot.pause()
        assert len(panel.lines) == len(people)
        seen = []
        for _ in people_rows.items(people):
            assert panel.selected is not None
            seen.append(panel.selected.key)
            panel.move(1)
        assert seen == [each.key for each in people_rows.items(people)]
        await pilot.click(PeoplePanel, offset=(people_rows.NAME + people_rows.CHIP + 3, 1))
        assert panel.selected is not None
        assert panel.selected.key == ("mira", "mira/camera/")


def test_rows_stand_in_the_same_order_for_everybody() -> None:
    someone = fake_engine.person(
        "x", fake_engine.publication("x", CAMERA), fake_engine.publication("x", MIC)
    )
    rows = people_rows.items({"x": someone})
    assert [row.publication.source for row in rows if row.publication] == [MIC, CAMERA]


def test_an_own_place_without_anything_says_which_keys_fill_it() -> None:
    me = fake_engine.person("me", local=True)
    (item,) = people_rows.items({"me": me})
    line = "".join(text for text, _ in people_rows.row(item, Facts(), 48, chosen=False))
    assert line.split() == ["me", "(you)", "m", "mic", "v", "camera", "d", "share"]


def test_names_of_strangers_carry_no_escape_sequences() -> None:
    someone = fake_engine.person("x", name="\x1b[31mred\u202e\x07")
    (item,) = people_rows.items({"x": someone})
    line = people_rows.row(item, Facts(), 40, chosen=False)
    assert "".join(text for text, _ in line).strip() == "[31mred"
