"""Which token a call is joined with, and which wishes are refused before anything is sent."""

from __future__ import annotations

import pytest

from engage_tui.engine.credentials import is_loopback, resolve
from engage_tui.errors import AuthError, UsageError
from engage_tui.wire.token import Grants, create_token, verify_token

LOCAL = "ws://127.0.0.1:7880"


def given(room: str = "hall", identity: str = "ada") -> str:
    return create_token("k", "s", Grants(room=room, room_join=True), identity=identity)


def test_key_and_secret_make_a_token_for_the_room() -> None:
    found = resolve(
        "wss://far", room="hall", identity="ada", name="Ada", api_key="k", api_secret="s"
    )
    claims = verify_token(found.token, {"k": "s"})
    assert (claims.identity, claims.name, claims.grants.room) == ("ada", "Ada", "hall")
    assert claims.grants.room_join


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        (LOCAL, True),
        ("ws://localhost:1", True),
        ("ws://[::1]:1", True),
        ("ws://127.8.9.1", True),
        ("ws://192.168.1.2", False),
        ("wss://localhost.example", False),
        ("ws://0.0.0.0:1", False),
    ],
)
def test_the_development_pair_is_for_this_machine_only(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
    if loopback:
        assert verify_token(resolve(url, room="r", identity="a").token, {"devkey": "secret"})
    else:
        with pytest.raises(UsageError, match="no token"):
            resolve(url, room="r", identity="a")


def test_a_given_token_decides_room_and_identity() -> None:
    token = given()
    found = resolve("wss://far", token=token)
    assert (found.token, found.room, found.identity) == (token, "hall", "ada")
    assert resolve("wss://far", token=token, room="hall", identity="ada").token == token


@pytest.mark.parametrize(
    "wish",
    [
        {"token": given(), "room": "cellar"},
        {"token": given(), "identity": "bob"},
        {"token": given(room="")},
        {"room": "hall", "api_key": "k"},
        {"room": "hall", "api_secret": "s"},
        {"identity": "ada"},
    ],
)
def test_what_cannot_be_is_a_usage_error_with_a_hint(wish: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(LOCAL, **wish)
    assert caught.value.hint


def test_nonsense_is_no_token() -> None:
    with pytest.raises(AuthError):
        resolve(LOCAL, token="nonsense")
