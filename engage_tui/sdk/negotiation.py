"""Descriptions of one session: our offers for what we send, our answers to the server's for what we receive."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from livekit.protocol import rtc

from engage_tui.errors import ConnectError, EngageError
from engage_tui.sdk.requests import ANSWER_TIME, Requests
from engage_tui.tasks import TaskGroup
from engage_tui.wire.data import LOSSY, RELIABLE

if TYPE_CHECKING:
    from engage_tui.rtc.peer import Peer
    from engage_tui.rtc.signaling import SignalClient

_log = logging.getLogger(__name__)

GATHER = 0.002
"""Seconds in which several wishes for an offer become one.

After subscribing on a connection for both directions we offer unasked. The server would ask, but a round trip later;
livekit-server after 10 ms more, and after 150 if it asked, or was joined, just before.
"""

AGAIN = (0.005, 0.01, 0.02)
"""Seconds to the next such offer while the answer brings not all that was subscribed: it may have overtaken that."""

MAX_OFFERS = 64
"""Offers of the server that wait to be answered; one more ends the session."""


class Negotiation(Requests, ABC):
    """The describing side of a session, with one peer for both directions or one for each.

    Attributes:
        publisher: The connection on which we send; None before it is made.
        subscriber: The connection on which we receive, perhaps the same one; None before it is made.

    Args:
        signal: What carries the descriptions.
    """

    def __init__(self, signal: SignalClient) -> None:
        super().__init__(signal)
        self.publisher: Peer | None = None
        self.subscriber: Peer | None = None
        self._tasks = TaskGroup("connection")
        # The subscriber's offers and candidates, in the order in which they came.
        self._offers: asyncio.Queue[rtc.SessionDescription | str] = asyncio.Queue(MAX_OFFERS)
        self._last_offer: rtc.SessionDescription | None = None  # of the server, on the subscriber
        self._last_answer: rtc.SessionDescription | None = None
        self._newest_offer = 0  # the number of the last that was answered
        self._answers: dict[int, asyncio.Future[str]] = {}
        self._offer_number = 0
        self._negotiating = asyncio.Lock()
        # SIDs of tracks that were subscribed, and do not come yet, where one peer has both directions.
        self._awaited: set[str] = set()
        self._offer_due = False  # the server wants one, or will, that is not made yet

    @abstractmethod
    def _overrun(self) -> None:
        """The server sends offers faster than they can be answered."""

    async def negotiate(self, *, restart: bool = False) -> None:
        """Offer what we send as it stands now, and take the server's answer; one at a time.

        Args:
            restart: Restart ICE too.

        Raises:
            ConnectError: The server does not answer.
        """
        if self.publisher is None:
            raise ConnectError("There is no connection to the server.")
        async with self._negotiating:
            offer, answer = await self._offer(self.publisher, restart=restart)
            self._signal.send(rtc.SignalRequest(offer=offer))
            await self._agree(self.publisher, answer)

    async def _offer(
        self, publisher: Peer, *, restart: bool = False
    ) -> tuple[rtc.SessionDescription, asyncio.Future[str]]:
        """What we offer now, and its answer to come."""
        self._offer_due = False
        self._offer_number += 1
        number = self._offer_number
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answers = {number: answer}
        sdp = await publisher.offer(restart=restart)
        return rtc.SessionDescription(type="offer", id=number, sdp=sdp), answer

    async def _agree(self, publisher: Peer, answer: asyncio.Future[str]) -> None:
        """Wait for an answer and take it.

        Raises:
            ConnectError: There is none.
        """
        try:
            async with asyncio.timeout(ANSWER_TIME):
                sdp = await answer
        except TimeoutError as error:
            raise ConnectError("The server does not answer our offer.", "Try again.") from error
        await publisher.apply_answer(sdp)

    def _sections_wanted(self, wanted: rtc.MediaSectionsRequirement) -> None:
        """The server wants an offer with so many more sections to send in, or just an offer."""
        if self.publisher is None or self.publisher is not self.subscriber:
            return
        self.publisher.add_sections(wanted.num_audios, wanted.num_videos)
        self._offer_soon()

    def send(self, request: rtc.SignalRequest) -> None:
        """As `Requests.send`; what is subscribed on a connection for both directions is offered soon."""
        super().send(request)
        if request.WhichOneof("message") != "subscription" or self.publisher is not self.subscriber:
            return
        if request.subscription.subscribe:
            self._awaited.update(request.subscription.track_sids)
            self._offer_soon()
        else:
            self._awaited.difference_update(request.subscription.track_sids)

    def _send_held(self) -> None:
        super()._send_held()
        if self._offer_due:
            self._offer_due = False
            self._offer_soon()

    def _offer_soon(self) -> None:
        if not self._offer_due:
            self._offer_due = True
            self._tasks.spawn(self._offer_wanted(), "offer_wanted")

    async def _offer_wanted(self) -> None:
        for pause in (GATHER, *AGAIN):
            await asyncio.sleep(pause)
            async with self._negotiating:
                if self._holding or self.publisher is None:
                    return  # signalling is lost: the offer of a resume will do, else one after it
                self._awaited -= self.publisher.track_sids
                if not (self._offer_due or self._awaited):
                    return
                offer, answer = await self._offer(self.publisher)
                self._signal.send(rtc.SignalRequest(offer=offer))
                try:
                    await self._agree(self.publisher, answer)
                except EngageError as error:
                    _log.warning("an offer that the server wanted came to nothing: %s", error)
                    return
        self._awaited.clear()  # what does not come so soon the server asks for

    async def _answer_offers(self, subscriber: Peer) -> None:
        """Serve the server's offers in their order."""
        while True:
            offer = await self._offers.get()
            if isinstance(offer, str):
                await subscriber.add_candidate(offer)
                continue
            if 0 < offer.id <= self._newest_offer:
                _log.info("offer %d came again, or too late", offer.id)
                continue
            try:
                sdp = await subscriber.answer(offer.sdp)
            except EngageError as error:
                _log.warning("an offer of the server was not taken: %s", error)
                continue
            except Exception:  # noqa: BLE001 - border: one offer must not end the answering of all
                _log.exception("an offer of the server was not taken")
                continue
            self._newest_offer = offer.id
            request = rtc.SignalRequest()
            request.answer.type = "answer"
            request.answer.id = offer.id
            request.answer.sdp = sdp
            self._last_offer, self._last_answer = offer, request.answer
            self._signal.send(request)

    def _queue(self, offer: rtc.SessionDescription | str) -> None:
        try:
            self._offers.put_nowait(offer)
        except asyncio.QueueFull:
            if isinstance(offer, str):  # other candidates will do
                return
            self._overrun()

    def _answered(self, answer: rtc.SessionDescription) -> None:
        # Servers before protocol 17 do not echo the number.
        future = self._answers.get(answer.id or self._offer_number)
        if future is not None and not future.done():
            future.set_result(answer.sdp)

    def _trickled(self, trickle: rtc.TrickleRequest) -> None:
        if trickle.target != rtc.PUBLISHER:
            self._queue(trickle.candidateInit)
        elif self.publisher is not None:
            self._tasks.spawn(self.publisher.add_candidate(trickle.candidateInit), "candidate")

    def _begin_anew(self) -> None:
        """Signalling is made again: offers of the time before are void."""
        while not self._offers.empty():
            self._offers.get_nowait()
        self._newest_offer = 0  # another node counts from elsewhere

    def _synchronised(self, state: rtc.SyncState) -> rtc.SyncState:
        """That state, with the descriptions that hold and our data channels."""
        result = rtc.SyncState()
        result.CopyFrom(state)
        if self._last_answer is not None and self._last_offer is not None:
            result.answer.CopyFrom(self._last_answer)
            result.offer.CopyFrom(self._last_offer)
        for label in (RELIABLE, LOSSY):
            result.data_channels.add(label=label, target=rtc.PUBLISHER)
        return result

    def _waiting(self) -> Iterator[asyncio.Future[Any]]:
        yield from self._answers.values()
        yield from super()._waiting()
