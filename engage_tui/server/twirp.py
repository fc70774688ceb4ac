"""Twirp over HTTP: one POST a call, its message as protobuf or JSON, its errors as JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from engage_tui.server.access import Refused, authenticate
from engage_tui.wire.token import Claims

_log = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
"""Bytes of the largest request."""

_STATUS = {
    "invalid_argument": 400,
    "malformed": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "bad_route": 404,
    "failed_precondition": 412,
    "resource_exhausted": 429,
    "internal": 500,
    "unimplemented": 501,
}


class TwirpError(Exception):
    """A call that fails.

    Attributes:
        code: One of Twirp's words.
        message: What went wrong.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def response(self) -> web.Response:
        """The error as Twirp's clients read it, whatever the request's encoding was."""
        body = {"code": self.code, "msg": self.message}
        return web.json_response(body, status=_STATUS[self.code])


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a service: the class of its request, and what it does.

    `call` gets the token's claims and the request; it checks the grants itself, and may raise `TwirpError`.
    """

    request: Callable[[], Message]
    call: Callable[[Claims, Message], Message]


class Service:
    """The HTTP handler of a service's methods.

    Args:
        methods: By name.
        keys: API keys and their secrets.
    """

    def __init__(self, methods: Mapping[str, Method], keys: Mapping[str, str]) -> None:
        self._methods = methods
        self._keys = keys

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        try:
            return await self._call(request)
        except TwirpError as error:
            return error.response()
        except Refused as refused:
            return TwirpError("unauthenticated", refused.text).response()
        except web.HTTPRequestEntityTooLarge:
            return TwirpError("malformed", f"a request has at most {MAX_BODY} bytes").response()
        except Exception:  # noqa: BLE001 - border of the process: a call fails, the server goes on
            _log.exception("%s failed", request.path)
            return TwirpError("internal", "the server failed; its log says how").response()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            raise TwirpError("bad_route", f'unsupported method "{request.method:.16}" (only POST)')
        method = self._methods.get(request.match_info["method"])
        if method is None:
            raise TwirpError("bad_route", f"no handler for path {request.path[:256]!r}")
        as_json = request.content_type == "application/json"
        if not as_json and request.content_type != "application/protobuf":
            raise TwirpError("bad_route", f"unexpected Content-Type: {request.content_type:.64}")
        # A stranger is told so before we read what else it sends.
        claims = authenticate(request, self._keys)
        if claims is None or not claims.has_video_grant:
            raise TwirpError("unauthenticated", "permissions denied")
        message = _parse(method.request(), await request.read(), as_json=as_json)
        answer = method.call(claims, message)
        if as_json:
            text = json_format.MessageToJson(answer, preserving_proto_field_name=True, indent=None)
            return web.Response(text=text, content_type="application/json")
        return web.Response(body=answer.SerializeToString(), content_type="application/protobuf")


def _parse(message: Message, body: bytes, *, as_json: bool) -> Message:
    try:
        if as_json:
            json_format.Parse(body, message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(body)
    except (DecodeError, json_format.ParseError, ValueError, RecursionError) as error:
        encoding = "json" if as_json else "protobuf"
        raise TwirpError("malformed", f"the {encoding} request could not be decoded") from error
    return message
