"""Redundant audio: what is built is read, and nonsense is nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engage_tui.wire.red import MAX_LENGTH, MAX_OFFSET, Block, build, parse

_EARLIER = st.lists(
    st.tuples(st.integers(1, MAX_OFFSET), st.binary(max_size=MAX_LENGTH)), max_size=8
)


def test_a_packet_as_browsers_send_it() -> None:
    data = bytes.fromhex("ef0f0003 6f") + b"old" + b"new one"
    assert parse(data) == [Block(1, 960, 111, b"old"), Block(0, 0, 111, b"new one")]
    assert build(111, [(960, b"old")], b"new one") == data


@given(st.integers(0, 127), _EARLIER, st.binary(max_size=1200))
def test_what_is_built_is_read(
    payload_type: int, earlier: list[tuple[int, bytes]], payload: bytes
) -> None:
    blocks = parse(build(payload_type, earlier, payload))
    assert blocks[-1] == Block(0, 0, payload_type, payload)
    assert [(b.offset, b.payload) for b in blocks[:-1]] == earlier
    assert [b.age for b in blocks] == list(range(len(earlier), -1, -1))


@given(st.binary(max_size=60))
def test_nonsense_is_read_without_harm(data: bytes) -> None:
    for block in parse(data):
        assert len(block.payload) <= len(data)


def test_what_the_format_cannot_hold_is_left_out() -> None:
    blocks = parse(build(111, [(960, b"x"), (1920, bytes(2000)), (960, b"y")], b"z"))
    assert [block.payload for block in blocks] == [b"y", b"z"]
