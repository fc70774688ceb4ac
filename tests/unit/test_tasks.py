"""A group of tasks: ended together, and none is forgotten."""

from __future__ import annotations

import asyncio

from engage_tui.tasks import TaskGroup


async def test_what_a_task_starts_while_it_is_cancelled_ends_too() -> None:
    group = TaskGroup("test")
    begun = asyncio.Event()
    late: list[asyncio.Task[None]] = []

    async def forever() -> None:
        await asyncio.Event().wait()

    async def stubborn() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:  # as a library does that takes it for a closed connection
            late.append(group.spawn(forever(), "late"))

    group.spawn(stubborn(), "stubborn")
    await begun.wait()
    await group.cancel()
    assert [task.cancelled() for task in late] == [True]
    assert len(group) == 0


async def test_the_calling_task_is_spared() -> None:
    group = TaskGroup("test")

    async def end() -> int:
        await group.cancel()
        return len(group)

    assert await group.spawn(end(), "end") == 1


async def test_a_task_that_has_ended_in_this_very_moment_is_not_waited_for() -> None:
    group = TaskGroup("test")

    async def nothing() -> None:
        pass

    task = group.spawn(nothing(), "nothing")
    await asyncio.sleep(0)
    assert task.done()
    assert len(group) == 1  # the loop has not told the group yet
    await group.cancel()
    assert len(group) == 0
