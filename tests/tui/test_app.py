"""The app: how it ends, what survives, and who is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import msgspec
import pytest
from textual.app import ComposeResult
from textual.widgets import Input, Select, Static

from engage_tui.engine.messages import Left, Levels, Notice
from engage_tui.errors import UsageError
from engage_tui.tui import app as app_module
from engage_tui.tui.app import EngageApp
from engage_tui.tui.run import run
from engage_tui.tui.screens.call import CallScreen
from engage_tui.tui.screens.lobby import LobbyScreen
from engage_tui.tui.screens.page import Page
from engage_tui.tui.widgets.people import PeoplePanel
from tests.tui import fake_engine
from tests.tui.fake_engine import FakeEngine
from tests.tui.starting import START, hit, in_call
from tests.waiting import until


@pytest.mark.parametrize("key", ["q", "f10", "ctrl+q"])
async def test_leaving_ends_with_the_engines_last_word(key: str) -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        hit(pilot, key)
        await until(lambda: pilot.app.return_value)
    assert pilot.app.return_value == Left("client_initiated", 0)
    assert len(engine.intents("leave")) == 1


async def test_an_engine_that_does_not_answer_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app_module, "LEAVE_TIMEOUT", 0.05)
    engine = FakeEngine()
    engine.silent = {"leave"}
    async with in_call(engine) as pilot:
        hit(pilot, "q")
        await until(lambda: pilot.app.return_value)
    assert pilot.app.return_value == Left("client_initiated", 0)
    await until(lambda: engine.closed)


async def test_an_engine_that_vanishes_is_told() -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        engine.vanish()
        await until(lambda: pilot.app.return_value)
    left = pilot.app.return_value
    assert left is not None
    assert left.exit_code == 1
    assert "ended unexpectedly" in left.message


async def test_being_removed_ends_with_the_reason() -> None:
    engine = FakeEngine()
    removed = Left("participant_removed", 4, "You were removed from the room.", "Ask why.")
    async with in_call(engine) as pilot:
        engine.send(removed)
        await until(lambda: pilot.app.return_value)
    assert pilot.app.return_value == removed


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
async def test_a_signal_leaves_cleanly(number: signal.Signals, code: int) -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        os.kill(os.getpid(), number)
        await until(lambda: pilot.app.return_value)
    left = pilot.app.return_value
    assert left is not None
    assert left.exit_code == code
    assert engine.intents("leave")


async def test_q_leads_back_to_a_lobby_that_remembers() -> None:
    first, second = FakeEngine(), FakeEngine()
    async with in_call(first, restart=lambda: second) as pilot:
        await pilot.press("q")
        await until(lambda: isinstance(pilot.app.screen, LobbyScreen))
        await until(lambda: second.received)
        assert second.start.lobby
        assert pilot.app.screen.query_one("#room", Input).value == "hall"
        assert not pilot.app.screen.query_one("#lobby-message", Static).display
        second.send(fake_engine.joined())
        hit(pilot, "ctrl+q")
        await until(lambda: pilot.app.return_value)


async def test_the_lobby_says_why_a_call_ended() -> None:
    first, second = FakeEngine(), FakeEngine()
    async with in_call(first, restart=lambda: second) as pilot:
        first.send(Left("error", 3, "The connection was lost.", "Try again."))
        await until(lambda: pilot.app.screen.query("#lobby-message"))
        message = pilot.app.screen.query_one("#lobby-message", Static)
        await until(lambda: "The connection was lost. Try again." in str(message.content))


def test_a_terminal_too_small_to_start_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((20, 5)))
    with pytest.raises(UsageError, match="20x5"):
        run(FakeEngine(), START)


@pytest.mark.parametrize("lobby", [False, True])
async def test_news_that_comes_before_a_screen_stands_is_shown_when_it_does(
    monkeypatch: pytest.MonkeyPatch, lobby: bool
) -> None:
    """The engine answers while Textual still composes: nothing crashes, nothing is lost."""
    engine = FakeEngine()
    page: type[Page] = LobbyScreen if lobby else CallScreen
    composing: Callable[[Page], ComposeResult] = page.compose

    def compose(self: Page) -> ComposeResult:
        engine.state(call=fake_engine.call(), people=fake_engine.hall(), lobby=fake_engine.lobby())
        engine.send(Levels({"mira": 0.5}))
        engine.send(Notice(1, "warning", "It is early.", 0.0))
        yield from composing(self)

    monkeypatch.setattr(page, "compose", compose)
    app = EngageApp(engine, msgspec.structs.replace(START, lobby=lobby))
    async with app.run_test(size=(160, 45)) as pilot:
        await until(lambda: app.session.model.people)
        await pilot.pause()
        if lobby:
            devices = app.screen.query_one("#camera-device", Select)
            await until(lambda: "FaceTime" in str(devices.value) or devices.value, what="devices")
        else:
            panel = app.screen.query_one(PeoplePanel)
            await until(
                lambda: any("mira" in line.lower() for line in panel.lines), what=f"{panel.lines}"
            )
            assert any("early" in line.text for line in app.session.model.log)
        hit(pilot, "ctrl+q")
        await until(lambda: app.return_value)
