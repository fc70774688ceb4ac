from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from engage_tui.cli.devices import devices as devices_command
from engage_tui.errors import DeviceError, UsageError
from engage_tui.media import devices, portaudio
from engage_tui.media.devices import Device, Kind, find_device, list_cameras, open_source
from engage_tui.media.speaker import SpeakerOutput
from engage_tui.sdk.local_track import video_source
from engage_tui.sdk.mixer import Mixer
from engage_tui.sdk.options import ScreenShareCaptureOptions
from tests.waiting import until_sync


def sound(kind: Kind, *names: str, default: int = -1) -> list[Device]:
    return [Device(kind, name, name, index == default, index) for index, name in enumerate(names)]


_DEVICES = sound("audioinput", "HDA Intel: ALC257", "USB Mic 2", "Mic", "mic array", default=1)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [("default", 1), ("0", 0), ("2", 2), ("Mic", 2), ("alc257", 0), ("ARRAY", 3), ("usb", 1)],
)
def test_finds_by_number_then_name_then_part_of_a_name(wanted: str, index: int) -> None:
    assert find_device("audioinput", wanted, _DEVICES).index == index


def test_an_unknown_name_lists_what_exists() -> None:
    with pytest.raises(DeviceError, match="microphone called webcam") as caught:
        find_device("audioinput", "webcam", _DEVICES)
    assert "0: HDA Intel: ALC257" in caught.value.hint
    assert "3: mic array" in caught.value.hint
    assert caught.value.exit_code == 5


def test_none_at_all_says_what_else_works() -> None:
    with pytest.raises(DeviceError, match="no microphone on this machine") as caught:
        find_device("audioinput", "default", sound("audiooutput", "Speaker"))
    assert "file:PATH" in caught.value.hint


def test_without_a_marked_default_the_first_is_taken() -> None:
    assert find_device("audiooutput", "default", sound("audiooutput", "A", "B")).label == "A"
    assert find_device("audiooutput", "default", sound("audiooutput", "A", "default")).index == 1


@pytest.mark.parametrize("src", ["", "off", "file:", "screen"])
def test_nonsense_for_sound(src: str) -> None:
    with pytest.raises(UsageError):
        open_source("audio", src)


def test_words_become_sources_that_remember_their_word() -> None:
    for src in ("test", "file:a.wav", "default", "USB Mic"):
        assert open_source("audio", src).device_id == src
    for src in ("test", "file:a.mkv", "default", "2", "screen", "screen:2"):
        source = open_source("video", src)
        assert source.device_id == src
        assert source.is_device == (src not in ("test", "file:a.mkv"))
        assert not source.is_open
    with pytest.raises(UsageError):
        open_source("video", "screen:left")


@pytest.mark.skipif("sys.platform != 'linux'", reason="cameras of Linux")
def test_cameras_of_linux_by_their_first_node(tmp_path: Path) -> None:
    for node, index, name in (
        ("video0", "0", "Front"),
        ("video1", "1", "Front"),
        ("video10", "0", "Twin"),
        ("video2", "0", "Twin"),
    ):
        (tmp_path / node).mkdir()
        (tmp_path / node / "index").write_text(f"{index}\n")
        (tmp_path / node / "name").write_text(f"{name}\n")
    (tmp_path / "video5").mkdir()  # half unplugged
    found = list_cameras(tmp_path)
    assert [(each.index, each.device_id, each.default) for each in found] == [
        (0, "Front", True),
        (2, "2", False),
        (10, "10", False),
    ]


def test_a_camera_that_is_no_camera(tmp_path: Path) -> None:
    path = tmp_path / "empty.avi"
    path.write_bytes(bytes(100))
    with pytest.raises(DeviceError, match="gives no picture"):
        open_source("video", str(path)).open()
    with pytest.raises(DeviceError):
        open_source("video", "no such camera").open()


