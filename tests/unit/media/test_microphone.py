"""How a microphone takes what its device has, and when it gives up: a device without hardware."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from engage_tui.errors import EngageError
from engage_tui.media import devices, microphone, portaudio
from engage_tui.media.devices import Device
from engage_tui.media.microphone import MicrophoneSource
from engage_tui.media.processing import UNTOUCHED
from engage_tui.media.source import BLOCK, SAMPLE_RATE, AudioFrame
from tests.waiting import until_sync


class Card:
    """A stream of a device that counts its samples, and is asked as sounddevice's is."""

    class Error(Exception):
        pass

    def __init__(self) -> None:
        self.ready = 0
        self.asked = 0
        self.taken = 0
        self.overrun = False
        self.failure: Card.Error | None = None

    @property
    def read_available(self) -> int:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return self.ready

    def read(self, samples: int) -> tuple[memoryview, bool]:
        assert samples <= self.ready, "a read that waits could wait for ever"
        data = np.arange(self.taken, self.taken + samples).astype(np.int16)
        self.ready -= samples
        self.taken += samples
        overrun, self.overrun = self.overrun, False
        return memoryview(data.tobytes()), overrun


class Ear:
    """An open microphone and what came from it."""

    def __init__(self) -> None:
        self.frames: list[AudioFrame] = []
        self.ended: list[EngageError] = []
        self.source = MicrophoneSource("desk", UNTOUCHED)
        self.source.add_sink(self.frames.append)
        self.source.on_ended = self.ended.append
        self.source.open()


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card()
    monkeypatch.setattr(portaudio, "open_stream", lambda *_, **__: card)
    monkeypatch.setattr(portaudio, "close_stream", lambda _: None)
    monkeypatch.setattr(portaudio, "_loaded", lambda: SimpleNamespace(PortAudioError=Card.Error))
    found = Device("audioinput", "desk", "desk", True, 0)
    monkeypatch.setattr(devices, "find_device", lambda *_: found)
    return card


def test_what_arrived_late_comes_as_blocks_with_times_of_their_own(card: Card) -> None:
    ear = Ear()
    card.ready = 3 * BLOCK + 100
    before = time.monotonic()
    until_sync(lambda: len(ear.frames) == 3)
    assert card.ready == 100
    samples = np.concatenate([frame.samples[:, 0] for frame in ear.frames])
    assert samples.tolist() == list(range(3 * BLOCK))
    assert {frame.samples.shape for frame in ear.frames} == {(BLOCK, 1)}
    steps = np.diff([frame.time for frame in ear.frames])
    assert steps == pytest.approx([BLOCK / SAMPLE_RATE] * 2)
    # The oldest of what waited was captured that much earlier than it was found.
    assert ear.frames[0].time == pytest.approx(before - (3 * BLOCK + 100) / SAMPLE_RATE, abs=0.05)
    ear.source.close()
    assert not ear.ended


def test_lost_samples_are_counted_and_the_rest_goes_on(card: Card) -> None:
    ear = Ear()
    card.ready, card.overrun = BLOCK, True
    until_sync(lambda: len(ear.frames) == 1)
    assert ear.source.overruns == 1
    card.ready = BLOCK
    until_sync(lambda: len(ear.frames) == 2)
    assert ear.source.overruns == 1
    asked, card.failure = card.asked, Card.Error("Input overflowed", -9981)
    until_sync(lambda: card.asked > asked + 3)
    card.ready, card.failure = BLOCK, None
    until_sync(lambda: len(ear.frames) == 3)
    assert ear.source.overruns > 3
    ear.source.close()
    assert not ear.ended


def test_a_device_that_fails_is_gone_at_once(card: Card) -> None:
    ear = Ear()
    card.failure = Card.Error("Unanticipated host error", -9999)
    until_sync(lambda: bool(ear.ended), 1)
    assert "desk is gone" in str(ear.ended[0])
    assert not ear.source.is_open


def test_a_device_that_gives_nothing_is_gone_after_a_while(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microphone, "_LOST", 0.5)
    ear = Ear()
    for _ in range(4):  # what comes now and then keeps it
        card.ready = BLOCK
        until_sync(lambda: card.ready == 0, 1)
    assert len(ear.frames) == 4
    until_sync(lambda: bool(ear.ended), 5)
    assert "desk is gone" in str(ear.ended[0])


def test_closing_does_not_wait_for_the_device(card: Card) -> None:
    ear = Ear()
    closing = threading.Thread(target=ear.source.close)
    closing.start()
    closing.join(1)
    assert not closing.is_alive()
    assert not ear.ended
