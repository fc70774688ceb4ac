"""Layers within one stream: descriptors read, malformed ones refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engage_tui.wire.svc import Av1Layers, Place, bind_av1, parse_vp9

STRUCTURE = "10000000000"  # first template 32, decode targets


def descriptor(template: int, *, starts: bool, ends: bool, structure: str = "") -> bytes:
    """A dependency descriptor as bits: flags, template, frame number, and perhaps a structure."""
    bits = f"{starts:b}{ends:b}{template:06b}" + "0" * 16
    if structure:
        bits += "10000" + structure
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def test_vp9() -> None:
    # I, P, L, F, B, E, V, Z; a wide picture id; then TID, U, SID, D; TL0PICIDX.
    assert parse_vp9(bytes((0b10101000, 0x81, 5, 0b000_0_000_0, 9))) == Place(0, True, False)
    assert parse_vp9(bytes((0b10100100, 0x81, 5, 0b000_0_010_1, 9))) == Place(2, False, True)
    assert parse_vp9(bytes((0b11101100, 0x05, 0b000_0_000_0, 9))) == Place(0, False, True)
    assert parse_vp9(bytes((0b00001100,)) + b"x") == Place(0, True, True)  # no layers
    for short in (b"", b"\x80", b"\xa0\x81", b"\xa0\x01"):
        assert parse_vp9(short) is None


def test_av1() -> None:
    layers = Av1Layers()
    assert layers.read(descriptor(33, starts=True, ends=True)) is None  # no structure yet
    # Templates 32 … 35: S0, the same again, S1, S2.
    key = descriptor(32, starts=True, ends=False, structure=STRUCTURE + "00101011")
    assert layers.read(key) == Place(0, True, False)
    assert layers.read(descriptor(33, starts=True, ends=True)) == Place(0, False, True)
    assert layers.read(descriptor(34, starts=True, ends=False)) == Place(1, False, False)
    assert layers.read(descriptor(35, starts=False, ends=True)) == Place(2, False, True)
    assert layers.read(descriptor(36, starts=True, ends=True)) is None
    assert layers.read(key[:4]) is None  # cut short
    assert layers.read(descriptor(34, starts=True, ends=False)) == Place(1, False, False)


def test_temporal_layers() -> None:
    assert parse_vp9(bytes((0b10101000, 0x81, 5, 0b010_1_000_0, 9))) == Place(
        0, True, False, 2, True
    )
    layers = Av1Layers()
    # Templates 32 … 36: S0T0, S0T1, S0T1 again, S1T0, S1T1.
    key = descriptor(32, starts=True, ends=True, structure=STRUCTURE + "0100100111")
    assert layers.read(key) == Place(0, True, True)
    found = [layers.read(descriptor(32 + n, starts=True, ends=True)) for n in range(5)]
    assert [(p.spatial, p.temporal) for p in found if p] == [(0, 0), (0, 1), (0, 1), (1, 0), (1, 1)]


def test_layers_of_av1_become_one_unit() -> None:
    # Z, Y, W (2 bits), N: the element goes on in the next packet, where nothing more of it comes.
    assert bind_av1(b"\x28a", joins=False, goes_on=True) == b"\x68a"
    assert bind_av1(b"\x10b", joins=True, goes_on=False) == b"\xa0\0b"
    assert bind_av1(b"\x20\1bc", joins=True, goes_on=True) == b"\xf0\0\1bc"
    assert bind_av1(b"\x00\1b", joins=True, goes_on=False) == b"\x80\0\1b"
    full = b"\x30\1b\1cd"
    assert bind_av1(full, joins=True, goes_on=False) == full


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_nonsense_is_refused(data: list[bytes]) -> None:
    layers = Av1Layers()
    for each in data:
        for place in (layers.read(each), parse_vp9(each)):
            assert place is None or 0 <= place.spatial < 64
