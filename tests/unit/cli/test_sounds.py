"""``--bed`` and ``--sound``: what they mean, and that wrong ones end with 2 before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from engage_tui.cli import main
from engage_tui.cli.sounds import wanted
from engage_tui.engine.messages import SoundStart
from engage_tui.engine.sounds import MOST
from engage_tui.errors import UsageError
from tests.wave_file import tone


def test_files_and_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bed, bird = tone(tmp_path / "sea.wav", 6), tone(tmp_path / "bird@home.wav")
    monkeypatch.chdir(tmp_path)
    found = wanted(["sea.wav"], ["bird@home.wav@-1,2.5", f"{bird}@0,1,2"])
    assert found == (
        SoundStart(bed),
        SoundStart(bird, (-1.0, 2.5, 0.0)),
        SoundStart(bird, (0.0, 1.0, 2.0)),
    )
    assert wanted([], []) == ()
    with pytest.raises(UsageError, match="at a time"):
        wanted([bed] * (MOST + 1), [])


def test_wrong_ones_end_with_2_and_say_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mono, three = tone(tmp_path / "mono.wav"), tone(tmp_path / "three.wav", 3)
    quad = tone(tmp_path / "quad.wav", 4)
    odd = tmp_path / "odd.wav"
    odd.write_bytes(b"RIFF, or not")
    for option, value, reason in (
        ("--bed", str(tmp_path / "absent.wav"), "There is no file"),
        ("--bed", str(tmp_path), "There is no file"),
        ("--bed", str(odd), "cannot be played"),
        ("--bed", three, "3 channels; a bed takes"),
        ("--sound", f"{quad}@1,1", "4 channels; a sound with a place"),
        ("--sound", mono, "does not know where"),
        ("--sound", f"{mono}@1", "does not know where"),
        ("--sound", f"{mono}@1,two", "does not know where"),
        ("--sound", f"{mono}@1,2,3,4", "does not know where"),
        ("--sound", "@1,2", "does not know where"),
        ("--sound", f"{mono}@nan,2", "too far"),
        ("--sound", f"{mono}@1,-1e9", "too far"),
    ):
        assert main.run(["join", "hall", "--json", option, value]) == 2, value
        assert reason in capsys.readouterr().err
