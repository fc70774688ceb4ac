"""`engage-tui view`: the renderer alone, which plays a file, a camera or a test picture on this terminal."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

import click

from engage_tui.cli.join import VIDEO_HELP, video_mode
from engage_tui.errors import DeviceError, EngageError, MediaFileError, UsageError

if TYPE_CHECKING:
    from engage_tui.cli.player import Player
    from engage_tui.media.source import VideoFrame, VideoSource
    from engage_tui.render.probe import Answers
    from engage_tui.render.terminal import Terminal

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PATIENCE = 0.25  # seconds between looks at the clock when nothing moves


@click.command(short_help="Play a file, a camera or a test picture in this terminal.")
@click.argument("what", metavar="FILE|camera|test")
@click.option("--video", metavar="MODE", help=VIDEO_HELP)
@click.option("--fill", is_flag=True, help="Fill the window and cut what does not fit.")
@click.option("--mirror", is_flag=True, help="Swap left and right, as a mirror does.")
@click.option("--statistics", is_flag=True, help="Say at the end how much was drawn.")
@click.option(
    "--duration",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="End after so many seconds.",
)
def view(
    what: str,
    video: str | None,
    fill: bool,
    mirror: bool,
    statistics: bool,
    duration: float | None,
) -> int:
    """Play FILE, the camera or a test picture as large as the window.

    Keys: q ends, a draws another way, f fits or fills, m mirrors. This is also how one tries a terminal.
    """
    wish = video_mode(video)
    source = _source(what)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("There is no terminal to draw on.", "Run it in a terminal, not in a pipe.")
    from engage_tui.cli.player import Player, Settings
    from engage_tui.media.quiet import native_stderr_in_log
    from engage_tui.render.choice import choose
    from engage_tui.render.rows import CANCEL

    terminal, answers = _found()
    settings = Settings(choose(wish, terminal).mode, fill, mirror, wish)
    late = answers is not None and not answers.complete
    player = Player(terminal, settings, sys.stdout.fileno(), late=late)
    if answers is not None and not player.keys(answers.typed):
        return 0
    with native_stderr_in_log():
        source.open()
    try:
        with _whole_screen():
            try:
                shown = _play(source, player, duration)
            finally:
                _say(CANCEL + player.clear())  # Ctrl+C may have torn a picture
    finally:
        source.close()
    if statistics:
        rate = shown.frames / max(shown.seconds, 1e-9)
        each = shown.size / max(shown.frames, 1) / 1024
        cpu = player.cpu * 1000 / max(shown.frames, 1)
        click.echo(
            f"{shown.frames} pictures in {shown.seconds:.1f} s ({rate:.1f} a second), "
            f"{each:.1f} KiB each, {player.settings.mode.value}, {cpu:.2f} ms CPU each"
        )
    return 128 + shown.stopped_by if shown.stopped_by else 0


def _source(what: str) -> VideoSource:
    """The source that a word means.

    Raises:
        MediaFileError: There is no such file.
    """
    from engage_tui.media.devices import open_source

    words = {"camera": "default", "test": "test"}
    if what in words:
        return open_source("video", words[what])
    path = what.removeprefix("file:")
    if not Path(path).is_file():
        raise MediaFileError(f"There is no file {path}.", "Give a file, camera or test.")
    return open_source("video", f"file:{path}")


def _found() -> tuple[Terminal, Answers | None]:
    """The terminal, and what it said so far; None: it was not asked."""
    from engage_tui.render.probe import begin, window_cell
    from engage_tui.render.terminal import detect

    probe = begin()
    answers = probe.finish() if probe is not None else None
    return detect(answers=answers, cell=window_cell(sys.stdin.fileno())), answers


@contextlib.contextmanager
def _whole_screen() -> Iterator[None]:
    """The terminal's other screen in raw mode; everything is as it was afterwards."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    modes = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)  # Ctrl+C stays a signal
        _say(_ENTER)
        yield
    finally:
        _say(_LEAVE)
        with contextlib.suppress(termios.error):  # the terminal has gone
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, modes)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal has gone
        os.write(sys.stdout.fileno(), text.encode())


class _Newest:
    """The newest frame, and a descriptor that is readable when there is one; older frames are dropped.

    An end that was asked for wakes it too, so that it comes between two pictures: native code in whose midst an
    exception is raised may lose it.
    """

    def __init__(self) -> None:
        self.frame: VideoFrame | None = None
        self.error: EngageError | None = None
        self.stopped_by = 0
        self.reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def put(self, frame: VideoFrame) -> None:
        self.frame = frame
        self._wake()

    def end(self, error: EngageError) -> None:
        self.error = error
        self._wake()

    def stop(self, number: int, _where: FrameType | None) -> None:
        """A signal asks for the end; the second one ends at once."""
        if self.stopped_by:
            raise KeyboardInterrupt
        self.stopped_by = number
        self._wake()

    def take(self) -> VideoFrame | None:
        os.read(self.reader, 4096)
        frame, self.frame = self.frame, None
        return frame

    def close(self) -> None:
        os.close(self.reader)
        os.close(self._writer)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # it is readable already
            os.write(self._writer, b".")


class _Shown(NamedTuple):
    """What was played.

    Attributes:
        frames: Pictures.
        seconds: How long.
        size: Bytes.
        stopped_by: The signal that ended it; 0: none did.
    """

    frames: int
    seconds: float
    size: int
    stopped_by: int


def _play(source: VideoSource, player: Player, duration: float | None) -> _Shown:
    """Draw until somebody presses q.

    Raises:
        DeviceError: The camera has gone.
    """
    newest = _Newest()
    source.on_ended = newest.end
    source.add_sink(newest.put)
    start, frames, size = time.monotonic(), 0, 0
    before = {number: signal.signal(number, newest.stop) for number in _SIGNALS}
    try:
        while not newest.stopped_by and (duration is None or time.monotonic() - start < duration):
            ready, _, _ = select.select([sys.stdin, newest.reader], [], [], _PATIENCE)
            if sys.stdin in ready and not player.keys(_keys()):
                break
            frame = newest.take() if newest.reader in ready else None
            if newest.error is not None:
                raise newest.error
            if frame is not None:
                size += player.show(frame, shutil.get_terminal_size())
                frames += 1
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        source.remove_sink(newest.put)
        source.on_ended = None
        source.close()
        newest.close()
    return _Shown(frames, time.monotonic() - start, size, newest.stopped_by)


def _keys() -> bytes:
    """What was typed; a terminal that has gone counts as the end.

    Raises:
        DeviceError: The terminal has gone.
    """
    try:
        typed = os.read(sys.stdin.fileno(), 64)
    except OSError:
        typed = b""
    if not typed:
        raise DeviceError("The terminal has gone.", "")
    return typed
