"""What a subscriber gets: `Subscription` turns the packets of one or several streams into one steady stream."""

from __future__ import annotations

import random
from collections import deque

from engage_tui.server.incoming import IncomingStream, PublishedTrack
from engage_tui.server.layers import Wish
from engage_tui.server.transport import PeerTransport
from engage_tui.wire import rtcp
from engage_tui.wire.rtp import HEADER, RtpPacket, is_newer, parse_vp8, rewrite_vp8
from engage_tui.wire.sdp import Section

_RING = 512  # packets kept for retransmission (a power of two); payloads are shared
_REPEAT_GAP = 0.1  # seconds before the same packet is repeated again
_REPEATS = 3
_REPEAT_SHARE = 0.15  # of the stream's packets may be repetitions, or a slow link only gets slower
_REPEAT_CREDIT = 60.0  # packets of that share which may be saved up
_SETTLING = 1000  # packets after a switch during which late ones from before it are recognised
_VP8_MASK = 0x7FFF

_Sent = tuple[int, bytes, bytes]
"""A packet sent: sequence number, header, payload. A plain tuple: this is made for every packet and subscriber."""


class Subscription:
    """One track as one subscriber receives it, under an SSRC of its own.

    Layers change at keyframes only; sequence numbers, timestamps and VP8 picture ids go on without a gap, so that
    the receiver sees a single stream. Header extensions are left out.

    Attributes:
        publisher_sid: Of the participant whose track it is.
        mid: Of its section in the subscriber's description; empty while it has none.
        payload_type: In that section.
        wish: What the subscriber wants to see; call `reselect` after a change.
        offer: Number of the first offer that showed it; 0 before.
        started: The subscriber knows the SSRC; packets may flow.
    """

    def __init__(self, track: PublishedTrack, transport: PeerTransport, publisher_sid: str) -> None:
        self.track = track
        self.publisher_sid = publisher_sid
        self.mid = ""
        self.payload_type = 0
        self.ssrc = random.getrandbits(32)
        self.wish = Wish()
        self.offer = 0
        self.started = False
        self._transport = transport
        self._current: IncomingStream | None = None
        self._target: IncomingStream | None = None
        self._sequence_shift = random.getrandbits(16)
        self._timestamp_shift = random.getrandbits(32)
        self._first = 0  # sequence number at which the current stream was entered
        self._settling = 0
        self._skipped: deque[int] = deque(
            maxlen=32
        )  # of the current stream, left out without a gap
        self._last = (0, 0, 0.0)  # sequence, timestamp, arrival of the last packet sent
        self._newest = 0
        self._packets = self._octets = 0
        self._picture_shift = self._tl0_shift = self._picture = self._tl0 = 0
        self._ring: list[_Sent | None] = [None] * _RING
        self._repeated: dict[int, tuple[float, int]] = {}
        self._credit = _REPEAT_CREDIT

    def describe(self, section: Section) -> None:
        """Write into a section that it carries this track."""
        sid = self.track.sid
        section.direction = "sendonly"
        section.msid = (f"{self.publisher_sid}|{sid}", sid)
        section.ssrcs.append(self.ssrc)

    def start(self, now: float) -> None:
        """The section is negotiated: begin to forward."""
        self.started = True
        self.reselect(now)

    def stop(self) -> None:
        """Forward nothing any more, until `reselect`."""
        for stream in (self._current, self._target):
            if stream is not None and self in stream.takers:
                stream.takers.remove(self)
        self._current = self._target = None

    def reselect(self, now: float) -> None:
        """Choose the layer anew, after a wish changed or a layer came or went."""
        if not self.started or self.track.ended:
            return
        if self.wish.disabled:
            self.stop()
            return
        layers = self.track.info.layers
        stream = self.track.layer(self.wish.wanted_quality(list(layers)), now)
        if stream is None or stream is self._target:
            return
        if self._target is not None and self._target is not self._current:
            self._target.takers.remove(self)
        self._target = stream
        if stream is not self._current:
            stream.takers.append(self)
            if self.track.video:
                stream.request_keyframe(now)

    def tick(self, now: float) -> None:
        """Once a second: follow layers that came or went, keep asking for the first keyframe, report."""
        if self.track.rids or self._target is None:
            self.reselect(now)
        if self.track.video and self._target is not None and self._target is not self._current:
            self._target.request_keyframe(now)
        self._report()

    def request_keyframe(self, now: float) -> None:
        """The subscriber cannot decode: ask the publisher."""
        stream = self._target or self._current
        if stream is not None:
            stream.request_keyframe(now)

    def forward(
        self, stream: IncomingStream, packet: RtpPacket, keyframe: bool, now: float
    ) -> None:
        """Send a packet of `stream` on, unless it is not this stream's turn."""
        if stream is not self._current:
            if stream is not self._target or not keyframe or not packet.payload:
                return
            self._enter(stream, packet, now)
        sequence = packet.sequence
        if self._settling:
            self._settling -= 1
            if is_newer(self._first, sequence):
                return  # from before the switch: its number is taken
        payload = packet.payload
        shift = self._sequence_shift
        if not payload and is_newer(sequence, self._newest):
            # Padding probes the publisher's path, not ours; leave it out and close the gap.
            self._newest = sequence
            self._skipped.append(sequence)
            self._sequence_shift = (shift - 1) & 0xFFFF
            return
        if is_newer(sequence, self._newest):
            self._newest = sequence
        elif self._skipped:
            shift += sum(is_newer(skipped, sequence) for skipped in self._skipped)
        if self.track.rids and self.track.codec == "VP8":
            payload = self._continue_pictures(payload)
        sequence = (sequence + shift) & 0xFFFF
        timestamp = (packet.timestamp + self._timestamp_shift) & 0xFFFFFFFF
        header = HEADER.pack(
            0x80, self.payload_type | packet.marker, sequence, timestamp, self.ssrc
        )
        self._ring[sequence & (_RING - 1)] = (sequence, header, payload)
        self._packets += 1
        self._octets += len(payload)
        self._last = (sequence, timestamp, now)
        if self._credit < _REPEAT_CREDIT:
            self._credit += _REPEAT_SHARE
        self._transport.send_rtp(header, payload)

    def repeat(self, numbers: list[int], now: float) -> None:
        """Answer a NACK, within bounds."""
        for number in numbers:
            sent = self._ring[number & (_RING - 1)]
            if sent is None or sent[0] != number or self._credit < 1:
                continue
            at, times = self._repeated.get(number, (0.0, 0))
            if now - at < _REPEAT_GAP or times >= _REPEATS:
                continue
            if len(self._repeated) > 2 * _RING:
                self._repeated.clear()
            self._repeated[number] = now, times + 1
            self._credit -= 1
            self._transport.send_rtp(sent[1], sent[2])

    def _enter(self, stream: IncomingStream, packet: RtpPacket, now: float) -> None:
        """Make `stream` the current one, so that `packet` follows what was sent last."""
        if self._packets:
            sequence, timestamp, at = self._last
            step = max(1, round((now - at) * self.track.clock_rate))
            self._sequence_shift = (sequence + 1 - packet.sequence) & 0xFFFF
            self._timestamp_shift = (timestamp + step - packet.timestamp) & 0xFFFFFFFF
            self._settling = _SETTLING
        if self._current is not None and self._current is not stream:
            # A new list: the old one may be the one that is being walked through.
            self._current.takers = [each for each in self._current.takers if each is not self]
        self._current = stream
        self._first = packet.sequence
        self._newest = (packet.sequence - 1) & 0xFFFF
        self._skipped.clear()
        self._repeated.clear()
        if self.track.rids and (at_vp8 := parse_vp8(packet.payload)) is not None:
            tl0 = packet.payload[at_vp8.tl0_at] if at_vp8.tl0_at else 0
            self._picture_shift = (self._picture + 1 - (at_vp8.picture_id or 0)) & _VP8_MASK
            self._tl0_shift = (self._tl0 + 1 - tl0) & 0xFF

    def _continue_pictures(self, payload: bytes) -> bytes:
        at = parse_vp8(payload)
        if at is None or at.picture_id is None:
            return payload
        self._picture = (at.picture_id + self._picture_shift) & _VP8_MASK
        if at.tl0_at:
            self._tl0 = (payload[at.tl0_at] + self._tl0_shift) & 0xFF
        return rewrite_vp8(payload, at, self._picture, self._tl0)

    def _report(self) -> None:
        """Tell the subscriber which wall time the publisher's clock showed, in our timestamps."""
        if self._current is None or self._current.report is None or not self._packets:
            return
        report = self._current.report[0]
        timestamp = (report.rtp + self._timestamp_shift) & 0xFFFFFFFF
        self._transport.send_rtcp(
            rtcp.build_sender_report(
                rtcp.SenderReport(self.ssrc, report.ntp, timestamp), self._packets, self._octets
            )
        )
