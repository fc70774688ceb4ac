"""Pictures wait for the terminal; keys do not wait for pictures."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.drivers import _writer_thread
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver

from engage_tui.engine.messages import Credit, Picture
from engage_tui.tui.driver import PacedDriver, paced
from engage_tui.tui.meter import Meter, MeteredFile
from engage_tui.tui.painting import Painter
from engage_tui.tui.widgets.stage import Stage
from engage_tui.tui.widgets.tile import Tile
from tests.tui.people import camera_person, picture
from tests.waiting import until, until_sync


class SlowDriver(HeadlessDriver):
    """No terminal, and a meter that the test holds."""

    def __init__(self, app: App[Any], **arguments: object) -> None:
        super().__init__(app)
        self.meter = Meter()
        self.painted: list[str] = []

    @property
    def ready(self) -> bool:
        return self.meter.room > 0

    def paint(self, text: str) -> None:
        self.painted.append(text)
        self.meter.queued(len(text))
        asyncio.get_running_loop().call_soon(
            self.meter.wrote, len(text), len(text) / self.meter.rate
        )


class PaintedApp(App[None]):
    """A stage with a painter over a driver that can be made slow."""

    def __init__(self, people: int = 2) -> None:
        super().__init__()
        self.credits: list[Credit] = []
        self.painter = Painter(self, self.credits.append)
        self._count = people

    def compose(self) -> ComposeResult:
        yield Stage()

    def on_mount(self) -> None:
        self.painter.start()
        names = [f"p{n}" for n in range(self._count)]
        self.query_one(Stage).show_people({who: camera_person(who) for who in names})

    @property
    def tiles(self) -> list[Tile]:
        return self.query_one(Stage).tiles

    def picture(self, place: int, number: int, *, age: float = 0.0) -> Picture:
        tile = self.tiles[place]
        return picture(
            tile.number, tile.key, *tile.pixels, number=number, stamp=time.monotonic() - age
        )


@pytest.fixture(autouse=True)
def _colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[PaintedApp], SlowDriver]:
    """Give the app's painter a meter that is busy until the test says otherwise."""

    def give(app: PaintedApp) -> SlowDriver:
        driver = SlowDriver(app)
        monkeypatch.setattr(app.painter, "_driver", lambda: driver)
        monkeypatch.setattr(
            Painter, "_govern", lambda self: None
        )  # it would count the tests' own work
        driver.meter.on_idle(app.painter._wake)
        return driver

    return give


async def test_a_picture_is_painted_and_credited() -> None:
    app = PaintedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.painter.offer(app.picture(0, 7))
        await until(lambda: app.credits, what="a credit")
        assert app.credits == [Credit(app.tiles[0].number, 7)]
        assert app.tiles[0].has_picture
        assert not app.tiles[1].has_picture


async def test_while_the_terminal_is_busy_the_newest_waits_and_the_older_gives_its_credit(
    slow: Callable[[PaintedApp], SlowDriver],
) -> None:
    app = PaintedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        meter = slow(app).meter
        meter.queued(1000)
        app.painter.offer(app.picture(0, 1))
        app.painter.offer(app.picture(0, 2))
        await pilot.pause()
        assert [credit.number for credit in app.credits] == [1]
        assert not app.tiles[0].has_picture
        meter.wrote(1000, 0.001)
        await until(lambda: app.tiles[0].has_picture, what="the picture")
        await until(lambda: len(app.credits) == 2, what="its credit")
        assert app.credits[-1].number == 2


async def test_one_moment_takes_no_more_than_its_budget(
    slow: Callable[[PaintedApp], SlowDriver],
) -> None:
    app = PaintedApp(4)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        driver = slow(app)
        meter = driver.meter
        meter.rate = 100_000  # 8 kB a moment; a tile is about 40 kB
        meter.queued(1)
        for place in range(4):
            app.painter.offer(app.picture(place, place))
        meter.wrote(1, 0)
        await until(lambda: len(app.credits) == 4, what="all of them, in the end")
        sizes = [len(text) for text in driver.painted]
        assert max(sizes) < 8_000 + 3_500  # a row more at most
        assert sum(sizes) > 100_000
        assert all(tile.has_picture and not tile.unfinished for tile in app.tiles)


