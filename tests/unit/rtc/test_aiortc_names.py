"""The private names of aiortc and aioice that the transport stands on, with their signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import aioice
import pytest
from aioice.ice import StunProtocol
from aiortc import RTCDtlsTransport, RTCSctpTransport
from aiortc.rtcdtlstransport import RtpReceiver, RtpRouter
from aiortc.rtcdtlstransport import RtpSender as TheirSender

from engage_tui.rtc.dtls import DtlsTransport, SctpTransport
from engage_tui.rtc.ice import IceTransport
from engage_tui.rtc.receiver import Receiver
from engage_tui.rtc.rtp_sender import RtpSender


def arguments(function: Callable[..., object]) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("owner", "name", "wanted", "is_async"),
    [
        # called by us
        (RTCDtlsTransport, "_register_rtp_receiver", ["self", "receiver", "parameters"], False),
        (RTCDtlsTransport, "_unregister_rtp_receiver", ["self", "receiver"], False),
        (RTCDtlsTransport, "_register_rtp_sender", ["self", "sender", "parameters"], False),
        (RTCDtlsTransport, "_unregister_rtp_sender", ["self", "sender"], False),
        (RTCDtlsTransport, "_send_rtp", ["self", "data"], True),
        (RTCDtlsTransport, "_set_role", ["self", "role"], False),
        (RtpRouter, "route_rtp", ["self", "packet"], False),
        # implemented by us and called by aiortc
        (RtpReceiver, "_handle_rtp_packet", ["self", "packet", "arrival_time_ms"], True),
        (RtpReceiver, "_handle_rtcp_packet", ["self", "packet"], True),
        (RtpReceiver, "_handle_disconnect", ["self"], False),
        # overridden by us
        (RTCDtlsTransport, "_handle_rtp_data", ["self", "data", "arrival_time_ms"], True),
        (RTCDtlsTransport, "_handle_rtcp_data", ["self", "data"], True),
        (RTCSctpTransport, "_handle_data", ["self", "data"], True),
        (RTCSctpTransport, "_send_chunk", ["self", "chunk"], True),
        (
            aioice.Connection,
            "get_component_candidates",
            ["self", "component", "addresses", "timeout"],
            True,
        ),
        (aioice.Connection, "query_consent", ["self"], True),
        (StunProtocol, "datagram_received", ["self", "data", "addr"], False),
        (aioice.Connection, "data_received", ["self", "data", "component"], False),
        (aioice.Connection, "build_request", ["self", "pair", "nominate"], False),
        (aioice.Connection, "check_start", ["self", "pair"], True),
        (aioice.Connection, "check_complete", ["self", "pair"], False),
        (aioice.Connection, "connect", ["self"], True),
        (aioice.Connection, "check_incoming", ["self", "message", "addr", "protocol"], False),
        (StunProtocol, "send_stun", ["self", "message", "addr"], False),
    ],
)
def test_a_name_is_there_with_its_signature(
    owner: type, name: str, wanted: list[str], is_async: bool
) -> None:
    function = getattr(owner, name)
    assert arguments(function) == wanted
    assert inspect.iscoroutinefunction(function) == is_async


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [
        (Receiver, RtpReceiver, "_handle_rtp_packet"),
        (Receiver, RtpReceiver, "_handle_rtcp_packet"),
        (Receiver, RtpReceiver, "_handle_disconnect"),
        (DtlsTransport, RTCDtlsTransport, "_handle_rtp_data"),
        (DtlsTransport, RTCDtlsTransport, "_handle_rtcp_data"),
        (SctpTransport, RTCSctpTransport, "_handle_data"),
        (SctpTransport, RTCSctpTransport, "_send_chunk"),
        (RtpSender, TheirSender, "_handle_rtcp_packet"),
    ],
)
def test_ours_takes_what_theirs_takes(ours: type, theirs: type, name: str) -> None:
    assert arguments(getattr(ours, name)) == arguments(getattr(theirs, name))


def test_dtls_asks_nothing_else_of_the_transport_below() -> None:
    source = inspect.getsource(RTCDtlsTransport)
    used = {
        name
        for name in ("_recv", "_send", "role", "state", "iceGatherer", "start", "stop")
        if f"self.transport.{name}" in source or f"self._transport.{name}" in source
    }
    assert used == {"_recv", "_send", "role"}
    assert arguments(IceTransport._recv) == ["self"]
    assert arguments(IceTransport._send) == ["self", "data"]


def test_dtls_asks_its_ssrc_of_a_sender_and_no_more() -> None:
    assert "sender._ssrc" in inspect.getsource(RTCDtlsTransport._register_rtp_sender)
    # The protocol that senders are written to, beside what every class has.
    names = {name for name in vars(TheirSender) if not name.startswith("__")}
    assert names - {"_abc_impl", "_is_protocol"} <= {"_handle_rtcp_packet", "_is_runtime_protocol"}
    assert set(TheirSender.__annotations__) <= {"_ssrc"}
