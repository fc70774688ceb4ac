"""The two ends of the border between a front end and the engine.

`tui`, `plain` and the tests are written against `Link`; whether the engine runs in this process (`local_pair`) or
behind a socket (`SocketLink`) is somebody else's choice. One asyncio loop at each end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec

from engage_tui.engine.messages import Down, Up
from engage_tui.engine.outbox import Outbox

_log = logging.getLogger(__name__)
_HEADER = 4  # bytes of the little-endian length before each message
_LARGEST = 64 << 20  # a longer message is a broken peer, not a picture
_DOWN_LIMIT = (
    1 << 20
)  # bytes that wait for an engine which does not read; then messages are dropped
_MISSED_LIMIT = 1000  # messages kept until somebody listens; then the oldest is dropped


class Link(Protocol):
    """The front end's end."""

    def send(self, message: Down) -> None:
        """Send a message down; never blocks; dropped silently once the link is closed."""

    def listen(self, on_message: Callable[[Up], None], on_closed: Callable[[], None]) -> None:
        """Have every message handed to `on_message` on the running loop, from now on, the missed ones first.

        `on_closed` is called once, when the engine has gone, after the last message.
        """

    def close(self) -> None:
        """Close this end; the engine leaves the room, frees its devices and ends."""


class EngineLink(Protocol):
    """The engine's end."""

    def send(self, message: Up) -> None:
        """Send a message up under its stream's rule; never blocks."""

    def listen(self, on_message: Callable[[Down], None], on_closed: Callable[[], None]) -> None:
        """Have every message handed to `on_message`; `on_closed` once the front end has gone."""

    def close(self) -> None:
        """Flush what is queued for at most a second, then close."""


# -- in one process --------------------------------------------------------------------------------------------------


def local_pair() -> tuple[Link, EngineLink]:
    """Two ends in one process, for line mode and tests; both on the running loop."""
    front = _LocalLink()
    engine = _LocalEngineLink(front)
    front.engine = engine
    return front, engine


class _LocalEnd(ABC):
    """One end of a pair: who listens, what was missed, and whether it is closed."""

    def __init__(self) -> None:
        self._on_message: Callable[[Any], None] | None = None
        self._on_closed: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False
        self._peer_closed = False
        self._closed = False

    def attach(self, on_message: Callable[[Any], None], on_closed: Callable[[], None]) -> None:
        self._on_message, self._on_closed = on_message, on_closed
        self._loop = asyncio.get_running_loop()
        self.schedule()

    def schedule(self) -> None:
        """Deliver soon: never inside the sender's call, so that neither end re-enters the other."""
        loop = self._loop
        if loop is not None and not self._scheduled and not loop.is_closed():
            self._scheduled = True
            loop.call_soon(self._deliver)

    def peer_closes(self) -> None:
        self._peer_closed = True
        self.schedule()

    @abstractmethod
    def waiting(self) -> Iterator[Any]:
        """What is to be delivered now, taken out of the queue."""

    def _deliver(self) -> None:
        self._scheduled = False
        if self._closed or self._on_message is None:
            return
        for message in self.waiting():
            _hand_over(message, self._on_message)
        if self._peer_closed and self._on_closed is not None:
            on_closed, self._on_closed = self._on_closed, None
            on_closed()


class _LocalLink(_LocalEnd):
    """The front end's end of `local_pair`."""

    engine: _LocalEngineLink

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox()

    def waiting(self) -> Iterator[Up]:
        return self.outbox.drain()

    def send(self, message: Down) -> None:
        if not self._closed:
            self.engine.receive(message)

    def listen(self, on_message: Callable[[Up], None], on_closed: Callable[[], None]) -> None:
        self.attach(on_message, on_closed)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.engine.peer_closes()


class _LocalEngineLink(_LocalEnd):
    """The engine's end of `local_pair`."""

    def __init__(self, front: _LocalLink) -> None:
        super().__init__()
        self._front = front
        # Bounded; before the engine listens only a handful arrive, afterwards it is emptied on the next turn.
        self._inbox: deque[Down] = deque(maxlen=_MISSED_LIMIT)

    def receive(self, message: Down) -> None:
        self._inbox.append(message)
        self.schedule()

    def waiting(self) -> Iterator[Down]:
        while self._inbox:
            yield self._inbox.popleft()

    def send(self, message: Up) -> None:
        if not self._closed:
            self._front.outbox.put(message)
            self._front.schedule()

    def listen(self, on_message: Callable[[Down], None], on_closed: Callable[[], None]) -> None:
        self.attach(on_message, on_closed)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._front.peer_closes()


# -- over a socket ---------------------------------------------------------------------------------------------------


