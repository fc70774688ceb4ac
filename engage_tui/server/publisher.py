"""A participant's publishing connection: its offers answered, its packets told apart by track and layer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from engage_tui.server.channels import DataChannels
from engage_tui.server.descriptions import (
    answer_section,
    canonical_name,
    choose_codec,
    complete,
    forwardable,
    redundancy,
)
from engage_tui.server.incoming import IncomingStream
from engage_tui.server.layers import order
from engage_tui.server.limits import Allowance, Limits
from engage_tui.server.measures import Measures
from engage_tui.server.mux import UdpMux
from engage_tui.server.published import PublishedTrack
from engage_tui.server.transport import PeerTransport
from engage_tui.wire import rtcp, rtp, sdp
from engage_tui.wire.sdp import Description, Section

if TYPE_CHECKING:
    from engage_tui.server.shared import SharedDownlink

_log = logging.getLogger(__name__)

MAX_PENDING = 20
"""Announced tracks that wait for their section."""

MAX_OFFER = 400_000
"""Characters of the largest offer: browsers add a section for each track they ever published."""

_MAX_SECTIONS = 512
_MAX_STREAMS = 64  # SSRCs of one publisher; more is refused, not forgotten


@dataclass(frozen=True, slots=True)
class PublisherEvents:
    """What a publishing connection tells its owner."""

    published: Callable[[PublishedTrack], None]
    unpublished: Callable[[PublishedTrack], None]
    data: Callable[[str, bytes], None]
    connected: Callable[[], None] = lambda: None
    wanted: Callable[[rtc.SubscribedQualityUpdate], None] = lambda _: None


class PublisherConnection:
    """The connection on which a participant sends.

    Attributes:
        transport: ICE, DTLS and SRTP.
        tracks: Published tracks by SID.
        pending: Announced tracks by client id, not yet negotiated.
        measures: What the packets say beside their media.
        channels: Its data channels.
        downlink: What it receives, if this one connection carries that too (v1).
    """

    def __init__(self, mux: UdpMux, name: str, events: PublisherEvents) -> None:
        self.transport = PeerTransport(mux, f"{name!r} (publisher)")
        self.tracks: dict[str, PublishedTrack] = {}
        self.pending: dict[str, PublishedTrack] = {}
        self._mux = mux
        self._events = events
        self.channels = DataChannels(self.transport, events.data)
        self.downlink: SharedDownlink | None = None
        self.measures = Measures(self.transport.send_rtcp)
        self._streams: dict[int, IncomingStream] = {}
        self._by_mid: dict[str, PublishedTrack] = {}
        self._inflow = Allowance(Limits().media_rate)
        self._uris: dict[int, str] = {}  # of header extensions, by id
        self._remote_ufrag = ""
        self._version = 0
        self.transport.on_rtp = self._on_rtp
        self.transport.on_rtcp = self._on_rtcp
        self.transport.on_connected = self._on_connected

    def answer(self, offer: rtc.SessionDescription) -> rtc.SessionDescription:
        """Apply the client's offer; tracks come and go by it.

        Raises:
            SdpError: The offer is malformed or far too large.
        """
        described = Description.parse(offer.sdp)
        if not 0 < len(described.sections) <= _MAX_SECTIONS:
            raise sdp.SdpError("The offer has no sections, or far too many.")
        self._follow_transport(described.sections[0])
        fresh: list[PublishedTrack] = []
        kept: set[str] = set()
        self._version += 1
        reply = Description(ice_lite=True, extmap_allow_mixed=True, version=self._version)
        mids: dict[str, str] = {}
        for section in described.sections:
            if section.kind == "application":
                answered = Section(kind="application", mid=section.mid)
                self.channels.negotiate(
                    section.sctp_port or 5000, section.max_message_size or 65536
                )
            else:
                track, answered = self._media(section, fresh)
                carried = "" if track is None else track.sid
                kept.add(carried)
                if track is None and self.downlink is not None:
                    answered, carried = self.downlink.fill(section, answered)
                if carried:
                    mids[section.mid] = carried
            reply.sections.append(complete(answered, self._mux, self.transport, "passive"))
        for track in list(self.tracks.values()):
            if track.sid not in kept:
                self._end(track)
        for stream in self._streams.values():
            stream.stop_passing()  # its numbers may mean something else now
        for track in fresh:
            self._events.published(track)
        return rtc.SessionDescription(
            type="answer", sdp=str(reply), id=offer.id, mid_to_track_id=mids
        )

    @property
    def everything(self) -> list[PublishedTrack]:
        """Published tracks and those that wait for their section."""
        return [*self.tracks.values(), *self.pending.values()]

    @property
    def videos(self) -> int:
        """How many videos are published or announced."""
        return sum(track.video for track in self.everything)

    def announced(self, sid: str) -> PublishedTrack | None:
        """The track of this SID, published or not yet negotiated."""
        return next((track for track in self.everything if track.sid == sid), None)

    def limit(self, limits: Limits) -> None:
        """Set how much may come in a second."""
        self._inflow = Allowance(limits.media_rate)
        self.channels.allowance = Allowance(limits.data_rate)

    def revoke(self, track: PublishedTrack) -> None:
        """End a track, or forget an announced one, although the client still offers it."""
        if self.tracks.get(track.sid) is track:
            self._end(track)
        else:
            self.pending.pop(track.cid, None)

    def tick(self, now: float) -> None:
        """About 20 times a second: feedback that must not wait."""
        for stream in self._streams.values():
            stream.tick(now)
        # What was passed on without us counts, and what may be is known again.
        self._inflow.owe(self.transport.spend(), now)
        self.transport.grant(self._inflow.left(now))
        if self.measures.arrivals.is_due(now):
            video = next((s.ssrc for s in self._streams.values() if s.track.video), 0)
            self.measures.arrivals.tick(video, now)
        for track in self.tracks.values():
            if track.video and (update := track.demand.look(track, now)) is not None:
                self._events.wanted(update)

    def report(self, now: float) -> None:
        """Once a second: receiver reports."""
        blocks = [
            block
            for stream in self._streams.values()
            if (block := stream.reception(now)) is not None
        ]
        for start in range(0, len(blocks), 31):
            self.transport.send_rtcp(rtcp.build_receiver_report(blocks[start : start + 31]))

    def close(self) -> None:
        """End the connection; its tracks have ended, and nobody is told."""
        for track in self.everything:
            track.ended = True
            _close_streams(track)
        self.channels.close()
        self.transport.close()

    # -- negotiation

    def _follow_transport(self, first: Section) -> None:
        if first.fingerprint:
            self.transport.expect(first.fingerprint)
        if self._remote_ufrag and first.ice_ufrag != self._remote_ufrag:
            self.transport.restart_ice()
        self._remote_ufrag = first.ice_ufrag
        self.transport.addresses.meet(first.ice_ufrag, first.ice_pwd)

    def _media(
        self, section: Section, fresh: list[PublishedTrack]
    ) -> tuple[PublishedTrack | None, Section]:
        codecs = forwardable(section)
        track = self._track_of(section) if codecs else None
        if track is None:
            self._by_mid.pop(section.mid, None)
            return None, answer_section(section, codecs, receive=False)
        named = track.info.codecs[0].mime_type if track.info.codecs else ""
        codec = choose_codec(codecs, named.rpartition("/")[2])
        assert codec is not None  # forwardable ones only
        if not track.codec:
            fresh.append(track)
            self.tracks[track.sid] = track
        track.mid = section.mid
        track.codec = canonical_name(codec)
        track.payload_type = codec.payload_type
        wrapper = None if track.info.disable_red else redundancy(section, codec)
        track.redundant_type = 0 if wrapper is None else wrapper.payload_type
        track.info.disable_red = wrapper is None
        track.clock_rate = codec.clock_rate
        track.rids = order([rid for rid, direction in section.rids if direction == "send"])
        track.info.mid = section.mid
        track.info.mime_type = f"{section.kind}/{'red' if wrapper else track.codec}"
        track.info.simulcast = len(track.rids) > 1
        self._by_mid[section.mid] = track
        self._uris |= section.extensions
        self.measures.agree({uri: number for number, uri in self._uris.items()})
        if not track.rids:
            repairs = {section.repair_of(ssrc) for ssrc in section.ssrcs}
            for ssrc in section.ssrcs:
                if ssrc not in repairs and ssrc not in self._streams:
                    self._bind(track, ssrc, "")
        codecs = [codec] if wrapper is None else [wrapper, codec]
        return track, answer_section(section, codecs, receive=True, dtx=not track.info.disable_dtx)

    def _track_of(self, section: Section) -> PublishedTrack | None:
        """The announced or published track that this section carries."""
        if section.direction not in ("sendrecv", "sendonly") or section.msid is None:
            return None
        video = section.kind == "video"
        name = section.msid[1]
        for track in self.tracks.values():
            if track.cid == name and track.video == video:
                return track
        if name in self.pending and self.pending[name].video == video:
            return self.pending.pop(name)
        if (current := self._by_mid.get(section.mid)) is not None and not current.ended:
            return current
        # No match by name: the oldest announced one of this kind, as livekit-server does.
        oldest = next((cid for cid, t in self.pending.items() if t.video == video), None)
        return None if oldest is None else self.pending.pop(oldest)

    def _end(self, track: PublishedTrack) -> None:
        track.ended = True
        del self.tracks[track.sid]
        for stream in track.streams.values():
            self._streams.pop(stream.ssrc, None)
        if self._by_mid.get(track.mid) is track:
            del self._by_mid[track.mid]
        self._events.unpublished(track)
        _close_streams(track)

    def _bind(self, track: PublishedTrack, ssrc: int, rid: str) -> IncomingStream | None:
        if len(self._streams) >= _MAX_STREAMS:
            return None
        if (before := track.streams.get(rid)) is not None:
            self._streams.pop(before.ssrc, None)
            before.close()
        stream = IncomingStream(
            track, ssrc, rid, self.transport.send_rtcp, self._mux.touch, self.measures
        )
        stream.route = self.transport.route(stream)
        track.streams[rid] = self._streams[ssrc] = stream
        if not rid:
            now = time.monotonic()
            for subscription in track.subscriptions.values():
                subscription.reselect(now)
        return stream

    # -- packets

    def _on_connected(self) -> None:
        self.channels.start()
        self._events.connected()

    def _on_rtp(self, came: list[rtp.RtpPacket], octets: int) -> None:
        now = time.monotonic()
        self._inflow.owe(self.transport.spend(), now)
        if not self._inflow.take(octets, now):
            # What is more than one client may send is lost here, before it is multiplied.
            share = octets / len(came)
            came = [each for each in came if self._inflow.take(share, now)]
        self.transport.grant(self._inflow.left(now))
        for packet in came:
            stream = self._streams.get(packet.ssrc)
            if stream is None:
                stream = self._meet(packet, now)
            if stream is None:
                continue
            if not stream.track.takes(packet.payload_type):
                self.measures.read(stream.track, packet, now)
                continue
            paused = stream.is_paused(now)
            stream.receive(packet, now)
            if paused:
                stream.resume(now)

    def _meet(self, packet: rtp.RtpPacket, now: float) -> IncomingStream | None:
        """A packet of an SSRC that is not known."""
        mid = rid = b""
        for number, value in rtp.extensions(packet.extension_profile, packet.extension):
            uri = self._uris.get(number)
            if uri == sdp.TRANSPORT_CC and len(value) == 2:
                self.measures.arrivals.add(value[0] << 8 | value[1], now)
            elif uri == sdp.MID:
                mid = value
            elif uri == sdp.RID:
                rid = value
            elif uri == sdp.DEPENDENCY_DESCRIPTOR:
                packet.descriptor = value
        return self._discover(packet, mid, rid)

    def _discover(self, packet: rtp.RtpPacket, mid: bytes, rid: bytes) -> IncomingStream | None:
        """Find the track of an unknown SSRC: by MID and RID, or by a payload type that only one track has."""
        track = self._by_mid.get(mid.decode("ascii", "replace")) if mid else None
        if track is None and not mid:
            alike = [t for t in self.tracks.values() if t.takes(packet.payload_type)]
            track = alike[0] if len(alike) == 1 and not alike[0].rids else None
        if track is None or not track.takes(packet.payload_type):
            return None
        layer = rid.decode("ascii", "replace")
        if track.rids:
            return self._bind(track, packet.ssrc, layer) if layer in track.rids else None
        return self._bind(track, packet.ssrc, "")

    def _on_rtcp(self, data: bytes) -> None:
        for part in rtcp.parse(data):
            if part.kind == rtcp.SENDER_REPORT:
                report = rtcp.parse_sender_report(part.body)
                if report is not None and (stream := self._streams.get(report.ssrc)) is not None:
                    stream.take_report(report, time.monotonic())
            if self.downlink is not None:
                self.downlink.on_rtcp(part)


def _close_streams(track: PublishedTrack) -> None:
    for stream in track.streams.values():
        stream.close()
    track.streams.clear()  # they keep packets, and name the track


def announce(request: rtc.AddTrackRequest, sid: str) -> PublishedTrack:
    """The track that an ``add_track`` request describes, under its new SID."""
    video = request.type == models.TrackType.VIDEO
    personal = request.source in (models.TrackSource.CAMERA, models.TrackSource.MICROPHONE)
    info = models.TrackInfo(
        sid=sid,
        type=request.type,
        name=request.name[:256],
        muted=request.muted,
        width=request.width,
        height=request.height,
        simulcast=len(request.layers) > 1,
        disable_dtx=request.disable_dtx,
        source=request.source,
        layers=request.layers[:8],
        stereo=request.stereo,
        disable_red=video or request.disable_red,
        encryption=request.encryption,
        stream=request.stream[:256] or ("camera" if personal else "screen"),
        audio_features=request.audio_features[:16],
        packet_trailer_features=request.packet_trailer_features[:16],
        version=models.TimedVersion(unix_micro=int(time.time() * 1e6)),
    )
    for each in request.simulcast_codecs[:4]:
        kind = "video" if video else "audio"
        mime = each.codec if "/" in each.codec else f"{kind}/{each.codec.upper()}"
        info.codecs.add(mime_type=mime[:64], cid=each.cid[:256], layers=each.layers[:8])
    info.mime_type = "audio/opus"
    if video:
        info.mime_type = info.codecs[0].mime_type if info.codecs else "video/VP8"
    return PublishedTrack(request.cid, info)
