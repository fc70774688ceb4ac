"""Remote procedure calls between participants, as LiveKit's SDKs make them (version 1: packets of their own)."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from livekit.protocol import models

from engage_tui.errors import EngageError
from engage_tui.tasks import TaskGroup

_log = logging.getLogger(__name__)

MAX_PAYLOAD = 15_360
"""Bytes of the largest request and answer."""

MAX_CALLS = 64
"""Calls that are answered at the same time; further ones are refused."""

ACK_TIME = 7.0
"""Seconds in which the other side must say that it got the request."""

_WORDS = {
    1400: "nobody there answers this method",
    1401: "there is no such participant",
    1402: "the request is too long",
    1500: "the method failed",
    1501: "the other side does not react",
    1502: "the answer took too long",
    1503: "the participant left",
    1504: "the answer is too long",
    1505: "the request could not be sent",
}

Send = Callable[[models.DataPacket], Awaitable[None]]


class RpcError(EngageError):
    """A call that failed, here or there.

    Attributes:
        code: LiveKit's: 1400 unsupported method, 1401 no recipient, 1402 request too large, 1500 application,
            1501 connection timeout, 1502 response timeout, 1503 recipient disconnected, 1504 response too large,
            1505 send failed; others are an application's own.
        data: What an application added.
    """

    def __init__(self, code: int, message: str = "", data: str = "") -> None:
        words = message or _WORDS.get(code, "it failed")
        super().__init__(f"The remote call failed: {words}.", "")
        self.code = code
        self.reason = words
        self.data = data


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call that somebody made to us.

    Attributes:
        caller_identity: Who.
        response_timeout: Seconds that the caller waits.
    """

    request_id: str
    caller_identity: str
    payload: str
    response_timeout: float


Method = Callable[[Invocation], Awaitable[str]]


@dataclass(slots=True)
class _Call:
    identity: str
    acknowledged: asyncio.Event
    answer: asyncio.Future[str]


class Rpc:
    """The calls of one participant, made and answered.

    Args:
        send: Sends a reliable packet.
        tasks: Owns the methods that run.
    """

    def __init__(self, send: Send, tasks: TaskGroup) -> None:
        self._send = send
        self._tasks = tasks
        self._methods: dict[str, Method] = {}
        self._calls: dict[str, _Call] = {}
        self._running = 0

    def register(self, name: str, method: Method) -> None:
        """Answer calls of `name` from now on."""
        self._methods[name] = method

    def unregister(self, name: str) -> None:
        """Answer them no more."""
        self._methods.pop(name, None)

    async def perform(self, identity: str, method: str, payload: str, timeout: float) -> str:
        """Call a method of somebody else.

        Raises:
            RpcError: It failed, with the code that says why.
        """
        if len(payload.encode()) > MAX_PAYLOAD:
            raise RpcError(1402)
        request_id = str(uuid.uuid4())
        packet = models.DataPacket(destination_identities=[identity])
        request = packet.rpc_request
        request.id, request.method, request.payload, request.version = (
            request_id,
            method,
            payload,
            1,
        )
        request.response_timeout_ms = max(1, int(timeout * 1000))
        call = _Call(identity, asyncio.Event(), asyncio.get_running_loop().create_future())
        self._calls[request_id] = call
        try:
            try:
                await self._send(packet)
            except EngageError as error:
                raise RpcError(1505, error.message.rstrip(".")) from error
            return await self._await(call, timeout)
        finally:
            del self._calls[request_id]

    async def _await(self, call: _Call, timeout: float) -> str:
        try:
            async with asyncio.timeout(timeout):
                try:
                    async with asyncio.timeout(ACK_TIME):
                        await call.acknowledged.wait()
                except TimeoutError:
                    raise RpcError(1501) from None
                return await call.answer
        except TimeoutError:
            raise RpcError(1502 if call.acknowledged.is_set() else 1501) from None

    def left(self, identity: str) -> None:
        """Somebody has left: their answers will not come."""
        for call in self._calls.values():
            if call.identity == identity:
                _fail(call, RpcError(1503))

    def take(self, packet: models.DataPacket) -> bool:
        """Take a packet if it belongs to a call; whether it did."""
        match packet.WhichOneof("value"):
            case "rpc_request":
                self._tasks.spawn(self._serve(packet), "rpc")
            case "rpc_ack":
                call = self._known(packet, packet.rpc_ack.request_id)
                if call is not None:
                    call.acknowledged.set()
            case "rpc_response":
                response = packet.rpc_response
                call = self._known(packet, response.request_id)
                if call is None:
                    return True
                call.acknowledged.set()
                if response.WhichOneof("value") == "error":
                    error = response.error
                    _fail(call, RpcError(error.code, error.message, error.data))
                elif not call.answer.done():
                    call.answer.set_result(response.payload)
            case _:
                return False
        return True

    def _known(self, packet: models.DataPacket, request_id: str) -> _Call | None:
        """Our call that this answers, if it comes from whom we called."""
        call = self._calls.get(request_id)
        return call if call is not None and call.identity == packet.participant_identity else None

    async def _serve(self, packet: models.DataPacket) -> None:
        request, caller = packet.rpc_request, packet.participant_identity
        ack = models.DataPacket(destination_identities=[caller])
        ack.rpc_ack.request_id = request.id
        reply = models.DataPacket(destination_identities=[caller])
        reply.rpc_response.request_id = request.id
        try:
            await self._send(ack)
            try:
                reply.rpc_response.payload = await self._answer(request, caller)
            except RpcError as error:
                failure = reply.rpc_response.error
                failure.code, failure.message, failure.data = error.code, error.reason, error.data
            await self._send(reply)
        except EngageError as error:
            _log.info("a call of %r could not be answered: %s", caller, error)

    async def _answer(self, request: models.RpcRequest, caller: str) -> str:
        method = self._methods.get(request.method)
        if method is None or self._running >= MAX_CALLS:
            raise RpcError(1400 if method is None else 1500)
        if len(request.payload.encode()) > MAX_PAYLOAD:
            raise RpcError(1402)
        seconds = request.response_timeout_ms / 1000
        self._running += 1
        try:
            async with asyncio.timeout(seconds or None):
                answer = await method(Invocation(request.id, caller, request.payload, seconds))
        except RpcError:
            raise
        except TimeoutError:
            raise RpcError(1502) from None
        except Exception as error:  # noqa: BLE001 - border: a method is foreign code
            _log.exception("the method %r failed", request.method)
            raise RpcError(1500) from error
        finally:
            self._running -= 1
        if len(answer.encode()) > MAX_PAYLOAD:
            raise RpcError(1504)
        return answer


def _fail(call: _Call, error: RpcError) -> None:
    call.acknowledged.set()
    if not call.answer.done():
        call.answer.set_exception(error)
        call.answer.exception()  # its caller may have given up
