"""What the environment says."""

from __future__ import annotations

import pytest

from engage_tui.render.cells import CellMode, ColourDepth
from engage_tui.render.choice import VideoMode, best, working
from engage_tui.render.probe import Answers
from engage_tui.render.terminal import default_mode, detect, learned, with_cell

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


@pytest.mark.parametrize(
    ("name", "environ", "auto"),
    [
        ("kitty(0.26.5)", {"TERM": "xterm-kitty"}, VideoMode.SEXTANT),
        ("XTerm(379)", {"TERM": "xterm-256color"}, VideoMode.HALF),
        ("tmux 3.3a", {"TERM": "tmux-256color", "TMUX": "/x"}, VideoMode.HALF),
        ("VTE(6003)", {"TERM": "xterm-256color"}, VideoMode.QUADRANT),
        ("VTE(7203)", {"TERM": "xterm-256color"}, VideoMode.SEXTANT),
        ("", {"TERM": "xterm-256color", "VTE_VERSION": "7203"}, VideoMode.SEXTANT),
        ("", {"TERM": "xterm-256color", "VTE_VERSION": "7203", "TMUX": "/x"}, VideoMode.HALF),
        ("", {"TERM": "xterm-256color", "WT_SESSION": "1"}, VideoMode.SEXTANT),
        ("", {"TERM": "xterm"}, VideoMode.HALF),
        ("", {"TERM": "linux"}, VideoMode.HALF),
        ("", {"TERM": "xterm-256color", "NO_COLOR": "1"}, VideoMode.HALF),
        ("", {"TERM": "dumb"}, VideoMode.ASCII_MONO),
        ("", {"TERM": "xterm-256color", "LC_ALL": "C"}, VideoMode.ASCII),
    ],
)
def test_the_mode_that_is_taken_without_a_wish(
    name: str, environ: dict[str, str], auto: VideoMode
) -> None:
    terminal = detect({**UTF8, **environ}, Answers(complete=bool(name), name=name))
    assert best(terminal).mode is auto


def test_pixels_only_where_they_can_go() -> None:
    said = Answers(complete=True, sixel=True, kitty=True, cell=(8, 16))
    local = {**UTF8, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    assert best(detect(local, said)).mode is VideoMode.KITTY
    assert best(detect(local, Answers(complete=True, sixel=True, cell=(8, 16)))).mode is (
        VideoMode.SIXEL
    )
    item = detect(
        {**local, "TERM_PROGRAM": "iTerm.app"}, Answers(complete=True, sixel=True, cell=(8, 16))
    )
    assert best(item).mode is VideoMode.ITERM2
    remote = detect({**local, "SSH_TTY": "/dev/pts/1"}, said)
    assert best(remote).mode is VideoMode.HALF
    assert VideoMode.SIXEL in working(remote)
    for lacking in ({"TMUX": "/x"}, {"NO_COLOR": "1"}):
        assert not any(mode.pixels for mode in working(detect({**local, **lacking}, said)))
    assert not any(
        mode.pixels for mode in working(detect(local, Answers(complete=True, sixel=True)))
    )


def test_late_answers_add_to_what_came_in_time() -> None:
    light = Answers(background=(255, 255, 255), sixel=True, registers=256, cell=(8, 16))
    before = detect({"TERM": "xterm-256color"}, light)
    after = learned(before, Answers(complete=True, name="XTerm(390)"))
    assert (after.dark, after.sixel, after.registers, after.cell) == (False, True, 256, (8, 16))
    assert (after.answered, after.name) == (True, "XTerm(390)")
    assert learned(before, Answers(background=(0, 0, 0))).dark is True


def test_names_and_background_that_the_terminal_tells_go_before_the_environment() -> None:
    terminal = detect(
        {**UTF8, "TERM": "xterm", "COLORFGBG": "15;0"},
        Answers(complete=True, name="XTerm(379)", background=(255, 255, 240), cell=(9, 18)),
        (8, 20),
    )
    assert terminal.colour is ColourDepth.TRUE
    assert terminal.dark is False
    assert terminal.cell == (8, 20)
    assert terminal.aspect == 2.5
    assert with_cell(terminal, (0, 0)) is terminal
    assert with_cell(terminal, (4, 40)).aspect == 2.0  # that cannot be
