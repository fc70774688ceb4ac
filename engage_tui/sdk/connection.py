"""One session with the server: signalling, and the connection that carries media and data, or one for each direction.

When signalling is lost the media connections may outlive it: `Connection.resume` connects to the same session
again. What cannot be resumed is closed, and the room makes a new session.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from livekit.protocol import models, rtc

from engage_tui.errors import ConnectError, EngageError
from engage_tui.rtc.addresses import one_vanished
from engage_tui.rtc.leaving import JoinAnewError
from engage_tui.rtc.peer import Peer, PeerRole
from engage_tui.rtc.signaling import SignalClient
from engage_tui.rtc.turn import turn_servers
from engage_tui.sdk.negotiation import Negotiation
from engage_tui.sdk.requests import ANSWER_TIME
from engage_tui.wire.signal import SignalOptions

if TYPE_CHECKING:
    from engage_tui.rtc.receiver import Receiver

_log = logging.getLogger(__name__)

RESTART_TIME = 1.0
"""Seconds in which a server that resumes a session begins to restart the subscriber's ICE, if it does so at all."""

LEAVE_GRACE = 0.5
"""Seconds after the media's end in which the leave that caused it may still arrive."""


class ConnectionOwner(Protocol):
    """What a session tells its room; all called on the event loop."""

    def on_signal(self, message: rtc.SignalResponse) -> None:
        """A message that is not about the connections themselves."""

    def on_receiver(self, receiver: Receiver) -> None:
        """A track begins to come in."""

    def on_receiver_gone(self, receiver: Receiver) -> None:
        """A track comes in no more."""

    def on_data(self, label: str, payload: bytes) -> None:
        """A data channel's message."""

    def on_buffer_status(self, label: str, is_low: bool) -> None:
        """Much (False), or no longer much (True), waits on a data channel of ours."""

    def on_connection_lost(self, connection: Connection, why: str) -> None:
        """The session is lost, and nobody closed it; called once, and once more after each `Connection.resume`."""


