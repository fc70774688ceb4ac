"""How a server is started: addresses, keys, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engage_tui.server.limits import Limits
from engage_tui.wire.token import DEV_KEY, DEV_SECRET


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How a server is started.

    Attributes:
        bind: Address to listen on, by TCP and UDP; ``0.0.0.0`` for all.
        port: Of HTTP and signalling; 0 takes a free one.
        rtc_port: The UDP port of all media; 0 takes a free one.
        keys: API keys and their secrets.
        single_connection: Serve LiveKit's v1 path (`/rtc/v1`) too, not only v0.
        limits: Where the server ends, and what one client may ask of it.
        webhook_urls: Where events are posted.
        webhook_key: The API key that signs them; empty takes the first of `keys`.
        metrics: Serve ``/metrics`` to whoever asks; it names nobody.
        empty_timeout: Seconds that a room waits for its first participant, unless its maker says otherwise.
        departure_timeout: Seconds that a room stays after its last participant.
    """

    bind: str = "127.0.0.1"
    port: int = 7880
    rtc_port: int = 7882
    keys: Mapping[str, str] = field(default_factory=lambda: {DEV_KEY: DEV_SECRET})
    single_connection: bool = True
    limits: Limits = Limits()
    webhook_urls: tuple[str, ...] = ()
    webhook_key: str = ""
    metrics: bool = True
    empty_timeout: int = 300
    departure_timeout: int = 20
