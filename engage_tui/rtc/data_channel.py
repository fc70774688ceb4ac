"""Data channels: ours on the publisher's connection, the server's on the subscriber's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiortc import RTCDataChannel
from aiortc.rtcdatachannel import RTCDataChannelParameters

from engage_tui.errors import ConnectError
from engage_tui.rtc.dtls import SctpTransport
from engage_tui.wire.data import LOSSY, RELIABLE

_log = logging.getLogger(__name__)

MAX_LOSSY = 64_000
"""Bytes that may wait on the lossy channel; messages beyond are dropped, as a lossy channel may."""

MAX_RELIABLE = 4_000_000
"""Bytes that may wait on the reliable channel; beyond it sending is refused."""

LOW = 65_536
"""Bytes that may wait on a channel before it counts as busy."""

OnData = Callable[[str, bytes], None]
OnBuffer = Callable[[str, bool], None]


class DataChannels:
    """The channels of one connection, by label.

    Args:
        sctp: The association they live on.
        on_data: Called with the label and each message's bytes.
        on_buffer: Called with the label when more than `LOW` bytes begin to wait (False), and when no more do (True).
    """

    def __init__(self, sctp: SctpTransport, on_data: OnData, on_buffer: OnBuffer) -> None:
        self._sctp = sctp
        self._on_data = on_data
        self._on_buffer = on_buffer
        self._busy: set[str] = set()
        self._channels: dict[str, RTCDataChannel] = {}
        self._changed = asyncio.Event()
        self._closed = False
        sctp.on("datachannel", self._listen)

    def create(self) -> None:
        """Open LiveKit's two channels, reliable and lossy; once."""
        if RELIABLE in self._channels:
            return
        for parameters in (
            RTCDataChannelParameters(label=RELIABLE, ordered=True),
            RTCDataChannelParameters(label=LOSSY, ordered=False, maxRetransmits=0),
        ):
            self._listen(RTCDataChannel(self._sctp, parameters))

    def send(self, label: str, payload: bytes) -> None:
        """Send a message.

        Raises:
            ConnectError: The channel is not open, too much waits on it, or the message is too long.
        """
        channel = self._channels.get(label)
        if channel is None or channel.readyState != "open":
            raise ConnectError(
                f"The data channel {label} is not open.", "Wait until the room is connected."
            )
        if label != RELIABLE and channel.bufferedAmount > MAX_LOSSY:
            _log.debug("a lossy message of %d bytes was dropped", len(payload))
            return
        if channel.bufferedAmount > MAX_RELIABLE:
            raise ConnectError("Too much data waits to be sent.", "Send less, or more slowly.")
        try:
            channel.send(payload)
        except ValueError as error:
            raise ConnectError(
                f"The message of {len(payload)} bytes is too long.", "Send it as a stream."
            ) from error
        if label not in self._busy and channel.bufferedAmount > LOW:
            self._busy.add(label)
            self._on_buffer(label, False)

    async def drained(self, label: str) -> None:
        """Wait until at most `LOW` bytes wait on a channel; at once if it is gone."""
        while label in self._busy and not self._closed:
            self._changed.clear()
            await self._changed.wait()

    async def ready(self, label: str, timeout: float) -> None:
        """Wait until a channel is open.

        Raises:
            ConnectError: It did not open within `timeout` seconds, or the connection was closed.
        """
        try:
            async with asyncio.timeout(timeout):
                while not self._is_open(label):
                    if self._closed:
                        raise ConnectError("The connection was closed.")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise ConnectError(
                f"The data channel {label} did not open within {timeout:g} s."
            ) from None

    def close(self) -> None:
        """Let nobody wait any longer."""
        self._closed = True
        self._changed.set()

    def _is_open(self, label: str) -> bool:
        channel = self._channels.get(label)
        return channel is not None and channel.readyState == "open"

    def _listen(self, channel: RTCDataChannel) -> None:
        label = channel.label
        self._channels[label] = channel
        channel.bufferedAmountLowThreshold = LOW
        channel.on("open", self._changed.set)
        channel.on("bufferedamountlow", lambda: self._low(label))
        channel.on("message", lambda message: self._message(label, message))
        self._changed.set()

    def _low(self, label: str) -> None:
        if label in self._busy:
            self._busy.discard(label)
            self._changed.set()
            self._on_buffer(label, True)

    def _message(self, label: str, message: str | bytes) -> None:
        self._on_data(label, message.encode() if isinstance(message, str) else message)
