"""How the server is reached: IPv4, IPv6, both on one socket, and by TCP where UDP is not let through."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aioice import stun
from livekit.protocol import rtc
from OpenSSL import SSL

from engage_tui.server import tcp
from engage_tui.server.app import RunningServer
from engage_tui.server.certificate import Certificate
from engage_tui.server.transport import PeerTransport
from engage_tui.wire.sdp import Description
from tests.embedded import embedded_server
from tests.integration.signal_client import SignalClient, signalling, signed_check
from tests.integration.test_server_transport import answer_to
from tests.waiting import until


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


class Framed:
    """A connection to the media port: datagrams with their length in front."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(len(data).to_bytes(2, "big") + data)

    async def receive(self) -> bytes:
        size = int.from_bytes(await self.reader.readexactly(2), "big")
        return await self.reader.readexactly(size)

    @property
    def address(self) -> tuple[str, int, str]:
        return (*self.writer.get_extra_info("sockname")[:2], tcp.TCP)


@asynccontextmanager
async def connected(server: RunningServer) -> AsyncIterator[Framed]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.mux.tcp.port)
    try:
        yield Framed(reader, writer)
    finally:
        writer.close()


async def offered(server: RunningServer, ada: SignalClient) -> tuple[str, PeerTransport]:
    offer = (await ada.get("offer")).offer.sdp
    return offer, server.rooms["hall"].clients["ada"].subscriber.transport


async def test_tcp_carries_checks_keys_and_data() -> None:
    async with embedded_server() as server, signalling(server) as ada:
        offer, transport = await offered(server, ada)
        (line,) = [
            each for each in Description.parse(offer).sections[0].candidates if " tcp " in each
        ]
        assert line.split()[4:6] == ["127.0.0.1", str(server.mux.tcp.port)]
        assert line.endswith("typ host tcptype passive")
        async with connected(server) as peer:
            peer.send(signed_check(offer))
            answer = stun.parse_message(await peer.receive())
            assert answer.message_class is stun.Class.RESPONSE
            assert answer.attributes["XOR-MAPPED-ADDRESS"] == peer.address[:2]
            assert transport.address == peer.address
            certificate = Certificate()
            await ada.send(answer_to(offer, certificate.fingerprint))
            async with asyncio.timeout(5):
                await handshake(peer, certificate)
            await until(lambda: transport.connected)
            transport.send_rtcp(bytes((0x80, 201, 0, 1, 0, 0, 0, 1)))
            async with asyncio.timeout(5):
                while 20 <= (await peer.receive())[0] < 128:
                    pass
        await until(lambda: transport.address is None, what="the end of the connection noticed")
        assert server.mux.tcp.connections == {}


async def handshake(peer: Framed, certificate: Certificate) -> None:
    ssl = SSL.Connection(certificate.context, None)
    ssl.set_connect_state()
    while True:
        done = True
        try:
            ssl.do_handshake()
        except SSL.WantReadError:
            done = False
        try:
            while True:
                peer.send(ssl.bio_read(1400))
        except SSL.WantReadError:
            pass
        if done:
            return
        ssl.bio_write(await peer.receive())


async def test_a_frame_that_is_too_large_ends_the_connection() -> None:
    async with embedded_server() as server, connected(server) as peer:
        peer.writer.write(b"\xff\xff" + bytes(100))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await peer.receive()


@needs_ipv6
@pytest.mark.parametrize(("bind", "to"), [("::1", "::1"), ("::", "::1"), ("::", "127.0.0.1")])
async def test_ipv6_and_both_families_on_one_socket(bind: str, to: str) -> None:
    async with embedded_server(bind=bind) as server, signalling(server) as ada:
        offer, transport = await offered(server, ada)
        hosts = {each.split()[4] for each in Description.parse(offer).sections[0].candidates}
        assert to in hosts
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        loop = asyncio.get_running_loop()
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.setblocking(False)
            udp.bind((to, 0))
            udp.sendto(signed_check(offer), (to, server.rtc_port))
            async with asyncio.timeout(5):
                answer = stun.parse_message(await loop.sock_recv(udp, 2048))
            assert answer.attributes["XOR-MAPPED-ADDRESS"] == udp.getsockname()[:2]
            seen = next(iter(transport.addresses))[0].removeprefix("::ffff:")
            assert ipaddress.ip_address(seen) == ipaddress.ip_address(to)


async def test_a_public_address_is_announced_first() -> None:
    async with embedded_server(node_ips=("203.0.113.7",)) as server, signalling(server) as ada:
        offer = (await ada.get("offer")).offer
        lines = Description.parse(offer.sdp).sections[0].candidates
        udp = sorted(
            (each.split() for each in lines if " udp " in each), key=lambda words: -int(words[3])
        )
        assert [words[4] for words in udp] == ["203.0.113.7", "127.0.0.1"]
        assert isinstance(offer, rtc.SessionDescription)
