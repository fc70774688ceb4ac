"""Which addresses are bound and announced."""

from __future__ import annotations

import pytest

from engage_tui.errors import UsageError
from engage_tui.server.addresses import announced, candidates, checked_node_ips, resolve


def test_udp_comes_before_tcp_and_the_first_address_before_the_others() -> None:
    lines = [line.split() for line in candidates(["203.0.113.7", "::1"], 7882, 7883)]
    order = sorted(lines, key=lambda words: -int(words[3]))
    assert [(words[2], words[4], words[5]) for words in order] == [
        ("udp", "203.0.113.7", "7882"),
        ("udp", "::1", "7882"),
        ("tcp", "203.0.113.7", "7883"),
        ("tcp", "::1", "7883"),
    ]
    assert len({words[0] for words in lines}) == 4
    assert all("tcptype passive" in " ".join(words) for words in lines if words[2] == "tcp")
    assert [line.split()[2] for line in candidates(["::1"], 1, 0)] == ["udp"]


def test_every_address_of_the_machine_is_announced() -> None:
    every = announced("0.0.0.0")
    assert every[-1] == "127.0.0.1"
    assert all(":" not in each for each in every)
    both = announced("::", ["203.0.113.7"])
    assert both[0] == "203.0.113.7"
    assert set(every) <= set(both)
    assert both[-1] == "::1"
    assert not any(each.startswith("fe80") for each in both)
    assert announced("192.0.2.9") == ["192.0.2.9"]


def test_names_and_addresses_are_resolved_or_refused() -> None:
    assert resolve("127.0.0.1") == "127.0.0.1"
    assert resolve("::1") == "::1"
    assert checked_node_ips(["203.0.113.7", "2001:DB8::1"]) == ("203.0.113.7", "2001:db8::1")
    with pytest.raises(UsageError):
        checked_node_ips(["example"])
    with pytest.raises(UsageError):
        resolve("no such host.invalid")
