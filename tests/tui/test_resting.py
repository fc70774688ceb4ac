"""Nothing is drawn for a window that nobody looks at, and everything comes again."""

from __future__ import annotations

import pytest
from textual import events

from engage_tui.tui import picture_app
from engage_tui.tui.widgets.stage import Stage
from tests.tui.fake_engine import FakeEngine
from tests.tui.starting import in_call, in_lobby
from tests.waiting import until


async def test_a_window_without_the_focus_watches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_app, "REST", 0.05)
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        stage = pilot.app.screen.query_one(Stage)
        await until(lambda: stage.watches)
        pilot.app.post_message(events.AppBlur())
        await until(lambda: not stage.watches, what="no watch")
        button = pilot.app.screen.query_one("#control-cycle_picture")
        await until(lambda: "resting" in str(button.render()), what="the word")
        pilot.app.post_message(events.AppFocus())
        await until(lambda: stage.watches, what="watches again")
        assert "resting" not in str(button.render())
        await until(lambda: engine.watches()[-1].key, what="the engine told")


async def test_a_glance_elsewhere_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_app, "REST", 60.0)
    async with in_call(FakeEngine()) as pilot:
        stage = pilot.app.screen.query_one(Stage)
        await until(lambda: stage.watches)
        pilot.app.post_message(events.AppBlur())
        await pilot.pause()
        pilot.app.post_message(events.AppFocus())
        await pilot.pause()
        assert stage.watches


async def test_the_lobbys_camera_rests_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_app, "REST", 0.05)
    engine = FakeEngine()
    async with in_lobby(engine) as pilot:
        await until(lambda: engine.watches() and engine.watches()[-1].key == "preview")
        pilot.app.post_message(events.AppBlur())
        await until(lambda: engine.watches()[-1].key == "", what="no watch")
        pilot.app.post_message(events.AppFocus())
        await until(lambda: engine.watches()[-1].key == "preview", what="a watch again")
