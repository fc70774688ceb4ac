"""The demo as a person meets it: the installed command in a real terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal.terminal import COMMAND, Terminal, marked_environment, processes
from tests.waiting import until_sync

pytestmark = [pytest.mark.terminal, pytest.mark.timeout(150)]

AT_ONCE = ("Mira", "Noor", "Jonas")
PICTURE = 150  # different colours; text alone has fewer than thirty


def wait_for_pictures(terminal: Terminal) -> None:
    terminal.until(*AT_ONCE)
    terminal.until_true(lambda: terminal.coloured_cells() > PICTURE, "a picture")


def assert_nothing_left(mark: str, timeout: float = 5.0) -> None:
    until_sync(lambda: not processes(mark), timeout, f"processes left: {processes(mark)}")


def test_demo_shows_people_and_leaves_no_trace() -> None:
    with Terminal("demo", "--name", "tess", "--camera", "off", columns=160, rows=45) as terminal:
        wait_for_pictures(terminal)
        assert "tess" in terminal.text
        terminal.keys("v")
        terminal.until_true(
            lambda: "no camera" in terminal.text or "CAMERA ON" in terminal.text,
            "the camera on, or why not",
        )
        terminal.resize(20, 5)
        terminal.until("Too small. The call goes on.")
        terminal.resize(80, 24)
        wait_for_pictures(terminal)
        terminal.keys("?")
        terminal.until("Esc close")
        terminal.keys("\x1b")  # closes the help and nothing else
        terminal.until_true(lambda: "Esc close" not in terminal.text, "the help closed")
        wait_for_pictures(terminal)
        terminal.until("Sam")  # joins late
        terminal.keys("q")
        assert terminal.exit_code() == 0
        terminal.assert_restored()
        assert_nothing_left(terminal.mark)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_the_demo_cleanly(number: signal.Signals, code: int) -> None:
    with Terminal("demo") as terminal:
        wait_for_pictures(terminal)
        os.kill(terminal.pid, number)
        assert terminal.exit_code() == code
        terminal.assert_restored()
        assert_nothing_left(terminal.mark)


def test_nothing_outlives_a_killed_demo() -> None:
    with Terminal("demo") as terminal:
        wait_for_pictures(terminal)
        assert len(processes(terminal.mark)) >= 3  # screen, engine, server with people
        os.kill(terminal.pid, signal.SIGKILL)
        assert terminal.exit_code() == 128 + signal.SIGKILL
        assert_nothing_left(terminal.mark)


def test_tiny_terminal_is_refused() -> None:
    with Terminal("demo", columns=20, rows=5) as terminal:
        assert terminal.exit_code() == 2
        assert b"too small" in b" ".join(terminal.output.split())
        assert b"\x1b[?1049h" not in terminal.output
        assert_nothing_left(terminal.mark)


@pytest.mark.parametrize("command", ["demo", "join"])
def test_no_terminal_is_refused(command: str) -> None:
    run = subprocess.run(
        [str(COMMAND), command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 2
    assert "terminal" in run.stderr
    assert run.stdout == ""


def test_stage_ends_with_its_parent() -> None:
    """Without a screen: the process of the stage, and a parent that is killed."""
    code = (
        "import time; from engage_tui.demo.process import Stage;"
        "stage = Stage(); print(stage.wait_ready(), flush=True); time.sleep(100)"
    )
    environment, mark = marked_environment()
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert parent.stdout is not None
    with parent, parent.stdout as pipe:
        assert pipe.readline().startswith(b"ws://127.0.0.1:")
        until_sync(lambda: len(processes(mark)) == 3)  # itself, the engine, the server
        parent.kill()
    assert_nothing_left(mark)
