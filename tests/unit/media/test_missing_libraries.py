"""Without sounddevice, PortAudio, OpenCV or libGL: an error that names the package, and everything else works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.require import need

# Runs in an interpreter of its own, in which importing some names fails as it does without the libraries.
_PROBE = """
import importlib.abc, json, sys

failure = eval(sys.argv[1])

class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in ("cv2", "sounddevice"):
            raise failure
        return None

sys.meta_path.insert(0, Block())

from engage_tui.errors import DeviceError
from engage_tui.media import devices
from engage_tui.media.camera import CameraSource
from engage_tui.media.speaker import SpeakerOutput
from engage_tui.sdk.mixer import Mixer

def error(action):
    try:
        action()
    except DeviceError as known:
        return [known.message, known.hint]

tone = devices.open_source("audio", "test")
tone.open()
mixer = Mixer()
mixer.start()
report = {
    "listed": [device.kind for device in devices.list_devices("audioinput")],
    "problem": [devices.devices_problem().message, devices.devices_problem().hint],
    "microphone": error(devices.open_source("audio", "default").open),
    "speaker": error(lambda: mixer.set_output(SpeakerOutput())),
    "camera": error(CameraSource(__file__ if "__file__" in dir() else sys.argv[2]).open),
    "tone": tone.is_open,
    "output": mixer.stats.output,
}
mixer.stop()
tone.close()
print(json.dumps(report))
"""


@pytest.mark.parametrize(
    ("failure", "sound", "camera"),
    [
        (
            "ModuleNotFoundError('No module', name=sys.argv[3] if len(sys.argv) > 3 else 'cv2')",
            "pip install sounddevice",
            "pip install opencv-python",
        ),
        ("OSError('PortAudio library not found')", "libportaudio2", "Install the library"),
        (
            "ImportError('libGL.so.1: cannot open shared object file')",
            "pip install sounddevice",
            "apt install libgl1",
        ),
    ],
)
@pytest.mark.skipif("sys.platform == 'darwin'", reason="the names of Debian's packages")
def test_missing_libraries_are_named(failure: str, sound: str, camera: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _PROBE, failure, __file__],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["listed"] == []
    assert sound in report["problem"][1]
    assert report["microphone"] == report["speaker"] == report["problem"]
    assert camera in report["camera"][1]
    assert report["tone"]
    assert report["output"] == "no speaker"


def test_opening_a_camera_changes_no_variable_that_sound_libraries_read_meanwhile() -> None:
    """C's ``setenv`` beside another thread's ``getenv`` crashes the process: OpenCV's import must not call it."""
    code = (
        "import ctypes, os; from engage_tui.media import camera;"
        "read = ctypes.CDLL(None).getenv; read.restype = ctypes.c_char_p;"
        "before, environment = read(b'LD_LIBRARY_PATH'), os.environ;"
        "camera.load();"
        "print(read(b'LD_LIBRARY_PATH') == before, os.environ is environment)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    need("DeviceError" not in done.stderr, "OpenCV with libGL (apt install libgl1)")
    assert done.stdout.split() == ["True", "True"], done.stderr


_HANGING = """
import json, time

from engage_tui.errors import DeviceError
from engage_tui.media import devices, portaudio

portaudio.START_TIME = 0.2
began, told = time.monotonic(), []
for _ in range(50):
    try:
        portaudio.load()
    except DeviceError as error:
        told.append(str(error))
once = time.monotonic() - began
print(json.dumps([once, sorted(set(told)), devices.list_devices("audiooutput"), devices.devices_problem().message]))
"""


def test_a_sound_system_that_hangs_is_waited_for_once_and_keeps_nobody_from_leaving(
    tmp_path: Path,
) -> None:
    (tmp_path / "sounddevice.py").write_text("import threading; threading.Event().wait()")
    done = subprocess.run(
        [sys.executable, "-c", _HANGING],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    waited, told, listed, problem = json.loads(done.stdout)
    assert 0.2 <= waited < 2  # not 50 times
    assert len(told) == 1
    assert "does not answer" in told[0]
    assert (listed, problem) == ([], "The machine's sound system does not answer.")
