"""What `doctor` says of a terminal."""

from __future__ import annotations

import json

from click.testing import CliRunner

from engage_tui.cli.doctor import _facts, _verdict, doctor
from engage_tui.render.choice import choose
from engage_tui.render.probe import Answers
from engage_tui.render.terminal import detect

ENVIRONMENT = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}


def test_it_says_what_was_found_and_what_follows() -> None:
    result = CliRunner().invoke(doctor, env=ENVIRONMENT)
    assert result.exit_code == 0, result.output
    assert "16 million" in result.output
    assert "not asked" in result.output  # the test's output is no terminal
    assert "Pictures are drawn as" in result.output
    assert "half" in result.output
    assert "camera library" in result.output


def test_json_has_the_same() -> None:
    result = CliRunner().invoke(doctor, ["--json", "--video", "ascii"], env=ENVIRONMENT)
    found = json.loads(result.output)
    assert found["video"]["mode"] == "ascii"
    assert found["terminal"]["colour"] == 1 << 24
    modes = {each["mode"]: each for each in found["modes"]}
    assert modes["half"]["works"]
    assert {each["name"] for each in found["needs"]} >= {"sound", "cameras", "camera library"}


def test_words_for_terminals_that_answer_and_that_do_not() -> None:
    said = Answers(complete=True, name="XTerm(379)", cell=(8, 16), seconds=0.004)
    facts = dict(_facts(detect(ENVIRONMENT, said), said))
    assert (facts["terminal"], facts["cell"]) == ("XTerm(379)", "8x16 pixels")
    assert facts["answered"] == "in 4 ms"
    mute = dict(_facts(detect(ENVIRONMENT), Answers(seconds=0.3)))
    assert mute["answered"] == "not within 300 ms"


def test_a_wish_that_may_not_work_is_told_so() -> None:
    terminal = detect({"TERM": "dumb"})
    assert "may not work" in _verdict("half", choose("half", terminal))
    assert "as you wish" in _verdict("ascii-mono", choose("ascii-mono", terminal))
    assert "anywhere" in _verdict("auto", choose("auto", terminal))
