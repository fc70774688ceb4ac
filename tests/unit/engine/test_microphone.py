"""Advice about one's own microphone, the chain's switches, and push to talk."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engage_tui.engine.call import Call
from engage_tui.engine.microphone import AGAIN, Advice, Microphone
from engage_tui.errors import DeviceError, UsageError
from engage_tui.media.processing import MicrophoneChain, Processing
from engage_tui.sdk.enums import TrackKind, TrackSource
from engage_tui.tasks import TaskGroup
from tests.waiting import until


def looks(advice: Advice, start: float, seconds: float, **facts: Any) -> list[str]:
    """What is told within so many seconds."""
    usual = {"muted": False, "nothing_for": 0.0, "speaking": False}
    told = [
        advice.look(start + step / 10, **{**usual, **facts}) for step in range(int(seconds * 10))
    ]
    return [each for each in told if each]


def test_a_microphone_that_sends_nothing_is_told_once() -> None:
    advice = Advice()
    assert looks(advice, 0, 5, nothing_for=2.9) == []
    assert len(looks(advice, 5, 5, nothing_for=4.0)) == 1
    assert looks(advice, 10, 5, nothing_for=9.0) == []
    assert looks(advice, 15, 1) == []
    assert len(looks(advice, 16, 5, nothing_for=3.5)) == 1
    assert looks(Advice(), 0, 5, nothing_for=9.0, muted=True) == []


def test_talking_while_muted_is_told_and_not_nagged_about() -> None:
    advice = Advice()
    assert looks(advice, 0, 5, speaking=True) == []
    assert looks(advice, 5, 0.5, muted=True, speaking=True) == []
    assert len(looks(advice, 5.5, 5, muted=True, speaking=True)) == 1
    assert looks(advice, 10.5, AGAIN - 7, muted=True, speaking=True) == []
    assert len(looks(advice, 34, 5, muted=True, speaking=True)) == 1


def test_a_cough_is_not_talking() -> None:
    advice = Advice()
    for second in range(0, 10, 2):
        assert looks(advice, second, 0.5, muted=True, speaking=True) == []
        assert looks(advice, second + 0.5, 1.5, muted=True) == []


class FakeTrack:
    kind = TrackKind.AUDIO

    def __init__(self) -> None:
        self.chain = MicrophoneChain()
        self.is_muted = True
        self.earlier = 0

    def send_earlier(self) -> None:
        self.earlier += 1


class FakeCall:
    """As much of a call as a microphone asks for."""

    lobby = None

    def __init__(self) -> None:
        self.track = FakeTrack()
        self.tasks = TaskGroup("test")
        self.switched: list[bool] = []
        self.touched = 0
        publication = SimpleNamespace(track=self.track)
        local = SimpleNamespace(get_track=lambda source: publication)
        self.room = SimpleNamespace(is_joined=True, local_participant=local)

    def touch(self) -> None:
        self.touched += 1

    async def switch(self, source: TrackSource, value: bool) -> None:
        assert source is TrackSource.MICROPHONE
        self.switched.append(value)
        self.track.is_muted = not value


def made() -> tuple[FakeCall, Microphone]:
    call = FakeCall()
    return call, Microphone(cast(Call, call))


def test_switches_reach_the_chain_that_is_open() -> None:
    call, microphone = made()
    microphone.set_processing({"echo": "off", "noise": False})
    assert call.track.chain.wanted == Processing("off", noise=False, gain=True)
    assert microphone.view().echo == "off"
    assert call.touched
    for wrong in ({}, {"echo": "perhaps"}, {"gain": 1}):
        with pytest.raises(UsageError):
            microphone.set_processing(wrong)


def test_without_the_package_switching_on_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = DeviceError("Not installed.", "pip install it")
    monkeypatch.setattr("engage_tui.media.processing.problem", lambda: missing)
    _, microphone = made()
    with pytest.raises(DeviceError):
        microphone.set_processing({"noise": True})
    microphone.set_processing({"noise": False})
    assert microphone.view().problem


async def test_push_to_talk_holds_until_its_key_is_repeated_no_more() -> None:
    call, microphone = made()
    await microphone.talk({"value": True, "hold": 0.05}, call.switch)
    assert call.switched == [True]
    assert call.track.earlier == 1
    assert microphone.view().talking
    await microphone.talk({"value": True, "hold": 0.05}, call.switch)
    await until(lambda: call.switched == [True, False])
    assert not microphone.view().talking
    await call.tasks.cancel()


async def test_push_to_talk_can_be_released() -> None:
    call, microphone = made()
    await microphone.talk({"value": True, "hold": 0}, call.switch)
    await asyncio.sleep(0)
    assert call.switched == [True]
    await microphone.talk({"value": False}, call.switch)
    await until(lambda: call.switched == [True, False])
    await call.tasks.cancel()


async def test_push_to_talk_leaves_an_open_microphone_open() -> None:
    call, microphone = made()
    call.track.is_muted = False
    await microphone.talk({"value": True, "hold": 0.01}, call.switch)
    assert call.switched == []
    with pytest.raises(UsageError):
        await microphone.talk({"value": "yes"}, call.switch)
