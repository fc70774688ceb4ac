"""Datagrams are read whole, with the address that they came from, many at a time or each by itself."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engage_tui.server.inlet import DATAGRAM, BurstInlet, Inlet, make_inlet
from engage_tui.server.stun import Address

KINDS = [
    Inlet,
    pytest.param(BurstInlet, marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux")),
]
FAMILIES = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


@contextmanager
def sockets(family: socket.AddressFamily, host: str, count: int) -> Iterator[list[socket.socket]]:
    made = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(count)]
    for each in made:
        each.setblocking(False)
        each.bind((host, 0))
    try:
        yield made
    finally:
        for each in made:
            each.close()


def read(inlet: Inlet) -> list[tuple[bytes, Address]]:
    came = inlet.read()
    return [(bytes(inlet.places[n][0][:size]), address) for n, (size, address) in enumerate(came)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("family", "host"), FAMILIES)
def test_what_was_sent_is_read_as_it_was(
    kind: type[Inlet], family: socket.AddressFamily, host: str
) -> None:
    with sockets(family, host, 3) as (udp, *peers):
        inlet = kind(udp, 8)
        assert read(inlet) == []
        sent: list[tuple[bytes, Address]] = []
        for number in range(10):
            peer, data = peers[number % 2], bytes([number]) * (number * 100)
            peer.sendto(data, udp.getsockname())
            sent.append((data, peer.getsockname()[:2]))
        assert read(inlet) == sent[:8]
        assert read(inlet) == sent[8:]
        assert read(inlet) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_datagram_that_is_too_large_is_cut(kind: type[Inlet]) -> None:
    with sockets(*FAMILIES[0], 2) as (udp, peer):
        inlet = kind(udp, 2)
        for data in (b"x" * (DATAGRAM + 500), b"y" * 20):
            peer.sendto(data, udp.getsockname())
        assert [data for data, _ in read(inlet)] == [b"x" * DATAGRAM, b"y" * 20]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux")
def test_more_addresses_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_tui.server.inlet._KNOWN", 2)
    with sockets(*FAMILIES[0], 6) as (udp, *peers):
        inlet = BurstInlet(udp)
        for _ in range(2):
            for peer in peers:
                peer.sendto(b"x", udp.getsockname())
            assert [address for _, address in read(inlet)] == [p.getsockname() for p in peers]


def test_this_system_has_one() -> None:
    with sockets(*FAMILIES[0], 1) as (udp,):
        assert isinstance(make_inlet(udp), BurstInlet) == (sys.platform == "linux")
