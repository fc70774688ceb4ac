"""How many blocks a speaker keeps waiting in its device, and what it counts: a device without hardware."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from engage_tui.errors import EngageError
from engage_tui.media import devices, portaudio
from engage_tui.media.devices import Device
from engage_tui.media.playing import Playing
from engage_tui.media.source import BLOCK, SAMPLE_RATE
from engage_tui.media.speaker import LOW_BLOCK, SpeakerOutput, Stereo
from tests.waiting import until_sync


class Card:
    """A device that takes whole blocks at its own pace and holds four of them."""

    def __init__(self, block: int) -> None:
        self.block = block
        self.gone = False
        self.written: list[Stereo] = []
        self.least = 99
        self._started: float | None = None
        self.holds = 4
        self._held = 0
        self._taken = 0

    def open(self, *_: Any, latency: float, **__: Any) -> Card:
        self.holds = round(latency * SAMPLE_RATE / self.block / 3 * 4)
        self._held = 0
        return self

    def room(self, _: Any) -> int | None:
        if self.gone:
            return None
        if self._started is not None:
            due = int((time.monotonic() - self._started) * SAMPLE_RATE) // self.block
            self._held = max(0, self._held - (due - self._taken))
            self._taken = due
        return (self.holds - self._held) * self.block

    def write(self, _: Any, samples: Stereo) -> bool:
        self._started = self._started or time.monotonic()
        self._held += 1
        self.written.append(samples)
        return not self.gone


@pytest.fixture(params=[BLOCK, LOW_BLOCK])
def card(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card(request.param)
    monkeypatch.setattr(portaudio, "room", card.room)
    monkeypatch.setattr(portaudio, "write", card.write)
    monkeypatch.setattr(portaudio, "open_stream", card.open)
    monkeypatch.setattr(portaudio, "close_stream", lambda _: None)
    monkeypatch.setattr(
        devices, "find_device", lambda *_: Device("audiooutput", "card", "card", True, 0)
    )
    return card


def _block(samples: int) -> Stereo:
    return np.full((samples, 2), 0.5, np.float32)


def test_the_device_is_kept_two_blocks_ahead_and_no_more(card: Card) -> None:
    output = SpeakerOutput(playing=Playing(), block=card.block)
    output.start(_block)
    until_sync(lambda: output.blocks >= 20)
    output.stop()
    ahead = [4 - (card.room(None) or 0) / card.block]
    assert output.depth == 2
    assert max(ahead) <= 2
    assert {block.shape for block in card.written} == {(card.block, 2)}
    # Two blocks of silence to begin with, so that the first voices do not come in a burst.
    assert [bool(block.any()) for block in card.written[:3]] == [False, False, True]


def test_a_mixer_held_up_is_counted_and_gets_more_time(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_tui.media.speaker._SETTLING", 0.0)
    output = SpeakerOutput(playing=Playing(), block=card.block)
    held_up = threading.Event()

    def render(samples: int) -> Stereo:
        if output.blocks == 10:
            held_up.wait(0.08)
        return _block(samples)

    output.start(render)
    until_sync(lambda: output.blocks >= 20)
    output.stop()
    assert output.underruns >= 1
    assert output.depth >= 3


def test_who_ran_dry_again_with_less_ahead_keeps_more_for_longer(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_tui.media.speaker._SETTLING", 0.0)
    monkeypatch.setattr("engage_tui.media.speaker._CALM", 0.1)
    output = SpeakerOutput(playing=Playing(), block=card.block)
    never = threading.Event()

    def render(samples: int) -> Stereo:
        if output.depth == 2 and output.blocks > 10:
            never.wait(0.05)  # it can do with three blocks, and not with two
        return _block(samples)

    output.start(render)
    start = time.monotonic()
    until_sync(lambda: output.underruns >= 4, 10)
    output.stop()
    assert time.monotonic() - start > 0.1 + 0.2 + 0.4


def test_a_machine_that_is_busy_all_the_time_gets_a_longer_ring_once(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engage_tui.media.speaker._SETTLING", 0.0)
    output = SpeakerOutput(playing=Playing(), block=card.block)
    never, rendered = threading.Event(), [0]

    def render(samples: int) -> Stereo:
        rendered[0] += 1
        if rendered[0] % 8 == 0:
            never.wait(0.1)
        return _block(samples)

    output.start(render)
    until_sync(lambda: card.holds > 4, 10)
    until_sync(lambda: output.depth > 4, 10)
    output.stop()
    assert card.holds == 8


def test_a_device_that_takes_everything_at_once_is_kept_to_the_clock(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portaudio, "room", lambda _: 4 * card.block)
    monkeypatch.setattr("engage_tui.media.speaker._AHEAD", 0.05)
    output = SpeakerOutput(playing=Playing(), block=card.block)
    output.start(_block)
    began = time.monotonic()
    until_sync(lambda: time.monotonic() > began + 0.2)
    took, blocks = time.monotonic() - began, output.blocks
    output.stop()
    assert 0 < blocks * card.block / SAMPLE_RATE < took + 0.15


def test_a_device_that_takes_nothing_any_more_is_lost_and_voices_go_on(card: Card) -> None:
    lost: list[EngageError] = []
    output = SpeakerOutput(playing=Playing(), block=card.block)
    output.start(_block, lost.append)
    until_sync(lambda: output.blocks >= 5)
    card.gone = True
    until_sync(lambda: lost)
    before = output.blocks
    until_sync(lambda: output.blocks > before + 5)
    output.stop()
    assert "card is gone" in lost[0].message
