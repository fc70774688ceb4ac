"""Everything that can be asked for wrongly: one clear message, what to do, and the right exit code."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from engage_tui.wire.token import DEV_KEY, DEV_SECRET, Grants, create_token
from tests.integration.programs import Program, run_program, running
from tests.servers import free_ports

pytestmark = pytest.mark.timeout(200)

Case = tuple[int, tuple[str, ...], str]
"""An exit code, a command that ends with it, and what it says."""


@pytest.fixture(scope="module", autouse=True)
def patient() -> Iterator[Program]:
    """Somebody who joins a server that never answers, and waits while the other tests run."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        with running("join", "hall", "--json", "--url", address) as program:
            yield program


def token(*, secret: str = DEV_SECRET, ttl: float = 600, **grants: bool) -> str:
    wanted = Grants(**{"room": "hall", "room_join": True} | grants)  # type: ignore[arg-type]
    return create_token(DEV_KEY, secret, wanted, identity="ada", ttl=ttl)


def ended(*commands: tuple[str, ...]) -> list[CompletedProcess[str]]:
    """Run commands side by side until they end."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda command: run_program(*command), commands))


def refused(*cases: Case) -> list[str]:
    """Run commands that must fail side by side, and check how each tells; what they say on stdout."""
    return checked(cases, ended(*(command for _, command, _ in cases)))


def checked(cases: Sequence[Case], results: Sequence[CompletedProcess[str]]) -> list[str]:
    """Check how commands that must fail have told so; what they say on stdout."""
    for (code, arguments, says), result in zip(cases, results, strict=True):
        assert result.returncode == code, (arguments, result.stderr)
        assert says.lower() in result.stderr.lower()
        assert "Traceback" not in result.stderr
    return [result.stdout for result in results]


def test_words_that_cannot_be(tmp_path: Path) -> None:
    join = ("join", "hall", "--json")
    cellar = ("join", "cellar", "--json", "--token", token())
    said = refused(
        (2, (*join, "--url", "nonsense"), "not a server's address"),
        (2, (*join, "--url", "ws://192.0.2.1"), "no token"),
        (2, (*join, "--subscribe", "smell"), "smell"),
        (2, (*join, "--duration", "-1"), "duration"),
        (2, cellar, "does not allow the room cellar"),
        (2, ("join", "--json"), "no room"),
        (2, ("join", "hall"), "no terminal"),
        (2, ("demo",), "no terminal"),
        (2, ("jump",), "jump"),
        (6, (*join, "--camera", f"file:{tmp_path}/none.webm"), "none.webm"),
    )
    assert not any(said), "nothing is said on stdout before the join"


def test_no_server() -> None:
    away = f"ws://127.0.0.1:{free_ports(1)[0]}"
    (out,) = refused((3, ("join", "hall", "--json", "--url", away), "no server answers"))
    assert [json.loads(line) for line in out.splitlines()] == [
        {"event": "left", "reason": "error", "exit": 3}
    ]


def test_tokens_that_are_refused(served: str) -> None:
    join = ("join", "--json", "--url", served, "--token")
    refused(
        (4, (*join, token(secret="another-secret-of-thirty-two-bytes")), "token"),
        (4, (*join, token(ttl=-3600)), "expired"),
        (4, (*join, token(room_join=False)), "token"),
        (4, (*join, "nonsense"), "token"),
    )


def test_media_that_is_broken_or_absent(served: str, room_name: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.webm"
    broken.write_bytes(b"no media at all" * 100)
    join = ("join", room_name, "--json", "--url", served)
    cases: list[Case] = [
        (6, (*join, "--camera", f"file:{broken}"), "broken.webm"),
        (6, (*join, "--microphone", f"file:{broken}"), "broken.webm"),
        (5, (*join, "--camera", "no such camera"), "camera"),
    ]
    two = (*join, "--camera", f"file:{broken}", "--microphone", "no such microphone")
    *results, both = ended(*(command for _, command, _ in cases), two)
    checked(cases, results)
    assert both.returncode in (5, 6)
    assert "broken.webm" in both.stderr, "failures of both are told together"
    assert "microphone" in both.stderr.lower() or "PortAudio" in both.stderr


def test_a_token_that_may_not_publish_still_listens(served: str) -> None:
    mute = token(can_publish=False)
    with running(
        "join", "--json", "--url", served, "--token", mute, "--microphone", "test"
    ) as program:
        program.wait_event("joined")
        answer = program.do("set_microphone_enabled", value=True)
        assert "allow" in answer["error"]
        assert program.do("leave")["error"] is None
        assert program.end() == 0


def test_the_token_alone_on_stdout_opens_the_room(served: str) -> None:
    made = run_program(
        "create-token", "--key", DEV_KEY, "--secret", DEV_SECRET, "--room", "hall", "--participant", "eve"
    )  # fmt: skip
    assert made.returncode == 0
    words = ("--url", served, "--duration", "0.2", "--token", made.stdout.strip())
    result = run_program("join", "--json", *words)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.returncode, lines[0]["identity"], lines[0]["room"]) == (0, "eve", "hall")


def test_secrets_from_stdin_leave_the_commands_unread(served: str) -> None:
    with running(
        "join", "hall", "--json", "--url", served, "--key", DEV_KEY, "--secret", "-"
    ) as program:
        assert program.process.stdin is not None
        program.process.stdin.write(f"{DEV_SECRET}\n" + '{"id":5,"do":"leave"}\n')
        program.process.stdin.flush()
        assert program.wait_event("done", id=5)["error"] is None or program.end() == 0


def test_a_server_that_never_answers_is_given_up(patient: Program) -> None:
    assert patient.end() == 3
    assert "10 s" in patient.stderr
    assert "Traceback" not in patient.stderr
