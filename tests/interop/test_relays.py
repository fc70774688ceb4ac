"""Networks on which the server's UDP port cannot be reached, or only by IPv6: real namespaces, real filters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engage_tui.wire.token import DEV_KEY, Grants, create_token
from tests.certificates import Authority
from tests.namespaces import SERVER, SERVER6, Cable, available, cable
from tests.require import need
from tests.servers import find_livekit_server
from tests.waiting import until_sync

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

SECRET = "a-secret-for-tests-of-thirty-two-bytes"
MEDIA = "udp dport 7882"
ALL_UDP = "meta l4proto udp"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cable, Authority]]:
    need(available(), "network namespaces and nft (Linux, as root)")
    authority = Authority(tmp_path_factory.mktemp("ca"))
    with cable() as both, livekit(both, authority):
        yield both, authority


@contextmanager
def livekit(both: Cable, authority: Authority) -> Iterator[None]:
    """A livekit-server with its own TURN, behind the cable."""
    binary = find_livekit_server()
    need(binary is not None, "livekit-server")
    cert, key = authority.certify(SERVER)
    config = {
        "port": 7880,
        "keys": {DEV_KEY: SECRET},
        "logging": {"level": "info"},
        "rtc": {
            "udp_port": 7882,
            "tcp_port": 7881,
            "use_external_ip": False,
            "node_ip": SERVER,
        },
        "turn": {
            "enabled": True,
            "domain": SERVER,
            "udp_port": 3478,
            "tls_port": 443,
            "cert_file": cert,
            "key_file": key,
            "relay_range_start": 20_000,
            "relay_range_end": 20_100,
            # As for any private address: it relays to public ones only, unless told otherwise.
            "allow_restricted_peer_cidrs": [f"{SERVER}/32"],
        },
    }
    with tempfile.TemporaryFile("w+b") as output:
        process = subprocess.Popen(
            both.command(both.server, str(binary), "--config-body", json.dumps(config)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        probe = both.command(both.client, "bash", "-c", f"exec 3<>/dev/tcp/{SERVER}/7880")
        try:
            until_sync(
                lambda: (
                    process.poll() is not None
                    or subprocess.run(probe, capture_output=True, check=False).returncode == 0
                ),
                20,
            )
            output.seek(0)
            assert process.poll() is None, output.read()[-3000:]
            yield
        finally:
            process.terminate()
            process.wait(10)


def call(both: Cable, authority: Authority, host: str = SERVER) -> dict[str, Any]:
    """Two of our clients on the far side; how their media went."""
    tokens = [
        create_token(DEV_KEY, SECRET, Grants(room="hall", room_join=True), identity=name)
        for name in ("ada", "bob")
    ]
    done = subprocess.run(
        both.command(
            both.client, sys.executable, "-m", "tests.interop.relayed", f"ws://{host}:7880", *tokens
        ),
        env=os.environ | {"SSL_CERT_FILE": authority.file},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(said)
    return said


@pytest.mark.parametrize(
    ("blocked", "relay"),
    [
        ((), ""),
        ((MEDIA,), f"turn:{SERVER}:3478/udp"),
        ((ALL_UDP,), f"turns:{SERVER}:443/tcp"),
    ],
    ids=["direct", "relayed by UDP", "relayed by TLS"],
)
def test_media_find_a_way(
    network: tuple[Cable, Authority], blocked: tuple[str, ...], relay: str
) -> None:
    both, authority = network
    both.block(*blocked)
    said = call(both, authority)
    assert "error" not in said, said
    assert (said["publisher"], said["subscriber"]) == (relay, relay)


def test_by_ipv6_alone(network: tuple[Cable, Authority]) -> None:
    both, authority = network
    both.block("meta nfproto ipv4")
    said = call(both, authority, f"[{SERVER6}]")
    assert "error" not in said, said
    assert (said["remote"], said["subscriber"]) == (SERVER6, "")


def test_without_any_way_it_is_said(network: tuple[Cable, Authority], tmp_path: Path) -> None:
    both, _ = network
    both.block(ALL_UDP)
    said = call(both, Authority(tmp_path, "Nobody's"))  # whose word for the relay is not believed
    assert "no answer to connectivity checks" in said["error"] or "failed" in said["error"], said
