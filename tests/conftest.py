"""Fixtures of every layer: servers to join, and the watch for what a test leaves running."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import tempfile
import threading
import weakref
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engage_tui.wire.token import DEV_KEY, DEV_SECRET
from tests.leftovers import left_tasks, left_threads, threads, told
from tests.require import REQUIRE_ALL, need
from tests.servers import (
    LIVEKIT_VARIABLE,
    TestServer,
    find_livekit_server,
    run_livekit_server,
)

if TYPE_CHECKING:
    from engage_tui.server.app import RunningServer

# Logs of the programs under test belong to the test run, not to the person's home.
os.environ.setdefault("ENGAGE_TUI_LOG", str(Path(tempfile.gettempdir()) / "engage-tui-tests.log"))
# A person's own server and keys must not decide what a test talks to.
for _name in ("LIVEKIT_URL", "LIVEKIT_TOKEN", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
    os.environ.pop(_name, None)


_THREADS: pytest.StashKey[set[threading.Thread]] = pytest.StashKey()
_shared: weakref.WeakSet[threading.Thread] = weakref.WeakSet()  # of fixtures that several tests use


class _SharedThreads:
    """Remembers the threads of fixtures that several tests use: they outlive the first of them."""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object]
    ) -> Generator[None, object, object]:
        before = threads()
        result = yield
        if fixturedef.scope != "function":
            _shared.update(threads() - before)
        return result


def pytest_configure(config: pytest.Config) -> None:
    """Watch fixtures, those of the whole run too, which no conftest of a folder hears of."""
    config.pluginmanager.register(_SharedThreads())


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes share the tests: as many as there are cores, up to four, when all are run.

    None where somebody waits for one of them, and none where every program must be at hand: browsers and encoders fill
    the cores by themselves.
    """
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    cores = min(4, os.cpu_count() or 1)
    return cores if everything and cores > 1 and not REQUIRE_ALL else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Watch the tasks of every asynchronous test."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
            # First in, so last out: after the test's other fixtures have cleaned up.
            item.fixturenames.insert(0, "no_leftover_tasks")


def pytest_collection_finish() -> None:
    """What was imported lives as long as the run: no collection of garbage has to look through it again.

    Collections are rare besides: each asynchronous test ends with one of its own.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 50)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Remember the threads that ran before the test and its fixtures."""
    item.stash[_THREADS] = threads()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that leaves a thread running once its fixtures are gone."""
    result = yield
    if left := left_threads(item.stash[_THREADS] | set(_shared)):
        pytest.fail(f"threads left running: {', '.join(left)}", pytrace=False)
    return result


@pytest.fixture
async def no_leftover_tasks() -> AsyncIterator[None]:
    """Fail a test that leaves a task running, or in whose loop something failed that nobody awaited."""
    before = asyncio.all_tasks()
    failed: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: failed.append(told(context))
    )
    yield
    if left := await left_tasks(before):
        pytest.fail("tasks left running:\n" + "\n".join(left), pytrace=False)
    gc.collect(1)  # a failure that nobody awaited is told when its task is gone
    if failed:
        pytest.fail("failed in the event loop:\n" + "\n".join(failed), pytrace=False)


@pytest.fixture(scope="session")
def livekit_server() -> Iterator[TestServer]:
    """A real livekit-server, one for the whole run: take a room name of your own (`room_name`)."""
    binary = find_livekit_server()
    need(binary is not None, f"livekit-server (in PATH, ~/go/bin/server or {LIVEKIT_VARIABLE})")
    assert binary is not None
    with run_livekit_server(binary) as server:
        yield server


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The address of `engage-tui serve`, one for the whole run: take a room name of your own (`room_name`)."""
    from tests.integration.programs import serving

    with serving() as address:
        yield address


@pytest.fixture
def room_name(request: pytest.FixtureRequest) -> str:
    """A room that no other test uses."""
    return f"{request.node.name[:40]}-{os.urandom(3).hex()}"


@pytest.fixture
async def room_server() -> AsyncIterator[TestServer]:
    """The embedded room server, inside the test, on free ports."""
    from engage_tui.server.app import ServerConfig, start_server

    server = await start_server(ServerConfig(port=0, rtc_port=0))
    try:
        yield TestServer("embedded", server.url, DEV_KEY, DEV_SECRET)
    finally:
        await server.stop()


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    """The same as an object, with a secret of the tests (`tests.embedded`)."""
    from tests.embedded import embedded_server

    async with embedded_server() as running:
        yield running


@pytest.fixture(params=["C", "Python"])
def inner_loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The embedded server passes packets on by its compiled loop, and then by what stands in for it."""
    from engage_tui.server.native import load
    from tests.unit.server.srtp import compiled

    if request.param == "C":
        compiled()
        yield
        return
    monkeypatch.setenv("ENGAGE_TUI_NATIVE", "0")
    load.cache_clear()
    yield
    load.cache_clear()


@pytest.fixture
def quick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the embedded server looks at each second it looks at each tick."""
    from engage_tui.server import app

    monkeypatch.setattr(app, "_REPORT", 0.0)


@pytest.fixture(params=["embedded", pytest.param("livekit", marks=pytest.mark.interop)])
def any_server(request: pytest.FixtureRequest) -> TestServer:
    """The embedded server, and then a real livekit-server."""
    name = "room_server" if request.param == "embedded" else "livekit_server"
    server = request.getfixturevalue(name)
    assert isinstance(server, TestServer)
    return server
