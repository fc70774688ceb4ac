"""The inner loop in C does what Python does; `test_outlet` has its way out, `test_fast_path` the whole of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy

import engage_tui.server
from engage_tui.server.native import NativeOutlet, load, make_outlet
from engage_tui.server.numbering import Pictures
from engage_tui.server.outlet import Copies, Copy
from engage_tui.server.run import Run
from engage_tui.wire import rtp
from tests.unit.server.srtp import session


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
        outlet.places.protect = plain
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


payloads = st.builds(
    lambda head, rest: head + rest,
    st.lists(st.sampled_from((0x00, 0x10, 0x80, 0x90, 0xC0, 0xE0, 0x7F, 0xFF)), max_size=4).map(
        bytes
    ),
    st.binary(min_size=1, max_size=12),
)


@given(payloads, st.integers(0, 0x7FFF), st.integers(0, 255))
@settings(deadline=None, max_examples=300)
def test_picture_ids_are_shifted_as_python_shifts_them(
    module: ModuleType, payload: bytes, shift: int, tl0: int
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        outlet = NativeOutlet(udp, module)
        outlet.held = True
        nothing = module.ffi.callback("int(void *, void *, int *)", lambda *_: 0)
        outlet.places.protect = nothing
        key = session(Policy.SSRC_ANY_OUTBOUND)
        to, pictures = outlet.destination(("127.0.0.1", 9)), Pictures(shift, tl0)
        copies = Copies([Copy(to, key._srtp[0], 7, 96, 0, 0)])
        copies.prepared = outlet.prepare([(copies.each[0], pictures)])
        outlet.fan(Run.ready([(0, 1, 2, payload)]), copies)
        assert bytes(outlet._slots[0][0][12 : 12 + len(payload)]) == pictures.rewrite(payload)
        outlet.close()


def test_more_than_it_has_room_for_is_refused(module: ModuleType) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        outlet = NativeOutlet(udp, module)
        outlet.held = True
        with pytest.raises(ValueError, match="at most 64"):
            outlet.fan(Run.ready([(0, n, 0, b"x") for n in range(65)]), Copies([]))


def test_it_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGE_TUI_NATIVE", "0")
    load.cache_clear()
    try:
        assert load() is None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            assert not isinstance(make_outlet(udp), NativeOutlet)
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
