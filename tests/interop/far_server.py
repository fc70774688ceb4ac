"""Programs on the server's side of a cable, a livekit-server first of all, and tokens for it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from engage_tui.wire.token import DEV_KEY, Grants, create_token
from tests.namespaces import SERVER, Cable
from tests.require import need
from tests.servers import find_livekit_server
from tests.waiting import until_sync

URL = f"ws://{SERVER}:7880"
_SECRET = "a-secret-for-tests-of-thirty-two-bytes"


def token(identity: str) -> str:
    """What lets somebody into the room ``hall``."""
    return create_token(DEV_KEY, _SECRET, Grants(room="hall", room_join=True), identity=identity)


@contextmanager
def running(both: Cable, port: int, *words: str, host: str = SERVER) -> Iterator[None]:
    """A program on the server's side, from when it takes connections there until the context is left."""
    probe = both.command(both.client, "bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}")
    with tempfile.TemporaryFile("w+b") as output:
        process = subprocess.Popen(
            both.command(both.server, *words),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
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
            process.kill()  # asked nicely, a livekit-server waits for everybody to leave
            process.wait(10)


@contextmanager
def livekit(
    both: Cable, *, turn: dict[str, Any] | None = None, relays: Sequence[dict[str, Any]] = ()
) -> Iterator[None]:
    """A livekit-server at `URL`, media by UDP on 7882 and by TCP on 7881.

    Args:
        both: The two sides.
        turn: Settings of its own relay; None: without one.
        relays: Others that it names to clients.
    """
    binary = find_livekit_server()
    need(binary is not None, "livekit-server")
    config: dict[str, Any] = {
        "port": 7880,
        "keys": {DEV_KEY: _SECRET},
        "logging": {"level": "info"},
        "rtc": {
            "udp_port": 7882,
            "tcp_port": 7881,
            "use_external_ip": False,
            "node_ip": SERVER,
            "turn_servers": list(relays),
        },
    }
    if turn is not None:
        config["turn"] = turn
    with running(both, 7880, str(binary), "--config-body", json.dumps(config)):
        yield


@contextmanager
def engage(both: Cable, host: str = SERVER) -> Iterator[None]:
    """Our own server on the same side, on that address: signalling on 7880, media by UDP and TCP on 7882."""
    where = ("--bind", host, "--port", "7880", "--rtc-port", "7882")
    keys = ("--key", DEV_KEY, "--secret", _SECRET)
    command = (sys.executable, "-m", "engage_tui", "serve", *where, *keys)
    with running(both, 7880, *command, host=host):
        yield
