"""The watch itself: a test that leaves something running fails."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engage_tui.tasks import TaskGroup
from tests import leftovers
from tests.leftovers import left_tasks, left_threads, threads


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "PATIENCE", 0.1)


def test_a_thread_left_running_is_named() -> None:
    before = threads()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="forgotten")
    thread.start()
    assert left_threads(before) == ["forgotten"]
    stop.set()
    thread.join()
    assert left_threads(before) == []


async def test_a_task_left_running_is_named() -> None:
    before = asyncio.all_tasks()
    group = TaskGroup("test")
    group.spawn(asyncio.Event().wait(), "forgotten")
    left = await left_tasks(before)
    assert [name.partition(":")[0] for name in left] == ["test.forgotten"]
    await group.cancel()
    assert await left_tasks(before) == []


_LEAKS = """
import asyncio, threading
from tests import leftovers
leftovers.PATIENCE = 0.1
def test_thread():
    threading.Thread(target=threading.Event().wait, name="forgotten", daemon=True).start()
async def test_task():
    global task
    task = asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="forgotten")
def test_clean():
    pass
"""


def test_the_watch_fails_leaking_tests(tmp_path: Path) -> None:
    (tmp_path / "test_leaks.py").write_text(_LEAKS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.conftest",
    ]
    command += ["-o", "asyncio_mode=auto", f"--rootdir={tmp_path}", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert "3 passed, 2 errors" in run.stdout, run.stdout + run.stderr
    assert "threads left running: forgotten" in run.stdout
    assert "tasks left running:\nforgotten" in run.stdout
