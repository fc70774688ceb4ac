"""The lobby: choosing, previewing, joining; nothing typed is lost."""

from __future__ import annotations

import msgspec
import pytest
from textual.widgets import Button, Input, Static

from engage_tui.engine.messages import Levels
from engage_tui.engine.view import CallView, ProcessingView, ToggleView
from engage_tui.tui import words
from engage_tui.tui.screens.call import CallScreen
from engage_tui.tui.screens.lobby import LobbyScreen
from engage_tui.tui.widgets.device_select import DeviceSelect
from engage_tui.tui.widgets.meter import Meter
from engage_tui.tui.widgets.on_off import OnOff
from engage_tui.tui.widgets.voice_switches import VoiceSwitch
from tests.tui import fake_engine
from tests.tui.fake_engine import FakeEngine
from tests.tui.starting import START, hit, in_lobby
from tests.waiting import until


async def test_enter_joins_from_anywhere_with_what_was_typed() -> None:
    engine = FakeEngine()
    engine.failures["join"] = ("Not yet.", "")
    async with in_lobby(engine) as pilot:
        screen = pilot.app.screen
        screen.query_one("#room", Input).value = "attic"
        places = ("name", "url", "camera-device", "microphone-on", "join")
        for count, focus in enumerate(places, 1):
            screen.query_one(f"#{focus}").focus()
            hit(pilot, "enter")
            await until(engine.asked(count, "join"))
            await until(lambda: not screen.query_one("#join", Button).disabled)
        assert engine.intents("join")[-1].arguments == {
            "name": "ada",
            "room": "attic",
            "url": "ws://127.0.0.1:7880",
            "microphone": True,
            "camera": True,
            "speaker": "2",
        }
        engine.send(fake_engine.joined())
        await until(lambda: isinstance(pilot.app.screen, CallScreen))


async def test_a_failed_join_says_why_and_keeps_every_word() -> None:
    engine = FakeEngine()
    engine.failures["join"] = ("There is no server at ws://x.", "Start one: engage-tui serve.")
    async with in_lobby(engine) as pilot:
        screen = pilot.app.screen
        screen.query_one("#room", Input).value = "attic"
        await pilot.press("enter")
        message = screen.query_one("#lobby-message", Static)
        await until(lambda: message.display)
        assert "There is no server at ws://x. Start one: engage-tui serve." in str(message.content)
        assert screen.query_one("#room", Input).value == "attic"
        assert not screen.query_one("#join", Button).disabled


async def test_a_second_enter_does_not_join_twice() -> None:
    engine = FakeEngine()
    engine.silent = {"join"}
    async with in_lobby(engine) as pilot:
        pilot.app.screen.query_one("#name").focus()
        await pilot.press("enter", "enter")
        await until(lambda: "Joining" in str(pilot.app.screen.query_one("#join", Button).label))
        assert len(engine.intents("join")) == 1


async def test_what_is_missing_is_said_in_its_row() -> None:
    engine = FakeEngine()
    async with in_lobby(engine, start=msgspec.structs.replace(START, room="")) as pilot:
        assert pilot.app.focused is pilot.app.screen.query_one("#room")
        await pilot.press("enter")
        row = pilot.app.screen.query_one("#room-error", Static)
        await until(lambda: row.display)
        hit(pilot, "a")
        await until(lambda: not row.display)
        assert engine.intents("join") == []


async def test_switches_ask_for_the_preview() -> None:
    engine = FakeEngine()
    async with in_lobby(engine) as pilot:
        pilot.app.screen.query_one("#camera-on", OnOff).focus()
        hit(pilot, "space")
        await until(lambda: engine.intents("preview"))
        assert engine.intents("preview")[0].arguments == {"camera": False, "microphone": True}
        pilot.app.screen.query_one("#name").focus()
        hit(pilot, "f2")
        await until(lambda: len(engine.intents("preview")) == 2)
        assert engine.intents("preview")[1].arguments == {"camera": False, "microphone": False}


