"""How a server is started: addresses, keys, limits."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engage_tui.errors import UsageError
from engage_tui.server.limits import Limits
from engage_tui.wire.token import DEV_KEY, DEV_SECRET


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How a server is started.

    Attributes:
        bind: Address to listen on, by TCP and UDP; ``0.0.0.0`` for all.
        port: Of HTTP and signalling; 0 takes a free one.
        rtc_port: The UDP port of all media, and the TCP port for those without UDP; 0 takes a free one.
        node_ips: Addresses of media that are announced before the machine's own, such as a router's.
        keys: API keys and their secrets.
        single_connection: Serve LiveKit's v1 path (`/rtc/v1`) too, not only v0.
        certificate: Path of a TLS certificate with its chain (PEM); empty serves without TLS.
        certificate_key: Path of its private key (PEM); empty takes it from the certificate's file.
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
    node_ips: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=lambda: {DEV_KEY: DEV_SECRET})
    single_connection: bool = True
    certificate: str = ""
    certificate_key: str = ""
    limits: Limits = Limits()
    webhook_urls: tuple[str, ...] = ()
    webhook_key: str = ""
    metrics: bool = True
    empty_timeout: int = 300
    departure_timeout: int = 20


def tls_context(config: ServerConfig) -> ssl.SSLContext | None:
    """What the TCP port needs to serve TLS; None without a certificate.

    Raises:
        UsageError: Certificate and key cannot be read, or do not belong together.
    """
    if not config.certificate:
        if config.certificate_key:
            raise UsageError("A TLS key needs its certificate.", "Name it with --cert.")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(config.certificate, config.certificate_key or None, _no_password)
    except FileNotFoundError as error:
        missing = next(
            p for p in (config.certificate, config.certificate_key) if p and not Path(p).is_file()
        )
        raise UsageError(f"There is no file {missing}.", "It is a PEM file.") from error
    except (OSError, _PasswordNeeded) as error:
        raise UsageError(
            f"The TLS certificate {config.certificate} cannot be used: {error}.",
            "--cert and --tls-key name PEM files that belong together, the key without a password.",
        ) from error
    return context


class _PasswordNeeded(Exception):
    """The private key is encrypted."""


def _no_password() -> str:
    raise _PasswordNeeded("its key has a password")  # OpenSSL would ask on the terminal
