"""Certificates of servers: verified always, and what is wrong with one in words."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from functools import lru_cache

import aiohttp

from engage_tui.errors import ConnectError


def client_context() -> ssl.SSLContext:
    """Verifies certificates and names, by the system's authorities or those of ``SSL_CERT_FILE``, ``SSL_CERT_DIR``.

    Reading them takes some ten milliseconds the first time: call it on a thread.
    """
    return _context(os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))


@lru_cache(maxsize=2)
def _context(file: str, folder: str) -> ssl.SSLContext:
    del file, folder  # which `ssl` reads by itself
    return ssl.create_default_context()


def tls_error(place: str, error: BaseException) -> ConnectError | None:
    """The error in words if TLS was what failed, else None.

    Args:
        place: The server's address for people.
        error: What connecting raised.
    """
    for each in _causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            why = each.verify_message.rstrip(".")
            return ConnectError(
                f"The certificate of {place} cannot be trusted: {why}.",
                "Use the name that it was made for; SSL_CERT_FILE may name the file of an authority of your own.",
            )
        if isinstance(each, ssl.SSLError):
            return ConnectError(
                f"{place} does not speak TLS as it should ({each.reason or each}).",
                "If it has no certificate, its address begins with ws://.",
            )
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The errors that aiohttp wrapped, and from which each came; not aiohttp's own."""
    while error is not None:
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            yield error.certificate_error
        elif isinstance(error, aiohttp.ClientConnectorError):
            yield error.os_error
        else:
            yield error
        error = error.__cause__
