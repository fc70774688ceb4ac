"""Packets made ready for several subscribers: which go together, and what each of them gets."""

from __future__ import annotations

import pytest

from engage_tui.server.numbering import Pictures
from engage_tui.server.run import LARGEST, ROOM, Packet, Run
from engage_tui.wire.rtp import MARKER, RtpPacket
from tests.unit.server.media import packet

VP8 = b"\x80\xe0\x80\x05\x07\x20picture"  # picture 5, TL0PICIDX 7


def run(*packets: RtpPacket) -> Run:
    made = Run.steady(packets)
    assert made is not None
    return made


def test_each_gets_its_own_numbers() -> None:
    made = run(packet(0xFFFF, b"a", 0xFFFFFFF0), packet(0, b"bb", 16, MARKER))
    assert made.packets(96, 3, 0x20) == [(96, 2, 0x10, b"a"), (96 | MARKER, 3, 0x30, b"bb")]
    assert (made.count, made.octets) == (2, 3)


@pytest.mark.parametrize(
    "numbers", [(5, 5), (5, 4), (0, 0xFFFF), (5, 0x8005)], ids=["twice", "late", "wrap", "far"]
)
def test_packets_out_of_order_are_no_run(numbers: tuple[int, int]) -> None:
    assert Run.steady([packet(each) for each in numbers]) is None


def test_a_hole_does_not_end_a_run() -> None:
    assert [each[1] for each in run(packet(5), packet(9)).packets(0, 0, 0)] == [5, 9]


@pytest.mark.parametrize("payload", [b"", bytes(LARGEST + 1)], ids=["padding", "too large"])
def test_what_does_not_go_on_is_no_run(payload: bytes) -> None:
    assert Run.steady([packet(1), packet(2, payload)]) is None


def test_too_large_packets_of_one_subscriber_are_left_out() -> None:
    packets: list[Packet] = [(96, n, 0, bytes(size)) for n, size in enumerate((5, LARGEST + 1, 7))]
    assert Run.ready(packets).packets(0, 0, 0) == [packets[0], packets[2]]
    assert LARGEST + 12 < ROOM


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([100], [(1, 112)]),
        ([100, 100, 60], [(3, 112)]),
        ([100, 60, 60], [(2, 112), (1, 72)]),
        ([60, 100, 100], [(1, 72), (2, 112)]),
        ([1000] * 61, [(60, 1012), (1, 1012)]),
        ([10] * 65, [(64, 22), (1, 22)]),
    ],
)
def test_neighbours_of_one_size_go_together(
    sizes: list[int], groups: list[tuple[int, int]]
) -> None:
    made = run(*(packet(number, bytes(size)) for number, size in enumerate(sizes)))
    assert made.groups == groups


def test_picture_ids_are_shifted_once_for_all_who_want_the_same() -> None:
    made = run(packet(1, VP8))
    one, same, other = (made.rewritten(Pictures(*each)) for each in ((1, 2), (1, 2), (3, 2)))
    assert one is same
    assert [each.packets(0, 0, 0)[0][3][2:5] for each in (one, other)] == [
        b"\x80\x06\x09",
        b"\x80\x08\x09",
    ]
    assert made.packets(0, 0, 0)[0][3] == VP8
