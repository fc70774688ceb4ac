"""Signalling addresses and their query."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from engage_tui.errors import UsageError
from engage_tui.wire.signal import (
    SignalOptions,
    join_url,
    parse_join_query,
    sid,
    single_join_url,
    validate_url,
)


@pytest.mark.parametrize(
    ("base", "address"),
    [
        ("ws://127.0.0.1:7880", "ws://127.0.0.1:7880/rtc"),
        ("http://host:1/", "ws://host:1/rtc"),
        ("wss://host/prefix", "wss://host/prefix/rtc"),
        ("https://host", "wss://host/rtc"),
    ],
)
def test_join_url_keeps_prefix_and_picks_the_scheme(base: str, address: str) -> None:
    assert join_url(base, SignalOptions()).partition("?")[0] == address
    single = single_join_url(base, "a=b")
    assert single == f"{address}/v1?join_request=a%3Db"
    assert validate_url(base) == address.replace("ws", "http", 1) + "/validate"


@pytest.mark.parametrize("base", ["", "hall", "ftp://x", "ws://", "ws://host:99999999", "//x"])
def test_nonsense_addresses_are_usage_errors(base: str) -> None:
    with pytest.raises(UsageError, match="address"):
        join_url(base, SignalOptions())


def test_the_query_reads_back() -> None:
    options = SignalOptions(auto_subscribe=False, version="1", reconnect_sid="PA_x")
    query = dict(parse_qsl(urlsplit(join_url("ws://h", options)).query))

    assert parse_join_query(query) == options


def test_garbage_in_the_query_counts_as_absent() -> None:
    options = parse_join_query({"protocol": "1e9", "client_protocol": "-1", "reconnect": "yes"})

    assert (options.protocol, options.client_protocol, options.reconnect_sid) == (0, 0, "")
    assert options.auto_subscribe


def test_sids_keep_their_prefix_and_differ() -> None:
    assert len({sid("TR_") for _ in range(100)}) == 100
    assert all(len(each) == 15 and each.startswith("PA_") for each in [sid("PA_")])
