"""What is asked of the server in one session, and its answers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from livekit.protocol import models, rtc

from engage_tui.errors import ConnectError, PublishError

if TYPE_CHECKING:
    from engage_tui.rtc.signaling import SignalClient

ANSWER_TIME = 10.0
"""Seconds in which the server must answer an offer, a request or an announced track."""

MAX_HELD = 1000
"""Requests that wait for a resume; the oldest are dropped."""


class Requests:
    """The asking side of a session: requests, held back while signalling is away, and who waits for an answer.

    Args:
        signal: What carries them.
    """

    def __init__(self, signal: SignalClient) -> None:
        self._signal = signal
        self._holding = False
        self._held: deque[rtc.SignalRequest] = deque(maxlen=MAX_HELD)  # while signalling is away
        self._pending: dict[str, asyncio.Future[models.TrackInfo]] = {}
        self._requests: dict[int, asyncio.Future[rtc.RequestResponse]] = {}
        self._request_number = 0

    def send(self, request: rtc.SignalRequest) -> None:
        """Queue a request for the server; while signalling is away, until it is back."""
        if self._holding:
            self._held.append(request)
        else:
            self._signal.send(request)

    def _send_held(self) -> None:
        """Signalling is back: send what waited for it."""
        self._holding = False
        while self._held:
            self._signal.send(self._held.popleft())

    async def announce(self, request: rtc.AddTrackRequest) -> models.TrackInfo:
        """Announce a track and wait for its SID.

        Raises:
            PublishError: The server refuses it, or says nothing.
        """
        answer: asyncio.Future[models.TrackInfo] = asyncio.get_running_loop().create_future()
        self._pending[request.cid] = answer
        self.send(rtc.SignalRequest(add_track=request))
        try:
            async with asyncio.timeout(ANSWER_TIME):
                return await answer
        except TimeoutError as error:
            raise PublishError(
                "The server did not answer the announcement of a track.", "Try again."
            ) from error
        finally:
            self._pending.pop(request.cid, None)

    async def request(self, request: rtc.SignalRequest) -> rtc.RequestResponse:
        """Send a request that has a ``request_id``, and wait for what the server says to it.

        Raises:
            ConnectError: It says nothing, or the connection ends.
        """
        self._request_number += 1
        number = self._request_number
        getattr(request, request.WhichOneof("message") or "").request_id = number
        answer: asyncio.Future[rtc.RequestResponse] = asyncio.get_running_loop().create_future()
        self._requests[number] = answer
        self.send(request)
        try:
            async with asyncio.timeout(ANSWER_TIME):
                return await answer
        except TimeoutError as error:
            raise ConnectError("The server did not answer a request.", "Try again.") from error
        finally:
            self._requests.pop(number, None)

    def _waiting(self) -> Iterator[asyncio.Future[Any]]:
        """Whatever somebody waits for."""
        yield from self._pending.values()
        yield from self._requests.values()

    def _fail_waiting(self) -> None:
        """Whoever waits for an answer of the server gets none any more."""
        # Not cancelled: whoever waits would take that for a cancellation of their own task.
        for future in [*self._waiting()]:
            if not future.done():
                future.set_exception(ConnectError("The connection ended.", "Try again."))
                future.exception()  # somebody may have given up waiting

    def _settle(self, cid: str, track: models.TrackInfo) -> None:
        future = self._pending.get(cid)
        if future is not None and not future.done():
            future.set_result(track)

    def _responded(self, response: rtc.RequestResponse) -> None:
        waiting = self._requests.get(response.request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(response)
            return
        future = self._pending.get(response.add_track.cid)
        if future is None or future.done() or response.reason == rtc.RequestResponse.QUEUED:
            return
        reason = rtc.RequestResponse.Reason.Name(response.reason).lower().replace("_", " ")
        said = response.message or reason
        future.set_exception(
            PublishError(
                f"The server does not let us publish this track ({said}).",
                "The token must allow publishing this source.",
            )
        )
