"""The media transport against OpenSSL as the other end: who gets in, and what is refused."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from livekit.protocol import rtc
from OpenSSL import SSL

from engage_tui.server import client as server_client
from engage_tui.server.app import RunningServer
from engage_tui.server.certificate import Certificate
from engage_tui.server.paths import AMPLIFICATION
from engage_tui.server.stun import build_response, parse_request
from engage_tui.server.transport import PeerTransport
from tests.integration.signal_client import SignalClient, signalling
from tests.integration.test_server_fuzz import checked
from tests.waiting import until


class DtlsClient:
    """An own end of DTLS on a UDP socket.

    Attributes:
        answers: Answer the server's connectivity checks.
        came: Every datagram.
        checked: Bytes of connectivity checks sent.
    """

    def __init__(self, server: RunningServer, udp: socket.socket, *, answers: bool = True) -> None:
        self.answers = answers
        self.came: list[bytes] = []
        self.checked = 0
        self._hello: list[bytes] = []
        self.certificate = Certificate()
        self.ssl = SSL.Connection(self.certificate.context, None)
        self.ssl.set_connect_state()
        self.done = False
        self.udp = udp
        self.server = server
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
                data = self.ssl.bio_read(1400)
                self._hello = self._hello or [data]
                self.udp.sendto(data, self._to)
        except SSL.WantReadError:
            pass

    def checks(self, offer: str) -> bool:
        """Send a connectivity check, and the first datagram of DTLS again; true, so that a wait can repeat it."""
        self.checked += checked(self.server, offer, self.udp)
        for data in self._hello:
            self.udp.sendto(data, self._to)
        return True

    def _readable(self) -> None:
        data, address = self.udp.recvfrom(4096)
        self.came.append(data)
        check = parse_request(data)
        if check is not None and self.answers:
            self.udp.sendto(build_response(check, address, "any"), address)
        if 20 <= data[0] < 64:
            self.ssl.bio_write(data)
            if not self.done:
                self.step()


@contextmanager
def dtls(server: RunningServer, offer: str, *, answers: bool = True) -> Iterator[DtlsClient]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        peer = DtlsClient(server, udp, answers=answers)
        peer.checks(offer)
        try:
            yield peer
        finally:
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
            await until(lambda: transport.addresses, what="the first check")
            await ada.send(answer_to(offer, peer.certificate.fingerprint))
            await until(lambda: transport.connected)
            await until(lambda: peer.done)
            await until(
                lambda: ada.participants.get("ada", ada.received[0].join.participant).state == 2
            )


@pytest.mark.usefixtures("quick_clock")
async def test_another_certificate_opens_nothing(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_client, "_GOODBYE_GRACE", 0.0)
    async with signalling(server) as ada:
        offer, transport = await offered(server, ada)
        await ada.send(answer_to(offer, Certificate().fingerprint))
        with dtls(server, offer):
            await until(lambda: transport.state in ("failed", "closed"))
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
            assert not transport.addresses
            checked(server, offer, udp)
            await until(lambda: transport.addresses)
            # The only answer is the one to the second check.
            answers = 0
            while True:
                try:
                    answers += udp.recv(2048)[:2] == b"\x01\x01"
                except BlockingIOError:
                    break
            assert answers == 1


async def test_an_address_that_does_not_answer_gets_next_to_nothing(server: RunningServer) -> None:
    async with signalling(server) as ada:
        offer, transport = await offered(server, ada)
        with dtls(server, offer, answers=False) as peer:
            await ada.send(answer_to(offer, peer.certificate.fingerprint))
            await until(lambda: any(map(parse_request, peer.came)), what="the server's check")
            for _ in range(20):
                peer.checks(offer)
            await until(lambda: len(peer.came) > 20, what="the answers")
            await ada.alive()
            assert not [data for data in peer.came if data[0] >= 20], "no DTLS to a stranger"
            assert sum(map(len, peer.came)) <= AMPLIFICATION * peer.checked
            assert transport.address is None
            peer.answers = True
            await until(lambda: peer.checks(offer) and transport.connected)


async def test_media_move_only_to_an_address_that_answers(server: RunningServer) -> None:
    async with signalling(server) as ada:
        offer, transport = await offered(server, ada)
        with dtls(server, offer) as peer, dtls(server, offer, answers=False) as forged:
            await ada.send(answer_to(offer, peer.certificate.fingerprint))
            await until(lambda: transport.connected and len(transport.addresses) == 2)
            await until(lambda: any(map(parse_request, forged.came)), what="the server's check")
            assert transport.address == peer.udp.getsockname()
            forged.answers = True
            there = forged.udp.getsockname()
            await until(lambda: forged.checks(offer) and transport.address == there)
