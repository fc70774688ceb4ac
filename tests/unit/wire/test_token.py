"""Access tokens: LiveKit's own library reads ours and we read its; refusals carry livekit-server's words."""

from __future__ import annotations

import time

import pytest
from livekit import api

from engage_tui.errors import AuthError
from engage_tui.wire.token import Grants, create_token, read_claims, verify_token

KEYS = {"devkey": "a-secret-that-is-long-enough-for-hmac"}
SECRET = KEYS["devkey"]


def test_livekit_reads_our_token() -> None:
    grants = Grants(room="hall", room_join=True, can_publish=False, can_publish_data=True)
    token = create_token("devkey", SECRET, grants, identity="ada", name="Ada L.")

    claims = api.TokenVerifier("devkey", SECRET).verify(token)

    assert (claims.identity, claims.name) == ("ada", "Ada L.")
    assert claims.video is not None
    assert claims.video.room_join
    assert claims.video.room == "hall"
    assert claims.video.can_publish is False
    assert claims.video.can_publish_data is True


def test_we_read_livekits_token() -> None:
    video = api.VideoGrants(
        room_join=True, room="hall", can_publish_sources=["camera"], hidden=True
    )
    token = api.AccessToken("devkey", SECRET).with_identity("bob").with_grants(video).to_jwt()

    claims = verify_token(token, KEYS)

    assert claims.identity == "bob"
    assert claims.grants.can_publish
    assert claims.grants.may_send_data
    assert claims.grants.can_publish_sources == ("camera",)
    assert claims.grants.hidden


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("nonsense", "invalid authorization token"),
        (create_token("other", "x", Grants(), identity="a"), "invalid API key"),
        (create_token("devkey", "wrong", Grants(), identity="a"), "Signature"),
        (create_token("devkey", SECRET, Grants(), identity="a", ttl=-3600), "expired"),
    ],
)
def test_refusals(token: str, words: str) -> None:
    with pytest.raises(AuthError, match=words):
        verify_token(token, KEYS)


def test_clocks_may_differ_by_a_minute() -> None:
    token = create_token("devkey", SECRET, Grants(), identity="a", ttl=-30)

    assert verify_token(token, KEYS).expires < time.time()


def test_reading_needs_no_key() -> None:
    token = create_token("k", "s", Grants(room="hall", room_join=True), identity="ada")

    claims = read_claims(token)

    assert (claims.identity, claims.grants.room) == ("ada", "hall")
