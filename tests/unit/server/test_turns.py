"""Heavy work, one piece in each pass of the loop."""

from __future__ import annotations

import asyncio

import pytest

from engage_tui.server import turns as server_turns
from engage_tui.server.turns import Turns
from engage_tui.tasks import TaskGroup
from tests.waiting import until


class Passes:
    """Counts the loop's passes."""

    def __init__(self) -> None:
        self.number = 0
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_soon(self._count)

    def _count(self) -> None:
        self.number += 1
        self._handle = self._loop.call_soon(self._count)

    def stop(self) -> None:
        self._handle.cancel()


async def test_pieces_are_done_in_order_and_apart() -> None:
    passes, turns = Passes(), Turns()
    done: list[tuple[int, int]] = []
    for piece in range(5):
        turns.put(lambda piece=piece: done.append((piece, passes.number)))  # type: ignore[misc]
    await until(lambda: len(done) == 5)
    passes.stop()
    assert [piece for piece, _ in done] == [0, 1, 2, 3, 4]
    assert len({number for _, number in done}) == 5


async def test_who_waits_for_a_turn_gets_it_after_the_others() -> None:
    passes, turns = Passes(), Turns()
    done: list[tuple[str, int]] = []

    async def work(name: str) -> None:
        await turns.mine()
        done.append((name, passes.number))

    await asyncio.gather(work("a"), work("b"), work("c"))
    passes.stop()
    assert [name for name, _ in done] == ["a", "b", "c"]
    assert len({number for _, number in done}) == 3


async def test_who_gives_up_holds_nobody_up() -> None:
    turns, tasks = Turns(), TaskGroup("test")
    await turns.mine()
    first = tasks.spawn(turns.mine(), "first")
    others = [tasks.spawn(turns.mine(), f"other {number}") for number in range(2)]
    await asyncio.sleep(0)  # all of them wait now
    first.cancel()
    await asyncio.gather(*others)


async def test_a_piece_that_fails_and_too_many(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_turns, "_MOST", 3)
    turns, done = Turns(), []
    turns.put(lambda: done.append(1 // 0))
    for piece in range(5):
        turns.put(lambda piece=piece: done.append(piece))  # type: ignore[misc]
    await until(lambda: len(done) == 2)
    assert done == [0, 1]
    assert "a piece of work failed" in caplog.text
