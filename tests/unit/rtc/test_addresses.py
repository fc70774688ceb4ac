"""The watch over this machine's addresses."""

from __future__ import annotations

import asyncio

import pytest

from engage_tui.rtc import addresses


async def test_only_an_address_in_use_that_was_there_can_vanish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = iter(
        [
            {"10.0.0.1", "10.0.0.2"},
            {"10.0.0.1"},  # one that nobody uses is gone
            {"10.0.0.1", "10.0.0.3"},
            {"10.0.0.1", "10.0.0.3"},
            {"10.0.0.1"},
        ]
    )
    in_use = [["127.0.0.1", "", "192.0.2.1", "10.0.0.1"]] * 2 + [["10.0.0.3"]] * 2
    monkeypatch.setattr(addresses, "own_addresses", lambda: next(looks))
    monkeypatch.setattr(addresses, "INTERVAL", 0.0)
    used = iter(in_use)
    async with asyncio.timeout(5):
        assert await addresses.one_vanished(lambda: next(used)) == "10.0.0.3"
    assert next(looks, None) is None
