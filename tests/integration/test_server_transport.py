"""The media transport against OpenSSL as the other end: who gets in, and what is refused."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from livekit.protocol import rtc
from OpenSSL import SSL

from engage_tui.server.app import RunningServer
from engage_tui.server.certificate import Certificate
from engage_tui.server.transport import PeerTransport
from tests.integration.signal_client import SignalClient, signalling
from tests.integration.test_server_fuzz import checked
from tests.waiting import until


class DtlsClient:
    """An own end of DTLS on a UDP socket."""

    def __init__(self, server: RunningServer, udp: socket.socket) -> None:
        self.certificate = Certificate()
        self.ssl = SSL.Connection(self.certificate.context, None)
        self.ssl.set_connect_state()
        self.done = False
        self._udp = udp
        self._to = ("127.0.0.1", server.rtc_port)
        asyncio.get_running_loop().add_reader(udp.fileno(), self._readable)
        self.step()

    def step(self) -> None:
        try:
            self.ssl.do_handshake()
            self.done = True
        except SSL.WantReadError:
            pass
        try:
            while True:
                self._udp.sendto(self.ssl.bio_read(1400), self._to)
        except SSL.WantReadError:
            pass

    def _readable(self) -> None:
        data = self._udp.recv(4096)
        if 20 <= data[0] < 64:
            self.ssl.bio_write(data)
            if not self.done:
                self.step()


@contextmanager
def dtls(server: RunningServer, offer: str) -> Iterator[DtlsClient]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        checked(server, offer, udp)
        yield DtlsClient(server, udp)
        asyncio.get_running_loop().remove_reader(udp.fileno())


def answer_to(offer: str, fingerprint: str) -> rtc.SignalRequest:
    sdp = re.sub(r"a=fingerprint:[^\r]*", f"a=fingerprint:{fingerprint}", offer)
    return rtc.SignalRequest(answer=rtc.SessionDescription(type="answer", sdp=sdp, id=1))


async def offered(server: RunningServer, ada: SignalClient) -> tuple[str, PeerTransport]:
    offer = (await ada.get("offer")).offer.sdp
    return offer, server.rooms["hall"].clients["ada"].subscriber.transport


async def test_the_announced_certificate_opens_media(server: RunningServer) -> None:
    async with signalling(server) as ada:
        offer, transport = await offered(server, ada)
        with dtls(server, offer) as peer:
            await until(lambda: peer.done)
            # DTLS may be faster than signalling: nothing opens before the certificate is known.
            assert not transport.connected
            await ada.send(answer_to(offer, peer.certificate.fingerprint))
            await until(lambda: transport.connected)
            await until(lambda: ada.participants["ada"].state == 2, what="an active participant")


async def test_another_certificate_opens_nothing(server: RunningServer) -> None:
    async with signalling(server) as ada:
        offer, transport = await offered(server, ada)
        await ada.send(answer_to(offer, Certificate().fingerprint))
        with dtls(server, offer):
            await until(lambda: transport.state == "failed")
            leave = (await ada.get("leave")).leave
            assert leave.action == rtc.LeaveRequest.RECONNECT


async def test_checks_with_a_wrong_password_are_not_answered(server: RunningServer) -> None:
    async with signalling(server) as ada:
        offer, transport = await offered(server, ada)
        forged = re.sub(r"a=ice-pwd:[^\r]*", "a=ice-pwd:" + "x" * 24, offer)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            udp.setblocking(False)
            checked(server, forged, udp)
            await ada.alive()
            assert transport.address is None
            checked(server, offer, udp)
            await until(lambda: transport.address is not None)
            # The only answer is the one to the second check.
            answers = 0
            while True:
                try:
                    answers += udp.recv(2048)[:2] == b"\x01\x01"
                except BlockingIOError:
                    break
            assert answers == 1
