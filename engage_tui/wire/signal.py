"""Signalling as both ends speak it: addresses, query parameters, identifiers. Frames are protobuf messages.

One `SignalRequest` (up) or `SignalResponse` (down) a binary WebSocket frame; classes from ``livekit.protocol.rtc``.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from engage_tui.errors import UsageError

PROTOCOL = 16
"""The signalling protocol version that we speak (reply to metadata requests from 15 on)."""

MAX_FRAME = 2 * 1024 * 1024
"""Bytes of the largest signalling frame, as in livekit-server."""

ROOM_NOT_FOUND = "requested room does not exist"
"""The exact body by which LiveKit's clients tell a missing room from a missing service."""

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


def sid(prefix: str) -> str:
    """A fresh server-made identifier: ``RM_``, ``PA_``, ``TR_``, … and twelve characters."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(12))


@dataclass(frozen=True, slots=True)
class SignalOptions:
    """What a client says of itself in the address.

    Attributes:
        reconnect_sid: The participant SID to resume; empty for a new session.
        single: One connection carries both directions (the v1 path).
    """

    auto_subscribe: bool = True
    adaptive_stream: bool = False
    sdk: str = "python"
    version: str = ""
    protocol: int = PROTOCOL
    client_protocol: int = 0
    capabilities: tuple[str, ...] = ()
    reconnect_sid: str = ""
    single: bool = False


def join_url(base: str, options: SignalOptions) -> str:
    """The WebSocket address of the v0 signalling path below `base`.

    Raises:
        UsageError: `base` is no ``ws``, ``wss``, ``http`` or ``https`` address.
    """
    query: dict[str, str | int] = {
        "protocol": options.protocol,
        "sdk": options.sdk,
        "version": options.version,
        "auto_subscribe": int(options.auto_subscribe),
        "adaptive_stream": int(options.adaptive_stream),
    }
    if options.reconnect_sid:
        query |= {"reconnect": 1, "sid": options.reconnect_sid}
    return _address(base, "rtc", websocket=True) + "?" + urlencode(query)


def single_join_url(base: str, request: str) -> str:
    """The WebSocket address of the v1 signalling path below `base`, for the ``join_request`` parameter `request`.

    Raises:
        UsageError: `base` is no ``ws``, ``wss``, ``http`` or ``https`` address.
    """
    return _address(base, "rtc/v1", websocket=True) + "?" + urlencode({"join_request": request})


def validate_url(base: str) -> str:
    """The HTTP address that says in words why the WebSocket of `join_url` was refused.

    Raises:
        UsageError: `base` is no ``ws``, ``wss``, ``http`` or ``https`` address.
    """
    return _address(base, "rtc/validate", websocket=False)


def parse_join_query(query: Mapping[str, str]) -> SignalOptions:
    """Read the query of a v0 join; unreadable numbers count as absent."""
    return SignalOptions(
        auto_subscribe=_truth(query.get("auto_subscribe"), default=True),
        adaptive_stream=_truth(query.get("adaptive_stream"), default=False),
        sdk=query.get("sdk", "")[:32],
        version=query.get("version", "")[:32],
        protocol=_number(query.get("protocol")),
        client_protocol=_number(query.get("client_protocol")),
        capabilities=tuple(filter(None, query.get("capabilities", "")[:512].split(","))),
        reconnect_sid=query.get("sid", "")[:64]
        if _truth(query.get("reconnect"), default=False)
        else "",
    )


def _address(base: str, path: str, *, websocket: bool) -> str:
    try:
        parts = urlsplit(base)
        scheme, port = _SCHEMES.get(parts.scheme, ""), parts.port
    except ValueError:
        scheme, parts, port = "", urlsplit(""), None
    if not scheme or not parts.hostname or port == 0:
        raise UsageError(
            f"{base!r} is not a server's address.", "It looks like ws://HOST:PORT or wss://HOST."
        )
    if websocket:
        scheme = {"http": "ws", "https": "wss"}[scheme]
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/{path}", "", ""))


def _truth(text: str | None, *, default: bool) -> bool:
    return default if text is None else text in ("1", "true")


def _number(text: str | None) -> int:
    return (
        int(text)
        if text is not None and text.isascii() and text.isdigit() and len(text) < 10
        else 0
    )
