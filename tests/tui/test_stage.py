"""Who sits where on the stage, which pictures are asked for, and what stands there alone."""

from __future__ import annotations

import msgspec
import pytest
from textual.app import App, ComposeResult

from engage_tui.engine.messages import Watch
from engage_tui.engine.view import CallView, PersonView, Phase, Subscription, ToggleView
from engage_tui.sdk.enums import TrackSource
from engage_tui.tui.widgets.arrange import Seating, arrange, capacity
from engage_tui.tui.widgets.invite import Invite
from engage_tui.tui.widgets.preview import KEY, NUMBER, Preview
from engage_tui.tui.widgets.stage import Stage
from tests.tui.people import camera_person, person, picture, publication

INVITE = "engage-tui join hall --url ws://127.0.0.1:7880"
ME = person("me", local=True)


class StageApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.watches: list[Watch] = []

    def compose(self) -> ComposeResult:
        yield Stage()

    @property
    def stage(self) -> Stage:
        return self.query_one(Stage)

    def on_stage_watch_changed(self, event: Stage.WatchChanged) -> None:
        self.watches.append(event.watch)

    def text(self) -> str:
        strips = self.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def room(*people: PersonView) -> dict[str, PersonView]:
    return {each.identity: each for each in people}


async def test_alone_it_shows_how_others_get_in() -> None:
    app = StageApp()
    async with app.run_test(size=(80, 20)) as pilot:
        app.stage.show_call(CallView(phase=Phase.CONNECTED, invite=INVITE))
        app.stage.show_people(room(ME))
        await pilot.pause()
        assert INVITE in app.text()
        assert "y  copy it" in app.text()
        app.stage.show_people(room(ME, camera_person("ada")))
        await pilot.pause()
        assert INVITE not in app.text()
        assert " ada" in app.text()
        app.stage.show_people(room(ME))
        await pilot.pause()
        assert INVITE in app.text()


@pytest.mark.parametrize("size", [(12, 4), (24, 6), (40, 3), (100, 30)])
async def test_an_invitation_fits_anywhere(size: tuple[int, int]) -> None:
    app = StageApp()
    async with app.run_test(size=size) as pilot:
        app.stage.show_call(CallView(phase=Phase.CONNECTED, invite=INVITE))
        app.stage.show_people(room(ME))
        await pilot.pause()
        assert app.query_one(Invite).region.size == size
        assert ("y  invite" in app.text()) != (
            "engage-tui" in app.text() and "y  copy it" in app.text()
        )


async def test_a_long_invitation_stays_a_shell_command() -> None:
    app = StageApp()
    async with app.run_test(size=(40, 16)) as pilot:
        app.stage.show_call(CallView(phase=Phase.CONNECTED, invite=INVITE))
        await pilot.pause()
        lines = [line.strip() for line in app.text().splitlines()]
        first = next(line for line in lines if line.startswith("engage-tui"))
        assert first.endswith("\\")


async def test_tiles_ask_for_pictures_of_their_size_and_stop_asking() -> None:
    app = StageApp()
    async with app.run_test(size=(100, 30)) as pilot:
        ada, mira = camera_person("ada"), camera_person("mira")
        app.stage.show_people(room(ME, ada))
        await pilot.pause()
        (watch,) = app.watches
        tile = app.stage.tile(watch.tile)
        assert tile is not None
        assert watch == Watch(watch.tile, "ada/camera/", *tile.pixels, 15.0)
        assert watch.width > 40
        app.stage.show_people(room(ME, ada, mira))
        await pilot.pause()
        assert {each.key for each in app.stage.watches} == {"ada/camera/", "mira/camera/"}
        off = publication("ada", subscription=Subscription.OFF)
        app.stage.show_people(room(ME, person("ada", off), mira))
        await pilot.pause()
        assert Watch(watch.tile, "") in app.watches
        assert [each.key for each in app.stage.watches] == ["mira/camera/"]
        app.stage.show_people(room(ME))
        await pilot.pause()
        assert app.stage.watches == ()


async def test_a_full_stage_can_be_arranged_again() -> None:
    app = StageApp()
    async with app.run_test(size=(120, 40)) as pilot:
        everybody = room(*[camera_person(f"p{n}") for n in range(9)])
        for _ in range(2):
            app.stage.show_people(everybody)
            await pilot.pause()
        assert len(app.stage.tiles) == 9


async def test_nothing_is_said_twice() -> None:
    app = StageApp()
    async with app.run_test(size=(100, 30)) as pilot:
        for speaking in (False, True, False):
            app.stage.show_people(room(ME, camera_person("ada", speaking=speaking)))
            await pilot.pause()
        assert len(app.watches) == 1


async def test_a_hidden_stage_wants_nothing() -> None:
    app = StageApp()
    async with app.run_test(size=(100, 30)) as pilot:
        app.stage.show_people(room(ME, camera_person("ada")))
        await pilot.pause()
        wanted = app.stage.watches
        app.stage.display = False
        await pilot.pause()
        assert app.watches[-1].key == ""
        app.stage.display = True
        await pilot.pause()
        assert app.stage.watches == wanted
        assert (app.watches[-1],) == wanted


async def test_pictures_and_levels_reach_their_tile_alone() -> None:
    app = StageApp()
    async with app.run_test(size=(100, 30)) as pilot:
        app.stage.show_people(room(ME, camera_person("ada"), camera_person("mira")))
        await pilot.pause()
        me, ada, mira = app.stage.tiles
        app.stage.show_picture(picture(ada.number, ada.key, *ada.pixels))
        app.stage.show_picture(picture(mira.number, ada.key, *mira.pixels))  # whose it was before
        app.stage.show_picture(picture(8, "nobody", 4, 4))
        app.stage.show_levels({"ada": 0.5})
        assert [each.has_picture for each in (me, ada, mira)] == [False, True, False]
        assert [each.level for each in (me, ada, mira)] == [0.0, 0.5, 0.0]


