"""The watch over this machine's addresses."""

from __future__ import annotations

import asyncio

import pytest

from engage_tui.rtc import addresses


class Machine:
    """A machine whose interfaces change.

    Attributes:
        has: Its addresses now.
        binds: Whether it lets a socket have an address that it does not have.
        lists: How often its interfaces were listed.
    """

    def __init__(self, *, binds: bool) -> None:
        self.has = {"10.0.0.1", "10.0.0.2"}
        self.binds = binds
        self.lists = 0

    def own_addresses(self) -> set[str]:
        self.lists += 1
        return set(self.has)

    def can_bind(self, address: str) -> bool:
        return self.binds or address in self.has or address == "127.0.0.1"


def machine(monkeypatch: pytest.MonkeyPatch, *, binds: bool = False) -> Machine:
    made = Machine(binds=binds)
    monkeypatch.setattr(addresses, "own_addresses", made.own_addresses)
    monkeypatch.setattr(addresses, "can_bind", made.can_bind)
    monkeypatch.setattr(addresses, "INTERVAL", 0.0)
    return made


@pytest.mark.parametrize("binds", [False, True])
async def test_only_an_address_in_use_that_was_there_can_vanish(
    monkeypatch: pytest.MonkeyPatch, binds: bool
) -> None:
    now = machine(monkeypatch, binds=binds)
    steps = iter(
        [
            ({"10.0.0.1", "10.0.0.2"}, "10.0.0.1"),
            ({"10.0.0.1"}, "10.0.0.1"),  # one that nobody uses is gone
            ({"10.0.0.1", "10.0.0.3"}, "10.0.0.3"),
            ({"10.0.0.1", "10.0.0.3"}, "10.0.0.3"),
            ({"10.0.0.1"}, "10.0.0.3"),
        ]
    )

    def in_use() -> list[str]:
        now.has, used = next(steps)
        return ["127.0.0.1", "", "192.0.2.1", used, used]

    async with asyncio.timeout(5):
        assert await addresses.one_vanished(in_use) == "10.0.0.3"
    assert next(steps, None) is None


async def test_while_nothing_changes_no_list_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks = machine(monkeypatch), 0

    def in_use() -> list[str]:
        nonlocal looks
        looks += 1
        if looks == 100:
            now.has.remove("10.0.0.1")
        return ["127.0.0.1", "192.0.2.7", "10.0.0.1"]

    async with asyncio.timeout(5):
        assert await addresses.one_vanished(in_use) == "10.0.0.1"
    assert looks == 100
    assert now.lists <= 4  # at first, for each that is not the machine's own, and to be sure


async def test_what_cannot_be_bound_but_is_listed_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks = machine(monkeypatch), 0
    monkeypatch.setattr(addresses, "can_bind", lambda _: False)  # as without a free descriptor

    def in_use() -> list[str]:
        nonlocal looks
        looks += 1
        if looks == 5:
            now.has.remove("10.0.0.1")
        return ["10.0.0.1"]

    async with asyncio.timeout(5):
        assert await addresses.one_vanished(in_use) == "10.0.0.1"
    assert looks == 5


def test_this_machine_binds_to_its_own_addresses_alone() -> None:
    assert addresses.can_bind("127.0.0.1")
    assert not addresses.can_bind(addresses.FOREIGN)
    for address in addresses.own_addresses():
        assert addresses.can_bind(address), address
