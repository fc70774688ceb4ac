"""The writing half of one signalling WebSocket; a session has another one after each resume."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from google.protobuf import json_format
from livekit.protocol import rtc

from engage_tui.tasks import TaskGroup

_log = logging.getLogger(__name__)

_OUTBOX = 1024  # messages that wait for a slow reader; one more ends the session
_LEAVE_TIMEOUT = 2.0


class SignalSocket(Protocol):
    """The WebSocket as a session uses it."""

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""

    async def send_str(self, data: str) -> None:
        """Send a text frame."""

    async def close(self) -> object:
        """Close with code 1000."""


class SignalLine:
    """Messages on their way to one WebSocket.

    Attributes:
        text: The client speaks JSON, and is answered so.
    """

    def __init__(self, name: str, tasks: TaskGroup, *, text: bool = False) -> None:
        self.text = text
        self._name = name
        self._tasks = tasks
        self._outbox: asyncio.Queue[rtc.SignalResponse | None] = asyncio.Queue(_OUTBOX)
        self._writer: asyncio.Task[None] | None = None

    def put(self, response: rtc.SignalResponse) -> bool:
        """Send a message; False if the client does not read what waits already."""
        try:
            self._outbox.put_nowait(response)
        except asyncio.QueueFull:
            return False
        return True

    def open(self, socket: SignalSocket, lost: Callable[[SignalLine], None]) -> None:
        """Start to write to `socket`; `lost` is told when that fails."""
        self._writer = self._tasks.spawn(self._write(socket, lost), "writer")

    def end(self) -> None:
        """Close the socket once everything that was sent is out."""
        while True:
            try:
                self._outbox.put_nowait(None)
                return
            except asyncio.QueueFull:
                self._outbox.get_nowait()

    async def drained(self) -> None:
        """Wait until the socket is closed, but not for long."""
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=_LEAVE_TIMEOUT)

    async def _write(self, socket: SignalSocket, lost: Callable[[SignalLine], None]) -> None:
        try:
            while (response := await self._outbox.get()) is not None:
                if self.text:
                    await socket.send_str(json_format.MessageToJson(response))
                else:
                    await socket.send_bytes(response.SerializeToString())
            async with asyncio.timeout(_LEAVE_TIMEOUT):
                await socket.close()
        except (ConnectionError, RuntimeError, TimeoutError) as error:
            _log.debug("%s: signalling ended: %s", self._name, error)
            lost(self)
