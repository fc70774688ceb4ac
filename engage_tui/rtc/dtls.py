"""aiortc's DTLS and SCTP with a guard at the border where packets come in, and a short way for media.

An exception out of a packet handler would end aiortc's receive loop, and with it the whole connection, in silence.

Media packets do not go through that loop: a queue and a task between socket and receiver cost as much as all that is
done with a packet. Everything else does, RTCP too.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from aiortc import RTCDtlsTransport, RTCSctpTransport
from aiortc.rtcdtlstransport import State
from aiortc.rtcsctptransport import Chunk
from aiortc.rtp import is_rtcp

from engage_tui.rtc.packets import Opener, read
from engage_tui.wire import rtcp
from engage_tui.wire.rtp import HEADER

if TYPE_CHECKING:
    from engage_tui.rtc.receiver import Receiver

_log = logging.getLogger(__name__)


class DtlsTransport(RTCDtlsTransport):
    """`RTCDtlsTransport` that outlives malformed RTP and RTCP.

    Attributes:
        on_rtcp_part: Called with each extended report, which aiortc passes over; None: with none.
    """

    on_rtcp_part: Callable[[rtcp.RtcpPart], None] | None = None
    _opener: Opener | None = None

    def take_media(self, data: bytes) -> bool:
        """Handle a datagram at once if it is SRTP that can be read now; else False, and it is for `_recv`."""
        if len(data) < HEADER.size or not 127 < data[0] < 192 or is_rtcp(data):
            return False
        if self._state is not State.CONNECTED:
            return False
        if self._opener is None:
            self._opener = Opener(self._rx_srtp)
        packet = self._opener.open(data)
        if packet is None:  # forged, sent twice, or too long
            _log.debug("an SRTP packet of %d bytes was dropped", len(data))
        else:
            self.handle_rtp(packet)
        return True

    def handle_rtp(self, data: bytes) -> None:
        """Give a deciphered RTP packet to its receiver, if there is one."""
        try:
            packet = read(data)
            router = self._rtp_router
            receiver = router.ssrc_table.get(packet.ssrc) or router.route_rtp(packet)
            if receiver is not None:
                cast("Receiver", receiver).receive(packet)
        except Exception:  # noqa: BLE001 - packet border: one packet never ends a call
            _log.warning("an RTP packet of %d bytes was dropped", len(data), exc_info=True)

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:  # noqa: ARG002
        self.handle_rtp(data)  # one that came before the keys

    async def _handle_rtcp_data(self, data: bytes) -> None:
        try:
            if self.on_rtcp_part is not None:
                for part in rtcp.parse(data):
                    if part.kind == rtcp.EXTENDED_REPORT:
                        self.on_rtcp_part(part)
            await super()._handle_rtcp_data(data)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 - packet border: one packet never ends a call
            _log.warning("an RTCP packet of %d bytes was dropped", len(data), exc_info=True)


class SctpTransport(RTCSctpTransport):
    """`RTCSctpTransport` that outlives malformed chunks, handlers that raise, and the end of the connection."""

    async def _send_chunk(self, chunk: Chunk) -> None:
        # aiortc sends from tasks and timers that nobody awaits: there the end of the connection, of which its owner
        # is told otherwise, would be an error of nobody's.
        with contextlib.suppress(ConnectionError):
            await super()._send_chunk(chunk)

    async def _handle_data(self, data: bytes) -> None:
        try:
            await super()._handle_data(data)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 - packet border: one packet never ends a call
            _log.warning("an SCTP packet of %d bytes was dropped", len(data), exc_info=True)
