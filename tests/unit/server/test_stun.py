"""Connectivity checks, made by aioice and answered by us."""

from __future__ import annotations

from aioice import stun as aioice_stun
from hypothesis import given
from hypothesis import strategies as st

from engage_tui.server.stun import (
    answered_transaction,
    build_request,
    build_response,
    parse_request,
)


def check(password: str = "secret", *, nominate: bool = False) -> aioice_stun.Message:
    message = aioice_stun.Message(
        message_method=aioice_stun.Method.BINDING, message_class=aioice_stun.Class.REQUEST
    )
    message.attributes["USERNAME"] = "ours:theirs"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 2
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    return message


def test_a_check_is_read() -> None:
    for nominate in (False, True):
        request = parse_request(bytes(check(nominate=nominate)))
        assert request is not None
        assert (request.local_ufrag, request.nominates) == ("ours", nominate)
        assert request.is_signed_by("secret")
        assert not request.is_signed_by("guess")


def test_aioice_believes_the_answer() -> None:
    message = check()
    request = parse_request(bytes(message))
    assert request is not None
    data = build_response(request, ("192.0.2.7", 40123), "secret")
    answer = aioice_stun.parse_message(data)
    assert answer.check_message_integrity(b"secret")
    assert answer.message_class == aioice_stun.Class.RESPONSE
    assert answer.transaction_id == message.transaction_id
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.7", 40123)


def test_aioice_reads_our_own_check() -> None:
    data = build_request("theirs:ours", "secret", b"twelve bytes")
    message = aioice_stun.parse_message(data)
    assert message.check_message_integrity(b"secret")
    assert message.message_class == aioice_stun.Class.REQUEST
    assert message.attributes["USERNAME"] == "theirs:ours"
    assert "ICE-CONTROLLED" in message.attributes
    answer = aioice_stun.Message(
        aioice_stun.Method.BINDING,
        aioice_stun.Class.RESPONSE,
        transaction_id=message.transaction_id,
    )
    assert answered_transaction(bytes(answer)) == b"twelve bytes"
    for other in (data, bytes(answer)[:19], b""):
        assert answered_transaction(other) is None


@given(st.binary(max_size=60), st.integers(0, 120))
def test_damaged_checks_are_refused_and_never_fail(noise: bytes, at: int) -> None:
    good = bytes(check())
    parse_request(noise)
    parse_request(good[:20] + noise)
    damaged = bytearray(good)
    damaged[at % len(good)] ^= 0x55
    request = parse_request(bytes(damaged))
    # The fingerprint after the integrity check may be damaged: it protects nothing.
    inside = at % len(good) < len(good) - 8
    if request is not None and inside and damaged[2:4] == bytearray(good[2:4]):
        assert not request.is_signed_by("secret")
