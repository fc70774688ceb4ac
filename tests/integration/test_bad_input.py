"""Everything that can be asked for wrongly: one clear message, what to do, and the right exit code."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_tui.wire.token import DEV_KEY, DEV_SECRET, Grants, create_token
from tests.integration.programs import run_program, running, serving
from tests.servers import free_ports

pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def url() -> Iterator[str]:
    with serving() as address:
        yield address


def token(*, secret: str = DEV_SECRET, ttl: float = 600, **grants: bool) -> str:
    wanted = Grants(**{"room": "hall", "room_join": True} | grants)  # type: ignore[arg-type]
    return create_token(DEV_KEY, secret, wanted, identity="ada", ttl=ttl)


def refused(code: int, *arguments: str, says: str) -> str:
    """Run a command that must fail, and check how it tells."""
    result = run_program(*arguments)
    assert result.returncode == code, result.stderr
    assert says.lower() in result.stderr.lower()
    assert "Traceback" not in result.stderr
    return result.stdout


def test_words_that_cannot_be(tmp_path: Path) -> None:
    join = ("join", "hall", "--json")
    refused(2, *join, "--url", "nonsense", says="not a server's address")
    refused(2, *join, "--url", "ws://192.0.2.1", says="no token")
    refused(2, *join, "--subscribe", "smell", says="smell")
    refused(2, *join, "--duration", "-1", says="duration")
    refused(
        2, "join", "cellar", "--json", "--token", token(), says="does not allow the room cellar"
    )
    refused(2, "join", "--json", says="no room")
    refused(2, "join", "hall", says="no terminal")
    refused(2, "demo", says="no terminal")
    refused(2, "jump", says="jump")
    missing = refused(6, *join, "--camera", f"file:{tmp_path}/none.webm", says="none.webm")
    assert missing == "", "nothing is said on stdout before the join"


def test_no_server(url: str) -> None:
    port = free_ports(1)[0]
    out = refused(
        3, "join", "hall", "--json", "--url", f"ws://127.0.0.1:{port}", says="no server answers"
    )
    assert [json.loads(line) for line in out.splitlines()] == [
        {"event": "left", "reason": "error", "exit": 3}
    ]
    taken = url.rpartition(":")[2]
    refused(6, "serve", "--port", taken, "--rtc-port", "0", says=taken)
    refused(2, "serve", "--bind", "0.0.0.0", "--port", "0", says="secret")


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        refused(3, "join", "hall", "--json", "--url", address, says="10 s")


def test_tokens_that_are_refused(url: str) -> None:
    join = ("join", "--json", "--url", url, "--token")
    refused(4, *join, token(secret="another-secret-of-thirty-two-bytes"), says="token")
    refused(4, *join, token(ttl=-3600), says="expired")
    refused(4, *join, token(room_join=False), says="token")
    refused(4, *join, "nonsense", says="token")


def test_media_that_is_broken_or_absent(url: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.webm"
    broken.write_bytes(b"no media at all" * 100)
    join = ("join", "hall", "--json", "--url", url)
    refused(6, *join, "--camera", f"file:{broken}", says="broken.webm")
    refused(6, *join, "--microphone", f"file:{broken}", says="broken.webm")
    refused(5, *join, "--camera", "no such camera", says="camera")
    both = run_program(*join, "--camera", f"file:{broken}", "--microphone", "no such microphone")
    assert both.returncode in (5, 6)
    assert "broken.webm" in both.stderr, "failures of both are told together"
    assert "microphone" in both.stderr.lower() or "PortAudio" in both.stderr


def test_a_token_that_may_not_publish_still_listens(url: str) -> None:
    mute = token(can_publish=False)
    with running(
        "join", "--json", "--url", url, "--token", mute, "--microphone", "test"
    ) as program:
        program.wait_event("joined")
        answer = program.do("set_microphone_enabled", value=True)
        assert "allow" in answer["error"]
        assert program.do("leave")["error"] is None
        assert program.end() == 0


def test_the_token_alone_on_stdout_opens_the_room(url: str) -> None:
    made = run_program(
        "create-token", "--key", DEV_KEY, "--secret", DEV_SECRET, "--room", "hall", "--participant", "eve"
    )  # fmt: skip
    assert made.returncode == 0
    words = ("--url", url, "--duration", "0.2", "--token", made.stdout.strip())
    result = run_program("join", "--json", *words)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.returncode, lines[0]["identity"], lines[0]["room"]) == (0, "eve", "hall")


def test_secrets_from_stdin_leave_the_commands_unread(url: str) -> None:
    with running(
        "join", "hall", "--json", "--url", url, "--key", DEV_KEY, "--secret", "-"
    ) as program:
        assert program.process.stdin is not None
        program.process.stdin.write(f"{DEV_SECRET}\n" + '{"id":5,"do":"leave"}\n')
        program.process.stdin.flush()
        assert program.wait_event("done", id=5)["error"] is None or program.end() == 0
