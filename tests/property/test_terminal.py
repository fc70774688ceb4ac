"""Terminals that answer nonsense: whatever they say, something is drawn, and keys stay keys."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engage_tui.render.cells import ColourDepth
from engage_tui.render.choice import NAMES, best, choose, options, working
from engage_tui.render.probe import LateAnswers, parse
from engage_tui.render.terminal import detect

numbers = st.integers(0, 10**8).map(lambda n: str(n).encode())
lies = st.one_of(
    st.binary(max_size=12),
    st.tuples(numbers, numbers).map(lambda n: b"\x1b[6;%s;%st" % n),
    st.tuples(numbers, numbers).map(lambda n: b"\x1b[4;%s;%st" % n),
    st.tuples(numbers, numbers).map(lambda n: b"\x1b[?1;%s;%sS" % n),
    st.lists(numbers, max_size=4).map(lambda n: b"\x1b[?%sc" % b";".join(n)),
    st.binary(max_size=20).map(lambda n: b"\x1bP>|%s\x1b\\" % n),
    st.binary(max_size=20).map(lambda n: b"\x1b_G%s\x1b\\" % n),
    st.binary(max_size=20).map(lambda n: b"\x1b]11;%s\x07" % n),
    st.sampled_from([b"\x1b", b"\x1b[", b"\x1b[?2026;1$y", b"\x1b_Gi=31;OK\x1b\\"]),
)
said = st.lists(lies, max_size=8).map(b"".join)
environs = st.fixed_dictionaries(
    {},
    optional={
        "TERM": st.sampled_from(["xterm", "xterm-256color", "dumb", "linux", "screen", "foot", ""]),
        "COLORTERM": st.sampled_from(["truecolor", "yes", ""]),
        "NO_COLOR": st.sampled_from(["1", ""]),
        "LC_ALL": st.sampled_from(["C", "C.UTF-8", "de_DE.ISO-8859-1"]),
        "TMUX": st.just("/tmp/x"),
        "SSH_TTY": st.just("/dev/pts/9"),
        "VTE_VERSION": st.sampled_from(["6203", "nonsense", "99999999999"]),
        "TERM_PROGRAM": st.sampled_from(["iTerm.app", "vscode", "Apple_Terminal"]),
        "COLORFGBG": st.sampled_from(["15;0", ";;;", "0;x"]),
    },
)


@settings(max_examples=150, deadline=None)
@given(said=said, environ=environs, size=st.tuples(st.integers(0, 300), st.integers(0, 100)))
def test_whatever_a_terminal_says_there_is_a_way_to_draw(
    said: bytes, environ: dict[str, str], size: tuple[int, int]
) -> None:
    terminal = detect(environ, parse(said, size))
    chosen = best(terminal)
    assert chosen.works
    assert chosen.mode in working(terminal)
    assert 1.2 <= terminal.aspect <= 3.5
    assert terminal.name.isprintable()
    if terminal.multiplexer or terminal.colour is ColourDepth.MONO:
        assert not any(mode.pixels for mode in working(terminal))
    if environ.get("NO_COLOR"):
        assert terminal.colour is ColourDepth.MONO
    for name in NAMES:
        assert choose(name, terminal).reason
    assert len(options(terminal)) == len(NAMES) - 1


@settings(max_examples=150, deadline=None)
@given(said=said, data=st.data())
def test_late_answers_are_cut_out_wherever_they_are_torn(said: bytes, data: st.DataObject) -> None:
    whole = said + b"\x1b[?62;4c" + b"xyz"
    late, kept, at = LateAnswers(), b"", 0
    while at < len(whole):
        step = data.draw(st.integers(1, len(whole) - at))
        kept += late.keep(whole[at : at + step])
        at += step
    assert late.done
    assert kept.endswith(b"xyz")
    if not parse(said).complete:  # else the first of two last answers counts
        assert b"\x1b[?62;4c" not in kept
