"""The devices panel: everything is chosen and switched over the running call."""

from __future__ import annotations

import msgspec
from textual.widgets import Button, Static

from engage_tui.engine.view import DevicesView, DeviceView, HearingView, ProcessingView, ToggleView
from engage_tui.sdk.enums import MediaDeviceKind, SpatialMode
from engage_tui.tui.screens.call import CallScreen
from engage_tui.tui.screens.devices import DevicesScreen
from engage_tui.tui.widgets.device_select import DeviceSelect
from engage_tui.tui.widgets.meter import Meter
from engage_tui.tui.widgets.on_off import OnOff
from engage_tui.tui.widgets.voice_switches import VoiceSwitch
from tests.tui import fake_engine
from tests.tui.fake_engine import FakeEngine
from tests.tui.starting import hit, in_call
from tests.waiting import until


async def test_devices_voices_and_ears_are_chosen_over_the_call() -> None:
    engine = FakeEngine()
    async with in_call(engine, size=(80, 24)) as pilot:
        hit(pilot, "e")
        await until(engine.asked(1, "refresh_devices"), what="looked for when it opens")
        panel = pilot.app.screen
        assert isinstance(panel, DevicesScreen)
        await pilot.pause()
        rows = {
            name: panel.query_one(f"#{name}-device", DeviceSelect) for name in ("camera", "speaker")
        }
        assert rows["camera"].value == "0"
        assert rows["speaker"].value == "2"
        assert panel.query_one("#devices").region.bottom <= 24
        panel.query_one("#microphone-device", DeviceSelect).value = "test"
        await until(engine.asked(1, "choose_device"))
        chosen = {"kind": "audioinput", "device_id": "test"}
        assert engine.intents("choose_device")[0].arguments == chosen
        panel.query_one("#camera-on", OnOff).action_switch()
        await until(engine.asked(1, "set_camera_enabled"))
        assert engine.intents("set_camera_enabled")[0].arguments == {"value": False}
        for switch, intent, arguments in (
            ("#voice-noise", "set_processing", {"noise": False}),
            ("#voice-spatial", "set_spatial_mode", {"mode": "stereo"}),
        ):
            panel.query_one(switch, VoiceSwitch).action_switch()
            await until(engine.asked(1, intent))
            assert engine.intents(intent)[0].arguments == arguments
        panel.query_one("#tone", Button).press()
        await until(engine.asked(1, "play_tone"))
        hit(pilot, "f5")
        await until(engine.asked(2, "refresh_devices"))
        # Push to talk by two presses, kept when the panel is closed.
        panel.query_one("#voice-push", VoiceSwitch).action_switch()
        await until(lambda: panel.query_one("#voice-push", VoiceSwitch).value == "press")
        hit(pilot, "escape")
        await until(lambda: isinstance(pilot.app.screen, CallScreen))
        hit(pilot, "space")
        await until(engine.asked(1, "talk"))
        talking = fake_engine.call(processing=ProcessingView(talking=True))
        engine.state(call=talking)
        await until(lambda: pilot.app.session.model.call == talking)  # type: ignore[attr-defined]
        hit(pilot, "space")
        await until(engine.asked(2, "talk"))
        assert [each.arguments for each in engine.intents("talk")] == [
            {"value": True, "hold": 0},
            {"value": False, "hold": 0},
        ]


async def test_what_comes_and_goes_and_fails_is_shown_while_it_is_open() -> None:
    engine = FakeEngine()
    async with in_call(engine) as pilot:
        hit(pilot, "e")
        await until(lambda: isinstance(pilot.app.screen, DevicesScreen))
        panel = pilot.app.screen
        await pilot.pause()
        headset = DeviceView(MediaDeviceKind.AUDIO_OUTPUT, "9", "Headset")
        known = msgspec.structs.replace(fake_engine.call().equipment, speaker_id="9")
        plugged = msgspec.structs.replace(known, devices=(*known.devices, headset))
        engine.state(
            call=fake_engine.call(
                equipment=plugged,
                camera=ToggleView(error="No camera was found."),
                hearing=HearingView(spatial=SpatialMode.OFF),
            )
        )
        speaker = panel.query_one("#speaker-device", DeviceSelect)
        await until(lambda: speaker.value == "9")
        error = panel.query_one("#camera-error", Static)
        assert str(error.content) == "No camera was found."
        assert error.display
        assert "one ear" in str(panel.query_one("#ears", Static).content)
        engine.send(fake_engine.levels(0.5))
        await until(lambda: panel.query_one(Meter).level > 0)
        nothing = DevicesView(error="PortAudio is not installed: apt install libportaudio2")
        engine.state(call=fake_engine.call(equipment=nothing))
        shown = panel.query_one("#speaker-error", Static)
        await until(lambda: "libportaudio2" in str(shown.content))
        hit(pilot, "e")
        await until(lambda: isinstance(pilot.app.screen, CallScreen))
