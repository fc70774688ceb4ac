"""Speaker and microphone on a sound server without hardware: levels, switching, losing the devices."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.require import need
from tests.virtual_sound import VirtualSound, available

# The scripts run in interpreters of their own: PortAudio keeps to the sound system that it was started with.
_COMMON = """
import json, os, sys, time
import numpy as np
from engage_tui.errors import DeviceError
from engage_tui.media import devices, levels, quiet
from engage_tui.media.microphone import MicrophoneSource
from engage_tui.media.processing import UNTOUCHED
from engage_tui.media.speaker import SpeakerOutput, TimerOutput
from engage_tui.sdk.mixer import Mixer
from engage_tui.spatial.scene import Source
from engage_tui.spatial.vectors import Vector3D
from tests.waiting import until_sync

quiet.redirect_native_stderr()
class Tone:
    at = 0
    def __call__(self, samples):
        wave = np.sin(2 * np.pi * 440 / 48_000 * (self.at + np.arange(samples))) * 0.25
        self.at += samples
        return wave.astype(np.float32)
def error(action):
    try:
        action()
    except DeviceError as known:
        return [known.message, known.hint]
tone, lost, ended, heard = Tone(), [], [], []
"""

_LEVELS = """
found = devices.list_devices()
mixer = Mixer(SpeakerOutput("VSPK"))
mixer.set_spatial("stereo")
mixer.add_voice("tone", tone, source=Source(position=Vector3D(1, 0, 0)))
mixer.start()
microphone = MicrophoneSource("vspkmon", UNTOUCHED)  # or the canceller takes out what the speaker plays
microphone.add_sink(heard.append)
microphone.open()
until_sync(lambda: len(heard) >= 250, 10)
mixer.set_output(TimerOutput())
before = tone.at
until_sync(lambda: tone.at > before + 4_800)
mixer.set_output(SpeakerOutput("default"))
until_sync(lambda: mixer.stats.blocks > 20)
failed = error(lambda: mixer.set_output(SpeakerOutput("nonesuch")))
before = tone.at
until_sync(lambda: tone.at > before + 4_800)
microphone.close()
mixer.stop()
print(json.dumps({
    "kinds": sorted({device.kind for device in found}),
    "labels": sorted({device.label for device in found}),
    "shape": heard[0].samples.shape,
    "steps": float(np.median(np.diff([frame.time for frame in heard]))),
    # The median of the blocks: a busy machine may tear holes, which are the bench's matter.
    "rms": float(np.median([levels.rms(frame.samples) for frame in heard[100:]])),
    "failed": failed,
}))
"""

_LOSS = """
mixer = Mixer(SpeakerOutput("vspk"), on_output_lost=lost.append)
mixer.add_voice("tone", tone)
mixer.start()
microphone = MicrophoneSource("vmic")
microphone.on_ended = ended.append
microphone.add_sink(heard.append)
microphone.open()
until_sync(lambda: len(heard) > 5)
os.kill(int(sys.argv[1]), 9)
until_sync(lambda: lost and ended, 10)
before = tone.at
until_sync(lambda: tone.at > before + 4_800)
is_open = microphone.is_open
microphone.close()
mixer.stop()
print(json.dumps({
    "lost": [str(each) for each in lost],
    "ended": [str(each) for each in ended],
    "open": is_open,
    "again": error(microphone.open),
}))
"""


@pytest.fixture
def sound() -> Iterator[VirtualSound]:
    need(available(), "pulseaudio and libasound2-plugins")
    with VirtualSound() as server:
        yield server


def run(script: str, sound: VirtualSound) -> dict[str, Any]:
    """Run a script beside the server and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", _COMMON + script, str(sound.process.pid)],
        env=sound.env,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    log = Path(sound.env["ENGAGE_TUI_LOG"])
    chatter = log.read_text() if log.exists() else ""
    assert done.returncode == 0, done.stderr + chatter
    assert done.stderr == ""
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_what_the_speaker_plays_arrives_at_its_level(sound: VirtualSound) -> None:
    report = run(_LEVELS, sound)
    assert report["kinds"] == ["audioinput", "audiooutput"]
    assert {"vspk", "vspkmon", "vmic", "default"} <= set(report["labels"])
    assert report["shape"] == [480, 1]
    assert report["steps"] == pytest.approx(0.01, abs=0.01)
    # A sine of peak 0.25 in one of two channels that the microphone hears as their mean.
    assert report["rms"] == pytest.approx(0.25 / 2**0.5 / 2, rel=0.1)
    assert "no speaker called nonesuch" in report["failed"][0]
    assert "vspk" in report["failed"][1]


def test_devices_that_vanish_are_told_and_voices_flow_on(sound: VirtualSound) -> None:
    report = run(_LOSS, sound)
    assert len(report["lost"]) == len(report["ended"]) == 1
    assert "vspk is gone" in report["lost"][0]
    assert "vmic is gone" in report["ended"][0]
    assert not report["open"]
    assert report["again"] is not None
