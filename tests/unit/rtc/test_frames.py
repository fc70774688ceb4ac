"""From packets to pictures: order, loss, giving up, where decoding may begin."""

from __future__ import annotations

import random

import pytest
from aiortc.rtp import RtpPacket

from engage_tui.rtc.frames import GIVE_UP, LED_ASTRAY, MAX_PACKETS, EncodedFrame, FrameBuffer

_START, _MIDDLE = b"\x10", b"\x00"
_KEY, _DELTA = b"\x00", b"\x01"


def stream(pictures: str, packets: int = 3) -> list[RtpPacket]:
    """Pictures of `packets` packets each: ``k`` is a keyframe, ``d`` depends on the one before."""
    made: list[RtpPacket] = []
    for number, kind in enumerate(pictures):
        for part in range(packets):
            descriptor = _START if part == 0 else _MIDDLE
            content = (_KEY if kind == "k" else _DELTA) + bytes([number, part % 256])
            made.append(
                RtpPacket(
                    payload_type=96,
                    marker=int(part == packets - 1),
                    sequence_number=len(made),
                    timestamp=number * 3000,
                    payload=descriptor + content,
                )
            )
    return made


def feed(
    buffer: FrameBuffer, packets: list[RtpPacket], now: float = 0.0, base: int = 1000
) -> list[EncodedFrame]:
    frames: list[EncodedFrame] = []
    for packet in packets:
        frames += buffer.add(base + packet.sequence_number, packet, "VP8", now)
    return frames


def numbers(frames: list[EncodedFrame]) -> list[int]:
    return [frame.timestamp // 3000 for frame in frames]


def test_a_picture_is_complete_at_its_marker() -> None:
    buffer, packets = FrameBuffer(), stream("kd")
    assert feed(buffer, packets[:2]) == []
    frames = feed(buffer, packets[2:3])
    assert numbers(frames) == [0]
    assert frames[0].keyframe
    assert frames[0].data == _KEY + b"\0\0" + _KEY + b"\0\1" + _KEY + b"\0\2"


def test_a_picture_without_a_marker_ends_where_the_next_begins() -> None:
    packets = stream("kdd")
    packets[2].marker = 0
    assert numbers(feed(FrameBuffer(), packets)) == [0, 1, 2]


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_packets_come_out_in_order(seed: int) -> None:
    packets = stream("kddddddd")
    rest = packets[1:]
    random.Random(seed).shuffle(rest)
    buffer = FrameBuffer()
    assert numbers(feed(buffer, packets[:1] + rest + rest)) == list(range(8))  # each twice
    assert buffer.missing == []


def test_decoding_begins_with_a_keyframe() -> None:
    buffer = FrameBuffer()
    assert numbers(feed(buffer, stream("dddkd"))) == [3, 4]
    assert not buffer.need_keyframe


def test_a_gap_holds_back_until_the_packet_comes_again() -> None:
    buffer, packets = FrameBuffer(), stream("kddd")
    frames = feed(buffer, packets[:4] + packets[5:])
    assert numbers(frames) == [0]
    assert buffer.missing == [1004]
    assert buffer.expire(GIVE_UP / 2) == []
    frames = feed(buffer, packets[4:5])
    assert numbers(frames) == [1, 2, 3]
    assert [frame.repaired for frame in frames] == [True, False, False]
    assert (buffer.missing, buffer.recovered) == ([], 1)


def test_what_never_comes_is_given_up_and_a_keyframe_goes_on() -> None:
    buffer, packets = FrameBuffer(), stream("kdddkd")
    assert numbers(feed(buffer, packets[:4] + packets[5:9])) == [0]
    assert buffer.expire(GIVE_UP + 0.1) == []
    assert buffer.need_keyframe
    assert buffer.missing == []
    assert buffer.given_up == 1
    assert numbers(feed(buffer, packets[9:])) == [4, 5]


def test_a_complete_keyframe_behind_a_gap_is_not_kept_waiting() -> None:
    buffer, packets = FrameBuffer(), stream("kddkd")
    assert numbers(feed(buffer, packets[:4] + packets[5:])) == [0, 3, 4]
    assert buffer.missing == []


def test_no_keyframe_is_wanted_while_one_arrives() -> None:
    buffer, packets = FrameBuffer(), stream("dkd")
    wanted = [buffer.keyframe_wanted]
    feed(buffer, packets[:3])
    wanted.append(buffer.keyframe_wanted)
    feed(buffer, packets[3:4] + packets[5:6])
    wanted.append(buffer.keyframe_wanted)
    buffer.expire(GIVE_UP + 0.1)
    wanted.append(buffer.keyframe_wanted)  # that one will never be whole
    assert wanted == [True, True, False, True]


def test_padding_belongs_to_no_picture() -> None:
    packets = stream("kd", packets=1)
    packets.insert(1, RtpPacket(payload_type=96, sequence_number=1, timestamp=0))
    packets[2].sequence_number = 2
    assert numbers(feed(FrameBuffer(), packets)) == [0, 1]


def test_a_long_outage_starts_over() -> None:
    buffer, packets = FrameBuffer(), stream("kdd")
    feed(buffer, packets)
    assert feed(buffer, stream("d"), base=9000) == []
    assert buffer.need_keyframe
    assert buffer.missing == []


@pytest.mark.parametrize("ahead", [10, 290, 2500])
def test_a_stray_packet_leads_astray_for_a_moment_only(ahead: int) -> None:
    buffer, packets = FrameBuffer(), stream("kdd" + "kddd" * 30, packets=2)
    feed(buffer, packets[:6])
    feed(buffer, [RtpPacket(sequence_number=6 + ahead, timestamp=77, payload=b"x")])
    shown: list[float] = []
    for number, packet in enumerate(packets[6:]):
        now = number * 0.02
        shown += [now] * len(feed(buffer, [packet], now))
        buffer.expire(now)
    assert shown
    assert shown[0] < GIVE_UP + LED_ASTRAY + 0.3
    assert len(shown) > 80, "and nearly all that follows"


def test_late_repairs_lead_nowhere() -> None:
    buffer, packets = FrameBuffer(), stream("kdddd", packets=1)
    feed(buffer, packets)
    for step in range(10):
        buffer.add(1001, packets[1], "VP8", 10.0 + step / 5, repair=True)
    assert not buffer.need_keyframe


def test_the_buffer_is_bounded_when_no_end_ever_comes() -> None:
    buffer = FrameBuffer()
    endless = stream("k", packets=2 * MAX_PACKETS)
    endless[-1].marker = 0
    feed(buffer, endless)
    assert len(buffer._packets) <= MAX_PACKETS


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_random_payloads_raise_nothing(codec: str) -> None:
    rng, buffer = random.Random(1), FrameBuffer()
    for place in range(3000):
        packet = RtpPacket(
            marker=rng.randrange(2),
            timestamp=rng.randrange(4) * 3000,
            payload=rng.randbytes(rng.randrange(6)),
        )
        buffer.add(place + rng.randrange(-20, 20), packet, codec, place * 0.01)
        buffer.expire(place * 0.01)
