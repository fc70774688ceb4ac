"""Data channels: two ends on aiortc's SCTP, and the private names of it that we stand on."""

from __future__ import annotations

import asyncio
import inspect
import struct
import time
from collections.abc import Callable
from typing import cast

import pytest
from aiortc import RTCSctpTransport
from aiortc.rtcsctptransport import DataChunk, serialize_packet

from engage_tui.server import channels as server_channels
from engage_tui.server.channels import LABELS, DataChannels, run_now
from engage_tui.server.limits import Allowance
from engage_tui.server.transport import PeerTransport
from engage_tui.wire.data import LOSSY, RELIABLE
from tests.waiting import until


class Wire:
    """A transport that hands its data to the other end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = "connected"
        self.connected = True
        self.other: Wire | None = None
        self.on_data: Callable[[bytes], None] = lambda data: None

    def send_data(self, data: bytes) -> None:
        if self.other is not None:
            asyncio.get_running_loop().call_soon(self.other.on_data, data)


class Ends:
    """A server's subscriber channels and the client at the other end."""

    def __init__(self) -> None:
        here, there = Wire("server"), Wire("client")
        here.other, there.other = there, here
        self.got: list[tuple[str, bytes]] = []
        self.server = DataChannels(cast(PeerTransport, here), lambda *_: None, LABELS)
        self.client = DataChannels(
            cast(PeerTransport, there), lambda label, data: self.got.append((label, data))
        )
        self.wires = here, there

    def start(self) -> None:
        self.server.negotiate(5000, 65535)
        self.client.negotiate(5000, 65535)

    def close(self) -> None:
        for wire in self.wires:
            wire.other = None
        self.server.close()
        self.client.close()


@pytest.fixture
def ends() -> Ends:
    return Ends()


async def test_reliable_messages_wait_for_the_channel_and_lossy_ones_do_not(ends: Ends) -> None:
    ends.server.send(RELIABLE, b"early")
    ends.server.send(LOSSY, b"lost")
    ends.start()
    await until(lambda: ends.got)
    ends.server.send(LOSSY, b"lossy")
    ends.server.send(RELIABLE, b"large" * 10_000)
    await until(lambda: len(ends.got) == 3)
    assert ends.got[0] == (RELIABLE, b"early")
    assert {label for label, _ in ends.got} == {RELIABLE, LOSSY}
    assert (RELIABLE, b"large" * 10_000) in ends.got
    ends.close()


async def test_what_waits_for_an_absent_peer_is_bounded(ends: Ends) -> None:
    for number in range(1000):
        ends.server.send(RELIABLE, str(number).encode())
    ends.start()
    await until(lambda: len(ends.got) == 256)
    assert ends.got[0][1] == b"744"  # the oldest went
    assert ends.got[-1][1] == b"999"
    ends.close()


async def test_what_waits_for_a_slow_peer_is_bounded(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(server_channels._MAX_UNSENT, RELIABLE, 100_000)
    ends.start()
    ends.server.send(RELIABLE, b"first")
    await until(lambda: ends.got)
    ends.wires[0].other = None  # nothing gets through
    for _ in range(100):
        ends.server.send(RELIABLE, bytes(60_000))
    assert ends.server._channels[RELIABLE].bufferedAmount < 200_000
    ends.close()


async def test_a_peer_that_overruns_the_window_is_cut_off(ends: Ends) -> None:
    ends.start()
    ends.server.send(RELIABLE, b"first")
    await until(lambda: ends.got)
    sctp = ends.client._sctp
    assert sctp is not None
    sctp._advertised_rwnd = -1
    ends.wires[1].on_data(bytes(12))
    assert ends.client._sctp is None
    ends.close()


@pytest.mark.parametrize("kind", ["pieces", "streams", "channels"])
async def test_a_peer_that_begins_and_never_ends_is_cut_off(ends: Ends, kind: str) -> None:
    ends.start()
    ends.server.send(RELIABLE, b"first")
    await until(lambda: ends.got)
    sctp = ends.client._sctp
    assert sctp is not None
    tsn = sctp._last_received_tsn
    assert tsn is not None
    open_channel = struct.pack("!BBHLHH", 3, 0, 0, 0, 1, 0) + b"x"
    for number in range(1, 1100):
        if ends.client._sctp is None:
            break
        chunk = DataChunk(flags={"pieces": 0, "streams": 2, "channels": 3}[kind])
        chunk.tsn = (tsn + number) % 2**32
        chunk.stream_id = 100 if kind == "pieces" else 100 + number
        chunk.stream_seq = 0
        chunk.protocol = 50 if kind == "channels" else 53
        chunk.user_data = open_channel if kind == "channels" else b"x"
        ends.wires[1].on_data(serialize_packet(5000, 5000, sctp._local_verification_tag, chunk))
    assert ends.client._sctp is None
    assert number > (1000 if kind == "pieces" else 10)
    ends.close()


async def test_data_over_the_rate_come_later(ends: Ends) -> None:
    ends.start()
    ends.server.send(RELIABLE, b"first")
    await until(lambda: ends.got)
    ends.client.allowance = Allowance(30_000)
    began = time.monotonic()
    for _ in range(2):
        ends.server.send(RELIABLE, bytes(20_000))
    await until(lambda: len(ends.got) == 3, 10)
    assert time.monotonic() - began > 0.3
    ends.close()


async def test_data_that_cost_too_much_time_are_lost(ends: Ends) -> None:
    ends.start()
    ends.server.send(RELIABLE, b"first")
    await until(lambda: ends.got)
    ends.client._effort.owe(60, time.monotonic())
    came: list[bytes] = []
    take = ends.wires[1].on_data

    def watched(data: bytes) -> None:
        take(data)
        came.append(data)

    ends.wires[1].on_data = watched
    ends.server.send(LOSSY, b"lost")
    await until(lambda: came)
    ends.client._effort = Allowance(1)
    ends.server.send(RELIABLE, b"second")
    await until(lambda: (RELIABLE, b"second") in ends.got)
    assert (LOSSY, b"lost") not in ends.got
    ends.close()


async def test_noise_is_swallowed(ends: Ends) -> None:
    ends.start()
    ends.server.send(RELIABLE, b"first")
    await until(lambda: ends.got)
    for size in (0, 1, 12, 13, 16, 100):
        ends.wires[0].on_data(bytes(size))
    ends.server.send(RELIABLE, b"second")
    await until(lambda: len(ends.got) == 2)
    ends.close()


async def test_a_coroutine_that_suspends_is_an_error() -> None:
    with pytest.raises(RuntimeError):
        run_now(asyncio.sleep(1))


async def test_the_names_of_aiortc_that_we_stand_on(ends: Ends) -> None:
    ends.start()
    sctp = ends.client._sctp
    assert isinstance(sctp, RTCSctpTransport)
    assert isinstance(sctp._advertised_rwnd, int)
    assert inspect.iscoroutinefunction(sctp._handle_data)
    assert inspect.iscoroutinefunction(sctp.start)
    assert inspect.iscoroutinefunction(sctp.stop)
    ends.close()
