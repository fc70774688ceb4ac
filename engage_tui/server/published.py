"""A track that a participant publishes, and its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit.protocol import models

from engage_tui.server.demand import Demand
from engage_tui.server.layers import choose

if TYPE_CHECKING:
    from engage_tui.server.forward import Subscription
    from engage_tui.server.incoming import IncomingStream

LIVE = 1.5
"""Seconds without a packet after which a simulcast layer counts as paused."""

_PLACED = ("VP9", "AV1")  # their packets say themselves to which layer they belong
_GUESS, _GUESS_SOUND = 150_000.0, 32_000.0  # bits a second


class PublishedTrack:
    """A track that a participant announced, and once negotiated, sends.

    Attributes:
        cid: The client's own id of the track.
        info: What the others are told.
        codec: ``opus``, ``VP8``, ``H264``, ``VP9`` or ``AV1``; empty until negotiated.
        payload_type: The publisher's.
        redundant_type: The publisher's, of the same wrapped in RED; 0 if it does not wrap.
        rids: Simulcast layers, the smallest first; empty without simulcast.
        streams: By rid (empty without simulcast).
        subscriptions: By participant SID of the subscriber; those whose section is negotiated.
        ended: Unpublished.
        demand: Which layers anybody wants.
    """

    def __init__(self, cid: str, info: models.TrackInfo) -> None:
        self.cid = cid
        self.info = info
        self.sid = info.sid
        self.video = info.type == models.TrackType.VIDEO
        self.mid = ""
        self.codec = ""
        self.payload_type = self.redundant_type = 0
        self.clock_rate = 90000 if self.video else 48000
        self.rids: list[str] = []
        self.streams: dict[str, IncomingStream] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.ended = False
        self.demand = Demand()

    def mute(self, muted: bool, now: float) -> bool:
        """Mute or unmute it; whether that changed anything. A muted track is forwarded to nobody, whatever comes."""
        if self.info.muted == muted:
            return False
        self.info.muted = muted
        for subscription in self.subscriptions.values():
            subscription.reselect(now)
        return True

    def rate(self, place: int) -> float:
        """Bits a second of the layer `place`, counted from the smallest: as measured, as announced, or a guess."""
        rid = self.rids[place] if self.rids else ""
        stream = self.streams.get(rid)
        if stream is not None and stream.rate:
            # Of layers in one stream the next smaller has a quarter of the pixels and about a third of the bits.
            return stream.rate / 3 ** (self.heights - 1 - place) if self.layered else stream.rate
        announced = sorted(layer.bitrate for layer in self.info.layers if layer.bitrate)
        if place < len(announced):
            return float(announced[place])
        return _GUESS * 4**place if self.video else _GUESS_SOUND

    @property
    def layered(self) -> bool:
        """Its layers travel in one stream; libwebrtc does so with VP9 even where several were negotiated."""
        return self.codec in _PLACED

    @property
    def annotated(self) -> bool:
        """Its pictures carry data for the application, so nobody begins with what was sent before somebody looked.

        Until there is a first picture LiveKit's SDKs send black ones, which carry nothing.
        """
        return bool(self.info.packet_trailer_features)

    @property
    def heights(self) -> int:
        """How many layers it has."""
        return len(self.rids) or (max(1, len(self.info.layers)) if self.layered else 1)

    def takes(self, payload_type: int) -> bool:
        """Whether the publisher sends the track under this payload type."""
        return payload_type == self.payload_type or (0 < self.redundant_type == payload_type)

    def layer(self, quality: int, now: float) -> IncomingStream | None:
        """The stream for a wanted quality, or None while nothing fitting arrives."""
        if not self.rids:
            return self.streams.get("")
        live = [rid for rid, s in self.streams.items() if s.arrived and now - s.arrived < LIVE]
        rid = choose(self.rids, live, quality)
        return None if rid is None else self.streams[rid]
