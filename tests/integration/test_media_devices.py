"""Devices that go, come and change during a call, on a sound server without hardware."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import IO

import pytest

from tests.require import need
from tests.virtual_sound import VirtualSound, available

# The scripts run in interpreters of their own: PortAudio keeps to the sound system that it was started with. They
# print a line where the test is to do something, and go on when they get one.
_COMMON = """
import asyncio, contextlib, json, sys
import numpy as np
from engage_tui import Space
from engage_tui.media import devices, levels, portaudio, quiet
from engage_tui.media.microphone import MicrophoneSource
from engage_tui.media.processing import UNTOUCHED
from engage_tui.sdk import output_care
from tests.waiting import until, until_sync

quiet.redirect_native_stderr(keep_python=True)
output_care.RETRY = output_care.RETURN = 0.2
def tone(samples):
    return np.sin(2 * np.pi * 400 / 48_000 * np.arange(samples)).astype(np.float32) * 0.25
def meet(word):
    print(word, flush=True)
    assert sys.stdin.readline().strip() == word
class Ear:
    def __init__(self, device):
        self.source, self.level = MicrophoneSource(device, UNTOUCHED), 0.0
        self.source.add_sink(self.hear)
    def hear(self, frame):
        self.level = 0.8 * self.level + 0.2 * levels.rms(frame.samples)
async def heard(device):
    ear = Ear(device)
    ear.source.open()
    await until(lambda: ear.level > 0.05, 10)
    ear.source.close()
@contextlib.asynccontextmanager
async def playing(device):
    async with Space() as space:
        told = []
        space.mixer.add_voice("tone", tone)
        space.on_output(told.append)
        await space.set_output(device)
        yield space, told
"""

_KILLED = """
async def main():
    async with playing("vspk") as (space, told):
        await heard("vspkmon")
        await asyncio.to_thread(meet, "kill")
        await until(lambda: told, 10)
        await asyncio.to_thread(meet, "start")
        await until(lambda: told[-1] is None, 20)
        await heard("vspkmon")
    print(json.dumps([str(told[0]), space.output]))
asyncio.run(main())
"""

_UNPLUGGED = """
async def main():
    async with playing("vspk") as (space, told):
        await until(lambda: space.mixer.stats.blocks > 20)
        await asyncio.to_thread(meet, "unplug")
        await until(lambda: told[-1:] == [None], 20)
        await heard("desk")  # what has become the default
        await asyncio.to_thread(meet, "plug")
        await until(lambda: space.mixer.output.label == "vspk", 20)
        await heard("vspkmon")
    print(json.dumps([str(told[0]), space.output]))
asyncio.run(main())
"""

_MICROPHONE = """
from engage_tui import TrackSource
from tests.embedded import described, embedded_server
async def main():
    async with embedded_server() as server, Space() as space:
        room = space.join_room(server.url, described(server).token("ada"))
        await room.connected()
        local = room.local_participant
        await local.switch_device(TrackSource.MICROPHONE, "vmic")
        publication = await local.set_microphone_enabled(True)
        track, sid = publication.track, publication.track_sid
        await asyncio.to_thread(meet, "kill")
        await until(lambda: publication.is_muted, 10)
        await asyncio.to_thread(meet, "start")
        await until(lambda: not publication.is_muted, 15)
        before = track.stats.frames
        await until(lambda: track.stats.frames > before + 10, 10)
        print(json.dumps([track.label, publication.track_sid == sid]))
asyncio.run(main())
"""

_DEFAULT = """
async def main():
    async with playing("default"):
        first, second = Ear("vspkmon"), Ear("desk")
        first.source.open()
        second.source.open()
        await until(lambda: first.level > 0.05 and second.level < 0.01, 10)
        await asyncio.to_thread(meet, "follow")
        await until(lambda: second.level > 0.05 and first.level < 0.01, 10)
        first.source.close()
        second.source.close()
    print(json.dumps("followed"))
