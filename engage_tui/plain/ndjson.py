"""The call as lines of JSON: events and counters out, commands in. For scripts, bots and tests."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from engage_tui.engine.call import Call
from engage_tui.engine.link import Link, local_pair
from engage_tui.engine.messages import (
    Event,
    Intent,
    Joined,
    Left,
    Outcome,
    Start,
    Statistics,
    Up,
)
from engage_tui.engine.view import PublicationStats

_log = logging.getLogger(__name__)

COMMANDS = (
    "set_subscribed",
    "set_microphone_enabled",
    "set_camera_enabled",
    "set_screen_share_enabled",
    "set_muted",
    "publish_track",
    "unpublish_track",
    "set_audio_connection_mode",
    "choose_device",
    "set_volume",
    "walk",
    "place",
    "face",
    "arrange_seats",
    "set_spatial_mode",
    "play_sound",
    "stop_sound",
    "send_data",
    "leave",
)
"""What a line on stdin may ask for; arguments as in `engine.actions.INTENTS`."""

MAX_LINE = 1_000_000
"""Characters of the longest command."""

MAX_EARLY = 1000
"""Lines kept until the room is joined."""

MAX_WAITING = 5000
"""Lines kept for a reader who pauses."""

HANG_UP_INTERVAL = 0.2
"""Seconds after which a closed stdout is noticed while nothing is written."""

LAST_WORDS = 0.5
"""Seconds in which the last lines must be read."""

_SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}
_STATS = (
    "sid",
    "participant",
    "local",
    "kind",
    "source",
    "name",
    "subscribed",
    "muted",
    "frames",
    "bytes",
    "width",
    "height",
    "rms",
    "rms_max",
)


def run(start: Start) -> int:
    """Run a call in this process until it is left.

    Args:
        start: What the call is started with.

    Returns:
        The exit code.
    """
    from engage_tui.engine.process import keep_stderr_clean
    from engage_tui.log import setup

    setup("join")
    keep_stderr_clean()
    # Never closed: closing waits for worker threads, and one may wait for a device that never answers.
    return asyncio.Runner().run(LineMode(start).run())


class LineMode:
    """One call, its output and its commands.

    Args:
        start: What the call is started with.
        write: Takes each line without its end and never blocks; stdout unless told.
    """

    def __init__(self, start: Start, write: Callable[[str], None] | None = None) -> None:
        self._start = start
        self._output = None if write is not None else _Output(self._output_ended)
        self._write = write or self._output_line
        self._link: Link | None = None
        self._ids: dict[int, Any] = {}
        self._number = 0
        self._exit_code: int | None = None
        self._closed = False
        self._stopping = 0
        # What happens while joining is told after `joined`; bounded, later ones are dropped.
        self._early: list[dict[str, Any]] | None = []

    async def run(self) -> int:
        """Run until the call is over; the exit code."""
        link, engine_link = local_pair()
        self._link = link
        call = Call(engine_link)
        loop = asyncio.get_running_loop()
        for number, code in _SIGNALS.items():
            loop.add_signal_handler(number, self._on_signal, code, call)
        gone = asyncio.Event()
        link.listen(self._on_message, gone.set)
        link.send(self._start)
        commands = _Commands(loop, self._on_line)
        commands.start()
        if self._output is not None:
            self._output.start(loop)
        try:
            code = await call.run()
            engine_link.close()
            await gone.wait()  # the last message has been delivered
        finally:
            commands.stop()
            if self._output is not None:
                await asyncio.to_thread(self._output.stop)
        return code if self._exit_code is None else self._exit_code

    # -- out ---------------------------------------------------------------------------------------

    def _on_message(self, message: Up) -> None:
        line = self._line(message)
        if line is None:
            return
        if self._early is not None:
            if not isinstance(message, Joined | Left | Outcome):
                if len(self._early) < MAX_EARLY:
                    self._early.append(line)
                return
            if isinstance(message, Joined):
                early, self._early = self._early, None
                for each in (line, *early):
                    self._print(each)
                return
        self._print(line)

    def _line(self, message: Up) -> dict[str, Any] | None:
        match message:
            case Joined():
                return {
                    "event": "joined",
                    "identity": message.identity,
                    "sid": message.sid,
                    "room": message.room,
                    "server": message.server,
                }
            case Event():
                return _event(message)
            case Statistics():
                return {"event": "stats", "publications": [_stats(p) for p in message.publications]}
            case Outcome() if message.id in self._ids:
                error = message.error and f"{message.error} {message.hint}".strip()
                return {"event": "done", "id": self._ids.pop(message.id), "error": error}
            case Left():
                code = message.exit_code if self._exit_code is None else self._exit_code
                if message.message:
                    print(f"{message.message} {message.hint}".strip(), file=sys.stderr)
                return {"event": "left", "reason": message.reason, "exit": code}
        return None

    def _print(self, line: dict[str, Any]) -> None:
        if not self._closed:
            self._write(json.dumps(line, ensure_ascii=False))

    def _output_line(self, line: str) -> None:
        assert self._output is not None
        self._output.put(line)

    def _output_ended(self) -> None:
        """Nobody reads any more: the call is over."""
        if not self._closed:
            self._closed = True
            _log.info("stdout was closed")
            self._ask("leave", {})

    # -- in ----------------------------------------------------------------------------------------

    def _on_line(self, text: str) -> None:
        number: Any = None
        try:
            command = json.loads(text)
            if not isinstance(command, dict):
                raise TypeError("a command is an object")
            number = command.pop("id", None)
            name = command.pop("do", None)
            if name not in COMMANDS:
                raise TypeError(f"unknown command {name!r}; there are {', '.join(COMMANDS)}")
        except (ValueError, TypeError, RecursionError) as error:
            self._print({"event": "done", "id": number, "error": str(error)})
            return
        if name == "publish_track" and "source" not in command:
            self._print({"event": "done", "id": number, "error": "publish_track needs source, src"})
            return
        self._ids[self._ask(name, command)] = number

    def _ask(self, name: str, arguments: dict[str, Any]) -> int:
        self._number += 1
        if self._link is not None:
            self._link.send(Intent(self._number, name, arguments))
        return self._number

    def _on_signal(self, code: int, call: Call) -> None:
        if self._stopping:
            os._exit(code)  # asked twice: at once
        self._stopping += 1
        self._exit_code = code
        call.stop()


class _Commands:
    """Reads lines from stdin on a thread, because a file or terminal cannot be awaited everywhere."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_line: Callable[[str], None]) -> None:
        self._loop = loop
        self._on_line = on_line
        self._ended = False

    def start(self) -> None:
        if sys.stdin is not None and not sys.stdin.closed:
            threading.Thread(target=self._run, name="stdin", daemon=True).start()

    def stop(self) -> None:
        self._ended = True

    def _run(self) -> None:
        waiting = b""
        try:
            descriptor = sys.stdin.fileno()
            while not self._ended:
                if not select.select([descriptor], [], [], 0.2)[0]:
                    continue
                data = os.read(descriptor, 65536)
                if not data:
                    return  # end of file: the call goes on without commands
                waiting += data
                *lines, waiting = waiting.split(b"\n")
                for line in lines:
                    if line.strip() and not self._ended:
                        text = line.decode(errors="replace")
                        self._loop.call_soon_threadsafe(self._on_line, text)
                waiting = waiting if len(waiting) <= MAX_LINE else b""
        except (OSError, ValueError, RuntimeError) as error:
            _log.info("no more commands: %s", error)