async def test_a_tile_keeps_its_picture_when_others_come_and_go() -> None:
    app = StageApp()
    async with app.run_test(size=(120, 40)) as pilot:
        ada, mira, sam = (camera_person(who) for who in ("ada", "mira", "sam"))
        app.stage.show_people(room(ME, ada, mira))
        await pilot.pause()
        tile = app.stage.tiles[2]
        app.stage.show_picture(picture(tile.number, tile.key, *tile.pixels))
        app.stage.show_people(room(ME, mira, sam))
        await pilot.pause()
        assert tile in app.stage.tiles
        assert tile.has_picture
        regions = [each.region for each in app.stage.tiles]
        assert all(a.x < b.x or a.y < b.y for a, b in zip(regions, regions[1:], strict=False))


async def test_a_shared_screen_gets_the_large_place() -> None:
    app = StageApp()
    async with app.run_test(size=(120, 40)) as pilot:
        share = publication("mira", TrackSource.SCREEN_SHARE)
        mira = person("mira", publication("mira"), share)
        app.stage.show_people(room(ME, camera_person("ada"), mira))
        await pilot.pause()
        areas = {each.key: each.region.area for each in app.stage.tiles}
        assert areas[share.key] > 2 * max(area for key, area in areas.items() if key != share.key)
        offer = publication("mira", TrackSource.SCREEN_SHARE, subscription=Subscription.OFF)
        offering = person("mira", publication("mira"), offer)
        app.stage.show_people(room(ME, camera_person("ada"), offering))
        await pilot.pause()
        assert len({each.region.size for each in app.stage.tiles}) == 1  # nothing to see there yet
        own = person("me", publication("me", TrackSource.SCREEN_SHARE, local=True), local=True)
        app.stage.show_people(room(own, camera_person("ada")))
        await pilot.pause()
        assert len(app.stage.tiles) == 2  # one's own screen is not shown to oneself


def test_a_speaker_without_a_place_takes_that_of_somebody_silent_and_nobody_else_moves() -> None:
    people = [camera_person(f"p{n}") for n in range(6)]
    seating = Seating()
    before = [seat.key for seat in seating.seat(people, 4)]
    assert before == ["p0/", "p1/", "p2/", "p3/"]
    people[5] = msgspec.structs.replace(people[5], speaking=True)
    after = [seat.key for seat in seating.seat(people, 4)]
    assert after == ["p0/", "p1/", "p2/", "p5/"]
    people[5] = msgspec.structs.replace(people[5], speaking=False)
    people[4] = msgspec.structs.replace(people[4], speaking=True)
    assert [seat.key for seat in seating.seat(people, 4)] == ["p0/", "p1/", "p4/", "p5/"]
    assert [seat.key for seat in seating.seat(people, 4, ["p3/camera/"])][0:2] == ["p0/", "p3/"]


def test_who_leaves_makes_room_for_who_waits() -> None:
    people = [camera_person(f"p{n}") for n in range(5)]
    seating = Seating()
    seating.seat(people, 3)
    del people[1]
    assert [seat.key for seat in seating.seat(people, 3)] == ["p0/", "p2/", "p3/"]


@pytest.mark.parametrize("cell", [(6, 14), (7, 15), (8, 16), (10, 18)])
def test_tiles_have_the_shape_of_pictures_whatever_the_cells(cell: tuple[int, int]) -> None:
    for tile in arrange(140, 44, 4, aspect=cell[1] / cell[0]):
        picture = tile.width * cell[0] * 9 / 16 / cell[1]  # rows
        assert tile.height - 1 == pytest.approx(picture, abs=0.51), "no bar above, below or beside"


def test_grids_suit_their_place() -> None:
    assert capacity(78, 22) == 4
    assert capacity(40, 20) == 2
    assert capacity(44, 32, sharp=True) == 8
    assert capacity(130, 43) == 9
    columns = {region.x for region in arrange(78, 22, 4)}
    rows = {region.y for region in arrange(78, 22, 4)}
    assert (len(columns), len(rows)) == (2, 2)
    wide = arrange(160, 43, 2)
    assert wide[0].y == wide[1].y
    tall = arrange(60, 43, 2)
    assert tall[0].x == tall[1].x


class LobbyApp(StageApp):
    def compose(self) -> ComposeResult:
        yield Preview()


async def test_the_preview_asks_for_the_camera_while_it_is_wanted_and_seen() -> None:
    app = LobbyApp()
    async with app.run_test(size=(44, 14)) as pilot:
        preview = app.query_one(Preview)
        preview.show_preview(ToggleView(label="FaceTime HD"), wanted=True)
        await pilot.pause()
        asked = Watch(NUMBER, KEY, 44, 24, 15.0)
        assert app.watches == [asked]
        assert "waiting for the first picture" in app.text()
        assert " FaceTime HD" in app.text()
        preview.show(picture(NUMBER, KEY, *preview.pixels))
        seen = [preview.has_picture]
        preview.show_preview(ToggleView(), wanted=False)
        await pilot.pause()
        assert [*seen, preview.has_picture] == [True, False]
        assert "camera off" in app.text()
        preview.show_preview(ToggleView(error="busy"), wanted=True)
        preview.display = False
        await pilot.pause()
        assert app.watches == [asked, Watch(NUMBER, ""), asked, Watch(NUMBER, "")]