asyncio.run(main())
"""

_LISTED = """
async def main():
    async with playing("vspk") as (space, _):
        ear = Ear("vspkmon")
        ear.source.open()
        await until(lambda: ear.level > 0.05, 10)
        opened = portaudio._streams
        names = lambda: {each.label for each in devices.list_devices("audioinput")}
        assert "late" not in names()
        await asyncio.to_thread(meet, "come")
        before = space.mixer.stats
        assert "late" in await asyncio.to_thread(names)
        after = space.mixer.stats
        assert portaudio._streams == opened and after.blocks > before.blocks
        late = Ear("late")  # can be opened, too, and what was open goes on
        await asyncio.to_thread(late.source.open)
        await until(lambda: late.level > 0.05, 10)
        ear.level = 0.0
        await until(lambda: ear.level > 0.05, 10)
        assert ear.source.is_open and space.mixer.output.label == "vspk"
        late.source.close()
        ear.source.close()
    print(json.dumps(portaudio._streams))
asyncio.run(main())
"""


@pytest.fixture
def sound() -> Iterator[VirtualSound]:
    need(available(), "pulseaudio and libasound2-plugins")
    with VirtualSound() as server:
        yield server


def run(script: str, sound: VirtualSound, steps: Mapping[str, Callable[[], object]]) -> object:
    """Run a script beside the server, do the steps where it asks for them, and return what it printed at last."""
    with contextlib.ExitStack() as stack:
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMON + script],
            env=sound.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        stdin, stdout, stderr = (
            _open(each) for each in (process.stdin, process.stdout, process.stderr)
        )
        for word, step in steps.items():
            line = stdout.readline().strip()
            assert line == word, line + stderr.read() + sound.log()
            step()
            stdin.write(word + "\n")
            stdin.flush()
        last = stdout.readline()
        assert last, stderr.read() + sound.log()
        return json.loads(last)


def _open(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def test_sound_comes_back_with_the_sound_server(sound: VirtualSound) -> None:
    told = run(_KILLED, sound, {"kill": sound.kill, "start": sound.start})
    assert told == [
        "The sound device vspk is gone. Plug it in again, or choose another device.",
        "vspk",
    ]


def test_a_microphone_comes_back_with_the_sound_server(sound: VirtualSound) -> None:
    assert run(_MICROPHONE, sound, {"kill": sound.kill, "start": sound.start}) == ["vmic", True]


def test_the_default_plays_while_the_speaker_is_unplugged(sound: VirtualSound) -> None:
    sound.ask("load-module", "module-null-sink", "sink_name=desk", "norewinds=1")
    sound.name("desk", "desk.monitor")
    modules = sound.ask("list", "short", "modules").splitlines()
    speaker = next(line.split()[0] for line in modules if "sink_name=vspk" in line)

    def unplug() -> None:
        # In this order: else the server sometimes moves what plays to the new default instead of ending it.
        sound.ask("set-default-sink", "desk")
        sound.ask("unload-module", speaker)

    def plug() -> None:
        sound.ask("load-module", "module-null-sink", "sink_name=vspk", "norewinds=1")

    told = run(_UNPLUGGED, sound, {"unplug": unplug, "plug": plug})
    assert told == [
        "The sound device vspk is gone. Plug it in again, or choose another device.",
        "vspk",
    ]


def test_the_default_is_followed(sound: VirtualSound) -> None:
    sound.ask("load-module", "module-null-sink", "sink_name=desk", "norewinds=1")
    sound.name("desk", "desk.monitor")
    follow = {"follow": lambda: sound.ask("set-default-sink", "desk")}
    assert run(_DEFAULT, sound, follow) == "followed"


def test_a_device_that_comes_is_listed_and_opened_while_others_sound(sound: VirtualSound) -> None:
    assert run(_LISTED, sound, {"come": lambda: sound.name("late", "vspk.monitor")}) == 0
