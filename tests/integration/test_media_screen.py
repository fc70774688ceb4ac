"""Sharing the screen: of a virtual display, and without any."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from engage_tui.errors import DeviceError, EngageError
from engage_tui.media.devices import open_source
from engage_tui.media.scale import Scaler
from engage_tui.media.source import VideoFrame
from tests.require import need
from tests.waiting import until_sync


@contextmanager
def red_display(size: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A virtual X display filled with red: its name and its server."""
    need(shutil.which("Xvfb") is not None, "Xvfb")
    need(shutil.which("xsetroot") is not None, "xsetroot (x11-xserver-utils)")
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{size}x24", "-noreset"],
        pass_fds=[writer],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as pipe:
            number = pipe.readline().strip()  # written once the display can be used
        assert number, "Xvfb does not start"
        subprocess.run(["xsetroot", "-display", f":{number}", "-solid", "#ff0000"], check=True)
        yield f":{number}", server
    finally:
        server.terminate()
        server.wait(5)


@pytest.mark.parametrize(
    ("screen", "size"), [("1280x720", (1280, 720)), ("2560x1600", (1728, 1080))]
)
def test_shares_the_screen_up_to_full_hd(
    screen: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[VideoFrame] = []
    with red_display(screen) as (display, _):
        monkeypatch.setenv("DISPLAY", display)
        source = open_source("video", "screen", frame_rate=60.0)
        source.add_sink(frames.append)
        source.open()
        until_sync(lambda: len(frames) >= 4, 10)
        source.close()
        with pytest.raises(DeviceError, match="no monitor 9"):
            open_source("video", "screen:9").open()
    assert source.size == size == (frames[0].picture.width, frames[0].picture.height)
    assert source.frame_rate == 15.0
    assert frames[3].time - frames[0].time >= 3 / 15 - 0.01
    rgb, _, _ = Scaler().to_rgb(frames[0].picture, 16, 9)
    assert np.abs(np.frombuffer(rgb, np.uint8).reshape(-1, 3).mean(0) - (255, 0, 0)).max() < 6


def test_a_display_that_vanishes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    endings: list[EngageError] = []
    with red_display("640x480") as (display, server):
        monkeypatch.setenv("DISPLAY", display)
        source = open_source("video", "screen")
        source.on_ended = endings.append
        source.open()
        server.kill()
        until_sync(lambda: endings)
    assert "Screen" in endings[0].message
    assert not source.is_open
    source.close()


@pytest.mark.skipif("sys.platform != 'linux'", reason="X displays")
def test_without_a_display_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(DeviceError, match="screen cannot be captured") as caught:
        open_source("video", "screen").open()
    assert "DISPLAY" in caught.value.hint
