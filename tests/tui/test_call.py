"""The call screen: keys become intents, pending and failure are seen, layouts follow the size."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from engage_tui.engine.actions import ACTIONS, Scope
from engage_tui.engine.messages import Event, Left, Notice, Outcome
from engage_tui.engine.view import Phase, ToggleView
from engage_tui.tui.app import EngageApp
from engage_tui.tui.screens.call import CallScreen
from engage_tui.tui.screens.help import HelpScreen
from engage_tui.tui.widgets.control_bar import ControlButton
from engage_tui.tui.widgets.hint import HintLine
from engage_tui.tui.widgets.log import LogPanel
from engage_tui.tui.widgets.people import PeoplePanel
from engage_tui.tui.widgets.space_map import SpaceMap
from engage_tui.tui.widgets.status_line import StatusLine, left_words
from tests.tui import fake_engine
from tests.tui.fake_engine import FakeEngine
from tests.tui.starting import hit, in_call
from tests.waiting import until


async def test_keys_switch_ones_own() -> None:
    engine = FakeEngine()
    wanted: list[tuple[str, str, dict[str, Any]]] = [
        ("m", "set_microphone_enabled", {"value": False}),
        ("f2", "set_microphone_enabled", {"value": False}),
        ("v", "set_camera_enabled", {"value": False}),
        ("f3", "set_camera_enabled", {"value": False}),
        ("d", "set_screen_share_enabled", {"value": True}),
    ]
    async with in_call(engine) as pilot:
        for count, (key, _, _) in enumerate(wanted, 1):
            hit(pilot, key)
            await until(engine.asked(count))
            await until(lambda: not waiting(pilot))
        sent = [(each.name, each.arguments) for each in engine.intents()]
        assert sent == [(name, arguments) for _, name, arguments in wanted]


async def test_keys_act_on_the_row() -> None:
    engine = FakeEngine()
    mode = "set_audio_connection_mode"
    wanted: list[tuple[tuple[str, str], str, str, dict[str, Any]]] = [
        (("mira", "mira/screen_share/"), "s", "set_subscribed", {"value": True}),
        (("mira", "mira/camera/"), "enter", "set_subscribed", {"value": False}),
        (("kaito", "kaito/camera/"), "s", "set_subscribed", {"value": True}),
        (("ada", "ada/camera/"), "s", "set_muted", {"value": True}),
        (("ada", "ada/camera/"), "u", "unpublish_track", {}),
        (("noor", "noor/microphone/"), "n", mode, {"participant": "noor", "mode": "never"}),
        (("kaito", ""), "n", mode, {"participant": "kaito", "mode": "auto"}),
    ]
    async with in_call(engine) as pilot:
        for count, (row, key, name, arguments) in enumerate(wanted, 1):
            pilot.app.screen.query_one(PeoplePanel).select(row)
            hit(pilot, key)
            await until(engine.asked(count))
            await until(lambda: not waiting(pilot))
            if "participant" not in arguments:
                arguments["key"] = row[1]
            assert (engine.intents()[-1].name, engine.intents()[-1].arguments) == (name, arguments)


def waiting(pilot: Pilot[Left]) -> bool:
    assert isinstance(pilot.app, EngageApp)
    return bool(pilot.app.session.model.waiting)


async def test_rows_of_others_are_not_unpublished() -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        pilot.app.screen.query_one(PeoplePanel).select(("mira", "mira/camera/"))
        await pilot.press("u")
        await pilot.pause()
        assert engine.intents() == []


async def test_j_and_k_move_the_selection() -> None:
    async with in_call(FakeEngine()) as pilot:
        panel = pilot.app.screen.query_one(PeoplePanel)
        await pilot.press("j", "j", "down", "k")
        assert panel.selected is not None
        assert panel.selected.key == ("ada", "ada/camera/")


async def test_a_toggle_is_pending_until_answered_and_goes_back_when_it_fails() -> None:
    engine = FakeEngine()
    engine.silent = {"set_microphone_enabled"}
    async with in_call(engine) as pilot:
        button = pilot.app.screen.query_one("#control-toggle_microphone", ControlButton)
        await pilot.press("m", "m")
        await until(lambda: "…" in button.words)
        (sent,) = engine.intents()
        engine.send(Outcome(sent.id, "The microphone is busy.", "Close the other program."))
        await until(lambda: button.words.strip() == "MIC ON")
        (toast,) = pilot.app._notifications
        assert toast.message == "The microphone is busy. Close the other program."
        assert toast.title == "Microphone off failed"
        log = pilot.app.session.model.log  # type: ignore[attr-defined]
        assert "The microphone is busy." in log[-1].text


async def test_the_reason_of_a_failed_switch_is_read_above_the_bar() -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        hint = pilot.app.screen.query_one(HintLine)
        failed = ToggleView(error="No camera was found. Plug one in.")
        engine.state(call=fake_engine.call(camera=failed))
        await until(lambda: hint.text == "Camera: No camera was found. Plug one in.")
        assert hint.alert
        hit(pilot, "escape")
        await until(lambda: not hint.alert)


async def test_a_row_is_pending_while_the_server_has_not_answered() -> None:
    engine = FakeEngine()
    engine.silent = {"set_subscribed"}
    async with in_call(engine) as pilot:
        panel = pilot.app.screen.query_one(PeoplePanel)
        panel.select(("mira", "mira/screen_share/"))
        await pilot.press("s", "s")
        await until(lambda: panel.lines[6].split()[1] == "…")
        (sent,) = engine.intents()
        engine.send(Outcome(sent.id, "The publisher does not allow it."))
        await until(lambda: panel.lines[6].split()[1] == "○")
        assert "wait" not in panel.lines[6]


async def test_buttons_do_what_the_keys_do() -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        await pilot.click("#control-toggle_camera")
        await until(lambda: engine.intents("set_camera_enabled"))


async def test_help_lists_every_key_and_esc_closes_only_it() -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        await pilot.press("question_mark")
        await until(lambda: isinstance(pilot.app.screen, HelpScreen))
        table = pilot.app.screen.query_one("#help-text")
        text = str(table.render_lines(table.size.region))
        for action in ACTIONS:
            if action.scope is not Scope.LOBBY:
                assert action.help.split(";")[0].split(",")[0].rstrip(".") in text
        hit(pilot, "escape")
        await until(lambda: isinstance(pilot.app.screen, CallScreen))
        await pilot.press("escape")
        await pilot.pause()
        assert engine.intents() == []


@pytest.mark.parametrize(
    ("size", "strip", "stage", "log"),
    [
        ((160, 45), False, True, True),
        ((110, 30), False, True, False),
        ((80, 24), True, True, False),
        ((50, 24), False, False, False),
    ],
)
async def test_layouts(size: tuple[int, int], strip: bool, stage: bool, log: bool) -> None:
    async with in_call(FakeEngine(), size=size) as pilot:
        screen = pilot.app.screen
        assert screen.query_one(PeoplePanel).strip_mode is strip
        assert screen.query_one("#stage").display is stage
        assert screen.query_one("#log").display is log
        await pilot.press("l")
        await pilot.pause()
        assert screen.query_one("#log").display is not log
        for button in screen.query(ControlButton):
            assert not button.display or button.region.right <= size[0]


async def test_too_small_says_so_and_the_call_goes_on() -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        assert pilot.app.screen.query_one("#too-small").display
        hit(pilot, "m")
        await until(lambda: engine.intents("set_microphone_enabled"))
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert not pilot.app.screen.query_one("#too-small").display


async def test_the_log_tells_events_and_notices() -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        engine.send(
            Event(1, "participantDisconnected", 0.0, participant="mira"),
            Notice(2, "log", "the server restarts soon", 0.0),
        )
        log = pilot.app.screen.query_one(LogPanel)
        await until(lambda: len(log.lines) == 2)
        assert "mira left" in log.lines[0].text
        assert "the server restarts soon" in log.lines[1].text


def test_the_status_line_says_what_is_not_plain() -> None:
    assert left_words(fake_engine.call(), 4) == ["hall", "4 people", "connected", "18 ms"]
    lost = fake_engine.call(phase=Phase.RECONNECTING, detail="reconnecting, try 3")
    assert left_words(lost, 1) == ["hall", "reconnecting, try 3", "1 person"]


async def test_recording_is_said() -> None:
    engine = FakeEngine()
    async with in_call(engine, call=fake_engine.call(recording=True)) as pilot:
        assert "● REC" in pilot.app.screen.query_one(StatusLine).render().plain


async def test_every_action_of_the_call_is_known_to_the_screen() -> None:
    async with in_call(FakeEngine()) as pilot:
        screen = pilot.app.screen
        for action in ACTIONS:
            if action.scope is not Scope.LOBBY:
                knows = screen.query_one(SpaceMap) if action.scope is Scope.MAP else screen
                for key in action.keys:
                    assert key in knows._bindings.key_to_bindings


async def test_the_invitation_is_copied() -> None:
    async with in_call(FakeEngine()) as pilot:
        hit(pilot, "y")
        await until(lambda: pilot.app.clipboard == fake_engine.call().invite)


async def test_state_of_one_person_leaves_the_others_alone() -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        people = fake_engine.hall()
        quiet = msgspec.structs.replace(people["mira"], speaking=False)
        engine.state(people={"mira": quiet}, gone=("sam",))
        panel = pilot.app.screen.query_one(PeoplePanel)
        await until(lambda: "speaking" not in "".join(panel.lines))
        assert len(panel.lines) == 13


async def test_holding_a_key_is_talking() -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        await pilot.press("space", "space")
        await until(engine.asked(2, "talk"))
        assert engine.intents("talk")[-1].arguments == {"value": True}
