"""The demo's processes: an engine like any call's, and beside it a room server with all people.

The screen starts one process, which imports what both need and then divides: on two cores a second import of the same
libraries costs the first picture most of a second. The engine is the one that the screen started; the room server
and its people are its child, and end when the engine does, however that ended. So nothing outlives the demo, not even
after a ``kill -9``.
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
import sys
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from engage_tui.engine import process as engine_process
from engage_tui.errors import ConnectError, EngageError
from engage_tui.log import log_path, setup
from engage_tui.tasks import TaskGroup

_log = logging.getLogger(__name__)

ROOM = "demo"
"""The demo's room."""

_PATIENCE = 15.0  # seconds for the server to come up on a machine under load
_GOODBYE = 2.0  # seconds for the people to leave and the server to end by themselves
_ERROR_EXIT = 70

_SHARED = ("engage_tui.rtc.peer", "engage_tui.sdk.space")
"""What the engine and the people both need. Nothing that opens devices or starts threads: a fork loses those."""


class Stage:
    """The running demo: a room server, its people, and the engine of whoever watches.

    Attributes:
        engine: The engine process, ready for a `Start`.
    """

    def __init__(self) -> None:
        """Start it; returns at once, while it is still coming up."""
        self._ready, theirs = os.pipe()
        try:
            self.engine = engine_process.spawn(
                (sys.executable, "-m", "engage_tui.demo.process", str(theirs)), (theirs,)
            )
        finally:
            os.close(theirs)

    def wait_ready(self) -> str:
        """Wait until the server accepts clients, and return its address; the people join meanwhile.

        Raises:
            ConnectError: The server did not come up.
        """
        line = _read_line(self._ready, _PATIENCE)
        if not line:
            raise ConnectError(
                "The demo's room server did not start.", f"The log says why: {log_path()}"
            )
        return str(json.loads(line)["url"])

    def stop(self) -> None:
        """Have everybody leave and the server end; nothing runs any more when this returns."""
        self.engine.close(engine_process.LEAVE_TIMEOUT + _GOODBYE + 1.0)
        os.close(self._ready)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _read_line(descriptor: int, timeout: float) -> bytes:
    """The next line; empty when it ends or nothing comes in time."""
    line = b""
    end = time.monotonic() + timeout
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        part = os.read(descriptor, 4096) if ready else b""
        if not part:
            return b""
        line += part
    return line


# -- in the process that the screen started ---------------------------------------------------------------------------


def main(ready: int, engine: int) -> int:
    """Be the demo's engine, with a child that is its room server and people; the exit code.

    Args:
        ready: Descriptor on which the server's address is told.
        engine: Descriptor of the engine's socket to the screen.
    """
    _load(_SHARED)
    end, hold = os.pipe()  # the child reads until this process is gone
    child = os.fork()
    if child == 0:
        os.close(hold)
        os.close(engine)
        _exit(_serve(ready, end))
    os.close(ready)
    os.close(end)
    try:
        return engine_process.main(engine)
    finally:
        os.close(hold)
        _reap(child)


def _load(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


def _reap(child: int) -> None:
    """Wait for the child to leave and end; kill it if it does not."""
    patience = time.monotonic() + _GOODBYE
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > patience:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return
            time.sleep(0.01)


def _exit(code: int) -> None:
    logging.shutdown()
    # Everything is closed by now; codecs' threads must not delay the end.
    os._exit(code)


# -- in its child -----------------------------------------------------------------------------------------------------


def _serve(ready: int, end: int) -> int:
    """Be the demo's server and people until `end` ends; the exit code."""
    setup("demo")
    try:
        asyncio.run(_until_gone(ready, end))
    except EngageError as error:
        _log.error("%s", error)  # without a trace: the words say it all
        return error.exit_code
    except Exception:  # noqa: BLE001 - border: the process
        _log.exception("the demo failed")
        return _ERROR_EXIT
    return 0


async def _until_gone(ready: int, end: int) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(end, "rb", buffering=0)
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A signal ends the child as the end of its parent does.
        loop.add_signal_handler(number, _feed_eof, reader)
    await _perform(ready, reader)


def _feed_eof(reader: asyncio.StreamReader) -> None:
    if not reader.at_eof():
        reader.feed_eof()


async def _perform(ready: int, reader: asyncio.StreamReader) -> None:
    """Run a room server on free ports, and the people in its room, until the parent has gone."""
    from engage_tui.server.app import ServerConfig, start_server
    from engage_tui.wire.token import DEV_KEY, DEV_SECRET

    server = await start_server(ServerConfig(port=0, rtc_port=0))
    try:
        os.write(ready, json.dumps({"url": server.url}).encode() + b"\n")
        os.close(ready)
        # On a thread: the server must answer whoever joins meanwhile.
        await asyncio.to_thread(_load, ("engage_tui.demo.people",))
        from engage_tui.demo.people import Troupe
        from engage_tui.sdk.space import Space

        async with Space() as space:
            troupe = Troupe(space, url=server.url, room=ROOM, key=DEV_KEY, secret=DEV_SECRET)
            await _until_end(troupe.perform(), reader)
    finally:
        await server.stop()


async def _until_end(work: Coroutine[Any, Any, None], reader: asyncio.StreamReader) -> None:
    """Run `work` until it ends or the parent has gone."""
    tasks = TaskGroup("demo process")
    working = tasks.spawn(work, "work")
    gone = tasks.spawn(reader.read(), "end of input")
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.cancel()


if __name__ == "__main__":
    _exit(main(int(sys.argv[1]), int(sys.argv[2])))