class Connection(Negotiation):
    """A session, from `open`, over losses, to `close`.

    Args:
        owner: Is told what comes, and of a loss.
    """

    def __init__(self, owner: ConnectionOwner) -> None:
        super().__init__(SignalClient(self._on_message, self._on_lost))
        self._owner = owner
        self._welcome = rtc.JoinResponse()
        self._media_dead = False
        self._lost = False
        self._asked_anew = False  # by the server, to connect again
        self._joining: asyncio.Timeout | None = None  # brought forward by a loss
        self._closed = False

    @property
    def is_over(self) -> bool:
        """Whether it was lost or closed."""
        return self._lost or self._closed

    @property
    def may_resume(self) -> bool:
        """Whether it was lost, but its media connections stand."""
        return self._lost and not self._closed and not self._media_dead

    @property
    def asked_anew(self) -> bool:
        """Whether it was lost because the server asks to connect again."""
        return self._asked_anew

    def told_to_reconnect(self, *, resume: bool) -> None:
        """The server's leave asks for it: to this session, or to a new one."""
        self._asked_anew = True
        self._media_dead = self._media_dead or not resume
        self._on_lost("the server asks to connect again")

    def give_up(self) -> None:
        """Do not resume this session."""
        self._media_dead = True

    @property
    def token(self) -> str:
        """The freshest token: the server renews it."""
        return self._signal.token

    @property
    def round_trip_time(self) -> float | None:
        """Seconds of the last ping's way there and back; None until measured."""
        return self._signal.round_trip_time

    async def open(
        self,
        url: str,
        token: str,
        on_joined: Callable[[rtc.JoinResponse], None],
        timeout: float,
    ) -> None:
        """Join and wait until media can flow.

        Args:
            url: The server's address.
            token: The access token.
            on_joined: Called with the server's welcome before any message after it.
            timeout: Seconds after which joining gives up.

        Raises:
            EngageError: As `SignalClient.join`, and `ConnectError` when no media connection comes about.
            JoinAnewError: Signalling came about, but the server asks for another try.
        """
        end = asyncio.get_running_loop().time() + timeout
        options = SignalOptions(auto_subscribe=False, sdk="python", single=True)
        # One connection, on which we offer: with the first offer in the join it stands a round trip sooner, and what is
        # subscribed at once can be offered at once. livekit-server's own offers, which another one would wait for, come
        # 150 ms after the one it makes at a join.
        shared = self.publisher = self.subscriber = self._peer(PeerRole.PUBLISHER, shared=True)
        shared.create_channels()
        async with self._negotiating:
            offer, answer = await self._offer(shared)
            join = await self._signal.join(url, token, options, timeout, offer)
            self._welcome.CopyFrom(join)
            if not self._signal.is_single:
                self._answers.clear()
                self._part()
            self._relays_named(join.ice_servers, join.client_configuration)
            on_joined(join)
            self._tasks.spawn(self._watch_addresses(), "watch_addresses")
            if self._signal.is_single:
                async with self._attended():
                    await self._agree(shared, answer)
        if not self._signal.is_single:
            await shared.close()
            async with self._attended():
                await self.negotiate()
        primary = self.subscriber if join.subscriber_primary else self.publisher
        async with self._attended():
            await primary.connected(max(1.0, end - asyncio.get_running_loop().time()))

    def _peer(self, role: PeerRole, *, shared: bool = False) -> Peer:
        return Peer(
            role,
            shared=shared,
            on_receiver=self._owner.on_receiver,
            on_receiver_gone=self._owner.on_receiver_gone,
            on_data=self._owner.on_data,
            on_buffer=self._owner.on_buffer_status,
            on_closed=self._media_lost,
            on_silence=self._silent,
        )

    def _part(self) -> None:
        """The server has a connection for each direction (v0)."""
        self.subscriber = self._peer(PeerRole.SUBSCRIBER)
        self.publisher = self._peer(PeerRole.PUBLISHER)
        self.publisher.create_channels()
        self._tasks.spawn(self._answer_offers(self.subscriber), "answer_offers")

    @contextlib.asynccontextmanager
    async def _attended(self) -> AsyncIterator[None]:
        """What of joining ends with the loss of the session, too.

        Raises:
            JoinAnewError: The server asks for another try meanwhile.
            ConnectError: The session was lost.
        """
        try:
            async with asyncio.timeout(None) as self._joining:
                yield
        except (TimeoutError, ConnectError):
            if self._asked_anew:
                raise JoinAnewError("The server asks to join again.", "Try again.") from None
            if self._lost:
                raise ConnectError("The connection was lost while joining.", "Try again.") from None
            raise
        finally:
            self._joining = None

    async def resume(
        self, url: str, token: str, state: rtc.SyncState, timeout: float = ANSWER_TIME
    ) -> None:
        """Connect signalling again to the session whose media connections still stand, and move those too.

        Args:
            url: The server's address.
            token: The access token.
            state: What we publish and want; descriptions and data channels are added here.
            timeout: Seconds for the signalling.

        Raises:
            JoinAnewError: The server has no such session any more.
            DismissedError: It does not want us back.
            EngageError: It cannot be reached, or the media connections cannot be moved.
        """
        if not self.may_resume or self.publisher is None or self.subscriber is None:
            raise ConnectError("The session cannot be resumed.")
        await self._signal.close(lost=True)
        self._signal = SignalClient(self._on_message, self._on_lost)
        self._begin_anew()
        before = self.subscriber.restarts
        pings = self._welcome.ping_interval, self._welcome.ping_timeout
        options = SignalOptions(
            auto_subscribe=False,
            sdk="python",
            reconnect_sid=self._welcome.participant.sid,
            single=self.publisher is self.subscriber,
        )
        again = await self._signal.resume(url, token, options, pings, timeout)
        if again.ice_servers:  # with fresh credentials
            self._relays_named(again.ice_servers, again.client_configuration)
        self._signal.send(rtc.SignalRequest(sync_state=self._synchronised(state)))
        self._lost = self._asked_anew = False
        try:
            await self.negotiate(restart=True)
            await self.publisher.moved()
            with contextlib.suppress(TimeoutError):  # it need not restart what works
                async with asyncio.timeout(RESTART_TIME):
                    await self._restarted(before)
            await self.subscriber.moved()
        except EngageError:
            self._lost = True
            raise
        if self._lost:
            raise ConnectError("The connection was lost again.")
        self._send_held()

    def _relays_named(
        self, named: Iterable[rtc.ICEServer], configuration: models.ClientConfiguration
    ) -> None:
        only = configuration.force_relay == models.ENABLED
        for peer in (self.publisher, self.subscriber):
            if peer is not None:
                peer.use_relays(turn_servers(named), only=only)

    async def _restarted(self, before: int) -> None:
        assert self.subscriber is not None
        while self.subscriber.restarts == before:
            await self.subscriber.changed()

    async def close(self, *, leave: bool = False) -> None:
        """End the session; idempotent; leaves no task and no socket.

        Args:
            leave: Tell the server that we leave for good.
        """
        self._closed = True
        self._fail_waiting()
        await self._tasks.cancel()
        await self._signal.close(leave=leave, lost=self._lost and not leave)
        for peer in (self.publisher, self.subscriber):
            if peer is not None:
                await peer.close()

    def _on_message(self, message: rtc.SignalResponse) -> None:
        match message.WhichOneof("message"):
            case "offer":
                self._queue(message.offer)
            case "answer":
                self._answered(message.answer)
            case "trickle":
                self._trickled(message.trickle)
            case "media_sections_requirement":
                self._sections_wanted(message.media_sections_requirement)
            case "track_published":
                self._settle(message.track_published.cid, message.track_published.track)
            case "request_response":
                self._responded(message.request_response)
            case _:
                self._owner.on_signal(message)

    def _overrun(self) -> None:
        self._media_dead = True  # what was not answered cannot be made up for
        self._on_lost("the server sends offers faster than they can be answered")

    def _media_lost(self, why: str) -> None:
        self._media_dead = True
        if not self._closed:
            self._tasks.spawn(self._lost_soon(why), "media_lost")

    async def _lost_soon(self, why: str) -> None:
        """Report lost media, unless signalling says meanwhile that it was meant: a leave may be overtaken."""
        await asyncio.sleep(LEAVE_GRACE)
        self._on_lost(why)

    def _silent(self) -> None:
        self._on_lost("the server is not heard any more")

    async def _watch_addresses(self) -> None:
        """What stands on an address that this machine no longer has is lost, though nothing says so."""
        while True:
            gone = await one_vanished(self._addresses)
            self._on_lost(f"this machine no longer has the address {gone}")

    def _addresses(self) -> list[str]:
        """Those that the session stands on; none while it is lost anyway."""
        if self.is_over:
            return []
        media = [peer.local_address for peer in (self.publisher, self.subscriber) if peer]
        return [self._signal.local_address, *media]

    def _on_lost(self, why: str) -> None:
        if not self.is_over:
            self._lost = self._holding = True
            self._fail_waiting()
            if self._joining is not None:
                self._joining.reschedule(asyncio.get_running_loop().time())
            self._owner.on_connection_lost(self, why)
