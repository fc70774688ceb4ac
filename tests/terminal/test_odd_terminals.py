"""Terminals that answer nothing, late, or lies, that change under a picture, or go: nothing torn, nothing left."""

from __future__ import annotations

import time

import pytest

from tests.bench.reader import Reader
from tests.unit.render.decoders import is_whole

pytestmark = [pytest.mark.terminal, pytest.mark.timeout(240)]

CALL = ["tests.bench.keys_app", "auto", "-"]
SLOW = 70.0
LIES = {
    b"\x1b[c": b"\x1b[?62;4;22c\x1b[0n\x1b[3n",
    b"\x1b[16t": b"\x1b[6;99999;0t",
    b"a=q": b"\x1b_Gi=31;OK\x1b\\\x1b[0n\x1b[0",  # and the rest of it later
    b"\x1b[5n": b"n\x1b[0n\x1b[0n\x1b[999n\x1b[0n",
    b"\x1b[>q": b"\x1bP>|" + b"x" * 300 + b"\x1b\\",
}


_LEGAL = ("\r", "\n", "\x1b7", "\x1b8", "\x1b]11;?\x1b\\")


def whole(text: str) -> bool:
    """Whether no sequence is torn: `is_whole`, and the few short ones that it does not know."""
    for each in _LEGAL:
        text = text.replace(each, "")
    return is_whole(text)


def start(reader: Reader) -> None:
    """Wait for the call and some pictures."""
    reader.output = []
    reader.until(b"MIC ON", SLOW)
    before = reader.read
    end = time.monotonic() + SLOW
    while reader.read < before + 20_000:  # a slow terminal gets few
        reader.step()
        assert time.monotonic() < end, reader.tail[-300:]


def leave(reader: Reader) -> str:
    """Leave the call; everything that was written."""
    reader.type(b"q")
    end = time.monotonic() + SLOW
    while reader.process.poll() is None:
        reader.step()
        assert time.monotonic() < end, reader.tail[-300:]
    while reader.step(0.01):
        pass
    assert reader.process.returncode == 0
    assert reader.restored
    text = b"".join(reader.output or ()).decode()
    assert "Traceback" not in text
    assert text.rfind("\x1b[?1049l") > text.rfind("\x1b[?1049h")
    return text


def test_a_mute_terminal_and_a_window_that_is_pulled_to_nothing_and_back() -> None:
    with Reader(CALL, (100, 30), answers={}) as reader:
        start(reader)
        for size in ((1, 1), (2, 60), (160, 3), (61, 15), (170, 50), (100, 30)):
            reader.resize(*size)
            reader.drain(0.15)
        assert whole(leave(reader))


def test_a_liar_gets_pixels_taken_down_and_types_no_keys() -> None:
    with Reader(CALL, (100, 30), answers=LIES, cell=(8, 16)) as reader:
        start(reader)
        reader.drain(0.5)
        text = leave(reader)
        assert whole(text)
        assert "a=T" in text
        assert text.rfind("a=d") > text.rfind("a=T")
        assert text.rfind("a=d") < text.rfind("\x1b[?1049l")


def test_answers_that_come_late_are_used_and_are_no_keys() -> None:
    late = {b"\x1b[?1049h": b"\x1b[?62;4c"}  # when the app begins, nobody waits any more
    with Reader(CALL, (100, 30), answers=late, cell=(8, 16)) as reader:
        start(reader)
        reader.until(b"\x1bP0;1;0q", SLOW)
        text = leave(reader)
        assert whole(text)


def test_a_window_that_closes_in_the_middle_of_a_picture() -> None:
    with Reader(CALL, (100, 30)) as reader:
        start(reader)
        reader.close()
        assert reader.process.wait(SLOW) is not None  # it ends; nobody is left to be told how
