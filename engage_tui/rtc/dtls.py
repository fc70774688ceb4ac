"""aiortc's DTLS and SCTP with a guard at the border where packets come in.

An exception out of a packet handler would end aiortc's receive loop, and with it the whole connection, in silence.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiortc import RTCDtlsTransport, RTCSctpTransport

from engage_tui.wire import rtcp

_log = logging.getLogger(__name__)


class DtlsTransport(RTCDtlsTransport):
    """`RTCDtlsTransport` that outlives malformed RTP and RTCP.

    Attributes:
        on_rtcp_part: Called with each extended report, which aiortc passes over; None: with none.
    """

    on_rtcp_part: Callable[[rtcp.RtcpPart], None] | None = None

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        try:
            await super()._handle_rtp_data(data, arrival_time_ms=arrival_time_ms)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 - packet border: one packet never ends a call
            _log.warning("an RTP packet of %d bytes was dropped", len(data), exc_info=True)

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
    """`RTCSctpTransport` that outlives malformed chunks and handlers that raise."""

    async def _handle_data(self, data: bytes) -> None:
        try:
            await super()._handle_data(data)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 - packet border: one packet never ends a call
            _log.warning("an SCTP packet of %d bytes was dropped", len(data), exc_info=True)
