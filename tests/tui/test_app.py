"""The app: how it ends, what survives, and who is told."""

from __future__ import annotations

import os
import signal

import pytest
from textual.widgets import Input, Static

from engage_tui.engine.messages import Left
from engage_tui.errors import UsageError
from engage_tui.tui import app as app_module
from engage_tui.tui.screens.lobby import LobbyScreen
from tests.tui import fake_engine
from tests.tui.fake_engine import FakeEngine
from tests.tui.starting import START, in_call
from tests.waiting import until


@pytest.mark.parametrize("key", ["q", "f10", "ctrl+q"])
async def test_leaving_ends_with_the_engines_last_word(key: str) -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        await pilot.press(key)
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
        await pilot.press("q")
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
        await pilot.press("ctrl+q")
        await until(lambda: pilot.app.return_value)


async def test_the_lobby_says_why_a_call_ended() -> None:
    first, second = FakeEngine(), FakeEngine()
    async with in_call(first, restart=lambda: second) as pilot:
        first.send(Left("error", 3, "The connection was lost.", "Try again."))
        await until(lambda: isinstance(pilot.app.screen, LobbyScreen))
        message = pilot.app.screen.query_one("#lobby-message", Static)
        await until(lambda: "The connection was lost. Try again." in str(message.content))


def test_a_terminal_too_small_to_start_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((20, 5)))
    with pytest.raises(UsageError, match="20x5"):
        app_module.run(FakeEngine(), START)
