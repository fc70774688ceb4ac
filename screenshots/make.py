"""Make the pictures of this folder from real runs: ``python screenshots/make.py [NAME …]``.

The ``.svg`` files are what tmux keeps of its screen; the ``.png`` files are photographs of xterm and kitty under Xvfb.
Needs tmux, or xterm, kitty, Xvfb and ImageMagick, and the extra ``dev``.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pyte
from PIL import Image
from pyte.screens import Char

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).with_name("engage-tui")
DEMO = "demo --name ada --camera off --microphone off --speaker off --video half"
PATIENCE = 90.0
FONT, CELL_WIDTH, CELL_HEIGHT = 15.0, 9.0, 18.0
GROUND, INK = "101317", "d8dde3"
HALVES = {"▀": (True, False), "▄": (False, True), "█": (True, True)}
ENVIRONMENT = os.environ | {"COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Shot:
    """One picture: what is run, in which size, which words and how many cells of pictures it takes, and keys then."""

    name: str
    columns: int
    rows: int
    arguments: str
    words: tuple[str, ...]
    dots: int
    keys: tuple[str, ...] = ()


SHOTS = (
    Shot("call-160x45", 160, 45, DEMO, ("receiving mic of Sam",), 1200),
    Shot("share-160x45", 160, 45, DEMO, ("screen of Mira", "Sam"), 2000),
    Shot("call-80x24", 80, 24, DEMO, ("Sam",), 300),
    Shot("map-100x30", 100, 30, DEMO, ("Sam", "connected"), 300, ("o", "Up", "Right", "Right")),
    Shot(
        "lobby-100x30",
        100,
        30,
        "join hall --name ada --camera test --microphone test --video half",
        ("ada",),
        100,
    ),
)


# -- a screen of tmux as SVG -----------------------------------------------------------------------------------------


@contextmanager
def tmux(columns: int, rows: int, command: str) -> Iterator[Callable[..., str]]:
    """Run `command` in a tmux of its own; yields a function that calls tmux with arguments."""
    with tempfile.TemporaryDirectory() as folder:

        def call(*arguments: str) -> str:
            base = ["tmux", "-S", f"{folder}/socket", "-f", "/dev/null", *arguments]
            done = subprocess.run(base, check=True, capture_output=True, text=True, env=ENVIRONMENT)
            return done.stdout

        call("new-session", "-d", "-x", str(columns), "-y", str(rows), f"{command}; sleep 60")
        call("set", "-g", "status", "off")
        try:
            yield call
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # the program has ended it
                call("send-keys", "q")
                time.sleep(2)
                call("kill-server")


def photograph(shot: Shot) -> pyte.Screen:
    """Run a shot until its words and a picture are on the screen, and return the screen."""
    with tmux(shot.columns, shot.rows, f"{shlex.quote(str(COMMAND))} {shot.arguments}") as call:
        end = time.monotonic() + PATIENCE
        while True:
            text = call("capture-pane", "-p")
            words = " ".join(text.split())
            if all(word in words for word in shot.words) and text.count("▀") > shot.dots:
                break
            if time.monotonic() > end:
                raise SystemExit(f"{shot.name}: {shot.words} not seen:\n{text}")
            time.sleep(0.2)
        for key in shot.keys:
            call("send-keys", key)
            time.sleep(0.5)
        time.sleep(2.5)  # a moment in which the faces move and the words settle
        drawn = call("capture-pane", "-pe")
    screen = pyte.Screen(shot.columns, shot.rows)
    pyte.Stream(screen).feed(drawn.rstrip("\n").replace("\n", "\r\n"))
    return screen


def to_svg(screen: pyte.Screen) -> str:
    """The screen as SVG: words as text, half-blocks as one picture with a dot for each half of a cell."""
    width, height = screen.columns * CELL_WIDTH, screen.lines * CELL_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 20:g} {height + 20:g}">',
        f'<rect width="100%" height="100%" rx="8" fill="#{GROUND}"/>',
        '<g transform="translate(10 10)" xml:space="preserve" font-size="'
        f'{FONT:g}" font-family="ui-monospace, Menlo, DejaVu Sans Mono, Consolas, monospace">',
        f'<image width="{width:g}" height="{height:g}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{_dots(screen)}"/>',
    ]
    for row in range(screen.lines):
        parts += _words(screen, row)
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _dots(screen: pyte.Screen) -> str:
    """Grounds and half-blocks, two dots a cell, as a base64 PNG."""
    image = Image.new("RGB", (screen.columns, screen.lines * 2), f"#{GROUND}")
    for row in range(screen.lines):
        for column in range(screen.columns):
            char = screen.buffer[row][column]
            fore, back = _colours(char)
            upper, lower = HALVES.get(char.data, (False, False))
            image.putpixel((column, row * 2), _rgb(fore if upper else back))
            image.putpixel((column, row * 2 + 1), _rgb(fore if lower else back))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _words(screen: pyte.Screen, row: int) -> list[str]:
    """The text of one row, a ``<text>`` for each run of one style."""
    runs: list[str] = []
    column = 0
    while column < screen.columns:
        style = _style(screen.buffer[row][column])
        start = column
        while column < screen.columns and _style(screen.buffer[row][column]) == style:
            column += 1
        text = "".join(screen.buffer[row][each].data for each in range(start, column))
        text = "".join(" " if letter in HALVES else letter for letter in text)
        for word in re.finditer(r"\S+(?: \S+)*", text):
            at, wide = (start + word.start()) * CELL_WIDTH, len(word[0]) * CELL_WIDTH
            runs.append(
                f'<text x="{at:g}" y="{(row + 0.74) * CELL_HEIGHT:g}" textLength="{wide:g}" '
                f'lengthAdjust="spacingAndGlyphs" {style}>{escape(word[0])}</text>'
            )
    return runs


def _style(char: Char) -> str:
    fore, _ = _colours(char)
    return f'fill="#{fore}"' + (' font-weight="bold"' if char.bold else "")


def _colours(char: Char) -> tuple[str, str]:
    fore = INK if char.fg == "default" else char.fg
    back = GROUND if char.bg == "default" else char.bg
    return (back, fore) if char.reverse else (fore, back)


def _rgb(colour: str) -> tuple[int, int, int]:
    return (int(colour[:2], 16), int(colour[2:4], 16), int(colour[4:], 16))


# -- photographs of terminals ----------------------------------------------------------------------------------------


XTERM = ["xterm", "-fa", "DejaVu Sans Mono", "-fs", "8", "-b", "0", "-bw", "0"]
SIXELS = ["-ti", "vt340", "+lc", "-xrm", "XTerm*numColorRegisters: 256"]
SIXELS += ["-xrm", "XTerm*maxGraphicSize: 1800x1100"]
KITTY = ["kitty", "--config", "NONE", "-o", "remember_window_size=no", "-o", "font_size=9"]
CALL = "demo --name ada --camera off --microphone off --speaker off"


def xterm(columns: int, rows: int, *more: str) -> list[str]:
    """An xterm of that size, in which a command runs."""
    return [*XTERM, *more, "-geometry", f"{columns}x{rows}+0+0", "-e"]


def kitty(columns: int, rows: int) -> list[str]:
    """A kitty of that size, in which a command runs; without a graphics card."""
    size = ["-o", f"initial_window_width={columns}c", "-o", f"initial_window_height={rows}c"]
    return [*KITTY, *size, "--"]


PHOTOGRAPHS = {
    "xterm-160x45": (xterm(160, 45), DEMO, 45.0),
    "sixel-130x36": (xterm(130, 36, *SIXELS), CALL, 45.0),
    "kitty-130x36": (kitty(130, 36), CALL, 16.0),
}
"""Each picture's window, command and seconds until it is made; pixels are what these terminals get by themselves."""


def photograph_window(window: list[str], arguments: str, path: Path, seconds: float) -> None:
    """Run a command in a terminal under Xvfb for `seconds` and save the picture of the window."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1800x1100x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        environment = ENVIRONMENT | {"DISPLAY": f":{pipe.readline().strip()}"}
    environment["LIBGL_ALWAYS_SOFTWARE"] = "1"
    terminal = subprocess.Popen([*window, str(COMMAND), *arguments.split()], env=environment)
    try:
        time.sleep(seconds)
        save = ["import", "-window", "root", "-trim", "+repage", str(path)]
        subprocess.run(save, env=environment, check=True)
    finally:
        terminal.terminate()
        terminal.wait()
        server.terminate()
        server.wait()


def main() -> None:
    """Make the named pictures, or all."""
    wanted = set(sys.argv[1:])
    for shot in SHOTS:
        if not wanted or shot.name in wanted:
            (HERE / f"{shot.name}.svg").write_text(to_svg(photograph(shot)), encoding="utf-8")
    for name, (window, arguments, seconds) in PHOTOGRAPHS.items():
        if not wanted or name in wanted:
            photograph_window(window, arguments, HERE / f"{name}.png", seconds)


if __name__ == "__main__":
    main()
