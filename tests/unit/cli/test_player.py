"""A picture over a whole terminal."""

from __future__ import annotations

import os
from itertools import product

import av
import numpy as np
import pyte
import pytest
from click.testing import CliRunner

from engage_tui.cli.main import run
from engage_tui.cli.player import Player, Settings
from engage_tui.cli.view import view
from engage_tui.errors import MediaFileError, UsageError
from engage_tui.media.source import VideoFrame
from engage_tui.render.choice import VideoMode, next_mode, working
from engage_tui.render.terminal import Terminal
from tests.unit.render.decoders import is_whole


def frame(width: int = 64, height: int = 36) -> VideoFrame:
    """Red at the left, blue at the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 255
    pixels[:, width // 2 :, 2] = 255
    return VideoFrame(av.VideoFrame.from_ndarray(pixels, format="rgb24"), 0.0)


def screen(player: Player, picture: VideoFrame, size: tuple[int, int] = (40, 10)) -> pyte.Screen:
    """The terminal after a picture."""
    shown = pyte.Screen(*size)
    pyte.Stream(shown).feed(player.draw(picture, size))
    return shown


@pytest.mark.parametrize("mode", working(Terminal(sextants=True)))
def test_every_mode_covers_its_window_and_no_more(mode: VideoMode) -> None:
    player = Player(Terminal(sextants=True), Settings(mode, fill=True), 1)
    shown = screen(player, frame())
    if mode is not VideoMode.ASCII_MONO and mode is not VideoMode.BRAILLE:
        left, right = shown.buffer[4][2], shown.buffer[4][37]
        assert left.bg[:2] > "30"
        assert right.bg[4:] > "30"
        assert (left.bg[4:], right.bg[:2]) < ("30", "30")
    assert all(len(line) == 40 for line in shown.display)


def test_the_shape_is_kept_with_cells_of_any_shape() -> None:
    for cell, bars in (((8, 16), 0), ((8, 24), 6)):
        player = Player(Terminal(cell=cell), Settings(VideoMode.HALF), 1)
        shown = screen(player, frame(64, 32), (64, 16))
        black = [y for y in range(16) if shown.buffer[y][5].fg == shown.buffer[y][5].bg == "000000"]
        assert len(black) == pytest.approx(bars, abs=1)


def test_keys() -> None:
    terminal = Terminal()
    player = Player(terminal, Settings(VideoMode.HALF), 1)
    assert player.keys(b"fm\x1b[A")
    assert player.settings.fill
    assert player.settings.mirror
    mirrored = screen(player, frame())
    assert mirrored.buffer[4][2].bg == "0000fe" or mirrored.buffer[4][2].bg.startswith("0000")
    assert player.keys(b"a")
    assert player.settings.mode is next_mode(VideoMode.HALF, terminal)
    assert not player.keys(b"q")
    assert not player.keys(b"\x03")


@pytest.mark.parametrize("chosen", [b"", b"a"])
def test_answers_that_come_late_are_used_and_are_no_keys(
    chosen: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TMUX", "STY", "SSH_TTY", "SSH_CLIENT", "SSH_CONNECTION", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    player = Player(Terminal(), Settings(VideoMode.HALF), 1, late=True)
    assert player.keys(chosen)
    before = player.settings.mode
    assert player.keys(b"\x1bP>|aqfm(1)\x1b\\\x1b[6;16;8t\x1b[?62;")  # one answer in two parts
    assert player.keys(b"4cf")
    assert player.settings.fill
    assert not player.settings.mirror
    assert player.settings.mode is (before if chosen else VideoMode.SIXEL)
    assert not player.keys(b"q")


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 50), (200, 2)])
@pytest.mark.parametrize("shape", [(2, 2), (640, 2), (2, 480), (34, 18)])
def test_any_window_and_any_picture(size: tuple[int, int], shape: tuple[int, int]) -> None:
    for fill in (False, True):
        text = Player(Terminal(), Settings(VideoMode.HALF, fill), 1).draw(frame(*shape), size)
        assert text.count("H") >= size[1]
        assert is_whole(text)


@pytest.mark.parametrize("fill", [False, True])
def test_windows_frames_and_modes_that_change_leave_no_torn_sequence(fill: bool) -> None:
    terminal = Terminal(kitty=True, sixel=True, images=True, sextants=True, remote=True)
    player = Player(terminal, Settings(VideoMode.KITTY, fill), 1)
    nothing = VideoFrame(av.VideoFrame(), 0.0)
    windows = [(40, 10), (1, 1), (7, 3), (120, 2), (2, 40)]
    for window, mode in product(windows, working(terminal)):
        player.settings.mode = mode
        for picture in (frame(), frame(35, 61), frame(1, 1), nothing):
            assert is_whole(player.draw(picture, window))
    assert is_whole(player.clear())


def test_a_closed_terminal_is_told() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        with pytest.raises(BrokenPipeError):
            Player(Terminal(), Settings(VideoMode.HALF), write).show(frame(), (20, 5))
    finally:
        os.close(write)


def test_without_a_terminal_or_a_file_it_says_so() -> None:
    result = CliRunner().invoke(view, ["test"])
    assert isinstance(result.exception, UsageError)
    result = CliRunner().invoke(view, ["/no/such/file"])
    assert isinstance(result.exception, MediaFileError)
    assert run(["view", "test", "--video", "nonsense"]) == 2
