"""Access tokens: JWTs (HS256) with LiveKit's claims, made, checked and read."""

from __future__ import annotations

import base64
import hashlib
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from engage_tui.errors import AuthError

DEFAULT_TTL = 6 * 3600
"""Seconds that a token lives unless told otherwise."""

LEEWAY = 60
"""Seconds by which two clocks may differ."""

MAX_TOKEN = 16 * 1024
"""Characters of the longest token that a server reads."""

DEV_KEY, DEV_SECRET = "devkey", "secret"
"""The pair of a development server; loopback only."""


@dataclass(frozen=True, slots=True)
class Grants:
    """What a token allows; the defaults are what LiveKit assumes for an absent claim.

    Attributes:
        can_publish_data: None means the same as `can_publish`.
        can_publish_sources: Names of sources (``camera``, …); empty allows all.
    """

    room: str = ""
    room_join: bool = False
    room_list: bool = False
    room_create: bool = False
    room_admin: bool = False
    can_publish: bool = True
    can_subscribe: bool = True
    can_publish_data: bool | None = None
    can_publish_sources: tuple[str, ...] = ()
    can_update_own_metadata: bool = False
    hidden: bool = False
    recorder: bool = False

    @property
    def may_send_data(self) -> bool:
        """Whether data packets may be sent."""
        return self.can_publish if self.can_publish_data is None else self.can_publish_data

    def to_claim(self) -> dict[str, Any]:
        """The ``video`` claim, defaults left out where LiveKit leaves them out."""
        claim: dict[str, Any] = {
            name: True
            for name, value in (
                ("roomJoin", self.room_join),
                ("roomList", self.room_list),
                ("roomCreate", self.room_create),
                ("roomAdmin", self.room_admin),
                ("canUpdateOwnMetadata", self.can_update_own_metadata),
                ("hidden", self.hidden),
                ("recorder", self.recorder),
            )
            if value
        }
        claim |= {"canPublish": self.can_publish, "canSubscribe": self.can_subscribe}
        if self.room:
            claim["room"] = self.room
        if self.can_publish_data is not None:
            claim["canPublishData"] = self.can_publish_data
        if self.can_publish_sources:
            claim["canPublishSources"] = list(self.can_publish_sources)
        return claim

    @classmethod
    def from_claim(cls, claim: Mapping[str, Any]) -> Grants:
        """Read a ``video`` claim; unknown fields are ignored."""
        sources = claim.get("canPublishSources")
        data = claim.get("canPublishData")
        return cls(
            room=str(claim.get("room") or ""),
            room_join=bool(claim.get("roomJoin")),
            room_list=bool(claim.get("roomList")),
            room_create=bool(claim.get("roomCreate")),
            room_admin=bool(claim.get("roomAdmin")),
            can_publish=_switch(claim.get("canPublish")),
            can_subscribe=_switch(claim.get("canSubscribe")),
            can_publish_data=None if data is None else bool(data),
            can_publish_sources=tuple(map(str, sources)) if isinstance(sources, list) else (),
            can_update_own_metadata=bool(claim.get("canUpdateOwnMetadata")),
            hidden=bool(claim.get("hidden")),
            recorder=bool(claim.get("recorder")),
        )


@dataclass(frozen=True, slots=True)
class Claims:
    """A token's content.

    Attributes:
        key: The API key that issued it.
        expires: Unix time in seconds; 0 if absent.
    """

    identity: str
    key: str = ""
    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    grants: Grants = Grants()
    has_video_grant: bool = True
    expires: float = 0.0


def create_token(
    key: str,
    secret: str,
    grants: Grants,
    *,
    identity: str,
    name: str = "",
    metadata: str = "",
    attributes: Mapping[str, str] | None = None,
    ttl: float = DEFAULT_TTL,
) -> str:
    """Make a signed access token that is valid from now for `ttl` seconds."""
    now = int(time.time())
    payload: dict[str, Any] = {
        "iss": key,
        "sub": identity,
        "nbf": now,
        "iat": now,
        "exp": int(now + ttl),
        "video": grants.to_claim(),
    }
    if name:
        payload["name"] = name
    if metadata:
        payload["metadata"] = metadata
    if attributes:
        payload["attributes"] = dict(attributes)
    return _sign(payload, secret)


def create_body_token(key: str, secret: str, body: bytes, *, ttl: float = 300) -> str:
    """Make a token that vouches for `body`, as webhooks carry it."""
    now = int(time.time())
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    payload = {"iss": key, "nbf": now, "iat": now, "exp": int(now + ttl), "sha256": digest}
    return _sign(payload, secret)


def verify_token(token: str, keys: Mapping[str, str]) -> Claims:
    """Check a token's signature and times against `keys` (API key to secret).

    Raises:
        AuthError: Its message is the text that livekit-server answers.
    """
    if len(token) > MAX_TOKEN:
        raise AuthError(f"invalid authorization token: longer than {MAX_TOKEN} characters")
    try:
        key = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
    except (jwt.InvalidTokenError, RecursionError, ValueError) as error:
        raise AuthError("invalid authorization token") from error
    if key not in keys:
        raise AuthError("invalid API key")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            payload = jwt.decode(
                token,
                keys[key],
                algorithms=["HS256"],
                leeway=LEEWAY,
                options={"require": ["exp"], "verify_aud": False, "verify_sub": False},
            )
    except (jwt.InvalidTokenError, OverflowError) as error:
        raise AuthError(f"invalid authorization token: {error}") from error
    return _claims(payload)


def read_claims(token: str) -> Claims:
    """Read a token without checking it: a client may know who it is, not whether that is true.

    Raises:
        AuthError: It is no JWT.
    """
    try:
        payload = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise AuthError(
            "The access token cannot be read.", "Make one with `engage-tui create-token`."
        ) from error
    return _claims(payload)


def _sign(payload: dict[str, Any], secret: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyJWT finds the development secret short; so do we
        return jwt.encode(payload, secret, algorithm="HS256")


def _switch(value: object) -> bool:
    return True if value is None else bool(value)


def _claims(payload: Mapping[str, Any]) -> Claims:
    video = payload.get("video")
    attributes = payload.get("attributes")
    return Claims(
        identity=str(payload.get("sub") or payload.get("jti") or ""),
        key=str(payload.get("iss") or ""),
        name=str(payload.get("name") or ""),
        metadata=str(payload.get("metadata") or ""),
        attributes={str(k): str(v) for k, v in attributes.items()}
        if isinstance(attributes, dict)
        else {},
        grants=Grants.from_claim(video) if isinstance(video, dict) else Grants(),
        has_video_grant=isinstance(video, dict),
        expires=float(payload.get("exp") or 0),
    )
