"""The commands `serve` and `create-token` as a person calls them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from engage_tui.cli.create_token import parse_ttl
from engage_tui.errors import UsageError
from engage_tui.wire.token import Grants, create_token, verify_token
from tests.integration.signal_client import joining
from tests.waiting import until

COMMAND = [sys.executable, "-m", "engage_tui"]


@contextmanager
def serving(*options: str, stdin: str = "") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "serve", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], input=stdin, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_sends_everybody_a_leave_and_ends_well(number: signal.Signals) -> None:
    with serving("--port", "0", "--secret", "-", "--key", "k", "--json", stdin="s\n") as server:
        ready = json.loads(line(server))
        assert ready["event"] == "ready"
        assert ready["url"].startswith("ws://127.0.0.1:")
        assert 0 < ready["rtc_port"] != 7882
        token = create_token("k", "s", Grants(room="hall", room_join=True), identity="ada")
        async with joining(ready["url"], token) as ada:
            await ada.get("join")
            server.send_signal(number)
            leave = (await ada.get("leave")).leave
            assert leave.reason == 3  # SERVER_SHUTDOWN
            await until(lambda: server.poll() is not None)
        assert server.returncode == 0


@pytest.mark.parametrize(("flags", "status"), [((), 401), (("--no-v1",), 404)])
def test_the_ready_line_and_the_paths(flags: tuple[str, ...], status: int) -> None:
    with serving("--port", "0", "--rtc-port", "0", *flags) as server:
        words = line(server).split()
        assert words[0] == "ready"
        url = words[1].replace("ws://", "http://")
        for path, expected in (("/rtc/v1", status), ("/rtc", 401)):
            with pytest.raises(HTTPError) as refused:
                urlopen(url + path, timeout=5)
            assert refused.value.code == expected
            refused.value.close()


def test_a_port_in_use_says_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run("serve", "--port", port, "--rtc-port", "0")
    assert ended.returncode == 6
    assert f"TCP port {port} on 127.0.0.1 is in use" in ended.stderr
    assert "--port" in ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


def test_the_development_secret_does_not_leave_the_machine() -> None:
    ended = run("serve", "--bind", "0.0.0.0", "--port", "0")
    assert ended.returncode == 2
    assert "--secret" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_token_is_all_that_is_printed_and_allows_what_was_said() -> None:
    base = ("create-token", "--key", "k", "--secret", "s", "--room", "hall", "--participant", "ada")
    everything = run(*base)
    assert everything.returncode == 0
    assert everything.stdout.count("\n") == 1
    claims = verify_token(everything.stdout.strip(), {"k": "s"})
    assert (claims.identity, claims.grants.room) == ("ada", "hall")
    assert claims.grants.room_join
    assert claims.grants.room_list
    assert claims.grants.can_publish
    assert claims.grants.may_send_data
    assert claims.grants.can_subscribe
    less = run(*base, "--publish", "false", "--subscribe", "false", "--ttl", "90s")
    claims = verify_token(less.stdout.strip(), {"k": "s"})
    assert not claims.grants.can_publish
    assert not claims.grants.may_send_data
    assert not claims.grants.can_subscribe
    assert claims.grants.room_join


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("30m", 1800), ("6h", 21600), ("1h30m", 5400), ("2d", 172800)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_ttl(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-5m", "6 hours", "0", "1x"])
def test_no_durations(text: str) -> None:
    with pytest.raises(UsageError):
        parse_ttl(text)
