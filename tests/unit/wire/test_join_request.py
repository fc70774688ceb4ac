"""The v1 path's parameter: read as clients write it, and refused when it is none."""

from __future__ import annotations

import base64
import gzip

import pytest
from livekit.protocol import models, rtc

from engage_tui.wire.join_request import (
    MAX_JOIN_REQUEST,
    JoinRequestError,
    build_join_request,
    options_of,
    parse_join_request,
)

REQUEST = rtc.JoinRequest(
    client_info=models.ClientInfo(
        sdk=models.ClientInfo.SDK.JS,
        protocol=16,
        client_protocol=2,
        capabilities=[models.ClientInfo.Capability.CAP_PACKET_TRAILER],
    ),
    connection_settings=rtc.ConnectionSettings(auto_subscribe=True),
    publisher_offer=rtc.SessionDescription(type="offer", sdp="v=0", id=1),
)


def wrapped(data: bytes) -> str:
    packed = rtc.WrappedJoinRequest(
        compression=rtc.WrappedJoinRequest.GZIP, join_request=gzip.compress(data)
    )
    return base64.urlsafe_b64encode(packed.SerializeToString()).decode()


def test_it_reads_back_plain_and_compressed() -> None:
    assert parse_join_request(build_join_request(REQUEST)) == REQUEST
    assert parse_join_request(wrapped(REQUEST.SerializeToString())) == REQUEST
    assert parse_join_request(build_join_request(REQUEST).rstrip("=")) == REQUEST


def test_it_says_what_a_query_would() -> None:
    options = options_of(REQUEST)
    assert (options.sdk, options.protocol, options.client_protocol) == ("js", 16, 2)
    assert options.capabilities == ("CAP_PACKET_TRAILER",)
    assert options.auto_subscribe
    assert options.single
    assert options.reconnect_sid == ""
    again = rtc.JoinRequest(participant_sid="PA_x", reconnect=True)
    assert options_of(again).reconnect_sid == "PA_x"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "required"),
        ("***", "cannot be read"),
        ("AAAA", "cannot be read"),
        (wrapped(b"x" * (MAX_JOIN_REQUEST + 1)), "cannot be read"),
        (wrapped(REQUEST.SerializeToString())[:-30], "cannot be read"),
    ],
    ids=["empty", "no base64", "no message", "oversize", "cut"],
)
def test_what_cannot_be_read_is_refused(text: str, words: str) -> None:
    with pytest.raises(JoinRequestError, match=words):
        parse_join_request(text)
