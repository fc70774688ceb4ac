"""Webhooks: what happens in rooms, posted as signed JSON to the addresses of the configuration."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import aiohttp
from google.protobuf import json_format
from livekit.protocol.webhook import WebhookEvent

from engage_tui.server.events import RoomEvent
from engage_tui.tasks import TaskGroup
from engage_tui.wire.signal import sid
from engage_tui.wire.token import create_body_token

_log = logging.getLogger(__name__)

QUEUE = 256
"""Events that wait for one address; a new one is dropped while it is full, and counted in the next that is not."""

TRIES = 4
"""Attempts for one event before it is given up."""

_TIMEOUT = 5.0  # seconds of one attempt
_WAIT = 0.5  # seconds before the second attempt; twice as long before each further one
_GOODBYE = 2.0  # seconds that the last events have when the server stops


class Webhooks:
    """Posts events, in order for each address; a dead address holds up no other and no room.

    Args:
        urls: Where to post.
        key: API key that signs.
        secret: Its secret.
        wait: Seconds before the second attempt.

    Attributes:
        delivered: Events that were taken (an answer of 2xx).
        failed: Events that were given up or dropped.
    """

    def __init__(self, urls: Sequence[str], key: str, secret: str, wait: float = _WAIT) -> None:
        self.delivered = 0
        self.failed = 0
        self._key = key
        self._secret = secret
        self._wait = wait
        self._queues = {url: asyncio.Queue[WebhookEvent | None](QUEUE) for url in urls}
        self._dropped = dict.fromkeys(urls, 0)
        self._session: aiohttp.ClientSession | None = None
        self._tasks = TaskGroup("webhooks")
        self._workers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to post, in the running loop."""
        if self._queues:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT), auto_decompress=False
            )
        for url in self._queues:
            self._workers.append(self._tasks.spawn(self._post_all(url), f"to {_place(url)}"))

    def put(self, event: RoomEvent) -> None:
        """Queue an event for every address."""
        if not self._queues:
            return
        message = WebhookEvent(
            event=event.kind,
            id=sid("EV_"),
            created_at=int(time.time()),
            room=event.room,
            participant=event.participant,
            track=event.track,
        )
        for url, queue in self._queues.items():
            copy = WebhookEvent()
            copy.CopyFrom(message)
            copy.num_dropped = self._dropped[url]
            try:
                queue.put_nowait(copy)
                self._dropped[url] = 0
            except asyncio.QueueFull:
                self._dropped[url] += 1
                self.failed += 1

    async def stop(self) -> None:
        """Post what waits, for a moment; then end."""
        for queue in self._queues.values():
            if not queue.full():
                queue.put_nowait(None)
        if self._workers:
            await asyncio.wait(self._workers, timeout=_GOODBYE)
        await self._tasks.cancel()
        if self._session is not None:
            await self._session.close()

    async def _post_all(self, url: str) -> None:
        while (event := await self._queues[url].get()) is not None:
            body = json_format.MessageToJson(event, indent=None).encode()
            if await self._post(url, body):
                self.delivered += 1
            else:
                self.failed += 1
                _log.warning("webhook %s to %s is given up", event.event, _place(url))

    async def _post(self, url: str, body: bytes) -> bool:
        assert self._session is not None
        headers = {
            "Content-Type": "application/webhook+json",
            "Authorization": create_body_token(self._key, self._secret, body),
        }
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(self._wait * 2 ** (attempt - 1))
            try:
                async with self._session.post(
                    url, data=body, headers=headers, allow_redirects=False
                ) as answer:
                    if answer.status < 300:
                        return True
                    _log.info("webhook to %s: answered %d", _place(url), answer.status)
                    if 400 <= answer.status < 500 and answer.status not in (408, 429):
                        return False  # it was understood, and refused
            except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
                _log.info("webhook to %s: %s", _place(url), error or type(error).__name__)
        return False


def _place(url: str) -> str:
    """The address without what may be secret in it."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}{parts.path}"
