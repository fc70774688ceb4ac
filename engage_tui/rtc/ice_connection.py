"""One try of ICE, by aioice: with the loopback interface, put-off nomination, quick repeats, and an ear for silence."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from time import monotonic
from typing import Any

import aioice
from aioice.ice import CandidatePair, StunProtocol
from aioice.stun import Message, TransactionError

from engage_tui.rtc.datagrams import Datagrams
from engage_tui.tasks import TaskGroup

LOOPBACK = ("127.0.0.1", "::1")

REPEATS = (0.05, 0.15, 0.3)
"""Seconds after which an unanswered check is sent again; aioice would do so after half a second first."""

CHECK_INTERVAL = 1.0
"""Seconds between two looks at when the other side was heard."""

CONSENT_INTERVAL = 5.0
"""Seconds after which the other side is asked whether it still wants our packets, whatever it sends (RFC 7675)."""

CONSENT_TIME = 30.0
"""Seconds without its consent after which nothing more is sent."""

SILENCE = 3.0
"""Seconds in which it is not heard, nor answers, until that is told: less is a gap that may pass."""

DEAFNESS = 10.0
"""Seconds in which it is heard, but does not answer, until that is told: it does not hear us."""


class IceConnection(aioice.Connection):
    """A connection that also knows the loopback interface, which a call on one machine needs.

    On macOS a socket bound to another interface cannot reach 127.0.0.1, and without any network there is no
    other interface.

    Attributes:
        contends: Other connections are tried beside it, so `nominate` says later that it is the one.
        on_media: Gets each packet that comes, and says whether it took it; the others wait for `recv`.
        on_silence: Called, again and again, while the other side is not heard; long before it is given up.
    """

    contends = False
    on_media: Callable[[bytes], bool] | None = None
    on_silence: Callable[[], None] | None = None
    _heard = 0.0  # on the loop's clock

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # What was asked last by each way that is being checked.
        self._asked: dict[CandidatePair, Message | None] = {}
        self._decided = asyncio.Event()
        self._undone: Exception | None = None  # why connecting failed
        self._tasks = TaskGroup("ice_connection")

    async def connect(self) -> None:
        """Connect as aioice does, but be done with the check that decides: aioice looks every 20 ms only.

        Raises:
            ConnectionError: No way works.
        """
        self._tasks.spawn(self._connect(), "connect")
        try:
            await self._decided.wait()
        except asyncio.CancelledError:
            await self._tasks.cancel()
            raise
        if self._undone is not None:
            raise self._undone

    async def _connect(self) -> None:
        try:
            await super().connect()
        except Exception as error:  # noqa: BLE001 - border: raised by `connect`
            self._undone = error
        finally:
            self._decided.set()

    async def close(self) -> None:
        """Close it."""
        if self._decided.is_set():
            await self._tasks.cancel()  # what aioice has left to do once it is connected
        await super().close()

    def check_complete(self, pair: CandidatePair) -> None:
        """Take the end of a check, and notice whether it decides."""
        super().check_complete(pair)
        if self._check_list_done and self._nominated:
            self._decided.set()

    def build_request(self, pair: CandidatePair, nominate: bool) -> Message:
        """A check as aioice makes it; it nominates nothing while others are tried."""
        request = super().build_request(pair, nominate and not self.contends)
        if pair in self._asked:
            self._asked[pair] = request
        return request

    async def check_start(self, pair: CandidatePair) -> None:
        """Check a way, and ask again soon: a server drops checks that overtake the answer which tells it of us."""
        loop = asyncio.get_running_loop()
        self._asked[pair] = None
        repeats = [loop.call_later(wait, self._ask_again, pair) for wait in REPEATS]
        try:
            await super().check_start(pair)
        finally:
            for each in repeats:
                each.cancel()
            self._asked.pop(pair, None)

    def check_incoming(
        self, message: Message, addr: tuple[str, int], protocol: StunProtocol
    ) -> None:
        """Take a check of the other side, which therefore knows us: what it left unanswered is asked again at once."""
        super().check_incoming(message, addr, protocol)
        for pair in self._asked:
            if pair.protocol is protocol and pair.remote_addr == addr:
                self._ask_again(pair)

    def _ask_again(self, pair: CandidatePair) -> None:
        request = self._asked.get(pair)
        if request is not None and request.transaction_id in pair.protocol.transactions:
            pair.protocol.send_stun(request, pair.remote_addr)

    async def nominate(self) -> None:
        """Tell the other side that this is the way, where it is ours to say.

        Raises:
            ConnectionError: There is no answer.
        """
        if not self.contends:
            return
        self.contends = False
        if not self.ice_controlling:
            return
        try:
            await self._ask(nominate=True)
        except TransactionError as error:
            raise ConnectionError(f"no answer to the nomination: {error}") from None

    async def get_component_candidates(
        self, component: int, addresses: list[str], timeout: int = 5
    ) -> list[aioice.Candidate]:
        """Candidates as aioice gathers them, and those of the loopback interface."""
        if addresses:  # none: only a relay is wanted
            addresses = [*addresses, *LOOPBACK]
        candidates = await super().get_component_candidates(component, addresses, timeout)
        for protocol in self._protocols:
            if (
                protocol.local_candidate.type == "host"
            ):  # a socket of ours, and no way through a relay
                Datagrams(protocol, self.data_received, protocol.transport)
        return candidates

    @property
    def local_address(self) -> str:
        """The address of this machine, or of a relay, from which we send; empty: none yet."""
        pair = self._nominated.get(1)
        return pair.local_candidate.host if pair is not None else ""

    def data_received(self, data: bytes, component: int) -> None:
        """Take a packet, and remember when it came."""
        self._heard = monotonic()  # the loop's clock, by a shorter way
        if self.on_media is None or not self.on_media(data):
            super().data_received(data, component)

    async def query_consent(self) -> None:
        """Ask the other side whether it is there: now and then, and at once when it is not heard."""
        clock = asyncio.get_running_loop().time
        consented = self._heard = clock()
        waited = False  # in vain for an answer, which takes about as long
        while True:
            if not waited:
                await asyncio.sleep(CHECK_INTERVAL * (0.8 + 0.4 * random.random()))
            if clock() - self._heard < CHECK_INTERVAL and clock() - consented < CONSENT_INTERVAL:
                continue
            try:
                await self._ask(retransmissions=1)
            except TransactionError as error:
                waited = error.response is None  # a refusal comes at once
                if clock() - consented > CONSENT_TIME:
                    self._query_consent_task = None
                    return await self.close()
                lost = clock() - self._heard > SILENCE or clock() - consented > DEAFNESS
                if lost and self.on_silence is not None:
                    self.on_silence()
            else:
                waited = False
                consented = self._heard = clock()

    async def _ask(self, *, nominate: bool = False, retransmissions: int | None = None) -> None:
        """Send a check by the way in use.

        Raises:
            TransactionError: It was not answered, or refused.
        """
        assert self.remote_password is not None
        key = self.remote_password.encode()
        for pair in [*self._nominated.values()]:
            request = self.build_request(pair, nominate)
            await pair.protocol.request(
                request, pair.remote_addr, integrity_key=key, retransmissions=retransmissions
            )
