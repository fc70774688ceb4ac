"""How long to wait before connecting again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engage_tui.sdk import reconnect
from engage_tui.sdk.reconnect import STEADY, WAITS, Following


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