def test_the_command_lists_devices_and_tells_the_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def query() -> tuple[list[dict[str, object]], tuple[int, int]]:
        names = ("Built-in [Analog]", "Headset")
        both = {"max_input_channels": 2, "max_output_channels": 2}
        return [{"name": name, **both} for name in names], (0, 1)

    def missing() -> None:
        raise DeviceError("PortAudio is not installed.", "apt install libportaudio2")

    monkeypatch.setattr(portaudio, "query", query)
    monkeypatch.setattr(devices, "list_cameras", list)
    text = CliRunner().invoke(devices_command).output
    assert "Built-in [Analog]" in text
    assert text.count("default") == 2
    record = json.loads(CliRunner().invoke(devices_command, ["--json"]).output)
    assert record["problem"] is None
    assert record["devices"][3] == {
        "kind": "audiooutput",
        "device_id": "Headset",
        "index": 1,
        "label": "Headset",
        "default": True,
    }
    monkeypatch.setattr(portaudio, "query", missing)
    text = CliRunner().invoke(devices_command).output
    assert "PortAudio is not installed" in text
    record = json.loads(CliRunner().invoke(devices_command, ["--json"]).output)
    assert record["problem"]["hint"] == "apt install libportaudio2"


class Picky:
    """sounddevice with a device that takes no format; counts what was closed."""

    class PortAudioError(Exception):
        pass

    def __init__(self, text: str, code: int, *, at_start: bool) -> None:
        self.failure, self.at_start, self.closed = self.PortAudioError(text, code), at_start, 0

    def stream(self, **_: object) -> Any:
        if not self.at_start:
            raise self.failure
        return SimpleNamespace(start=self._fail, abort=self._close, close=lambda **_: None)

    RawOutputStream = RawInputStream = stream

    def _fail(self) -> None:
        raise self.failure

    def _close(self, **_: object) -> None:
        self.closed += 1


@pytest.mark.parametrize("at_start", [False, True])
@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("Invalid sample rate", -9997, "cannot be used: Invalid sample rate"),
        ("Sample format not supported", -9994, "cannot be used: Sample format not supported"),
        ("Invalid number of channels", -9998, "cannot be used: Invalid number of channels"),
        ("Device unavailable", -9985, "busy or gone: Device unavailable"),
    ],
)
def test_a_device_that_takes_no_format_is_told_and_nothing_stays_open(
    monkeypatch: pytest.MonkeyPatch, text: str, code: int, words: str, at_start: bool
) -> None:
    picky = Picky(text, code, at_start=at_start)
    monkeypatch.setattr(portaudio, "load", lambda: picky)
    before = portaudio._streams
    for kind in ("RawOutputStream", "RawInputStream"):
        with pytest.raises(DeviceError, match=words) as told:
            portaudio.open_stream(kind, "desk", samplerate=48_000)
        assert "another device" in told.value.hint
    assert portaudio._streams == before
    assert picky.closed == (2 if at_start else 0)


def test_sound_goes_on_by_the_clock_when_a_device_takes_no_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    picky = Picky("Invalid sample rate", -9997, at_start=False)
    found = Device("audiooutput", "desk", "desk", True, 0)
    monkeypatch.setattr(portaudio, "load", lambda: picky)
    monkeypatch.setattr(devices, "find_device", lambda *_: found)
    mixer, asked = Mixer(), [0]

    def voice(samples: int) -> Any:
        asked[0] += samples
        return np.zeros(samples, np.float32)

    mixer.add_voice("voice", voice)
    mixer.start()
    with pytest.raises(DeviceError, match="Invalid sample rate"):
        mixer.set_output(SpeakerOutput("desk"))
    before = asked[0]
    until_sync(lambda: asked[0] > before + 4800)
    mixer.stop()


def test_the_test_picture_has_the_size_and_rate_that_are_asked_for() -> None:
    source = devices.open_source("video", "test", size=(1280, 720), frame_rate=30.0)
    assert (source.size, source.frame_rate) == ((1280, 720), 30.0)
    source = devices.open_source("video", "test")
    assert (source.size, source.frame_rate) == ((640, 360), 15.0)
    shared = video_source(ScreenShareCaptureOptions("test"))
    assert shared.size == (640, 360)  # lies in the box
    assert video_source(ScreenShareCaptureOptions("test", (320, 180))).size == (320, 180)


@pytest.mark.parametrize(
    "asked",
    [
        {"size": (0, 360)},
        {"size": (640, -1)},
        {"frame_rate": -5.0},
        {"frame_rate": 1e9},
        {"frame_rate": float("nan")},
    ],
)
def test_sizes_and_rates_that_no_video_has_are_refused(asked: dict[str, Any]) -> None:
    for src in ("test", "default", "screen"):
        with pytest.raises(UsageError, match="No video has"):
            devices.open_source("video", src, **asked)
