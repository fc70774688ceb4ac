"""What `join` makes of its words, before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engage_tui import settings
from engage_tui.cli import main
from engage_tui.engine.messages import Start
from engage_tui.plain import ndjson
from engage_tui.settings import Provenance
from engage_tui.wire.token import Grants, create_token


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Start]:
    starts: list[Start] = []

    def run(start: Start) -> int:
        starts.append(start)
        return 0

    monkeypatch.setattr(ndjson, "run", run)
    return starts


def join(started: list[Start], *words: str) -> Start:
    assert main.run(["join", *words, "--json"]) == 0
    return started[-1]


def test_line_mode_opens_nothing_that_was_not_named(started: list[Start]) -> None:
    start = join(started, "hall", "--name", "ada")
    assert (start.camera, start.microphone, start.screen, start.speaker) == ("off",) * 4
    assert (start.identity, start.room, start.lobby, start.required) == ("ada", "hall", False, "")
    assert (start.url, start.subscribe) == ("ws://127.0.0.1:7880", "microphone")


def test_the_identity_is_the_name_exactly(started: list[Start]) -> None:
    assert join(started, "hall", "--name", "Ada Löve 1").identity == "Ada Löve 1"
    login, _, digits = join(started, "hall").identity.rpartition("-")
    assert login
    assert len(digits) == 4


def test_what_was_named_is_required(started: list[Start], tmp_path: Path) -> None:
    clip = tmp_path / "clip.webm"
    clip.touch()
    start = join(
        started, "hall", "--camera", f"file:{clip}", "--microphone", "test", "--screen", "off"
    )
    assert start.required == "camera,microphone"
    assert start.camera == f"file:{clip}"


def test_flag_over_environment_over_default(
    started: list[Start], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = create_token("k", "s", Grants(room="attic", room_join=True), identity="eve")
    monkeypatch.setenv("LIVEKIT_URL", "wss://from.environment")
    monkeypatch.setenv("LIVEKIT_TOKEN", token)
    start = join(started)
    assert (start.url, start.room, start.identity) == ("wss://from.environment", "attic", "eve")
    assert join(started, "--url", "wss://from.flag").url == "wss://from.flag"
    assert settings.URL.resolve("x", {"LIVEKIT_URL": "y"}).provenance is Provenance.FLAG
    assert settings.URL.resolve(None, {"LIVEKIT_URL": "y"}).provenance is Provenance.ENVIRONMENT
    assert settings.URL.resolve(None, {}).provenance is Provenance.DEFAULT


@pytest.mark.parametrize(
    ("word", "taken"),
    [("none", "none"), ("all", "all"), ("camera, screen_share", "camera,screen_share")],
)
def test_subscribe(word: str, taken: str, started: list[Start]) -> None:
    assert join(started, "hall", "--subscribe", word).subscribe == taken


@pytest.mark.parametrize(
    "words",
    [
        ["hall", "--subscribe", "all,camera"],
        ["hall", "--subscribe", ""],
        ["hall", "--url", "ftp://x"],
        ["hall", "--key", "only"],
        ["hall", "--url", "wss://elsewhere.example"],
        ["hall", "--duration", "0"],
        ["hall", "--token", ""],
        [],
    ],
)
def test_usage_errors(words: list[str], started: list[Start], capfd: Any) -> None:
    assert main.run(["join", *words, "--json"]) == 2
    assert not started
    assert capfd.readouterr().err


def test_a_screen_needs_a_terminal(started: list[Start], capfd: Any) -> None:
    assert main.run(["join", "hall"]) == 2
    assert "terminal" in capfd.readouterr().err
