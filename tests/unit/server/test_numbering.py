"""The law of numbering: what went out under a number comes back under it, across gaps, switches and the wrap."""

from __future__ import annotations

from typing import cast

from hypothesis import example, given
from hypothesis import strategies as st

from engage_tui.server.incoming import IncomingStream
from engage_tui.server.numbering import Numbering, Pictures
from engage_tui.wire.rtp import parse_vp8, rewrite_vp8

STREAMS = [cast(IncomingStream, object()) for _ in range(2)]


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.sampled_from(["sent", "sent", "lost", "skipped", "switch"]), max_size=200),
    st.integers(1, 700),
)
def test_there_and_back(start: int, steps: list[str], stride: int) -> None:
    numbering, sent = Numbering(), []
    stream, number = 0, start
    numbering.enter(STREAMS[0], number, None, 0, None)
    highest = None
    for step in ["sent", *steps]:
        match step:
            case "sent":
                out = (number + numbering.shift) & 0xFFFF
                sent.append((STREAMS[stream], number, out))
                assert highest is None or 0 < (out - highest) & 0xFFFF < 0x8000
                highest = out
                numbering.renew(number)
            case "skipped":
                numbering.skip(number, None)
            case "switch":
                before, stream = (number - 1) & 0xFFFF, 1 - stream
                number = (number * 7 + stride) & 0xFFFF
                numbering.enter(STREAMS[stream], number, before, stride, None)
                continue
        number = (number + 1) & 0xFFFF
    for each, incoming, out in sent[-60:]:
        span = numbering.span_of(out)
        assert span is not None
        assert (span.stream, (out - span.shift) & 0xFFFF) == (each, incoming)


def test_late_packets_fill_their_own_gap_only() -> None:
    numbering = Numbering()
    numbering.enter(STREAMS[0], 100, None, 0, None)
    base = (100 + numbering.shift) & 0xFFFF
    numbering.skip(103, None)  # 101 and 102 were lost
    late = numbering.outgoing(102)
    assert late is not None
    assert late[0] == (base + 2) & 0xFFFF
    assert numbering.outgoing(103) is None  # left out: 104 has its place
    numbering.enter(STREAMS[1], 7, 104, 0, None)
    assert numbering.outgoing(6) is None  # from before the switch


def test_long_streams_are_not_mistaken_for_old_ones() -> None:
    numbering = Numbering()
    numbering.enter(STREAMS[0], 0, None, 0, None)
    for number in range(1, 150_000):
        numbering.renew(number & 0xFFFF)
    newest = 149_999 & 0xFFFF
    late = (newest - 3) & 0xFFFF
    found = numbering.outgoing(late)
    assert found is not None
    assert found[0] == (late + numbering.shift) & 0xFFFF


def test_pictures_follow_each_other() -> None:
    last, first = b"\x90\xe0\xff\xff\xff\x20\x01x", b"\x90\xe0\x80\x05\x07\x20\x00k"
    shifted = Pictures.after(last, first).rewrite(first)
    at = parse_vp8(shifted)
    assert at is not None
    assert (at.picture_id, shifted[at.tl0_at]) == (0, 0)
    assert Pictures.after(b"", b"").rewrite(b"") == b""


@given(st.binary(max_size=12), st.integers(0, 0x7FFF), st.integers(0, 255))
@example(b"\x90\xe0\xff\xff\xff\x20\x01x", 1, 1)
@example(b"\x90\xc0\x80\x00\x00\x01", 0x7FFF, 255)
def test_every_descriptor_is_rewritten_as_it_is_read(data: bytes, shift: int, tl0: int) -> None:
    at = parse_vp8(data)
    expected = data
    if at is not None and at.picture_id is not None:
        level = data[at.tl0_at] if at.tl0_at else 0
        expected = rewrite_vp8(data, at, (at.picture_id + shift) & 0x7FFF, (level + tl0) & 0xFF)
    assert Pictures(shift, tl0).rewrite(data) == expected
