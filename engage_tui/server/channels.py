"""Data channels of one peer connection: aiortc's SCTP on our transport, driven synchronously."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, cast

from engage_tui.server.limits import Allowance
from engage_tui.server.transport import PeerTransport
from engage_tui.wire.data import DATA_TRACK, LOSSY, RELIABLE

if TYPE_CHECKING:
    from aiortc import RTCDataChannel, RTCSctpTransport
    from aiortc.rtcdtlstransport import RTCDtlsTransport

_log = logging.getLogger(__name__)

SCTP_PORT = 5000
"""Our SCTP port; each peer connection has its own association."""

MAX_MESSAGE = 65535
"""Bytes of the largest message that we announce, and take."""

LABELS = (RELIABLE, LOSSY, DATA_TRACK)
"""The channels that LiveKit's ends open."""

_MAX_CHANNELS = 16  # and streams of one peer: more ends its association
_MAX_PIECES = 1024  # of unfinished messages, or of finished ones after a gap: a whole window
_EFFORT = 0.5  # seconds of our time a second that one peer's data may cost; then packets are lost
_MAX_WAITING = (
    256  # reliable messages kept for a peer whose channel is not open yet; then the oldest goes
)
_MAX_UNSENT = {RELIABLE: 4 << 20, LOSSY: 128 << 10, DATA_TRACK: 128 << 10}
# Bytes that wait for a slow peer; what comes on top is dropped.


def load() -> None:
    """Import aiortc: three quarters of a second, so the server does it after it has begun to listen."""
    import aiortc  # noqa: F401


class _Link:
    """What `RTCSctpTransport` asks of the DTLS transport below it (names of aiortc 1.16)."""

    _role = "server"

    def __init__(self, transport: PeerTransport) -> None:
        self._transport = transport

    @property
    def state(self) -> str:
        return self._transport.state

    def _register_data_receiver(self, receiver: object) -> None:
        """Data reach the association through `DataChannels`."""

    def _unregister_data_receiver(self, receiver: object) -> None:
        """See `_register_data_receiver`."""

    async def _send_data(self, data: bytes) -> None:
        self._transport.send_data(data)


def run_now(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never suspends: a task a packet would cost more than the packet.

    Raises:
        RuntimeError: It did suspend.
    """
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise RuntimeError("a coroutine that must not suspend did")


class DataChannels:
    """The data channels on `transport`.

    Args:
        transport: Carries SCTP packets.
        on_message: Called with label and payload of each binary message.
        opens: Labels of channels that our side opens; the peer's own are taken as they come.
    """

    def __init__(
        self,
        transport: PeerTransport,
        on_message: Callable[[str, bytes], None],
        opens: Sequence[str] = (),
    ) -> None:
        self._transport = transport
        self._on_message = on_message
        self._opens = opens
        self._sctp: RTCSctpTransport | None = None
        self._remote: tuple[int, int] | None = None
        self._channels: dict[str, RTCDataChannel] = {}
        self.allowance: Allowance | None = None  # of what the peer sends, in bytes
        self._slow = False
        self._effort = Allowance(_EFFORT)
        self._waiting: deque[bytes] = deque(maxlen=_MAX_WAITING)
        transport.on_data = self._on_data

    def negotiate(self, port: int, max_message: int) -> None:
        """The peer's description named its SCTP port and limit; starts once the transport is up."""
        if self._remote is None:
            self._remote = (port, max_message)
            self.start()

    def start(self) -> None:
        """Start the association if both sides are ready; called again is harmless."""
        if self._sctp is not None or self._remote is None or not self._transport.connected:
            return
        from aiortc import (
            RTCDataChannel,
            RTCDataChannelParameters,
            RTCSctpCapabilities,
            RTCSctpTransport,
        )

        link = cast("RTCDtlsTransport", _Link(self._transport))
        self._sctp = RTCSctpTransport(link, port=SCTP_PORT)
        self._sctp.on("datachannel", self._on_channel)
        for label in self._opens:
            ordered = label == RELIABLE
            channel = RTCDataChannel(
                self._sctp,
                RTCDataChannelParameters(
                    label=label, ordered=ordered, maxRetransmits=None if ordered else 0
                ),
            )
            self._channels[label] = channel
            channel.on("open", self._on_open)
            self._listen(channel)
        port, max_message = self._remote
        capabilities = RTCSctpCapabilities(maxMessageSize=max_message)
        run_now(self._sctp.start(capabilities, port))

    def send(self, label: str, payload: bytes) -> None:
        """Send on an open channel, whoever opened it; until then reliable messages wait, others are lost."""
        channel = self._channels.get(label)
        if channel is None or channel.readyState == "connecting":
            if label == RELIABLE:
                self._waiting.append(payload)
            return
        if channel.bufferedAmount > _MAX_UNSENT.get(label, 0):
            if not self._slow:
                self._slow = True
                _log.warning("%s is too slow for its data: some is lost", self._transport.name)
            return
        from aiortc.exceptions import InvalidStateError

        try:
            channel.send(payload)
        except (InvalidStateError, ValueError) as error:
            _log.debug("%s: %s message not sent: %s", self._transport.name, label, error)

    def close(self) -> None:
        """End the association; before the transport's own end."""
        if self._sctp is not None:
            run_now(self._sctp.stop())
            self._sctp._data_channel_queue.clear()  # channels that never opened name it
            self._sctp = None
        self._channels.clear()
        self._waiting.clear()

    def _on_data(self, data: bytes) -> None:
        if (sctp := self._sctp) is None:
            return  # SCTP repeats its first packet until both are ready
        now, began = time.monotonic(), time.thread_time()
        if self.allowance and not self.allowance.take(len(data), now):
            return  # a lost packet is what makes SCTP send more slowly
        if self._effort.owe(0, now) > 0:
            return  # a few bytes can cost much time
        try:
            run_now(sctp._handle_data(data))
        except ConnectionError:
            return
        except Exception:  # noqa: BLE001 - packet border: aiortc asserts on what a peer may send
            _log.debug("%s: malformed SCTP packet", self._transport.name, exc_info=True)
        self._effort.owe(time.thread_time() - began, now)
        if _hoards(sctp):
            _log.warning("%s: more unfinished data than any client needs", self._transport.name)
            self.close()

    def _on_channel(self, channel: RTCDataChannel) -> None:
        self._channels.setdefault(channel.label, channel)
        self._listen(channel)
        self._on_open()

    def _listen(self, channel: RTCDataChannel) -> None:
        label = channel.label

        def received(message: bytes | str) -> None:
            if isinstance(message, str) or len(message) > MAX_MESSAGE:
                return
            try:
                self._on_message(label, message)
            except Exception:  # noqa: BLE001 - packet border
                _log.warning("%s: a %s message failed", self._transport.name, label, exc_info=True)

        channel.on("message", received)

    def _on_open(self) -> None:
        channel = self._channels.get(RELIABLE)
        if channel is not None and channel.readyState == "open":
            while self._waiting:
                self.send(RELIABLE, self._waiting.popleft())


def _hoards(sctp: RTCSctpTransport) -> bool:
    """Whether memory and time would follow what the peer began and does not end."""
    streams = sctp._inbound_streams
    return (
        sctp._advertised_rwnd < 0
        or len(streams) > _MAX_CHANNELS
        or len(sctp._data_channels) > _MAX_CHANNELS
        or sum(len(stream.reassembly) for stream in streams.values()) > _MAX_PIECES
    )
