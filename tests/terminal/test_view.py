"""`engage-tui view` and `doctor` in a real terminal, and in pipes."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.terminal.terminal import COMMAND, Terminal

pytestmark = [pytest.mark.terminal, pytest.mark.timeout(90)]

PICTURE = 60  # different colours


def moving(terminal: Terminal) -> None:
    terminal.until_true(lambda: terminal.coloured_cells() > PICTURE, "a picture")
    before = terminal.text, len(terminal.output)
    terminal.until_true(lambda: len(terminal.output) > before[1] + 20_000, "another picture")


def test_view_plays_changes_its_mode_and_ends() -> None:
    with Terminal("view", "test", "--video", "half", "--statistics") as terminal:
        moving(terminal)
        assert "▀" in terminal.text
        terminal.keys("a")
        terminal.until_true(lambda: "▀" not in terminal.text, "another way of drawing")
        terminal.resize(50, 12)
        terminal.keys("fm")
        moving(terminal)
        terminal.keys("q")
        assert terminal.exit_code() == 0
        terminal.assert_restored()
        assert b"pictures in" in terminal.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_view_puts_the_terminal_back_after_a_signal(number: signal.Signals) -> None:
    with Terminal("view", "test") as terminal:
        moving(terminal)
        os.kill(terminal.pid, number)
        assert terminal.exit_code() == 128 + number
        terminal.assert_restored()


def test_view_on_a_pipe_says_so() -> None:
    done = subprocess.run(
        [str(COMMAND), "view", "test"], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert "no terminal" in done.stderr
    assert "\x1b[?1049h" not in done.stdout


def test_doctor_on_a_mute_terminal_waits_and_tells() -> None:
    with Terminal("doctor", columns=100, rows=50) as terminal:
        terminal.until("not within 3", "Pictures are drawn as")
        assert terminal.exit_code() == 0