class _Output:
    """Writes lines to stdout on a thread, so that a reader who pauses does not stop the call.

    Args:
        on_ended: Called on the loop once nobody can read any more.
    """

    def __init__(self, on_ended: Callable[[], None]) -> None:
        self._on_ended = on_ended
        # Bounded by MAX_WAITING; the oldest line is dropped.
        self._lines: deque[str] = deque(maxlen=MAX_WAITING)
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="stdout", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread.start()

    def put(self, line: str) -> None:
        """Write `line` soon."""
        with self._changed:
            if len(self._lines) == MAX_WAITING:
                _log.warning("nobody reads stdout; the oldest line is dropped")
            self._lines.append(line)
            self._changed.notify()

    def stop(self) -> None:
        """Write what waits, for a moment at most."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(LAST_WORDS)

    def _run(self) -> None:
        try:
            descriptor = sys.stdout.fileno()
            hang_up = _HangUp(descriptor)
            while not hang_up.happened():
                with self._changed:
                    if not self._lines and not self._stopped:
                        self._changed.wait(HANG_UP_INTERVAL)
                    data = "".join(f"{line}\n" for line in self._lines).encode()
                    self._lines.clear()
                    stopped = self._stopped
                while data:
                    data = data[os.write(descriptor, data) :]
                if stopped:
                    return
        except (OSError, ValueError, AttributeError) as error:
            _log.info("stdout ended: %s", error)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_ended)


class _HangUp:
    """Whether the reader of a pipe has gone, even while nothing is written."""

    def __init__(self, descriptor: int) -> None:
        self._poll = None
        if hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(descriptor, 0)  # errors and hang-ups are always told

    def happened(self) -> bool:
        if self._poll is None:
            return False
        return any(flags & (select.POLLERR | select.POLLHUP) for _, flags in self._poll.poll(0))


def _event(message: Event) -> dict[str, Any]:
    line: dict[str, Any] = {"event": message.event, "ts": round(message.time, 3)}
    for name in ("participant", "sid", "kind", "source"):
        value = getattr(message, name)
        if value is not None:
            line[name] = value
    for name, value in message.detail.items():
        line.setdefault(name, value)
    return line


def _stats(publication: PublicationStats) -> dict[str, Any]:
    return {name: getattr(publication, name) for name in _STATS}
