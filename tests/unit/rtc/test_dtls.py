"""The short way of media: from the socket to the receiver in one step."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import State
from aiortc.rtp import RtpPacket
from pylibsrtp import Policy, Session

from engage_tui.rtc.dtls import DtlsTransport
from engage_tui.rtc.ice import IceTransport
from engage_tui.rtc.ice_connection import IceConnection

KEY = bytes(range(30))
SSRC = 77


class Receiver:
    def __init__(self) -> None:
        self.taken: list[int] = []

    def receive(self, packet: RtpPacket) -> None:
        self.taken.append(packet.sequence_number)
        if packet.payload == b"bad":
            raise RuntimeError("a receiver that fails")


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def dtls(receiver: Receiver) -> DtlsTransport:
    """A transport whose handshake has ended."""
    dtls = DtlsTransport(cast(Any, IceTransport()), [RTCCertificate.generateCertificate()])
    dtls._rtp_router.register_receiver(cast(Any, receiver), ssrcs=[SSRC], payload_types=[96])
    dtls._rx_srtp = Session(Policy(KEY, Policy.SSRC_ANY_INBOUND))
    dtls._state = State.CONNECTED
    return dtls


@pytest.fixture
def sender() -> Session:
    return Session(Policy(KEY, Policy.SSRC_ANY_OUTBOUND))


def rtp(sequence: int, payload: bytes = b"picture", ssrc: int = SSRC) -> bytes:
    return RtpPacket(
        payload_type=96, sequence_number=sequence, timestamp=5, ssrc=ssrc, payload=payload
    ).serialize()


def test_media_reach_their_receiver_before_the_call_returns(
    dtls: DtlsTransport, sender: Session, receiver: Receiver
) -> None:
    assert dtls.take_media(sender.protect(rtp(1)))
    assert receiver.taken == [1]
    assert dtls.take_media(sender.protect(rtp(2, ssrc=SSRC + 1)))  # of a stream nobody announced
    assert dtls.take_media(sender.protect(rtp(3)))
    assert receiver.taken[-1] == 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80" + bytes(5),  # too short
        b"\x16" + bytes(40),  # DTLS
        b"\x80\xc8" + bytes(40),  # RTCP
        b"\x00\x01" + bytes(40),  # STUN
    ],
)
def test_what_is_no_media_is_left_to_the_loop(data: bytes, dtls: DtlsTransport) -> None:
    assert not dtls.take_media(data)


@pytest.mark.parametrize("state", [State.NEW, State.CONNECTING, State.CLOSED, State.FAILED])
def test_nothing_is_taken_before_the_other_side_is_known_or_after_the_end(
    state: State, dtls: DtlsTransport, sender: Session, receiver: Receiver
) -> None:
    dtls._state = state
    assert not dtls.take_media(sender.protect(rtp(1)))
    assert receiver.taken == []


def test_forged_repeated_and_oversized_packets_are_dropped_and_harm_nothing(
    dtls: DtlsTransport,
    sender: Session,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    packet = sender.protect(rtp(1))
    for data in (packet, packet, packet[:-1] + bytes([packet[-1] ^ 1]), packet[:12]):
        assert dtls.take_media(data)
    assert dtls.take_media(packet + bytes(60_000))
    assert receiver.taken == [1]
    assert caplog.records == []  # anybody can send such packets: nothing to fill a log with
    assert dtls.take_media(sender.protect(rtp(2)))
    assert receiver.taken == [1, 2]


def test_a_receiver_that_fails_is_told_of_and_gets_the_next_packet(
    dtls: DtlsTransport, sender: Session, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    assert dtls.take_media(sender.protect(rtp(1, b"bad")))
    assert "dropped" in caplog.text
    assert dtls.take_media(sender.protect(rtp(2)))
    assert receiver.taken == [1, 2]


async def test_what_media_do_not_take_waits_to_be_received() -> None:
    connection = IceConnection(ice_controlling=True)
    connection._nominated[1] = cast(Any, SimpleNamespace())
    taken: list[bytes] = []

    def take(data: bytes) -> bool:
        taken.append(data)
        return data == b"media"

    connection.data_received(b"early media", 1)
    connection.on_media = take
    connection.data_received(b"media", 1)
    connection.data_received(b"handshake", 1)
    assert taken == [b"media", b"handshake"]
    assert [await connection.recv(), await connection.recv()] == [b"early media", b"handshake"]
