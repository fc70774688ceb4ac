"""Sequence numbers, losses and receiver reports."""

from __future__ import annotations

import pytest
from aiortc.rtp import RtcpPacket, RtcpRrPacket, RtcpSenderInfo, RtcpSrPacket

from engage_tui.rtc.reception import Reception, signed_difference


def taken(*sequences: int) -> tuple[Reception, list[int | None]]:
    reception = Reception(1234, 90_000)
    return reception, [reception.place(sequence) for sequence in sequences]


@pytest.mark.parametrize(
    ("a", "b", "wanted"), [(5, 3, 2), (3, 5, -2), (1, 0xFFFF, 2), (0xFFFF, 1, -2)]
)
def test_differences_wrap(a: int, b: int, wanted: int) -> None:
    assert signed_difference(a, b, 16) == wanted


def test_places_go_on_across_the_wrap_and_for_older_packets() -> None:
    _, places = taken(65534, 0, 65535, 1)
    first = places[0]
    assert first is not None
    assert places == [first, first + 2, first + 1, first + 3]


@pytest.mark.parametrize(
    ("sequences", "highest", "lost"),
    [((10, 11, 13), 13, 1), ((65534, 65535, 0, 1), 0x10001, 0), ((10, 12, 11), 12, 0)],
)
def test_a_report_counts_cycles_from_zero(
    sequences: tuple[int, ...], highest: int, lost: int
) -> None:
    reception, _ = taken(*sequences)
    report = reception.report()
    assert report is not None
    assert (report.ssrc, report.highest_sequence, report.packets_lost) == (1234, highest, lost)
    assert reception.lost == lost


def test_the_fraction_lost_is_of_the_packets_since_the_last_report() -> None:
    reception, _ = taken(0, 1, 2, 3)
    first = reception.report()
    for sequence in (4, 6):
        reception.place(sequence)
    second, third = reception.report(), reception.report()
    assert first is not None
    assert second is not None
    assert third is not None
    assert [each.fraction_lost for each in (first, second, third)] == [0, 256 // 3, 0]


def test_a_report_answers_the_last_sender_report_and_survives_the_wire() -> None:
    reception, _ = taken(7)
    before = reception.report()
    info = RtcpSenderInfo(
        ntp_timestamp=0x1122334455667788, rtp_timestamp=0, packet_count=1, octet_count=1
    )
    reception.sender_report(RtcpSrPacket(ssrc=1234, sender_info=info))
    report = reception.report()
    assert before is not None
    assert report is not None
    assert (before.lsr, before.dlsr) == (0, 0)
    assert report.lsr == 0x33445566
    assert 0 <= report.dlsr < 65536
    packets = RtcpPacket.parse(bytes(RtcpRrPacket(ssrc=1, reports=[report])))
    assert isinstance(packets[0], RtcpRrPacket)
    assert packets[0].reports == [report]


def test_a_stray_packet_is_ignored_and_a_restart_is_followed() -> None:
    reception, places = taken(100, 101, 30_000, 102)
    assert places[2] is None
    assert places[3] == (places[0] or 0) + 2
    assert reception.place(20_000) is None
    again = reception.place(20_001)
    assert again is not None
    assert again > (places[3] or 0)
    assert reception.lost == 0


def test_nothing_to_report_before_the_first_packet() -> None:
    assert Reception(1, 48_000).report() is None
