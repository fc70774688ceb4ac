"""How long to wait before connecting again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engage_tui.sdk import reconnect
from engage_tui.sdk.reconnect import STEADY, WAITS, Following, waits


def test_the_waits_are_those_of_livekits_clients() -> None:
    """At once, then ever later up to 7 s, ten times; a second of chance keeps many clients apart."""
    assert [*waits(lambda: 0.0)] == [0.0, 0.3, 1.2, 2.7, 4.8, 7.0, 7.0, 7.0, 7.0, 7.0]
    assert [*waits(lambda: 1.0)] == [0.0, 0.3, 2.2, 3.7, 5.8, 8.0, 8.0, 8.0, 8.0, 8.0]


def test_who_is_asked_again_and_again_follows_more_and_more_slowly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(reconnect, "time", SimpleNamespace(monotonic=lambda: now))
    following = Following()

    def asked(after: float) -> float:
        nonlocal now
        following.began()
        now += after
        return following.pause(lambda: 0.5)

    assert [asked(0.1) for _ in range(4)] == [0.0, 0.3, 1.7, 3.2]
    assert [asked(STEADY - 0.1) for _ in range(20)][-1] == WAITS[-1] + 0.5
    assert [asked(STEADY), asked(0.1), asked(STEADY)] == [0.0, 0.3, 0.0]
