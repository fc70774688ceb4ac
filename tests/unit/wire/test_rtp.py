"""RTP: headers, extensions, and the few payload bits that a forwarder reads."""

from __future__ import annotations

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor, vp8_depayload
from aiortc.rtp import RtpPacket as AiortcPacket
from aiortc.rtp import pack_header_extensions
from hypothesis import given
from hypothesis import strategies as st

from engage_tui.wire import rtp


def built(payload: bytes = b"payload", marker: int = 0) -> bytes:
    packet = AiortcPacket(
        payload_type=96,
        sequence_number=65535,
        timestamp=4_000_000_000,
        ssrc=0xFFFFFFFE,
        marker=marker,
    )
    packet.payload = payload
    return packet.serialize()


def test_a_packet_is_read_as_it_was_built() -> None:
    packet = rtp.parse(built(marker=1))
    assert packet is not None
    assert (packet.payload_type, packet.marker, packet.sequence) == (96, rtp.MARKER, 65535)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (
        4_000_000_000,
        0xFFFFFFFE,
        b"payload",
    )


def test_padding_is_taken_off() -> None:
    data = bytearray(built(b"abc" + bytes(3) + b"\x04"))
    data[0] |= 0x20
    packet = rtp.parse(bytes(data))
    assert packet is not None
    assert packet.payload == b"abc"


def test_a_packet_that_only_pads_has_no_payload() -> None:
    data = bytearray(built(bytes(254) + b"\xff"))
    data[0] |= 0x20
    packet = rtp.parse(bytes(data))
    assert packet is not None
    assert packet.payload == b""


@pytest.mark.parametrize(
    "elements", [[(1, b"3"), (4, b"\x00\x07")], [(1, b""), (3, bytes(20))]], ids=["one", "two"]
)
def test_extensions_of_both_forms(elements: list[tuple[int, bytes]]) -> None:
    profile, value = pack_header_extensions(elements)
    data = bytearray(built())
    data[0] |= 0x10
    data[12:12] = profile.to_bytes(2, "big") + (len(value) // 4).to_bytes(2, "big") + value
    packet = rtp.parse(bytes(data))
    assert packet is not None
    assert list(rtp.extensions(packet.extension_profile, packet.extension)) == elements
    assert packet.payload == b"payload"


@given(st.binary(max_size=80))
def test_no_bytes_make_the_readers_fail(data: bytes) -> None:
    packet = rtp.parse(data)
    if packet is not None:
        list(rtp.extensions(packet.extension_profile, packet.extension))
    list(rtp.extensions(0xBEDE, data))
    list(rtp.extensions(0x1000, data))
    for codec in ("VP8", "H264", "opus"):
        rtp.is_keyframe(codec, data)
    if (at := rtp.parse_vp8(data)) is not None:
        assert len(rtp.rewrite_vp8(data, at, 5, 6)) == len(data)


@given(st.integers(0, 0xFFFF), st.integers(1, 0x7FFF))
def test_newer_goes_round(start: int, ahead: int) -> None:
    later = (start + ahead) & 0xFFFF
    assert rtp.is_newer(later, start)
    assert not rtp.is_newer(start, later)


@given(st.integers(0, 0x7FFF), st.integers(0, 0xFF), st.integers(0, 0x7FFF), st.integers(0, 0xFF))
def test_vp8_ids_are_replaced_and_nothing_else(
    picture: int, tl0: int, new_picture: int, new_tl0: int
) -> None:
    descriptor = VpxPayloadDescriptor(
        partition_start=1, partition_id=0, picture_id=picture, tl0picidx=tl0, tid=(1, 0), keyidx=3
    )
    payload = bytes(descriptor) + b"\x00frame"
    at = rtp.parse_vp8(payload)
    assert at is not None
    assert at.picture_id == picture
    changed = rtp.rewrite_vp8(payload, at, new_picture, new_tl0)
    again, rest = VpxPayloadDescriptor.parse(changed)
    expected = new_picture if at.picture_id_wide else picture
    assert (again.picture_id, again.tl0picidx, again.keyidx) == (expected, new_tl0, 3)
    assert rest == b"\x00frame"


@pytest.mark.parametrize(
    ("codec", "payload", "key"),
    [
        ("VP8", b"\x10\x00", True),
        ("VP8", b"\x10\x01", False),  # an inter frame
        ("VP8", b"\x00\x00", False),  # the middle of a keyframe
        ("vp8", b"\x90\x80\x05\x00", True),
        ("VP8", b"", False),
        ("VP8", b"\x90\x80", False),  # cut short
        ("H264", b"\x67\x42", True),  # SPS
        ("H264", b"\x65\x88", True),  # IDR
        ("H264", b"\x61\x88", False),
        ("H264", b"\x7c\x85\x88", True),  # first fragment of an IDR
        ("H264", b"\x7c\x05\x88", False),  # a later one
        ("H264", b"\x78\x00\x10\x67", True),  # aggregation that starts with an SPS
        ("H264", b"\x78", False),
        ("opus", b"\xfc", True),
        ("opus", b"", False),
    ],
)
def test_keyframes(codec: str, payload: bytes, key: bool) -> None:
    assert rtp.is_keyframe(codec, payload) is key


@given(st.binary(max_size=8))
def test_vp8_data_are_what_aiortc_takes_them_for(payload: bytes) -> None:
    try:
        wanted = vp8_depayload(payload)
    except ValueError:
        with pytest.raises(ValueError, match="VP8"):
            rtp.vp8_data(payload)
    else:
        assert rtp.vp8_data(payload) == wanted
