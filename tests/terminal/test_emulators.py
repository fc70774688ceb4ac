"""The demo in the terminals that people use: tmux, and xterm on a virtual display."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.require import need
from tests.terminal.terminal import COMMAND, marked_environment, processes
from tests.waiting import until_sync

pytestmark = [pytest.mark.terminal, pytest.mark.timeout(150)]

SLOW = 60.0


def blocks(text: str) -> int:
    """How many characters are halves or quarters of a cell."""
    return sum("\u2580" <= letter <= "\u259f" for letter in text)


def demo_then_exit_code(target: Path) -> str:
    """A shell's line that runs the demo and leaves its exit code in `target`."""
    return f"{shlex.quote(str(COMMAND))} demo; echo $? > {shlex.quote(str(target))}; sleep 60"


def test_demo_in_tmux(tmp_path: Path) -> None:
    need(shutil.which("tmux") is not None, "tmux")
    environment, mark = marked_environment()
    code = tmp_path / "code"

    def tmux(*arguments: str) -> str:
        base = ["tmux", "-S", str(tmp_path / "socket"), "-f", os.devnull, *arguments]
        return subprocess.run(
            base, check=True, capture_output=True, text=True, env=environment
        ).stdout

    tmux("new-session", "-d", "-x", "80", "-y", "24", demo_then_exit_code(code))
    try:
        pane = "#{alternate_on} #{cursor_flag} #{mouse_any_flag}"
        until_sync(lambda: "Mira" in tmux("capture-pane", "-p"), SLOW)
        until_sync(lambda: blocks(tmux("capture-pane", "-p")) > 200, SLOW, "pictures")
        tmux("resize-window", "-x", "160", "-y", "45")
        until_sync(
            lambda: blocks("".join(tmux("capture-pane", "-p").splitlines()[24:])) > 200,
            SLOW,
            "pictures where there was no window before",
        )
        assert tmux("display-message", "-p", pane).split()[0] == "1"
        tmux("send-keys", "q")
        until_sync(lambda: code.exists() and code.read_text(), SLOW, "the demo ended")
        assert code.read_text() == "0\n", tmux("capture-pane", "-p")
        assert tmux("display-message", "-p", pane).split() == ["0", "1", "0"]
    finally:
        tmux("kill-server")
    until_sync(lambda: not processes(mark), SLOW)


@contextmanager
def virtual_display() -> Iterator[str]:
    """An X server without a screen; yields its name for ``DISPLAY``."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x800x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            yield f":{pipe.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


def the_demo(mark: str) -> psutil.Process | None:
    """The demo's first process, as the shell in the terminal started it."""
    for process in processes(mark):
        words = process.cmdline()
        if words[-1:] == ["demo"] and str(COMMAND) in words:
            return process
    return None


def test_demo_in_xterm(tmp_path: Path) -> None:
    for program in ("xterm", "Xvfb", "import"):
        need(shutil.which(program) is not None, f"{program} (xterm, xvfb, imagemagick)")
    environment, mark = marked_environment()
    code, photo = tmp_path / "code", tmp_path / "photo.png"

    def colours() -> int:
        save = ["import", "-window", "root", str(photo)]
        subprocess.run(save, env=environment, check=True, capture_output=True)
        with Image.open(photo) as picture:
            return len(picture.convert("RGB").getcolors(1 << 24) or ())

    with virtual_display() as display:
        environment["DISPLAY"] = display
        window = ["xterm", "-geometry", "120x40", "-e", "sh", "-c", demo_then_exit_code(code)]
        with subprocess.Popen(window, env=environment) as terminal:
            # Words in a terminal have a few dozen colours; a face in half-blocks has hundreds.
            until_sync(lambda: colours() > 400, SLOW, "a picture in the window")
            demo = the_demo(mark)
            assert demo is not None
            demo.send_signal(signal.SIGTERM)
            until_sync(lambda: code.exists() and code.read_text(), SLOW, "the demo ended")
            terminal.terminate()
        assert code.read_text() == "143\n"
    until_sync(lambda: not processes(mark), SLOW)
