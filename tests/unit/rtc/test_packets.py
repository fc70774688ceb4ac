"""Packets read by our short way are those that aiortc reads, and only what is nobody's is refused."""

from __future__ import annotations

import struct

import pytest
from aiortc.rtp import RtpPacket, unwrap_rtx
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from engage_tui.rtc.packets import ROOM, MediaPacket, Opener, read

KEY = bytes(range(30))


def facts(packet: RtpPacket) -> tuple[object, ...]:
    return (
        packet.payload_type,
        packet.marker,
        packet.sequence_number,
        packet.timestamp,
        packet.ssrc,
        packet.payload,
    )


@given(
    flags=st.integers(0, 255),
    rest=st.binary(max_size=60),
    words=st.none() | st.integers(0, 4),
    padding=st.integers(0, 20),
)
def test_what_aiortc_reads_is_read_alike(
    flags: int, rest: bytes, words: int | None, padding: int
) -> None:
    data = bytes([flags, 0xE0]) + struct.pack("!HII", 65_535, 7, 1 << 31)
    if words is not None:  # an extension that is as long as it says, or nearly
        data += bytes(4 * (flags & 0x0F)) + struct.pack("!HH", 0xABCD, words)
    data += rest + bytes([padding])
    try:
        theirs = RtpPacket.parse(data)
    except ValueError:
        with pytest.raises(ValueError, match="RTP packet"):
            read(data)
        return
    assert facts(read(data)) == facts(theirs)


@given(data=st.binary(max_size=40))
def test_anything_is_read_or_refused(data: bytes) -> None:
    try:
        packet = read(data)
    except ValueError:
        return
    assert data[0] >> 6 == 2
    assert packet.payload in data[12:]


def test_the_words_of_an_extension_do_not_matter() -> None:
    broken = b"\x90\x6f" + bytes(10) + b"\xbe\xde\x00\x01" + b"\x1f" * 4 + b"voice"
    assert read(broken).payload == b"voice"


def test_a_packet_sent_again_is_found_within_its_wrapper() -> None:
    wrapper = read(RtpPacket(97, 1, 5, 900, 2, b"\x12\x34picture").serialize())
    assert isinstance(wrapper, MediaPacket)
    assert facts(unwrap_rtx(wrapper, 96, 1)) == (96, 1, 0x1234, 900, 1, b"picture")


def test_what_was_sealed_is_opened_once() -> None:
    seal = Session(Policy(KEY, Policy.SSRC_ANY_OUTBOUND))
    opener = Opener(Session(Policy(KEY, Policy.SSRC_ANY_INBOUND)))
    packets = [RtpPacket(96, 0, n, 0, 9, bytes([n]) * 300 * n).serialize() for n in range(1, 4)]
    sealed = [seal.protect(packet) for packet in packets]
    assert [opener.open(each) for each in sealed] == packets
    assert [opener.open(each) for each in sealed] == [None] * 3
    assert opener.open(bytes(ROOM + 1)) is None
