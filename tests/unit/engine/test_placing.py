from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engage_tui.engine.placing import LOUDEST, Placing, hearing
from engage_tui.engine.sounds import Sounds
from engage_tui.errors import UsageError
from engage_tui.sdk.enums import AudioConnectionMode, SpatialMode
from engage_tui.sdk.space import Space
from tests.unit.engine.hall import Hall


class Table:
    """A call at whose table people sit, as far as placing needs one."""

    def __init__(self) -> None:
        self.hall = Hall()
        call: Any = SimpleNamespace(
            room=self.hall,
            seats=self.hall.seats,
            space=Space(spatial=SpatialMode.STEREO),
            start=SimpleNamespace(spatial="off"),
            touch=lambda: None,
        )
        call.sounds = Sounds(call)
        self.call = call
        self.placing = Placing(call)

    async def ask(self, name: str, **arguments: object) -> None:
        await self.placing.serving[name](arguments)


async def test_places_are_asked_for_by_name() -> None:
    table = Table()
    ada = table.hall.come("ada", 1)
    await table.ask("walk", ahead=1.0, turn=90)
    await table.ask("walk", right=0.5)
    me = table.hall.seats.views()["me"]
    assert (me.x, me.y, me.facing) == (0, 0.5, 90)
    await table.ask("place", x=2, y=1)
    await table.ask("face", degrees=180)
    me = table.hall.seats.views()["me"]
    assert (me.x, me.y, me.facing) == (2, 1, 180)
    before = table.hall.seats.views()["ada"]
    await table.ask("place", participant="ada", x=0.25, y=0, by=True)
    after = table.hall.seats.views()["ada"]
    assert (after.x - before.x, after.y - before.y) == pytest.approx((0.25, 0))
    await table.ask("place", participant="ada", x=-1, y=2)
    await table.ask("arrange_seats", seating="row")
    assert table.hall.azimuth(ada) == pytest.approx(0)
    assert hearing(table.call).seating == "row"


async def test_volumes_are_set_or_go_by_steps_and_stop_at_the_ends() -> None:
    table = Table()
    ada = table.hall.come("ada", 1)
    await table.ask("set_volume", participant="ada", value=0.55)
    await table.ask("set_volume", participant="PA_ada", steps=1)
    assert ada.volume == pytest.approx(0.6) or ada.volume == pytest.approx(0.7)
    for steps, end in ((100, LOUDEST), (-100, 0.0)):
        await table.ask("set_volume", participant="ada", steps=steps)
        assert ada.volume == end


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("set_volume", {"participant": "ada", "value": float("nan")}, "volume"),
        ("set_volume", {"participant": "ada", "value": -1}, "volume"),
        ("set_volume", {"participant": "ada", "steps": "many"}, "number"),
        ("set_volume", {"participant": "bob", "value": 1}, "bob is not in the room"),
        ("place", {"participant": "bob", "x": 1, "y": 1}, "bob is not in the room"),
        ("place", {"x": "left", "y": 1}, "distance"),
        ("arrange_seats", {"seating": "heap"}, "circle, table, row"),
        ("set_spatial_mode", {"mode": "quad"}, "off, stereo, binaural"),
    ],
)
async def test_nonsense_is_refused_in_words(
    name: str, arguments: dict[str, object], message: str
) -> None:
    table = Table()
    ada = table.hall.come("ada", 1)
    where = ada.get_position()
    with pytest.raises(UsageError) as raised:
        await table.ask(name, **arguments)
    assert message in str(raised.value)
    assert (ada.volume, ada.get_position()) == (1, where)


async def test_without_a_room_there_are_no_places() -> None:
    table = Table()
    table.call.room = table.call.seats = None
    for name, arguments in (("walk", {}), ("set_volume", {"participant": "ada", "value": 1})):
        with pytest.raises(UsageError, match="no room yet"):
            await table.ask(name, **arguments)
    assert hearing(table.call).seating == ""


async def test_the_spatial_mode_is_changed_and_told() -> None:
    table = Table()
    assert hearing(table.call).spatial is SpatialMode.STEREO
    await table.ask("set_spatial_mode", mode="off")
    assert hearing(table.call).spatial is SpatialMode.OFF
    table.call.space = None
    assert hearing(table.call).spatial is SpatialMode.OFF
    with pytest.raises(UsageError, match="no sound yet"):
        await table.ask("set_spatial_mode", mode="off")


async def test_the_connection_managers_choice_is_told() -> None:
    table = Table()
    table.hall.come("ada", 1).set_audio_connection_mode(AudioConnectionMode.NEVER)
    view = hearing(table.call)
    assert (view.connected, view.microphones, view.limit) == (0, 0, 8)
