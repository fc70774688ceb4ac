"""Networks on which the server's UDP port cannot be reached, or only by IPv6: real namespaces, real filters."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tests.interop.far_server import livekit, running, token
from tests.namespaces import SERVER, SERVER6, Cable, available, cable, said_by
from tests.require import need

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

COTURN = shutil.which("turnserver")
RELAY_SECRET = "shared by the room server and the relay"
MEDIA = "udp dport 7882"
ALL_UDP = "meta l4proto udp"
BY_TLS, BY_TCP = "tcp dport 443", "tcp dport 3479"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cable, Authority]]:
    need(available(), "network namespaces and nft (Linux, as root)")
    authority = Authority(tmp_path_factory.mktemp("ca"))
    cert, key = authority.certify(SERVER)
    turn = {
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
    }
    other = {"host": SERVER, "port": 3479, "protocol": "tcp", "secret": RELAY_SECRET}
    with cable() as both, coturn(both), livekit(both, turn=turn, relays=[other]):
        yield both, authority


@contextmanager
def coturn(both: Cable) -> Iterator[None]:
    """A relay of its own, which takes TCP alone and knows people by the secret that the room server has too.

    Where it is not installed the room server names it in vain.
    """
    if COTURN is None:
        yield
        return
    with tempfile.TemporaryDirectory() as place:
        options = {
            "listening-ip": SERVER,
            "listening-port": "3479",
            "relay-ip": SERVER,
            "min-port": "20200",
            "max-port": "20300",
            "realm": "test",
            "static-auth-secret": RELAY_SECRET,
            "userdb": f"{place}/users",
            "pidfile": f"{place}/pid",
            "log-file": "stdout",
        }
        flags = ("-n", "--use-auth-secret", "--no-udp", "--no-tls", "--no-dtls", "--no-cli")
        words = [f"--{name}={value}" for name, value in options.items()]
        with running(both, 3479, COTURN, *flags, *words):
            yield


def call(both: Cable, authority: Authority, host: str = SERVER) -> dict[str, Any]:
    """Two of our clients on the far side; how their media went."""
    tokens = [token(name) for name in ("ada", "bob")]
    words = (sys.executable, "-m", "tests.interop.relayed", f"ws://{host}:7880", *tokens)
    return said_by(both.command(both.client, *words), timeout=60, SSL_CERT_FILE=authority.file)


@pytest.mark.parametrize(
    ("blocked", "relay"),
    [
        ((), ""),
        ((MEDIA, BY_TLS, BY_TCP), f"turn:{SERVER}:3478/udp"),
        ((ALL_UDP, BY_TCP), f"turns:{SERVER}:443/tcp"),
        ((ALL_UDP, BY_TLS), f"turn:{SERVER}:3479/tcp"),
    ],
    ids=["direct", "relayed by UDP", "relayed by TLS", "relayed by TCP"],
)
def test_media_find_a_way(
    network: tuple[Cable, Authority], blocked: tuple[str, ...], relay: str
) -> None:
    need(COTURN is not None or "3479" not in relay, "turnserver (Debian's coturn)")
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
    both.block(ALL_UDP, BY_TCP)
    said = call(both, Authority(tmp_path, "Nobody's"))  # whose word for the relay is not believed
    assert "no answer to connectivity checks" in said["error"] or "failed" in said["error"], said
