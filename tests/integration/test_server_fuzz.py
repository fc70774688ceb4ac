"""Nonsense from peers, in every place where a peer can put it: the server goes on."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator

import pytest
from aioice import stun
from livekit.protocol import rtc

from engage_tui.server.app import RunningServer
from engage_tui.wire.sdp import Description
from tests.embedded import embedded_server
from tests.integration.signal_client import SignalClient, signalling
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


def damaged(data: bytes, chance: random.Random) -> bytes:
    """`data` with bytes changed, cut, doubled."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(out) + 1)
        match chance.randrange(4):
            case 0 if out:
                out[place % len(out)] = chance.randrange(256)
            case 1:
                out[place:place] = chance.randbytes(chance.randint(1, 8))
            case 2:
                del out[place : place + chance.randint(1, 8)]
            case 3:
                out = out[:place]
    return bytes(out)


async def still_serves(server: RunningServer, client: SignalClient) -> None:
    await client.alive()
    async with signalling(server, "newcomer") as newcomer:
        await newcomer.get("offer")
        await newcomer.send(rtc.SignalRequest(leave=rtc.LeaveRequest()))
        await until(lambda: newcomer.closed is not None)


async def test_signalling_frames(server: RunningServer, chance: random.Random) -> None:
    samples = [
        add_track(),
        rtc.SignalRequest(offer=rtc.SessionDescription(type="offer", sdp=publisher_offer(), id=1)),
        rtc.SignalRequest(answer=rtc.SessionDescription(type="answer", sdp="v=0\r\n", id=1)),
        rtc.SignalRequest(mute=rtc.MuteTrackRequest(sid="TR_x", muted=True)),
        rtc.SignalRequest(
            subscription=rtc.UpdateSubscription(track_sids=["TR_x"] * 50, subscribe=True)
        ),
        rtc.SignalRequest(track_setting=rtc.UpdateTrackSettings(track_sids=["TR_x"], width=4)),
        rtc.SignalRequest(trickle=rtc.TrickleRequest(candidateInit="{")),
        rtc.SignalRequest(
            subscription_permission=rtc.SubscriptionPermission(
                track_permissions=[rtc.TrackPermission(participant_sid="PA_x")]
            )
        ),
        rtc.SignalRequest(sync_state=rtc.SyncState()),
        rtc.SignalRequest(update_audio_track=rtc.UpdateLocalAudioTrack(track_sid="TR_x")),
    ]
    async with signalling(server, "ada") as ada:
        # What damage may lead to by chance, and would end this session rightly.
        for kind in ("leave", "simulate"):
            assert all(sample.WhichOneof("message") != kind for sample in samples)
        for _ in range(300):
            frame = damaged(chance.choice(samples).SerializeToString(), chance)
            request = rtc.SignalRequest()
            try:
                request.ParseFromString(frame)
            except Exception:  # noqa: BLE001 - malformed, as it should be
                request.Clear()
            if request.WhichOneof("message") in ("leave", "simulate"):
                continue
            await ada.socket.send_bytes(frame)
        for text in ("", "{", "[]", '{"offer":7}', '{"a":' * 500, '{"pingReq":{"timestamp":"x"}}'):
            await ada.socket.send_str(text)
        await still_serves(server, ada)


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
        for number in range(1500):  # what is over the limit waits its turn in the client
            mute = rtc.MuteTrackRequest(sid=sid, muted=number % 2 == 0)
            await ada.send(rtc.SignalRequest(mute=mute))
        await bob.alive()
        await ada.alive()


def checked(server: RunningServer, offer: str, udp: socket.socket) -> int:
    """Send a signed connectivity check, as ICE does; returns its bytes."""
    section = Description.parse(offer).sections[0]
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{section.ice_ufrag}:x"
    message.attributes["PRIORITY"] = 1
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(section.ice_pwd.encode())
    return udp.sendto(bytes(message), ("127.0.0.1", server.rtc_port))


async def reached(server: RunningServer, udp: socket.socket) -> None:
    transport = server.rooms["hall"].clients["ada"].subscriber.transport
    port = udp.getsockname()[1]
    await until(lambda: ("127.0.0.1", port) in transport.addresses)


async def test_datagrams(server: RunningServer, chance: random.Random) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        async with signalling(server, "ada") as ada:
            offer = (await ada.get("offer")).offer.sdp
            address = ("127.0.0.1", server.rtc_port)
            for trusted in (False, True):
                if trusted:
                    checked(server, offer, udp)
                    await reached(server, udp)
                for first in (0, 1, 20, 22, 23, 63, 64, 127, 128, 144, 191, 192, 255):
                    for size in (0, 1, 4, 12, 19, 20, 60, 1400):
                        udp.sendto((bytes([first]) + chance.randbytes(size))[:1400], address)
                udp.sendto(b"", address)
                hello = b"\x16\xfe\xfd" + bytes(8) + (40).to_bytes(2, "big") + bytes(40)
                for _ in range(100):
                    udp.sendto(damaged(hello, chance), address)
                await ada.alive()
            await still_serves(server, ada)


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