async def test_stale_and_misplaced_pictures_are_dropped_with_their_credit() -> None:
    app = PaintedApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        first, second = app.tiles
        app.painter.offer(app.picture(0, 1, age=3.0))
        app.painter.offer(picture(second.number, first.key, 4, 4, number=2))
        app.painter.offer(picture(77, "nobody", 4, 4, number=3))
        broken = app.picture(0, 4)
        app.painter.offer(Picture(first.number, 4, first.key, 4, 4, broken.stamp, b"too few bytes"))
        await until(lambda: len(app.credits) == 4, what="four credits")
        assert app.painter.dropped == 4
        assert app.painter.painted == 0
        assert not first.has_picture


async def test_a_tile_that_goes_while_it_is_painted_owes_nothing(
    slow: Callable[[PaintedApp], SlowDriver],
) -> None:
    app = PaintedApp(1)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        meter = slow(app).meter
        meter.rate = 10_000
        app.painter.offer(app.picture(0, 5))
        await asyncio.sleep(0)  # the painter's step
        meter.queued(1)
        (tile,) = app.tiles
        assert tile.unfinished
        app.query_one(Stage).show_people({})
        meter.wrote(1, 0.1)
        await until(lambda: app.credits, what="its credit")


def test_the_meter_counts_what_is_on_its_way_and_learns_the_rate() -> None:
    meter, idle = Meter(), threading.Event()
    meter.on_idle(idle.set)
    meter.queued(100)
    meter.queued(50_000)
    seen = [meter.idle, idle.is_set()]
    meter.wrote(100, 0.0)
    seen += [meter.idle, idle.is_set()]
    meter.wrote(50_000, 0.25)
    assert seen == [False, False, False, False]
    assert meter.idle
    assert idle.is_set()
    for _ in range(30):
        meter.queued(50_000)
        meter.wrote(50_000, 0.25)
    assert meter.rate == pytest.approx(200_000, rel=0.05)


def test_textuals_writer_writes_through_the_metered_file() -> None:
    meter, out = Meter(), io.StringIO()
    writer = _writer_thread.WriterThread(MeteredFile(out, meter))  # type: ignore[arg-type]
    writer.start()
    meter.queued(5)
    writer.write("12345")
    until_sync(lambda: meter.idle, what="the writer's thread")
    writer.stop()
    assert out.getvalue() == "12345"
    assert meter.written == 5


def test_a_closed_terminal_does_not_stop_the_writer() -> None:
    read, write = os.pipe()
    os.close(read)
    meter = Meter()
    closed = open(write, "w")  # noqa: SIM115 - closing it fails too
    try:
        writer = _writer_thread.WriterThread(MeteredFile(closed, meter))  # type: ignore[arg-type]
        writer.start()
        for _ in range(2 * _writer_thread.MAX_QUEUED_WRITES):  # more than its queue holds
            meter.queued(3)
            writer.write("abc")
        writer.stop()
        assert meter.idle
    finally:
        with contextlib.suppress(BrokenPipeError):
            closed.close()


@pytest.fixture
async def driver() -> AsyncIterator[PacedDriver]:
    """A driver that was never started; Textual's constructor takes two signals."""
    taken = {number: signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)}
    app: App[None] = App()
    yield PacedDriver(app)
    for number, handler in taken.items():
        signal.signal(number, handler)


async def test_the_private_names_of_textual_are_still_there(driver: PacedDriver) -> None:
    assert _writer_thread.MAX_QUEUED_WRITES == 30
    app: App[None] = App()
    assert hasattr(app, "_driver")
    source = LinuxDriver.start_application_mode.__code__.co_names
    assert {"WriterThread", "_file", "_writer_thread"} <= set(source)
    assert type(driver._file).__name__ == MeteredFile.__name__
    assert driver.ready


async def test_after_the_writer_has_stopped_nothing_is_queued(driver: PacedDriver) -> None:
    driver.close()
    driver.write("x" * 100)
    assert driver.meter.idle
    assert not driver.ready


def test_only_textuals_own_terminal_driver_is_replaced() -> None:
    assert paced(LinuxDriver) is PacedDriver
    assert paced(HeadlessDriver) is HeadlessDriver
