"""The demo's process: a room server and all people; it ends when the one that started it ends.

End of file on its standard input means that the parent is gone, however it ended. So nothing outlives the demo, not
even after a ``kill -9``.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine
from typing import IO, Any

from engage_tui.errors import ConnectError, EngageError
from engage_tui.log import log_path, setup
from engage_tui.tasks import TaskGroup

_log = logging.getLogger(__name__)

ROOM = "demo"
"""The demo's room."""

_PATIENCE = 15.0  # seconds for the server to come up on a machine under load
_GOODBYE = 3.0  # seconds for a child to leave the room by itself
_ERROR_EXIT = 70


class Stage:
    """The running demo: a room server and its people.

    Attributes:
        url: The server's address, once `wait_ready` has returned.
    """

    def __init__(self) -> None:
        """Start it; returns at once, while it is still coming up."""
        self.url = ""
        self._child = _spawn()

    def wait_ready(self) -> str:
        """Wait until the server accepts clients, and return its address; the people join meanwhile.

        Raises:
            ConnectError: The server did not come up.
        """
        assert self._child.stdout is not None
        line = _read_line(self._child.stdout, _PATIENCE)
        if not line:
            raise ConnectError(
                "The demo's room server did not start.", f"The log says why: {log_path()}"
            )
        self.url = str(json.loads(line)["url"])
        return self.url

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of what runs beside the caller."""
        return (self._child.pid,)

    def stop(self) -> None:
        """Have everybody leave and the server end; idempotent; nothing runs any more when this returns."""
        _end(self._child)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _spawn() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "engage_tui.demo.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl+C and Ctrl+Z are the screen's business
    )


def _read_line(pipe: IO[bytes], timeout: float) -> bytes:
    """The next line of `pipe`; empty when it ends or nothing comes in time."""
    line = b""
    end = time.monotonic() + timeout
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([pipe], [], [], max(0.0, end - time.monotonic()))
        part = os.read(pipe.fileno(), 4096) if ready else b""
        if not part:
            return b""
        line += part
    return line


def _end(child: subprocess.Popen[bytes]) -> None:
    """Close the child's input, so that it leaves and ends; kill it if it does not."""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    try:
        child.wait(_GOODBYE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


# -- in the children -------------------------------------------------------------------------------------------------


async def _perform(reader: asyncio.StreamReader) -> None:
    """Run a room server on free ports, and the people in its room, until the parent has gone.

    Both in one process: each would import the same libraries, and on two cores that costs the first picture a second.
    """
    from engage_tui.server.app import ServerConfig, start_server
    from engage_tui.wire.token import DEV_KEY, DEV_SECRET

    server = await start_server(ServerConfig(port=0, rtc_port=0))
    try:
        sys.stdout.write(json.dumps({"url": server.url}) + "\n")
        sys.stdout.flush()
        # On a thread: the server must answer whoever joins meanwhile.
        await asyncio.to_thread(_load_people)
        from engage_tui.demo.people import Troupe
        from engage_tui.sdk.space import Space

        async with Space() as space:
            troupe = Troupe(space, url=server.url, room=ROOM, key=DEV_KEY, secret=DEV_SECRET)
            await _until_end(troupe.perform(), reader)
    finally:
        await server.stop()


def _load_people() -> None:
    importlib.import_module("engage_tui.demo.people")
    importlib.import_module("engage_tui.sdk.space")
    importlib.import_module("engage_tui.rtc.peer")


async def _until_end(work: Coroutine[Any, Any, None], reader: asyncio.StreamReader) -> None:
    """Run `work` until it ends or the parent has gone."""
    tasks = TaskGroup("demo process")
    working = tasks.spawn(work, "work")
    gone = tasks.spawn(reader.read(), "end of input")
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.cancel()


async def _child() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A signal ends the child as the end of its input does.
        loop.add_signal_handler(number, _feed_eof, reader)
    await _perform(reader)


def _feed_eof(reader: asyncio.StreamReader) -> None:
    if not reader.at_eof():
        reader.feed_eof()


def main() -> int:
    """Be the demo's server and people until the parent ends; the exit code."""
    setup("demo")
    try:
        asyncio.run(_child())
    except EngageError as error:
        _log.error("%s", error)  # without a trace: the words say it all
        return error.exit_code
    except Exception:  # noqa: BLE001 - border: the process
        _log.exception("the demo failed")
        return _ERROR_EXIT
    return 0


if __name__ == "__main__":
    _code = main()
    logging.shutdown()
    # Everything is closed by now; codecs' threads must not delay the end.
    os._exit(_code)
