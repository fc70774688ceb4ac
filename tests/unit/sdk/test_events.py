"""The emitter."""

from __future__ import annotations

import asyncio
import logging

import pytest

from engage_tui.sdk.enums import RoomEvent
from engage_tui.sdk.events import Emitter
from tests.waiting import until


async def test_handlers_run_inline_in_order_and_can_be_taken_away() -> None:
    emitter, calls = Emitter(), []
    first = emitter.on(RoomEvent.CONNECTED, lambda *a: calls.append(("first", a)))
    emitter.on(RoomEvent.CONNECTED, lambda *a: calls.append(("second", a)))
    emitter.once(RoomEvent.CONNECTED, lambda *a: calls.append(("once", a)))
    emitter.emit(RoomEvent.CONNECTED, 1, 2)
    assert calls == [("first", (1, 2)), ("second", (1, 2)), ("once", (1, 2))]
    calls.clear()
    emitter.off(RoomEvent.CONNECTED, first)
    emitter.off(RoomEvent.CONNECTED, first)
    emitter.emit(RoomEvent.CONNECTED)
    assert calls == [("second", ())]


async def test_a_raising_handler_is_logged_with_its_event_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    emitter, calls = Emitter(), []

    def broken() -> None:
        raise RuntimeError("handler")

    async def broken_later() -> None:
        raise RuntimeError("coroutine handler")

    emitter.on(RoomEvent.CONNECTED, broken)
    emitter.on(RoomEvent.CONNECTED, broken_later)
    emitter.on(RoomEvent.CONNECTED, lambda: calls.append("after"))
    with caplog.at_level(logging.ERROR):
        emitter.emit(RoomEvent.CONNECTED)
        assert calls == ["after"]
        await until(lambda: len(caplog.records) == 2)
    assert all("connected" in record.getMessage() for record in caplog.records)


async def test_waiting_takes_the_first_that_fits_and_leaves_no_handler() -> None:
    emitter = Emitter()
    loop = asyncio.get_running_loop()
    for number in range(3):
        loop.call_soon(emitter.emit, RoomEvent.DATA_RECEIVED, number)
    found = await emitter.wait_for(RoomEvent.DATA_RECEIVED, lambda number: number == 1)
    assert found == (1,)
    with pytest.raises(TimeoutError):
        await emitter.wait_for(RoomEvent.DATA_RECEIVED, timeout=0.01)
    assert emitter._handlers[RoomEvent.DATA_RECEIVED] == ()


async def test_what_happens_between_asking_and_awaiting_is_not_missed() -> None:
    emitter = Emitter()
    waiting = emitter.wait_for(RoomEvent.RECONNECTED)
    emitter.emit(RoomEvent.RECONNECTED, "first")
    emitter.emit(RoomEvent.RECONNECTED, "second")
    await asyncio.sleep(0)
    assert emitter._handlers[RoomEvent.RECONNECTED] == ()
    assert await waiting == ("first",)
