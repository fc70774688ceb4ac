"""The top of the program: words and exit codes, and nothing imported that a command does not need."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from engage_tui.cli import main
from engage_tui.errors import AuthError, DeviceErrors, EngageError, MediaFileError, PortInUseError


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    @click.command()
    def broken() -> None:
        raise error

    monkeypatch.setattr(main.cli, "get_command", lambda *_: broken)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AuthError("The token is refused.", "Get another."), 4),
        (PortInUseError("The port is taken.", "Take another."), 6),
        (DeviceErrors([MediaFileError("One.", "A."), MediaFileError("Two.", "B.")]), 6),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_words_and_codes(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail_with(monkeypatch, error)
    assert main.run(["join"]) == code
    told = capsys.readouterr()
    assert told.out == ""
    if isinstance(error, EngageError):
        assert error.message in told.err
        assert error.hint in told.err


def test_a_bug_says_where_the_log_lies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engage_tui.log.setup", lambda *_, **__: None)
    fail_with(monkeypatch, RuntimeError("surprise"))
    assert main.run(["join"]) == 1
    told = capsys.readouterr().err
    assert "surprise" in told
    assert ".log" in told
    assert "Traceback" not in told


def test_wrong_words_are_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["jump"]) == 2
    assert main.run(["join", "--volume", "11"]) == 2
    assert "volume" in capsys.readouterr().err


def test_help_and_version_need_nothing_heavy() -> None:
    code = (
        "import sys; from engage_tui.cli.main import run; a = run(['--version']); b = run(['--help']);"
        "print(a, b, sorted(set(sys.modules) & {'numpy', 'av', 'aiortc', 'textual', 'aiohttp'}))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = told.stdout.splitlines()
    assert lines[0].startswith("engage-tui ")
    assert lines[-1] == "0 0 []"
    for command in ("join", "demo", "serve", "devices", "create-token"):
        assert any(line.strip().startswith(command) for line in lines), command
