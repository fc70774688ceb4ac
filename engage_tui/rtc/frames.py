"""From RTP packets to whole encoded pictures: order, gaps, and where decoding may begin.

Pure: no clock but the one that is handed in, no sockets, no decoder.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiortc.codecs.h264 import h264_depayload
from aiortc.rtp import RtpPacket

from engage_tui.wire.rtp import is_keyframe, vp8_data

GIVE_UP = 0.5
"""Seconds after which a missing packet is no longer waited for."""

MAX_GAP = 300
"""Missing packets at once beyond which a keyframe is cheaper than resending."""

LED_ASTRAY = 0.5
"""Seconds in which all that comes lies before the picture due, after which that is where the stream is."""

MAX_PACKETS = 1500
"""Packets kept, some seconds of video; beyond it everything is dropped and a keyframe asked for."""


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One encoded picture.

    Attributes:
        codec: ``VP8`` or ``H264``.
        data: As the decoder wants it.
        timestamp: RTP, 90 kHz.
        keyframe: Whether decoding can begin with it.
        repaired: Whether a part of it had been missing.
    """

    codec: str
    data: bytes
    timestamp: int
    keyframe: bool
    repaired: bool = False


def depayload(codec: str, payload: bytes) -> bytes:
    """The payload's share of its encoded picture.

    Raises:
        ValueError: The payload is malformed.
    """
    return vp8_data(payload) if codec.upper() == "VP8" else h264_depayload(payload)


