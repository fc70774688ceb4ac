"""Where the server ends, TLS, and the table of rooms and people."""

from __future__ import annotations

import json
import os
import pty
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import ClientConnectorCertificateError, ClientSession
from livekit.protocol import models, rtc
from rich.console import Console

from engage_tui import RefusedError, RoomOptions, Space
from engage_tui.cli.watch import rooms_table
from engage_tui.errors import UsageError
from engage_tui.server.app import RunningServer
from engage_tui.server.limits import Limits
from tests.certificates import Authority
from tests.embedded import access_token, embedded_server
from tests.integration.programs import run_program
from tests.integration.signal_client import signalling
from tests.waiting import until


def add_video(cid: str) -> rtc.SignalRequest:
    return rtc.SignalRequest(add_track=rtc.AddTrackRequest(cid=cid, type=models.TrackType.VIDEO))


async def test_a_full_server_is_one_message_and_a_refusal() -> None:
    limits = Limits(participants=1)
    async with (
        embedded_server(limits=limits) as server,
        signalling(server) as ada,
        Space() as space,
    ):
        await ada.get("join")
        room = space.join_room(server.url, access_token("bob"), RoomOptions())
        with pytest.raises(RefusedError, match="limit of 1 participants") as refused:
            await room.connected()
        assert refused.value.exit_code == 4
        assert refused.value.hint


async def test_a_room_may_be_smaller_than_the_server() -> None:
    async with embedded_server() as server:
        server.open_room("hall").info.max_participants = 1
        async with signalling(server), ClientSession() as http:
            url = f"{server.http_url}/rtc/validate"
            async with http.get(url, params={"access_token": access_token("bob")}) as answer:
                assert (answer.status, await answer.text()) == (
                    503,
                    "room has exceeded its limit of 1 participants",
                )
            elsewhere = access_token("bob", "other")
            async with http.get(url, params={"access_token": elsewhere}) as answer:
                assert answer.status == 200


async def test_one_video_too_many_is_refused_in_words() -> None:
    limits = Limits(video_tracks=1)
    async with (
        embedded_server(limits=limits) as server,
        signalling(server, "ada") as ada,
        signalling(server, "bob") as bob,
    ):
        await ada.send(add_video("v"))
        await ada.get("track_published")
        await ada.send(add_video("v"))  # the same again is no further one
        await until(lambda: len(ada.all("track_published")) == 2)
        await bob.send(add_video("v"))
        answer = (await bob.get("request_response")).request_response
        assert answer.reason == rtc.RequestResponse.LIMIT_EXCEEDED
        assert "1 videos" in answer.message
        await ada.send(rtc.SignalRequest(leave=rtc.LeaveRequest()))
        await until(lambda: ada.closed is not None)
        await bob.send(add_video("v"))
        await bob.get("track_published")


async def test_a_flood_of_messages_waits_in_its_client() -> None:
    limits = Limits(messages_per_second=60)
    async with (
        embedded_server(limits=limits) as server,
        signalling(server, "ada") as ada,
        signalling(server, "bob") as bob,
    ):
        for number in range(120):
            await ada.send(rtc.SignalRequest(ping=number))
        await bob.alive()
        assert len(ada.all("pong")) < 120
        await until(lambda: len(ada.all("pong")) == 120, 10)


async def test_a_message_over_the_limit_ends_its_session_only() -> None:
    limits = Limits(message_bytes=4096)
    async with (
        embedded_server(limits=limits) as server,
        signalling(server, "ada") as ada,
        signalling(server, "bob") as bob,
    ):
        await ada.socket.send_bytes(bytes(5000))
        await until(lambda: ada.closed == 1009)
        await bob.alive()


# -- TLS


async def test_a_client_that_verifies_joins_by_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.certify("127.0.0.1")
    async with embedded_server(certificate=cert, certificate_key=key) as server:
        assert server.url.startswith("wss://127.0.0.1:")
        headers = {"Authorization": f"Bearer {access_token('ada')}"}
        trusting = ssl.create_default_context(cafile=authority.file)
        async with ClientSession(headers=headers) as http:
            async with http.ws_connect(f"{server.url}/rtc", ssl=trusting) as socket:
                first = rtc.SignalResponse.FromString(await socket.receive_bytes())
                assert first.join.participant.identity == "ada"
            with pytest.raises(ClientConnectorCertificateError):
                await http.get(f"{server.http_url}/")


async def test_tls_files_that_are_no_good(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.certify("127.0.0.1")
    _, foreign = authority.certify("localhost")
    for changes, words in (
        ({"certificate": "/none.pem"}, "/none.pem"),
        ({"certificate": cert, "certificate_key": foreign}, "cannot be used"),
        ({"certificate": cert, "certificate_key": cert}, "cannot be used"),
        ({"certificate_key": key}, "needs its certificate"),
    ):
        with pytest.raises(UsageError, match=words):
            async with embedded_server(**changes):
                pass


# -- the table, and the command


def drawn(server: RunningServer) -> str:
    console = Console(width=120, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(rooms_table(server))
    console.file.close()
    return console.export_text()


async def test_the_table_shows_who_is_here_and_obeys_no_stranger() -> None:
    async with embedded_server() as server:
        assert "nobody is here" in drawn(server)
        token = access_token("bad\x1b[2Jguy[red]")
        async with signalling(server, token=token) as guest:
            await guest.get("join")
            table = drawn(server)
            assert "1 of 25 people" in table
            assert "hall" in table
            assert "bad\N{REPLACEMENT CHARACTER}[2Jguy[red]" in table
            assert "\x1b" not in table


def test_the_table_in_a_terminal_and_a_clean_end() -> None:
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "engage_tui", "serve", "--port", "0", "--watch"],
        stdin=subprocess.DEVNULL,
        stdout=inside,
        stderr=subprocess.PIPE,
    )
    os.close(inside)
    seen = b""
    try:
        while b"nobody is here" not in seen:
            seen += os.read(terminal, 4096)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
        assert process.stderr is not None
        process.stderr.close()
    assert seen.startswith(b"ready ws://127.0.0.1:")


def test_no_table_without_a_terminal() -> None:
    ended = run_program("serve", "--watch", "--port", "0")
    assert ended.returncode == 2
    assert "terminal" in ended.stderr


def test_the_file_is_read_by_the_command_and_flags_win(tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text('port = 1\nlog_format = "json"\n[keys]\nmine = "a-secret-of-the-file"\n')
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "engage_tui",
            "serve",
            "--config",
            str(path),
            "--port",
            "0",
            "--json",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "ready"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    entries = [json.loads(line) for line in errors.splitlines()]
    assert entries[0]["message"] == "serve starts"
    assert {"time", "level", "logger", "process"} <= entries[0].keys()
    assert "a-secret" not in errors
    path.write_text("[limits]\nparticpants = 1\n")
    ended = run_program("serve", "--config", str(path))
    assert ended.returncode == 2
    assert f"{path}, line 2" in ended.stderr.replace("\n", "")
