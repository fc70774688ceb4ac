"""What the environment says."""

from __future__ import annotations

import pytest

from engage_tui.render.cells import CellMode, ColourDepth
from engage_tui.render.terminal import default_mode, detect

UTF8 = {"LANG": "en_GB.UTF-8"}


@pytest.mark.parametrize(
    ("environ", "colour", "mode"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, ColourDepth.TRUE, CellMode.HALF),
        ({"TERM": "xterm-kitty"}, ColourDepth.TRUE, CellMode.HALF),
        ({"TERM": "xterm", "XTERM_VERSION": "XTerm(379)"}, ColourDepth.TRUE, CellMode.HALF),
        (
            {"TERM": "screen", "XTERM_VERSION": "XTerm(379)", "TMUX": "/tmp/x"},
            ColourDepth.SIXTEEN,
            CellMode.HALF,
        ),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x"}, ColourDepth.INDEXED, CellMode.HALF),
        ({"TERM": "xterm"}, ColourDepth.SIXTEEN, CellMode.HALF),
        ({"TERM": "linux"}, ColourDepth.SIXTEEN, CellMode.HALF),
        ({"TERM": "dumb"}, ColourDepth.MONO, CellMode.ASCII_MONO),
        ({"TERM": "vt220"}, ColourDepth.MONO, CellMode.ASCII_MONO),
        (
            {"TERM": "xterm-kitty", "COLORTERM": "truecolor", "NO_COLOR": "1"},
            ColourDepth.MONO,
            CellMode.HALF,
        ),
        (
            {"TERM": "xterm", "COLORTERM": "truecolor", "NO_COLOR": ""},
            ColourDepth.TRUE,
            CellMode.HALF,
        ),
        ({"TERM": "xterm-256color", "LC_ALL": "C"}, ColourDepth.INDEXED, CellMode.ASCII),
        ({"TERM": "xterm", "LC_ALL": "de_DE.ISO-8859-1"}, ColourDepth.SIXTEEN, CellMode.ASCII),
        (
            {"TERM": "xterm", "LC_ALL": "C", "NO_COLOR": "1"},
            ColourDepth.MONO,
            CellMode.ASCII_MONO,
        ),
    ],
)
def test_colours_and_mode(environ: dict[str, str], colour: ColourDepth, mode: CellMode) -> None:
    terminal = detect({**UTF8, **environ})
    assert terminal.colour is colour
    assert default_mode(terminal) is mode


def test_background_distance_and_multiplexer() -> None:
    assert detect({"COLORFGBG": "15;0"}).dark is True
    assert detect({"COLORFGBG": "0;default;15"}).dark is False
    assert detect({}).dark is None
    assert detect({"SSH_TTY": "/dev/pts/1"}).remote
    assert detect({"STY": "1.x"}).multiplexer
    assert not detect(UTF8).remote
