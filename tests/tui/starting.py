"""Starting the app over a fake engine, without a terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from engage_tui.engine.messages import Left, Start
from engage_tui.engine.view import CallView, PersonView
from engage_tui.tui.app import EngageApp
from engage_tui.tui.session import Engine
from tests.tui import fake_engine
from tests.tui.fake_engine import FakeEngine
from tests.waiting import until

START = Start(
    url="ws://127.0.0.1:7880", room="hall", name="ada", camera="default", microphone="default"
)


@asynccontextmanager
async def in_call(
    engine: FakeEngine,
    *,
    size: tuple[int, int] = (160, 45),
    people: dict[str, PersonView] | None = None,
    call: CallView | None = None,
    restart: Callable[[], Engine] | None = None,
) -> AsyncIterator[Pilot[Left]]:
    """The call screen with these people, drawn."""
    app = EngageApp(engine, START, restart)
    async with app.run_test(size=size) as pilot:
        await until(lambda: engine.received)
        shown = fake_engine.hall() if people is None else people
        engine.state(call=call or fake_engine.call(), people=shown)
        await until(lambda: len(app.session.model.people) == len(shown))
        await pilot.pause()
        yield pilot


@asynccontextmanager
async def in_lobby(
    engine: FakeEngine, *, size: tuple[int, int] = (100, 30), start: Start | None = None
) -> AsyncIterator[Pilot[Left]]:
    """The lobby with two devices of each kind, drawn."""
    import msgspec

    app = EngageApp(engine, msgspec.structs.replace(start or START, lobby=True))
    async with app.run_test(size=size) as pilot:
        await until(lambda: engine.received)
        engine.state(lobby=fake_engine.lobby())
        await until(lambda: app.session.model.lobby.devices)
        await pilot.pause()
        yield pilot


def hit(pilot: Pilot[Left], *names: str) -> None:
    """Press keys without waiting for what they do (`until` does); `Pilot.press` rests 50 ms after each."""
    for name in names:
        pilot.app.simulate_key(name)
