"""The sounds panel: paths complete themselves, failures leave what was typed, what plays can be stopped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from engage_tui.engine.messages import Outcome
from engage_tui.engine.view import HearingView, PlaceView, SoundView
from engage_tui.tui import paths
from engage_tui.tui.screens.call import CallScreen
from engage_tui.tui.screens.sounds import SoundRow, SoundsScreen
from engage_tui.tui.widgets.space_map import SpaceMap
from engage_tui.tui.widgets.voice_switches import VoiceSwitch
from tests.tui import fake_engine
from tests.tui.fake_engine import FakeEngine
from tests.tui.starting import hit, in_call
from tests.waiting import until


def test_paths_complete_as_far_as_is_certain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sea-calm.wav", "sea-storm.wav", ".hidden.wav"):
        (tmp_path / name).touch()
    (tmp_path / "songs").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert paths.matches("s") == ["sea-calm.wav", "sea-storm.wav", f"songs{os.sep}"]
    assert paths.completed("sea", paths.matches("sea")) == "sea-"
    assert paths.matches("~/sea-c") == ["~/sea-calm.wav"]
    assert paths.matches(f"{tmp_path}/.h") == [f"{tmp_path}/.hidden.wav"]
    assert ".hidden.wav" not in paths.matches("")
    assert paths.matches("/nowhere/at/all") == []
    assert paths.completed("x", []) == "x"


async def test_a_file_is_completed_played_and_stopped_and_nothing_typed_is_lost(
    tmp_path: Path,
) -> None:
    (tmp_path / "waves.wav").touch()
    engine = FakeEngine()
    engine.silent = {"play_sound"}
    async with in_call(engine, size=(80, 24)) as pilot:
        hit(pilot, "b")
        await until(lambda: isinstance(pilot.app.screen, SoundsScreen))
        panel = pilot.app.screen
        await pilot.pause()
        field = panel.query_one(Input)
        field.value = f"{tmp_path}/wa"
        hit(pilot, "tab")
        await until(lambda: field.value.endswith(".wav"))
        assert field.value == f"{tmp_path}/waves.wav"
        hit(pilot, "enter")
        await until(engine.asked(1, "play_sound"))
        (asked,) = engine.intents("play_sound")
        assert asked.arguments == {"path": f"{tmp_path}/waves.wav", "room": False, "loop": True}
        engine.send(Outcome(asked.id, "waves.wav cannot be played.", "Choose another."))
        error = panel.query_one("#path-error", Static)
        await until(lambda: error.display)
        assert str(error.content) == "waves.wav cannot be played. Choose another."
        assert field.value == f"{tmp_path}/waves.wav"
        hit(pilot, "escape")
        await until(lambda: isinstance(pilot.app.screen, CallScreen))
        hit(pilot, "b")
        await until(lambda: isinstance(pilot.app.screen, SoundsScreen))
        await pilot.pause()
        panel = pilot.app.screen
        assert panel.query_one(Input).value == f"{tmp_path}/waves.wav"
        panel.query_one("#voice-where", VoiceSwitch).action_switch()
        await until(lambda: panel.query_one("#voice-where", VoiceSwitch).value == "in the room")
        hit(pilot, "enter")
        await until(engine.asked(2, "play_sound"))
        assert engine.intents("play_sound")[1].arguments["room"] is True
        sounds = (SoundView("♪1", "waves.wav", PlaceView(0, 1.5)), SoundView("♪2", "[b]sea.wav"))
        hearing = HearingView(seating="circle", sounds=sounds)
        engine.state(call=fake_engine.call(hearing=hearing))
        await until(lambda: len(panel.query(SoundRow)) == 2)
        await pilot.pause()
        words = [row.render().plain for row in panel.query(SoundRow)]
        assert words[0].startswith("♪ waves.wav · 1.5 m ahead")
        assert words[1].startswith("♪ [b]sea.wav · all around you")
        assert words[1].endswith("[stop]")
        panel.query(SoundRow).last().focus()
        hit(pilot, "delete")
        await until(engine.asked(1, "stop_sound"))
        assert engine.intents("stop_sound")[0].arguments == {"sound": "♪2"}
        # On the map a sound is moved, made louder and stopped as people are.
        hit(pilot, "escape")
        await until(lambda: isinstance(pilot.app.screen, CallScreen))
        hit(pilot, "o")
        await until(lambda: "♪ waves.wav" in "\n".join(pilot.app.screen.query_one(SpaceMap).text))
        hit(pilot, "shift+tab", "up", "minus", "delete")
        await until(engine.asked(2, "stop_sound"))
        assert engine.intents("place")[0].arguments == {
            "sound": "♪1",
            "x": 0,
            "y": 0.25,
            "by": True,
        }
        assert engine.intents("set_volume")[0].arguments == {"sound": "♪1", "steps": -1}
        assert engine.intents("stop_sound")[1].arguments == {"sound": "♪1"}
