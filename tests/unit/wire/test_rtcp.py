"""RTCP as we write it, read by aiortc, and the other way round."""

from __future__ import annotations

from aiortc import rtp as aiortc_rtp
from hypothesis import given
from hypothesis import strategies as st

from engage_tui.wire import rtcp
from tests.bench.downlink_model import estimate


@given(st.integers(0, 0xFFFF), st.sets(st.integers(0, 200), min_size=1, max_size=60))
def test_a_nack_asks_for_exactly_these(start: int, offsets: set[int]) -> None:
    numbers = [(start + offset) & 0xFFFF for offset in sorted(offsets)]
    data = rtcp.build_nack(77, numbers)
    (theirs,) = aiortc_rtp.RtcpPacket.parse(data)
    assert isinstance(theirs, aiortc_rtp.RtcpRtpfbPacket)
    assert (theirs.media_ssrc, theirs.lost) == (77, numbers)
    (part,) = rtcp.parse(data)
    assert (part.kind, part.format) == (rtcp.TRANSPORT_FEEDBACK, rtcp.NACK)
    assert rtcp.parse_nack(part.body) == (77, numbers)


def test_a_nack_cannot_ask_for_too_much() -> None:
    entries = b"\x00\x01\xff\xff" * 300
    parsed = rtcp.parse_nack(bytes(8) + entries)
    assert parsed is not None
    assert len(parsed[1]) == rtcp.MAX_NACKED


def test_keyframe_requests() -> None:
    (theirs,) = aiortc_rtp.RtcpPacket.parse(rtcp.build_pli(99))
    assert isinstance(theirs, aiortc_rtp.RtcpPsfbPacket)
    assert (theirs.fmt, theirs.media_ssrc) == (aiortc_rtp.RTCP_PSFB_PLI, 99)
    (pli,) = rtcp.parse(rtcp.build_pli(99))
    assert rtcp.parse_keyframe_requests(pli) == [99]
    fir = rtcp.RtcpPart(
        rtcp.PAYLOAD_FEEDBACK, rtcp.FIR, bytes(8) + (98).to_bytes(4, "big") + b"\x01\0\0\0"
    )
    assert rtcp.parse_keyframe_requests(fir) == [98]


def test_reports() -> None:
    report = rtcp.SenderReport(5, 0x0123456789ABCDEF, 0x1_0000_0007)
    (sender,) = aiortc_rtp.RtcpPacket.parse(rtcp.build_sender_report(report, 10, 2000))
    assert isinstance(sender, aiortc_rtp.RtcpSrPacket)
    info = sender.sender_info
    assert (sender.ssrc, info.ntp_timestamp, info.rtp_timestamp) == (5, report.ntp, 7)
    assert (info.packet_count, info.octet_count) == (10, 2000)
    (part,) = rtcp.parse(bytes(sender))
    assert rtcp.parse_sender_report(part.body) == (5, report.ntp, 7)
    blocks = [rtcp.Reception(6, 25, -3, 70_000, 12, 0x89ABCDEF, 65536)]
    (receiver,) = aiortc_rtp.RtcpPacket.parse(rtcp.build_receiver_report(blocks))
    assert isinstance(receiver, aiortc_rtp.RtcpRrPacket)
    block = receiver.reports[0]
    assert (block.ssrc, block.fraction_lost, block.packets_lost) == (6, 25, -3)
    assert (block.highest_sequence, block.jitter, block.lsr, block.dlsr) == (
        70_000,
        12,
        0x89ABCDEF,
        65536,
    )


def test_transport_feedback_counts_lost_and_late_packets() -> None:
    arrivals = [
        (65535, 10.0),
        (65536, 10.001),
        (65538, 10.2),
        *((n, 10.2) for n in range(65539, 65550)),
    ]
    (part,) = rtcp.parse(rtcp.build_transport_cc(3, 7, arrivals))
    assert (part.kind, part.format) == (rtcp.TRANSPORT_FEEDBACK, rtcp.TRANSPORT_CC)
    body = part.body
    assert int.from_bytes(body[4:8], "big") == 3
    assert int.from_bytes(body[8:10], "big") == 65535
    count = int.from_bytes(body[10:12], "big")
    assert count == 15
    reference, counter = int.from_bytes(body[12:15], "big"), body[15]
    assert counter == 7
    symbols, at = _symbols(body, 16, count)
    assert symbols == [1, 1, 0, 2, *[1] * 11]  # 2: more than 64 ms after the one before
    seconds = reference * 0.064
    times = []
    for symbol in symbols:
        if symbol == 1:
            seconds += body[at] * 0.00025
            at += 1
        elif symbol == 2:
            seconds += int.from_bytes(body[at : at + 2], "big", signed=True) * 0.00025
            at += 2
        if symbol:
            times.append(round(seconds, 3))
    assert times == [round(seconds, 3) for _, seconds in arrivals]


def _symbols(body: bytes, at: int, count: int) -> tuple[list[int], int]:
    symbols: list[int] = []
    while len(symbols) < count:
        chunk = int.from_bytes(body[at : at + 2], "big")
        at += 2
        if chunk & 0x8000:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> 13] * (chunk & 0x1FFF)
    return symbols[:count], at


@given(st.binary(max_size=120))
def test_no_bytes_make_the_readers_fail(data: bytes) -> None:
    for part in rtcp.parse(data):
        rtcp.parse_nack(part.body)
        rtcp.parse_sender_report(part.body)
        rtcp.parse_keyframe_requests(part)
    rtcp.parse_keyframe_requests(rtcp.RtcpPart(rtcp.PAYLOAD_FEEDBACK, rtcp.FIR, data))
    rtcp.parse_nack(data)


def test_the_round_trip_is_asked_for_and_answered() -> None:
    (asked,) = rtcp.parse(rtcp.build_reference_time(9, 0x0123456789ABCDEF))
    assert asked.kind == rtcp.EXTENDED_REPORT
    assert rtcp.parse_reference_time(asked.body) == (9, 0x456789AB)
    (answer,) = rtcp.parse(rtcp.build_reference_answer(5, 9, 0x456789AB, 7))
    assert answer.kind == rtcp.EXTENDED_REPORT
    assert rtcp.parse_reference_answer(answer.body, 9) == (0x456789AB, 7)
    assert rtcp.parse_reference_answer(answer.body, 8) is None
    assert rtcp.parse_reference_time(answer.body) is None


@given(st.binary(max_size=40))
def test_any_extended_report_is_read_or_left(body: bytes) -> None:
    rtcp.parse_reference_time(body)
    rtcp.parse_reference_answer(body, 9)


def test_receptions_and_estimates_are_read() -> None:
    blocks = [
        rtcp.Reception(7, 64, 5, 70_000, 3, 0xAABBCCDD, 65536),
        rtcp.Reception(8, 0, -2, 1, 0, 0, 0),
    ]
    (part,) = rtcp.parse(rtcp.build_receiver_report(blocks))
    assert rtcp.parse_receptions(part) == blocks
    assert rtcp.parse_receptions(part._replace(body=part.body[:20])) == []
    (remb,) = rtcp.parse(estimate(2_117_000))
    found = rtcp.parse_estimate(remb)
    assert found is not None
    assert 0.999 < found / 2_117_000 <= 1
    assert rtcp.parse_estimate(part) is None
    assert rtcp.parse_estimate(remb._replace(body=remb.body[:10])) is None
