"""TURN servers as a join response names them."""

from __future__ import annotations

import pytest
from livekit.protocol import rtc

from engage_tui.rtc.turn import MAX_SERVERS, TurnServer, turn_servers


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("turn:far.example:3479?transport=udp", TurnServer("far.example", 3479)),
        ("turn:far.example", TurnServer("far.example", 3478)),
        ("turn:192.0.2.7:443?transport=tcp", TurnServer("192.0.2.7", 443, "tcp")),
        ("turn:[fd00::2]:3478?transport=udp", TurnServer("fd00::2", 3478)),
        ("turns:far.example:443?transport=tcp", TurnServer("far.example", 443, "tcp", True)),
        ("turns:far.example", TurnServer("far.example", 5349, "tcp", True)),
        ("turns:far.example:443?transport=udp", None),
        ("stun:far.example:3478", None),
        ("turn:far.example:0", None),
        ("turn:far.example:99999", None),
        ("turn:", None),
        ("turn://far.example", None),
        ("turn:a@far.example", None),
        ("turn:far.example?transport=sctp", None),
        ("", None),
    ],
)
def test_what_an_address_says(url: str, wanted: TurnServer | None) -> None:
    assert turn_servers([rtc.ICEServer(urls=[url])]) == ([] if wanted is None else [wanted])


def test_each_once_with_its_secret_unshown_and_not_too_many() -> None:
    named = rtc.ICEServer(urls=["turn:a", "turn:a:3478"], username="u", credential="s3cret")
    (server,) = turn_servers([named, named])
    assert (server.username, server.password) == ("u", "s3cret")
    assert "s3cret" not in f"{server!r} {server}"
    assert str(server) == "turn:a:3478/udp"
    crowd = rtc.ICEServer(urls=[f"turn:host{number}" for number in range(20)])
    assert len(turn_servers([crowd])) == MAX_SERVERS
