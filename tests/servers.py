"""The servers that tests join: ours inside the test, and a real livekit-server as a process."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engage_tui.wire.token import DEV_KEY, Grants, create_token
from tests.waiting import until_sync

LIVEKIT_VARIABLE = "ENGAGE_TUI_LIVEKIT_SERVER"
"""Names the livekit-server binary; without it the usual places are tried."""

_KERNELS_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")

_SECRET = "a-secret-for-tests-of-thirty-two-bytes"


@dataclass(frozen=True, slots=True)
class TestServer:
    """A running server.

    Attributes:
        kind: ``embedded`` or ``livekit``.
        url: ``ws://127.0.0.1:PORT``.
        pid: Of its process; 0 if it runs inside the test.
    """

    __test__ = False

    kind: str
    url: str
    key: str
    secret: str
    pid: int = 0

    @property
    def http_url(self) -> str:
        """The same address for plain HTTP."""
        return self.url.replace("ws://", "http://", 1)

    def token(
        self, identity: str, room: str = "hall", *, name: str = "", grants: Grants | None = None
    ) -> str:
        """An access token for `identity`; without `grants` it may join `room` and do everything in it."""
        wanted = grants or Grants(room=room, room_join=True)
        return create_token(self.key, self.secret, wanted, identity=identity, name=name)


def find_livekit_server() -> str | None:
    """The path of a livekit-server binary, if there is one on this machine."""
    if chosen := os.environ.get(LIVEKIT_VARIABLE):
        return chosen if Path(chosen).is_file() else None
    if found := shutil.which("livekit-server"):
        return found
    # `go install …/cmd/server` names the binary after its folder.
    built = Path.home() / "go" / "bin" / "server"
    return str(built) if built.is_file() else None


def free_ports(count: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """Ports that nobody uses, for programs that cannot choose one themselves.

    None of them is one that the kernel gives to sockets without a wish: such a port may be another's own end of a
    connection by the time the program listens, or while it is killed and started again.
    """
    told = _KERNELS_PORTS.read_text() if _KERNELS_PORTS.exists() else "32768 65535"
    first, last = (int(each) for each in told.split())
    ours = [each for each in range(10_000, 65_536) if not first <= each <= last]
    found: list[int] = []
    for port in random.sample(ours, len(ours)):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"fewer than {count} free ports")


def livekit_ports() -> tuple[int, int, int]:
    """Free ports for a livekit-server: signalling, media by TCP, media by UDP."""
    port, tcp = free_ports(2)
    return port, tcp, free_ports(1, socket.SOCK_DGRAM)[0]


@contextmanager
def run_livekit_server(
    binary: str,
    *,
    auto_create: bool = True,
    ports: tuple[int, int, int] | None = None,
    redis: str = "",
    keyframe_pause: str = "",
) -> Iterator[TestServer]:
    """Run a livekit-server on loopback; it has ended when the context is left.

    Args:
        binary: Its path.
        auto_create: Whether joining a room that does not exist makes it.
        ports: For signalling, media by TCP and media by UDP; free ones if None.
        redis: Address of the Redis by which it makes a cluster with others; empty: it stands alone.
        keyframe_pause: The least time between two keyframes that it asks of a layer, such as ``50ms``; empty: as it
            comes, a second for all but the smallest.

    Raises:
        AssertionError: It ended, or did not answer in time; with its last output.
    """
    port, tcp, udp = ports or livekit_ports()
    config: dict[str, Any] = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "keys": {DEV_KEY: _SECRET},
        "logging": {"level": "warn"},
        "room": {"auto_create": auto_create},
        "rtc": {
            "tcp_port": tcp,
            "udp_port": udp,
            "node_ip": "127.0.0.1",
            "use_external_ip": False,
            "enable_loopback_candidate": True,
        },
    }
    if keyframe_pause:
        config["rtc"]["pli_throttle"] = dict.fromkeys(
            ("low_quality", "mid_quality", "high_quality"), keyframe_pause
        )
    if redis:
        config["redis"] = {"address": redis}
    with tempfile.TemporaryFile("w+b") as output:
        process = subprocess.Popen(
            [binary, "--config-body", json.dumps(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        server = TestServer("livekit", f"ws://127.0.0.1:{port}", DEV_KEY, _SECRET, process.pid)
        try:
            until_sync(
                lambda: process.poll() is not None or answers(server.http_url), 20, "livekit-server"
            )
            if process.poll() is not None:
                output.seek(0)
                raise AssertionError(f"livekit-server ended: {output.read()[-2000:]!r}")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def run_redis() -> Iterator[str]:
    """Run a redis-server of our own on loopback, which writes nothing to the disk; its address.

    Raises:
        AssertionError: It ended, or did not answer in time; with its last output.
    """
    (port,) = free_ports(1)
    words = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with tempfile.TemporaryFile("w+b") as output:
        process = subprocess.Popen(
            ["redis-server", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        try:
            until_sync(lambda: process.poll() is not None or listens(), 20, "redis-server")
            if process.poll() is not None:
                output.seek(0)
                raise AssertionError(f"redis-server ended: {output.read()[-2000:]!r}")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def answers(url: str) -> bool:
    """Whether an HTTP server at `url` answers at all, whatever it says."""
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
