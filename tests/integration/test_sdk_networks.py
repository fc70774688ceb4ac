"""Encrypted signalling whose certificates are verified, and ways to a server that lead through a proxy."""

from __future__ import annotations

from pathlib import Path

import pytest

from engage_tui import ConnectError, RoomEvent, Space
from engage_tui.server.app import RunningServer
from tests.certificates import Authority
from tests.embedded import access_token, embedded_server
from tests.integration.test_sdk_rejoin import lose
from tests.proxies import connect_proxy
from tests.waiting import until


async def refused(server: RunningServer, host: str, words: str) -> ConnectError:
    """Join under another host name, which must fail for its certificate."""
    url = server.url.replace("127.0.0.1", host)
    async with Space() as space:
        room = space.join_room(url, access_token("ada"))
        with pytest.raises(ConnectError, match=words) as caught:
            await room.connected()
        with pytest.raises(ConnectError, match=words):
            await room.prepare_connection(url)
    assert caught.value.exit_code == 3
    assert "SSL_CERT_FILE" in caught.value.hint
    return caught.value


async def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, foreign = Authority(tmp_path), Authority(tmp_path, "Somebody else")
    cert, key = ours.certify("127.0.0.1")
    async with embedded_server(certificate=cert, certificate_key=key) as server:
        monkeypatch.setenv("SSL_CERT_FILE", ours.file)
        async with Space() as space:
            room = space.join_room(server.url, access_token("ada"))
            await room.connected()
            await room.prepare_connection()
        await refused(server, "localhost", "localhost.*cannot be trusted: .*not valid for")
        monkeypatch.setenv("SSL_CERT_FILE", foreign.file)
        await refused(server, "127.0.0.1", "cannot be trusted: unable to get local issuer")
    monkeypatch.setenv("SSL_CERT_FILE", ours.file)
    cert, key = ours.certify("127.0.0.1", expired=True)
    async with embedded_server(certificate=cert, certificate_key=key) as server:
        await refused(server, "127.0.0.1", "cannot be trusted: certificate has expired")
    async with embedded_server() as server:
        url = server.url.replace("ws://", "wss://")
        async with Space() as space:
            room = space.join_room(url, access_token("ada"))
            with pytest.raises(ConnectError, match="does not speak TLS") as caught:
                await room.connected()
        assert "ws://" in caught.value.hint


@pytest.mark.parametrize("secure", [False, True])
async def test_a_call_through_a_proxy(
    secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's name is one that only the proxy can resolve."""
    authority = Authority(tmp_path)
    cert, key = authority.certify("meet.test")
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    tls = {"certificate": cert, "certificate_key": key} if secure else {}
    async with embedded_server(**tls) as server, connect_proxy("ada", "secret") as proxy:
        monkeypatch.setenv(
            "HTTPS_PROXY" if secure else "HTTP_PROXY", f"http://ada:secret@127.0.0.1:{proxy.port}"
        )
        url = server.url.replace("127.0.0.1", "meet.test")
        async with Space() as space:
            room = space.join_room(url, access_token("ada"))
            await room.connected()
            assert proxy.asked == [url.partition("//")[2]]
            assert proxy.passed > 500
            await room.prepare_connection()
            before = len(proxy.asked)
            lose(room)
            await room.wait_for(RoomEvent.RECONNECTED)
            assert len(proxy.asked) > before, "a rejoin takes the same way"
            proxy.refuse = "HTTP/1.1 403 Not you"
            other = space.join_room(url, access_token("bob"))
            with pytest.raises(ConnectError, match="does not connect to meet.test.*403 Not you"):
                await other.connected()
            await until(lambda: other not in space.rooms)
