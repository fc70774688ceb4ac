"""Which access token a call is joined with: the given one, or one made from key and secret."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from engage_tui.errors import UsageError
from engage_tui.wire import token as tokens


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a room is entered.

    Attributes:
        token: The access token to send.
        room: The room that the token opens.
        identity: Whom the token names.
    """

    token: str
    room: str
    identity: str


def is_loopback(url: str) -> bool:
    """Whether an address names this machine, and this machine alone."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def resolve(
    url: str,
    *,
    room: str = "",
    identity: str = "",
    name: str = "",
    token: str = "",
    api_key: str = "",
    api_secret: str = "",
) -> Credentials:
    """Find the token for a room.

    Args:
        url: The server's address; on loopback the development pair stands in for a missing key and secret.
        room: The wanted room; empty: the token's.
        identity: The wanted identity; empty: the token's.
        name: The name that others see.
        token: An access token; empty: one is made from the next two.
        api_key: The key to make a token with; empty on loopback: the development pair's.
        api_secret: Its secret; likewise.

    Raises:
        UsageError: The token is for another room or person, or there is neither token nor key and secret.
        AuthError: The token cannot be read.
    """
    if token:
        return _given(token, room, identity)
    if not room:
        raise UsageError("No room is named.", "Name one: engage-tui join ROOM.")
    if not (api_key and api_secret):
        if api_key or api_secret:
            missing = "secret" if api_key else "key"
            raise UsageError(
                f"There is no API {missing} to make a token with.",
                f"Give --{missing}, or set LIVEKIT_API_{missing.upper()}.",
            )
        if not is_loopback(url):
            raise UsageError(
                f"There is no token for {url}.",
                "Give --token, or --key and --secret (LIVEKIT_TOKEN, LIVEKIT_API_KEY, LIVEKIT_API_SECRET).",
            )
        api_key, api_secret = tokens.DEV_KEY, tokens.DEV_SECRET
    grants = tokens.Grants(room=room, room_join=True)
    made = tokens.create_token(api_key, api_secret, grants, identity=identity, name=name)
    return Credentials(made, room, identity)


def _given(token: str, room: str, identity: str) -> Credentials:
    claims = tokens.read_claims(token)
    allowed = claims.grants.room
    if room and allowed and room != allowed:
        raise UsageError(
            f"The token does not allow the room {room}, only {allowed}.",
            f"Join {allowed}, or ask for another token.",
        )
    if not allowed:
        raise UsageError("The token allows no room.", "Ask for one that names a room.")
    if identity and claims.identity and identity != claims.identity:
        raise UsageError(
            f"The token is for {claims.identity}, not for {identity}.",
            "Leave --name out, or ask for another token.",
        )
    return Credentials(token, allowed, claims.identity)
