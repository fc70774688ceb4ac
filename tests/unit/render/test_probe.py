"""Asking a terminal: what is believed, how long is waited, and that nothing reaches the keyboard."""

from __future__ import annotations

import os
import pty
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from engage_tui.render import probe
from engage_tui.render.probe import LateAnswers, Probe, cell_of, parse

KITTY = (
    b"\x1b_Gi=31;OK\x1b\\\x1b]11;rgb:1010/1313/1717\x1b\\\x1b[?2026;2$y\x1b[6;17;7t\x1b[4;595;1197t"
    b"\x1bP>|kitty(0.26.5)\x1b\\\x1b[?62;c"
)
XTERM = b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?2026;0$y\x1bP>|XTerm(379)\x1b\\\x1b[?1;0;256S\x1b[?63;1;2;4;6;9;15c"

# The same xterm as it comes, without sixels: its refusal is shorter than an answer.
PLAIN = b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?2026;0$y\x1bP>|XTerm(379)\x1b\\\x1b[?1;3S\x1b[?64;1;2;6;9;15;28c"


@contextmanager
def terminal(answer: Callable[[bytes], bytes], delay: float = 0.0) -> Iterator[tuple[int, int]]:
    """A pseudo terminal whose other end answers what it is asked; yields its descriptor and the other end."""
    theirs, ours = pty.openpty()

    def live() -> None:
        asked = b""
        while not asked.endswith(b"\x1b[c"):
            asked += os.read(theirs, 1024)
        if delay:
            gone.wait(delay)
        os.write(theirs, answer(asked))

    gone = threading.Event()
    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield ours, theirs
    finally:
        gone.set()
        thread.join()
        os.close(ours)
        os.close(theirs)


def test_what_kitty_and_xterm_say() -> None:
    kitty, xterm = parse(KITTY), parse(XTERM)
    assert (kitty.name, kitty.kitty, kitty.sixel, kitty.sync) == (
        "kitty(0.26.5)",
        True,
        False,
        True,
    )
    assert (kitty.cell, kitty.background, kitty.complete) == ((7, 17), (16, 19, 23), True)
    assert (xterm.name, xterm.kitty, xterm.sixel, xterm.sync) == ("XTerm(379)", False, True, False)
    assert (xterm.cell, xterm.background, xterm.registers) == ((0, 0), (255, 255, 255), 256)
    assert kitty.typed == xterm.typed == b""


@pytest.mark.parametrize(
    ("said", "cell"),
    [
        (b"\x1b[4;595;1197t", (11, 24)),  # of the window
        (b"\x1b[6;0;0t", (0, 0)),
        (b"\x1b[6;9999999;7t", (0, 0)),
        (b"\x1b[6;17;7t\x1b[6;1;1t", (7, 17)),
        (b"\x1b[4;99999;99999t", (0, 0)),
    ],
)
def test_cells_that_cannot_be_are_not_believed(said: bytes, cell: tuple[int, int]) -> None:
    assert parse(said, (100, 24)).cell == cell


def test_pixels_of_a_window_with_a_border() -> None:
    assert cell_of(1204, 544, (150, 36)) == (8, 15)
    assert cell_of(0, 0, (80, 24)) == (0, 0)
    assert cell_of(100, 100, (0, 24)) == (0, 0)


def test_a_refusal_and_a_cut_off_answer_are_no_yes() -> None:
    assert not parse(b"\x1b_Gi=31;ENOTSUPPORTED\x1b\\\x1b[?62c").kitty
    assert not parse(b"\x1b_Gi=31;OK").kitty
    assert not parse(b"\x1b[?62;14;40c").sixel
    assert not parse(b"\x1b[?4c").sixel  # the first number is the terminal's class


def test_it_waits_no_longer_than_for_the_last_answer_and_puts_the_modes_back() -> None:
    with terminal(lambda _: KITTY) as (ours, _):
        before = termios.tcgetattr(ours)
        asking = Probe(ours, ours, 5.0)
        assert not termios.tcgetattr(ours)[3] & termios.ECHO
        answers = asking.finish()
        assert answers.kitty
        assert answers.seconds < 2.0
        assert termios.tcgetattr(ours) == before


def test_keys_typed_meanwhile_are_kept() -> None:
    with terminal(lambda _: b"m" + KITTY[:30] + KITTY[30:] + b"v") as (ours, _):
        answers = Probe(ours, ours, 5.0).finish()
    assert answers.kitty
    assert answers.typed == b"mv"


def test_a_mute_terminal_costs_its_patience_and_no_more() -> None:
    theirs, ours = pty.openpty()
    try:
        start = time.monotonic()
        answers = Probe(ours, ours, 0.05).finish()
        assert 0.05 <= time.monotonic() - start < 1.0
        assert answers.complete is False
        assert answers.cell == (0, 0)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_terminal_that_has_gone_is_no_error() -> None:
    theirs, ours = pty.openpty()
    os.close(theirs)
    try:
        assert Probe(ours, ours, 0.5).finish().complete is False
    finally:
        os.close(ours)


def test_nobody_is_asked_where_nobody_answers() -> None:
    for environ in ({}, {"TERM": "dumb"}, {"TERM": "linux"}, {"TERM": "screen", "STY": "1.x"}):
        assert probe.begin(environ) is None
    assert probe.begin({"TERM": "xterm"}) is None  # the test's own output is no terminal


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_late_answers_never_become_keys(size: int) -> None:
    late = LateAnswers()
    data = b"a" + KITTY + b"\x1b[?1;2c" + b"z\x1b[A"
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    kept = b"".join(late.keep(part) for part in parts)
    assert late.done
    assert (
        kept == b"a" + b"\x1b[?1;2c" + b"z\x1b[A"
    )  # what comes after the last answer is not looked at


def test_keys_pass_while_answers_are_late() -> None:
    late = LateAnswers()
    keys = b"q\x1b[A\x1b[1;2R\x1bOP\x1b[<0;3;4M"
    assert late.keep(keys) == keys
    assert late.keep(b"\x1b") == b""  # the beginning of an answer, or
    assert late.release() == b"\x1b"  # a key
    assert late.keep(b"\x1b_Gi=31") == b""
    assert late.release() == b""
    assert not late.done


@pytest.mark.parametrize("said", [KITTY, XTERM, PLAIN])
def test_nothing_that_a_terminal_says_counts_as_typed(said: bytes) -> None:
    assert parse(said).typed == b""
    assert LateAnswers().keep(said + b"?") == b"?"
