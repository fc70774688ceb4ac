"""TURN servers as a join response names them (RFC 7065), for lines on which no UDP reaches the server itself."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from livekit.protocol import rtc

_log = logging.getLogger(__name__)

MAX_SERVERS = 6
"""TURN servers that are tried; a server may not make us knock on more doors."""

_ADDRESS = re.compile(
    r"(?P<scheme>turns?):(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^\s:/?\[\]@]+))(?::(?P<port>\d{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?"
)


@dataclass(frozen=True, slots=True)
class TurnServer:
    """One way to a relay.

    Attributes:
        transport: ``udp`` or ``tcp``: how we speak to it; what it relays is UDP.
        secure: TLS below it; the certificate is verified.
        password: Not shown.
    """

    host: str
    port: int
    transport: str = "udp"
    secure: bool = False
    username: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        """Like ``turns:host:443/tcp``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"turn{'s' * self.secure}:{host}:{self.port}/{self.transport}"


def turn_servers(named: Iterable[rtc.ICEServer]) -> list[TurnServer]:
    """What we can use of `named`, each once and in its order; STUN servers and TURN over DTLS are left out."""
    servers: dict[TurnServer, None] = {}
    for each in named:
        for url in each.urls:
            server = _parse(url, each.username, each.credential)
            if server is not None:
                servers[server] = None
    return list(servers)[:MAX_SERVERS]


def _parse(url: str, username: str, password: str) -> TurnServer | None:
    found = _ADDRESS.fullmatch(url)
    if found is None:
        if not url.startswith(("stun:", "stuns:")):
            _log.warning("a TURN server's address that is none: %.80r", url)
        return None
    secure = found["scheme"] == "turns"
    transport = found["transport"] or ("tcp" if secure else "udp")
    port = int(found["port"] or (5349 if secure else 3478))
    if not 0 < port < 65536 or (secure and transport == "udp"):
        return None
    host = found["host"] or found["v6"]
    return TurnServer(host, port, transport, secure, username, password)
