"""The engine in a process of its own: how a front end starts it, and what it runs.

Started before the front end's heavy imports, detached from the terminal (Ctrl+C and Ctrl+Z do not reach it),
connected by one socket pair. Secrets go through the socket, never through arguments. When the socket ends, the
engine leaves the room, frees the devices and ends.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engage_tui.engine.link import SocketLink

LEAVE_TIMEOUT = 2.0
"""Seconds within which the engine has left the room after its front end has gone."""

COMMAND = (sys.executable, "-m", "engage_tui.engine.process")


class SpawnedEngine:
    """A running engine process, and the front end's socket to it."""

    def __init__(self, process: subprocess.Popen[bytes], sock: socket.socket) -> None:
        self._process = process
        self._sock = sock
        self._link: SocketLink | None = None

    @property
    def pid(self) -> int:
        """The engine's process id."""
        return self._process.pid

    def link(self) -> SocketLink:
        """The front end's end of the border, the same one every time; may be sent to before a loop runs."""
        if self._link is None:
            from engage_tui.engine.link import SocketLink

            self._link = SocketLink(self._sock)
        return self._link

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until the engine has ended; its exit code, or None when it still runs after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End the engine at once, whatever it does; for one that did not end by itself."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def close(self, timeout: float = LEAVE_TIMEOUT + 1.0) -> int:
        """Close the socket, wait until the engine has left and ended, kill it if it does not; its exit code."""
        if self._link is not None:
            self._link.close()
        else:
            self._sock.close()
        code = self.wait(timeout)
        if code is None:
            self.kill()
        return self._process.returncode


def spawn(command: Sequence[str] = COMMAND, pass_fds: Sequence[int] = ()) -> SpawnedEngine:
    """Start an engine process; returns at once, before the engine is up.

    Args:
        command: The program; the number of its file descriptor is appended.
        pass_fds: What else the program gets of the caller's open files.
    """
    ours, theirs = socket.socketpair()
    with theirs, open(_log_file(), "ab") as log:
        process = subprocess.Popen(
            [*command, str(theirs.fileno())],
            pass_fds=(theirs.fileno(), *pass_fds),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return SpawnedEngine(process, ours)


def keep_stderr_clean() -> None:
    """Send what native libraries print to the log, where the engine runs in the front end's own process."""
    from engage_tui.media.quiet import redirect_native_stderr

    redirect_native_stderr(keep_python=True)


def _log_file() -> str:
    from engage_tui.log import log_path

    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            return str(path)
    except OSError:
        return os.devnull  # a read-only home must not stop a call


def main(descriptor: int) -> int:
    """Run an engine on the socket `descriptor` until the call is over.

    Returns:
        The call's exit code; the process must end at once with it.
    """
    import asyncio
    import faulthandler

    from engage_tui.log import setup

    setup("engine")
    faulthandler.enable()  # a crash in a native library shall leave its stack in the log
    # Never closed: closing waits for worker threads, and one may wait for a device that never answers.
    return asyncio.Runner().run(_serve(socket.socket(fileno=descriptor)))


async def _serve(sock: socket.socket) -> int:
    import asyncio
    import signal

    from engage_tui.engine import heavy
    from engage_tui.engine.call import Call
    from engage_tui.engine.link import SocketEngineLink

    heavy.load_early()  # while the screen imports its own
    link = SocketEngineLink(sock)
    call = Call(link)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, call.stop)
    try:
        return await call.run()
    finally:
        link.close()


if __name__ == "__main__":
    _code = main(int(sys.argv[1]))
    import logging

    logging.shutdown()
    # Everything that matters is closed by now. Native libraries' threads and their teardown at interpreter
    # exit must neither delay the end nor crash it.
    os._exit(_code)