async def test_choosing_a_device_asks_for_it() -> None:
    engine = FakeEngine()
    async with in_lobby(engine) as pilot:
        pilot.app.screen.query_one("#microphone-device", DeviceSelect).focus()
        await pilot.press("space", "down", "enter")
        await until(lambda: engine.intents("choose_device"))
        assert engine.intents("choose_device")[0].arguments == {
            "kind": "audioinput",
            "device_id": "test",
        }
        assert engine.intents("join") == []


async def test_what_the_command_line_chose_is_kept() -> None:
    engine = FakeEngine()
    async with in_lobby(engine) as pilot:
        engine.state(lobby=fake_engine.lobby(speaker_id="off"))
        speaker = pilot.app.screen.query_one("#speaker-device", DeviceSelect)
        await until(lambda: speaker.value == "off")
        hit(pilot, "enter")
        await until(engine.asked(1, "join"))
        assert engine.intents("join")[0].arguments["speaker"] == "off"


async def test_a_device_that_fails_says_why_in_its_row() -> None:
    engine = FakeEngine()
    async with in_lobby(engine) as pilot:
        error = "FaceTime HD is busy. Close the program that uses it."
        engine.state(lobby=fake_engine.lobby(camera=ToggleView(error=error)))
        row = pilot.app.screen.query_one("#camera-error", Static)
        await until(lambda: row.display)
        assert error in str(row.content)


async def test_the_preview_is_watched_and_left() -> None:
    engine = FakeEngine()
    async with in_lobby(engine) as pilot:
        await until(engine.watches)
        watch = engine.watches()[-1]
        assert watch.key == "preview"
        engine.send(fake_engine.picture(watch, 1, 0.0))
        await until(engine.credits)
        engine.send(fake_engine.joined())
        await until(lambda: isinstance(pilot.app.screen, CallScreen))
        await until(lambda: engine.watches()[-1].key == "")


async def test_the_meter_advises() -> None:
    engine = FakeEngine()
    async with in_lobby(engine) as pilot:
        meter = pilot.app.screen.query_one(Meter)
        assert meter.active
        engine.send(Levels({"preview": 0.6}))
        await until(lambda: meter.advice == "sounds good")


@pytest.mark.parametrize(
    ("levels", "advice"),
    [
        ([], "listening …"),
        ([0.0, 0.01], "nothing heard: is it muted?"),
        ([0.0, 0.2], "very quiet"),
        ([0.2, 0.6], "sounds good"),
        ([0.6, 1.0], "too loud"),
    ],
)
def test_advice(levels: list[float], advice: str) -> None:
    assert words.advice(levels) == advice


async def test_everything_is_seen_at_80x24() -> None:
    async with in_lobby(FakeEngine(), size=(80, 24)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, LobbyScreen)
        for selector in ("#title", "#name", "#speaker-device", "#meter", "#join", "#promise"):
            region = screen.query_one(selector).region
            assert region.area > 0
            assert region.bottom <= 24


async def test_the_voice_is_switched_where_the_microphone_is() -> None:
    engine = FakeEngine()
    async with in_lobby(engine) as pilot:
        echo = pilot.app.screen.query_one("#voice-echo", VoiceSwitch)
        assert "auto" in echo.render()
        echo.focus()
        await pilot.press("space")
        await pilot.click("#voice-noise")
        await until(engine.asked(2, "set_processing"))
        asked = [each.arguments for each in engine.intents("set_processing")]
        assert asked == [{"echo": "on"}, {"noise": False}]
        assert "auto" in echo.render()  # shown once the engine has taken it
        engine.state(call=CallView(processing=ProcessingView(echo="on", noise=False)))
        await until(lambda: "on" in echo.render())
        engine.state(call=CallView(processing=ProcessingView(applies=False)))
        await until(lambda: echo.disabled)


async def test_the_speaker_is_heard_before_joining() -> None:
    engine = FakeEngine()
    async with in_lobby(engine) as pilot:
        await pilot.click("#tone")
        await until(engine.asked(1, "play_tone"))
        assert not engine.intents("join")
