"""Who calls: the access token of an HTTP request, checked."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from engage_tui.errors import AuthError
from engage_tui.wire.token import Claims, verify_token


class Refused(Exception):
    """A request that is answered by an HTTP status and words.

    Attributes:
        status: The HTTP status.
        text: The body; LiveKit's clients compare some of them.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def authenticate(request: web.Request, keys: Mapping[str, str]) -> Claims | None:
    """Read the token of the header or, for browsers' WebSockets, of the address; None without one.

    Args:
        request: Any HTTP request.
        keys: API keys and their secrets.

    Raises:
        Refused: The token is not good (401).
    """
    header = request.headers.get("Authorization")
    if header is None:
        token = request.query.get("access_token", "")
    elif header.startswith("Bearer "):
        token = header.removeprefix("Bearer ").strip()
    else:
        raise Refused(401, "invalid authorization header. Must start with Bearer ")
    if not token:
        return None
    try:
        return verify_token(token, keys)
    except AuthError as error:
        raise Refused(401, error.message) from error
