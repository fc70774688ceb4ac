"""A publisher's and a subscriber's side without a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from livekit.protocol import models

from engage_tui.server.forward import Subscription
from engage_tui.server.incoming import IncomingStream
from engage_tui.server.measures import Measures
from engage_tui.server.outlet import Packet
from engage_tui.server.published import PublishedTrack
from engage_tui.server.transport import PeerTransport
from engage_tui.wire import rtcp, rtp

KEY = b"\x10\x00key"
INTER = b"\x10\x01inter"


class Wire:
    """Takes what would be sent."""

    connected = True
    way = None

    def __init__(self) -> None:
        self.packets: list[rtp.RtpPacket] = []
        self.reports: list[rtcp.RtcpPart] = []

    def send_rtp(self, ssrc: int, packets: Sequence[Packet]) -> None:
        for kind, number, timestamp, payload in packets:
            header = rtp.HEADER.pack(0x80, kind, number, timestamp, ssrc)
            packet = rtp.parse(header + payload)
            assert packet is not None
            self.packets.append(packet)

    def send_rtcp(self, compound: bytes) -> None:
        self.reports += rtcp.parse(compound)

    @property
    def plis(self) -> int:
        return sum(1 for part in self.reports if rtcp.parse_keyframe_requests(part))

    @property
    def nacked(self) -> list[int]:
        numbers: list[int] = []
        for part in self.reports:
            if part.kind == rtcp.TRANSPORT_FEEDBACK and (parsed := rtcp.parse_nack(part.body)):
                numbers += parsed[1]
        return numbers


def track(kind: str = "video", codec: str = "VP8", rids: str = "") -> PublishedTrack:
    info = models.TrackInfo(
        sid="TR_1", type=models.TrackType.VIDEO if kind == "video" else models.TrackType.AUDIO
    )
    made = PublishedTrack("cid", info)
    made.codec = codec
    made.rids = list(rids)
    return made


def stream(of: PublishedTrack, wire: Wire, rid: str = "", ssrc: int = 11) -> IncomingStream:
    of.streams[rid] = made = IncomingStream(
        of, ssrc, rid, wire.send_rtcp, _pass_on, Measures(wire.send_rtcp)
    )
    return made


def _pass_on(of: IncomingStream) -> None:
    of.hand_on()
    of.note()


def subscription(of: PublishedTrack, wire: Wire, now: float = 100.0) -> Subscription:
    made = Subscription(of, cast(PeerTransport, wire), "PA_a")
    made.mid, made.payload_type = "1", 96
    of.subscriptions["PA_b"] = made
    made.start(now)
    return made


def packet(
    sequence: int, payload: bytes = INTER, timestamp: int = 0, marker: int = 0
) -> rtp.RtpPacket:
    return rtp.RtpPacket(96, marker, sequence & 0xFFFF, timestamp, 11, 0, b"", payload)
