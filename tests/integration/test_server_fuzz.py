"""Nonsense from peers, in every place where a peer can put it: the server goes on."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator

import pytest
from livekit.protocol import rtc

from engage_tui.server.app import RunningServer
from tests.bench.fuzz_inputs import damaged
from tests.bench.server_fuzz import fuzz
from tests.embedded import embedded_server
from tests.integration.signal_client import SignalClient, signalling, signed_check
from tests.integration.test_server_rooms import add_track, publisher_offer
from tests.waiting import until


@pytest.fixture
async def server(caplog: pytest.LogCaptureFixture) -> AsyncIterator[RunningServer]:
    async with embedded_server() as running:
        yield running
    # Nonsense is refused where it is read; what reaches a border of last resort is a bug of ours.
    assert [record.message for record in caplog.records if record.exc_info] == []


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20240607)


async def still_serves(server: RunningServer, client: SignalClient) -> None:
    await client.alive()
    async with signalling(server, "newcomer") as newcomer:
        await newcomer.get("offer")
        await newcomer.send(rtc.SignalRequest(leave=rtc.LeaveRequest()))
        await until(lambda: newcomer.closed is not None)


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("inner_loop")
async def test_nonsense_on_every_side() -> None:
    report = await fuzz(1500, seed=20240607)
    assert report.failures == []
    assert sum(side.inputs for side in report.sides) > 1400


async def test_descriptions(server: RunningServer, chance: random.Random) -> None:
    good = publisher_offer()
    hostile = [
        "",
        "v=0",
        "m=",
        "m=audio",
        "m=video x UDP/TLS/RTP/SAVPF 96",
        good.replace("111", "999999999999999999999"),
        good.replace("a=mid:1", "a=mid:0"),
        good.replace("sendonly", "sendrecv") * 2,
        "v=0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 500,
        good + "a=rtpmap:300 x/1\r\n" * 20_000,
        good + "".join(f"a=ssrc:{n} cname:x\r\n" for n in range(5000)),
        good + "a=rid:\r\na=simulcast:send ;;;\r\n",
        "\0" * 1000,
        good.replace("AB:", "\u00e9"),
    ]
    hostile += [damaged(good.encode(), chance).decode("utf-8", "replace") for _ in range(200)]
    async with signalling(server, "ada") as ada:
        await ada.get("offer")
        for text in hostile:
            await ada.send(add_track())
            description = rtc.SessionDescription(sdp=text, id=1)
            await ada.send(rtc.SignalRequest(offer=description))
            await ada.send(rtc.SignalRequest(answer=description))
        await still_serves(server, ada)
        assert len(ada.all("answer")) > 0  # some damage does not matter


async def test_an_offer_that_has_grown_too_large_asks_for_a_rejoin(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada:
        offer = rtc.SessionDescription(sdp=publisher_offer() + "a=x\r\n" * 90_000, id=1)
        await ada.send(rtc.SignalRequest(offer=offer))
        leave = (await ada.get("leave")).leave
        assert leave.action == rtc.LeaveRequest.RECONNECT


async def test_a_frame_over_the_limit_ends_that_session_only(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada, signalling(server, "bob") as bob:
        await ada.socket.send_bytes(bytes(3 * 1024 * 1024))
        await until(lambda: ada.closed == 1009)
        await still_serves(server, bob)


async def test_a_flood_of_requests_harms_nobody_else(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada, signalling(server, "bob") as bob:
        await ada.send(add_track())
        sid = (await ada.get("track_published")).track_published.track.sid
        for number in range(700):  # what is over the limit waits its turn in the client
            mute = rtc.MuteTrackRequest(sid=sid, muted=number % 2 == 0)
            await ada.send(rtc.SignalRequest(mute=mute))
        await bob.alive()
        await ada.alive()


def checked(server: RunningServer, offer: str, udp: socket.socket) -> int:
    """Send a signed connectivity check, as ICE does; returns its bytes."""
    return udp.sendto(signed_check(offer), ("127.0.0.1", server.rtc_port))


async def reached(server: RunningServer, udp: socket.socket) -> None:
    transport = server.rooms["hall"].clients["ada"].subscriber.transport
    port = udp.getsockname()[1]
    await until(lambda: ("127.0.0.1", port) in transport.addresses)


async def test_addresses_of_a_wandering_peer_are_bounded(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada:
        offer = (await ada.get("offer")).offer.sdp
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(40)]
        try:
            for udp in sockets:
                checked(server, offer, udp)
                await reached(server, udp)
            transport = server.rooms["hall"].clients["ada"].subscriber.transport
            assert len(transport.addresses) <= 16
        finally:
            for udp in sockets:
                udp.close()