class FrameBuffer:
    """Puts packets in order and hands out pictures that are complete and decodable.

    Attributes:
        need_keyframe: Nothing can be decoded until a keyframe comes.
        recovered: Missing packets that came after all.
        given_up: Times that waiting for a packet was given up.
    """

    def __init__(self) -> None:
        self.need_keyframe = True
        self.recovered = 0
        self.given_up = 0
        self._packets: dict[int, tuple[RtpPacket, str]] = {}
        self._repaired: set[int] = set()  # those of `_packets` that had been missing
        self._missing: dict[int, float] = {}  # sequence -> when its absence was noticed
        self._keys: list[int] = []  # where keyframes begin, ascending
        self._next: int | None = None  # first packet of the picture due
        self._scan = 0  # first packet not yet looked at, in order
        self._highest = -1
        self._behind: float | None = None  # since when all that comes is too late

    @property
    def keyframe_wanted(self) -> bool:
        """Whether to ask for a keyframe: one is needed, and none is on its way already.

        Asking in the middle of one does harm: livekit-server answers no NACK from a request until the keyframe
        after it, which it may not even ask the publisher for so soon.
        """
        return self.need_keyframe and not self._keys

    @property
    def keyframe_comes(self) -> bool:
        """Whether the beginning of a keyframe that is not yet whole has come."""
        return bool(self._keys)

    @property
    def waits(self) -> bool:
        """Whether something is missing, or a keyframe is needed."""
        return bool(self._missing) or self.need_keyframe

    @property
    def missing(self) -> list[int]:
        """Sequence numbers to ask for again."""
        return list(self._missing)

    def reset(self) -> None:
        """Forget everything and begin anew with the next keyframe."""
        self._packets.clear()
        self._repaired.clear()
        self._missing.clear()
        self._keys.clear()
        self._next = None
        self.need_keyframe = True

    def add(
        self, place: int, packet: RtpPacket, codec: str, now: float, *, repair: bool = False
    ) -> list[EncodedFrame]:
        """Keep a packet; returns the pictures that it completes, in order.

        Args:
            place: Its unwrapped sequence number.
            packet: The packet itself.
            codec: ``VP8`` or ``H264``.
            now: Seconds of a steady clock.
            repair: It was sent again.
        """
        astray = not repair and self._is_astray(place, now)
        if self._next is None or place - self._highest > MAX_GAP or astray:
            self.reset()
            self._next = self._scan = place
            self._highest = place - 1
        if place < self._next or place in self._packets:
            return []  # too late, or twice
        if place > self._highest:
            for absent in range(self._highest + 1, place):
                self._missing[absent] = now
            self._highest = place
        elif self._missing.pop(place, None) is not None:
            self.recovered += 1
            self._repaired.add(place)
        self._packets[place] = (packet, codec)
        if packet.payload and is_keyframe(codec, packet.payload):
            self._note_key(place)
        frames = self._complete() if place == self._scan else []
        if self._keys and (self._missing or self.need_keyframe):
            frames += self._jump_to_keyframe()
        if len(self._packets) > MAX_PACKETS:
            self.reset()
        return frames

    def expire(self, now: float) -> list[EncodedFrame]:
        """Give up what has been missing for too long; returns pictures that may now be shown."""
        if not any(now - since > GIVE_UP for since in self._missing.values()):
            return []
        self.given_up += 1
        self.need_keyframe = True
        frames = self._jump_to_keyframe()
        if self.need_keyframe:
            # Without the lost packet no picture before the next keyframe can be decoded.
            self._advance(self._highest + 1)
            self._scan = self._highest + 1
        return frames

    def _is_astray(self, place: int, now: float) -> bool:
        """Whether a stray packet has led us away from where the stream really is."""
        if self._next is None or place >= self._next:
            self._behind = None
        elif self._behind is None:
            self._behind = now
        elif now - self._behind > LED_ASTRAY:
            self._behind = None
            return True
        return False

    def _note_key(self, place: int) -> None:
        # A description of the stream (SPS) and the picture itself are packets of one timestamp: one beginning.
        if place not in self._keys:
            self._keys.append(place)
            self._keys.sort()

    def _complete(self) -> list[EncodedFrame]:
        """The pictures that end between the play position and the first gap."""
        assert self._next is not None
        frames: list[EncodedFrame] = []
        while (entry := self._packets.get(self._scan)) is not None:
            packet = entry[0]
            if not packet.payload:
                self._scan += 1
                continue
            if self._scan > self._next and self._other_picture_before(packet.timestamp):
                frames += self._take(self._next, self._scan)
                continue
            self._scan += 1
            if packet.marker:
                frames += self._take(self._next, self._scan)
        return frames

    def _other_picture_before(self, timestamp: int) -> bool:
        """Whether the picture due began with another timestamp: its end carries no marker."""
        assert self._next is not None
        for before in range(self._next, self._scan):
            packet = self._packets[before][0]
            if packet.payload:
                return packet.timestamp != timestamp
        return False

    def _take(self, start: int, end: int) -> tuple[EncodedFrame, ...]:
        """Remove the picture between two places; it alone, or nothing if it cannot be decoded."""
        places = range(start, end)
        packets = self._packets
        while start < end and not packets[start][0].payload:
            start += 1  # padding
        content = [packets[place] for place in range(start, end)]
        repaired = bool(self._repaired) and not self._repaired.isdisjoint(places)
        keyframe = start in self._keys
        self._advance(end)
        if not content or (self.need_keyframe and not keyframe):
            return ()  # padding alone, or of no use
        first, codec = content[0]
        try:
            data = b"".join(
                [depayload(codec, packet.payload) for packet, _ in content if packet.payload]
            )
        except ValueError:
            self.need_keyframe = True
            return ()
        self.need_keyframe = False
        return (EncodedFrame(codec, data, first.timestamp, keyframe, repaired),)

    def _jump_to_keyframe(self) -> list[EncodedFrame]:
        """Leave a gap behind if a complete keyframe stands after it."""
        for start in reversed(self._keys):
            end = self._end_of_picture(start)
            if end is None:
                continue
            self._advance(start)
            self.need_keyframe = True  # what is skipped is missing in the pictures up to this one
            self._scan = end
            return [*self._take(start, end), *self._complete()]
        return []

    def _end_of_picture(self, start: int) -> int | None:
        place, timestamp = start, None
        while (entry := self._packets.get(place)) is not None:
            packet = entry[0]
            if packet.payload:
                if timestamp not in (None, packet.timestamp):
                    return place
                timestamp = packet.timestamp
            place += 1
            if packet.marker and packet.payload:
                return place
        return None

    def _advance(self, place: int) -> None:
        assert self._next is not None
        if place - self._next < 2 * len(self._packets) + 64:
            for passed in range(self._next, place):
                self._packets.pop(passed, None)
        else:
            self._packets = {k: v for k, v in self._packets.items() if k >= place}
        if self._missing:
            self._missing = {k: v for k, v in self._missing.items() if k >= place}
        if self._repaired:
            self._repaired = {k for k in self._repaired if k >= place}
        if self._keys:
            self._keys = [k for k in self._keys if k >= place]
        self._next = place
        self._scan = max(self._scan, place)
