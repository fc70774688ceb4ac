from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engage_tui.engine import equipment
from engage_tui.engine.equipment import Equipment, find, given
from engage_tui.engine.messages import Start
from engage_tui.engine.view import DeviceView
from engage_tui.errors import DeviceError
from engage_tui.media import devices
from engage_tui.media.devices import Device
from engage_tui.sdk.enums import MediaDeviceKind, TrackSource

CAMERA, MICROPHONE = TrackSource.CAMERA, TrackSource.MICROPHONE


class Bench:
    """A call whose devices can be made to fail."""

    def __init__(self, *, on: bool = True) -> None:
        self.on = on
        self.broken: set[str] = set()
        self.used: list[str] = []
        self.heard: list[str] = []
        call: Any = SimpleNamespace(
            start=Start(camera="test", microphone="built-in", speaker="speakers"),
            speaker=SimpleNamespace(choose=self._set_speaker),
            touch=lambda: None,
        )
        self.call = call
        intents: Any = SimpleNamespace(switch_device=self._switch_device)
        self.equipment = Equipment(call, intents)

    async def _set_speaker(self, device: str) -> None:
        self._try(device)
        self.heard.append(device)

    async def _switch_device(self, _: TrackSource, device_id: str) -> None:
        if self.on:
            self._try(device_id)
            self.used.append(device_id)

    def _try(self, device: str) -> None:
        if device in self.broken:
            raise DeviceError(f"{device} cannot be opened.", "Choose another.")


async def test_another_device_takes_over() -> None:
    bench = Bench()
    await bench.equipment.choose(MediaDeviceKind.AUDIO_INPUT, "headset")
    await bench.equipment.choose(MediaDeviceKind.AUDIO_OUTPUT, "headset")
    assert (bench.used, bench.heard) == (["headset"], ["headset"])
    view = bench.equipment.view()
    assert (view.microphone_id, view.camera_id, view.speaker_id) == ("headset", "test", "headset")


async def test_what_was_off_stays_off_until_it_is_switched_on() -> None:
    bench = Bench(on=False)
    await bench.equipment.choose(MediaDeviceKind.VIDEO_INPUT, "usb")
    assert bench.used == []
    assert bench.equipment.view().camera_id == "usb"


async def test_a_device_that_cannot_be_opened_leaves_all_as_it_was() -> None:
    bench = Bench()
    bench.broken = {"broken"}
    for kind in (MediaDeviceKind.AUDIO_INPUT, MediaDeviceKind.AUDIO_OUTPUT):
        with pytest.raises(DeviceError, match="broken cannot be opened"):
            await bench.equipment.choose(kind, "broken")
    assert (bench.used, bench.heard) == ([], ["speakers"])
    view = bench.equipment.view()
    assert (view.microphone_id, view.speaker_id) == ("built-in", "speakers")
    # What was there before may be gone too: told is the failure of what was asked for.
    bench.broken = {"broken", "built-in", "speakers"}
    for kind in (MediaDeviceKind.AUDIO_INPUT, MediaDeviceKind.AUDIO_OUTPUT):
        with pytest.raises(DeviceError, match="broken cannot be opened"):
            await bench.equipment.choose(kind, "broken")


async def test_devices_are_looked_for_and_those_of_the_command_line_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    webcam = Device("videoinput", "Webcam", "Webcam", True, 0)
    problem = DeviceError("There is no PortAudio.", "Install it.")
    monkeypatch.setattr(devices, "list_devices", lambda: [webcam])
    monkeypatch.setattr(devices, "devices_problem", lambda: problem)
    bench = Bench()
    await bench.equipment.look()
    view = bench.equipment.view()
    assert [each.device_id for each in view.devices] == ["Webcam", "test"]
    assert view.error == "There is no PortAudio. Install it."
    monkeypatch.setattr(devices, "devices_problem", lambda: None)
    assert (await find())[1] == ""


def test_files_of_the_command_line_are_devices_by_their_names() -> None:
    found = given(Start(camera="file:/tmp/clip.webm", microphone="default"))
    assert found == (DeviceView(MediaDeviceKind.VIDEO_INPUT, "file:/tmp/clip.webm", "clip.webm"),)


async def test_the_tone_sounds_by_the_speaker_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[str] = []
    monkeypatch.setattr("engage_tui.media.tone.play_tone", played.append)
    bench = Bench()
    await bench.equipment.play_tone()
    await bench.equipment.play_tone("headset")
    assert played == ["speakers", "headset"]
    assert equipment.given(Start()) == ()
