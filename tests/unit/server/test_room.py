"""How long a room waits for people."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit.protocol import models

from engage_tui.server.client import Client
from engage_tui.server.data_tracks import DataTracks
from engage_tui.server.room import Room


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(time, "monotonic", lambda: now.now)
    return now


def somebody() -> Client:
    nothing: Any = SimpleNamespace(tracks={}, subscriptions={})
    info = models.ParticipantInfo(identity="ada")
    fake = SimpleNamespace(
        identity="ada", hidden=True, info=info, publisher=nothing, subscriber=nothing
    )
    fake.send = lambda message: None
    fake.data_tracks = DataTracks()
    return cast(Client, fake)


def test_a_new_room_waits_for_its_first_participant(clock: SimpleNamespace) -> None:
    room = Room("hall", empty_timeout=300, departure_timeout=20)
    assert not room.is_over(1299.9)
    assert room.is_over(1300.0)


def test_a_room_that_was_left_waits_less(clock: SimpleNamespace) -> None:
    room = Room("hall", empty_timeout=300, departure_timeout=20)
    ada = somebody()
    room.join(ada)
    assert not room.is_over(9999.0), "somebody is here"
    clock.now = 2000.0
    room.leave(ada, quietly=False)
    assert not room.is_over(2019.9)
    assert room.is_over(2020.0)
    clock.now = 2010.0
    room.join(ada)
    clock.now = 3000.0
    room.leave(ada, quietly=False)
    assert not room.is_over(3019.9), "it waits anew after each visit"
    assert room.is_over(3020.0)