class _Socket(ABC):
    """Length-prefixed msgpack on a stream socket, read and written on the running loop."""

    def __init__(self, sock: socket.socket, incoming: Any) -> None:  # noqa: ANN401 - msgspec's own type
        sock.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            with contextlib.suppress(OSError):  # a smaller buffer is slower and works
                sock.setsockopt(socket.SOL_SOCKET, option, 1 << 19)
        self.sock = sock
        self.closed = False
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(incoming)
        self._received = bytearray()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._on_message: Callable[[Any], None] | None = None
        self._on_closed: Callable[[], None] | None = None
        self._writing = False

    def encode(self, message: Any) -> bytes:  # noqa: ANN401 - any message struct
        body = self._encoder.encode(message)
        return len(body).to_bytes(_HEADER, "little") + body

    def listen(self, on_message: Callable[[Any], None], on_closed: Callable[[], None]) -> None:
        self._on_message, self._on_closed = on_message, on_closed
        self._loop = asyncio.get_running_loop()
        if self.closed:
            self._loop.call_soon(self._tell_closed)
            return
        self._loop.add_reader(self.sock, self._readable)
        self.flush()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._loop is not None:
            self._loop.remove_reader(self.sock)
            if self._writing:
                self._loop.remove_writer(self.sock)
        self.sock.close()

    @abstractmethod
    def flush(self) -> None:
        """Write what waits, as far as the socket takes it."""

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write what the socket takes now; the rest is asked for by `want_write`."""
        try:
            return self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            # The other end has closed. What it said before that is still to be read, and then comes the end of file.
            return len(data)

    def want_write(self, wanted: bool) -> None:
        if self._loop is None or self.closed or wanted == self._writing:
            return
        self._writing = wanted
        if wanted:
            self._loop.add_writer(self.sock, self.flush)
        else:
            self._loop.remove_writer(self.sock)

    def _readable(self) -> None:
        try:
            data = self.sock.recv(1 << 19)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._gone()
            return
        self._received += data
        try:
            messages = list(self._messages())
        except (msgspec.DecodeError, ValueError):
            _log.exception("a broken message on the border; closing it")
            self._gone()
            return
        for message in messages:
            if self._on_message is not None and not self.closed:
                _hand_over(message, self._on_message)

    def _messages(self) -> Iterator[Any]:
        start, buffer = 0, self._received
        while len(buffer) - start >= _HEADER:
            length = int.from_bytes(buffer[start : start + _HEADER], "little")
            if length > _LARGEST:
                raise ValueError(f"a message of {length} bytes")
            end = start + _HEADER + length
            if len(buffer) < end:
                break
            yield self._decoder.decode(bytes(memoryview(buffer)[start + _HEADER : end]))
            start = end
        del buffer[:start]

    def _gone(self) -> None:
        if not self.closed:
            self.close()
            if self._loop is not None:
                self._loop.call_soon(self._tell_closed)

    def _tell_closed(self) -> None:
        if self._on_closed is not None:
            on_closed, self._on_closed = self._on_closed, None
            on_closed()


class SocketLink(_Socket):
    """The front end's end over a socket; may send before it listens (and before a loop runs)."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, Up)
        self._outgoing = bytearray()

    def send(self, message: Down) -> None:
        """Send down; dropped when closed, or when the engine has not read for `_DOWN_LIMIT` bytes."""
        if self.closed:
            return
        if len(self._outgoing) > _DOWN_LIMIT:
            _log.warning("the engine does not read; %s dropped", type(message).__name__)
            return
        self._outgoing += self.encode(message)
        self.flush()

    def flush(self) -> None:
        """Write what waits, as far as the socket takes it."""
        if self._outgoing and not self.closed:
            del self._outgoing[: self.write(self._outgoing)]
        self.want_write(bool(self._outgoing))


class SocketEngineLink(_Socket):
    """The engine's end over a socket: what the socket does not take waits in an `Outbox`."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, Down)
        self._outbox = Outbox()
        self._partial = memoryview(b"")

    def send(self, message: Up) -> None:
        """Send up; while the front end is slow the rule of the message's stream decides."""
        if self.closed:
            return
        self._outbox.put(message)
        if not self._writing:
            self.flush()

    def flush(self) -> None:
        """Write whole messages until the socket is full or nothing waits."""
        while not self.closed:
            if not self._partial:
                message = self._outbox.take()
                if message is None:
                    break
                self._partial = memoryview(self.encode(message))
            written = self.write(self._partial)
            self._partial = self._partial[written:]
            if self._partial:
                break
        self.want_write(bool(self._partial))

    def close(self) -> None:
        """Write what waits for at most a second, then close; blocks meanwhile (it is the last act)."""
        end = time.monotonic() + 1.0
        with contextlib.suppress(
            OSError
        ):  # the front end has gone or is too slow: nothing left to tell it
            while not self.closed and (self._partial or self._next()):
                self.sock.settimeout(max(0.001, end - time.monotonic()))
                self._partial = self._partial[self.sock.send(self._partial) :]
        super().close()

    def _next(self) -> bool:
        message = self._outbox.take()
        if message is not None:
            self._partial = memoryview(self.encode(message))
        return message is not None


def _hand_over(message: Any, handler: Callable[[Any], None]) -> None:  # noqa: ANN401 - any message struct
    try:
        handler(message)
    except Exception:  # noqa: BLE001 - a handler call: its failure must not lose the messages behind it
        _log.exception("handling %s failed", type(message).__name__)
