"""The inner loop in C does what Python does; `test_outlet` has its way out."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

import engage_tui.server
from engage_tui.server.inlet import DATAGRAM, Inlet
from engage_tui.server.native import NativeOpener, NativeOutlet, load, make_opener
from engage_tui.server.opener import Opener
from engage_tui.server.outlet import Copies, Copy
from engage_tui.server.run import Run
from engage_tui.wire import rtp
from engage_tui.wire.rtp import RtpPacket
from tests.require import need

KEY = bytes(range(30))


@pytest.fixture(name="module", scope="module")
def _module() -> ModuleType:
    module = load()
    need(module is not None, "the inner loop in C: install with a C compiler at hand")
    assert module is not None
    return module


@pytest.fixture(name="inlet", scope="module")
def _inlet() -> Iterator[Inlet]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        yield Inlet(udp, 8)


def put(inlet: Inlet, datagrams: list[bytes]) -> list[int]:
    where: list[int] = []
    for number, data in enumerate(datagrams):
        inlet.memory[number * DATAGRAM : number * DATAGRAM + len(data)] = data
        where += number, len(data)
    return where


def session(kind: int) -> Session:
    return Session(Policy(key=KEY, ssrc_type=kind))


def packet(number: int, payload: bytes = b"payload") -> bytes:
    return rtp.HEADER.pack(0x90, 96, number, 3000, 7) + b"\xbe\xde\0\1\x10\x2a\0\0" + payload


def as_tuple(each: RtpPacket) -> tuple[Any, ...]:
    return tuple(getattr(each, name) for name in RtpPacket.__struct_fields__)


@pytest.mark.parametrize("native", [False, True])
def test_what_authenticates_is_opened_and_nothing_else(
    native: bool, inlet: Inlet, request: pytest.FixtureRequest
) -> None:
    opener = NativeOpener(inlet, request.getfixturevalue("module")) if native else Opener(inlet)
    sender, receiver = session(Policy.SSRC_ANY_OUTBOUND), session(Policy.SSRC_ANY_INBOUND)
    sealed = [sender.protect(packet(number)) for number in range(3)]
    forged = bytearray(sealed[1])
    forged[-1] ^= 1
    padded = bytearray(packet(9, b"ab\x07"))  # more padding than there is room for
    padded[0] |= 0x20
    hollow = sender.protect(bytes(padded[:-1]) + b"\xff")
    came = [sealed[0], bytes(forged), sealed[0], sealed[2], b"\x80" * 5, hollow]
    opened = opener.open(receiver._srtp[0], put(inlet, came))
    assert [each.sequence for each in opened] == [0, 2]
    assert [as_tuple(each) for each in opened] == [
        as_tuple(parsed) for n in (0, 2) if (parsed := rtp.parse(packet(n))) is not None
    ]


headers = st.builds(
    lambda flags, rest, tail: bytes([flags]) + rest + tail,
    st.integers(0, 255),
    st.binary(min_size=11, max_size=11),
    st.binary(max_size=60),
)


@given(st.lists(st.one_of(headers, st.binary(max_size=40)), max_size=8))
@settings(deadline=None, max_examples=400)
def test_headers_are_read_as_python_reads_them(
    module: ModuleType, inlet: Inlet, datagrams: list[bytes]
) -> None:
    opener = NativeOpener(inlet, module)
    nothing = module.ffi.callback("int(void *, void *, int *)", lambda *_: 0)
    opener._where = nothing, *opener._where[1:]
    opened = opener.open(module.ffi.NULL, put(inlet, datagrams))
    parsed = [rtp.parse(data) for data in datagrams]
    assert [as_tuple(each) for each in opened] == [as_tuple(each) for each in parsed if each]


def test_what_libsrtp_refuses_is_left_out(module: ModuleType) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
    ):
        udp.bind(("127.0.0.1", 0))
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(5)
        outlet = NativeOutlet(udp, module)
        outlet.held = True
        calls = iter((0, 1, 0, 1))
        plain = module.ffi.callback("int(void *, void *, int *)", lambda *_: next(calls))
        outlet._places.protect = plain
        key = session(Policy.SSRC_ANY_OUTBOUND)
        copies = Copies([Copy(outlet.destination(peer.getsockname()), key._srtp[0], 7, 96, 5, 1)])
        outlet.fan(Run.ready([(128 * (n == 2), n, n, bytes([n]) * 9) for n in range(4)]), copies)
        outlet.flush()
        got = [peer.recv(100) for _ in range(2)]
        assert got == [
            rtp.HEADER.pack(0x80, 96 | 128 * (n == 2), n + 5, n + 1, 7) + bytes([n]) * 9
            for n in (0, 2)
        ]
        outlet.close()


def test_it_can_be_left_out(inlet: Inlet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGE_TUI_NATIVE", "0")
    load.cache_clear()
    try:
        assert load() is None
        assert type(make_opener(inlet)) is Opener
    finally:
        load.cache_clear()


def test_one_of_another_version_is_not_used(module: ModuleType, tmp_path: Path) -> None:
    """It would read the wrong bytes; the log says what to do."""
    assert module.__file__ is not None
    package = Path(engage_tui.__file__).parent
    copy = tmp_path / "engage_tui"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    source = copy / "server" / "native.c"
    source.write_text(source.read_text() + "/* newer */\n")
    asked = "from engage_tui.server.native import load; print(load())"
    run = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert run.stdout.strip() == "None"
    assert "install the package again" in run.stderr
