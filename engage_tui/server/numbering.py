"""How a subscriber's packets are numbered: one steady row, whatever streams and gaps they come from."""

from __future__ import annotations

import random
import struct
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engage_tui.wire.rtp import parse_vp8, rewrite_vp8

if TYPE_CHECKING:
    from engage_tui.server.incoming import IncomingStream

_SPANS = 64  # kept; the oldest is forgotten, and what was sent in it is not repeated any more
_RENEW = 0x1000  # packets after which a span starts anew, so that distances stay far below half the circle
_REACH = 0x3000  # … and after which it is forgotten
_VP8_MASK = 0x7FFF
_IDS = struct.Struct("!HB")  # a picture id of 15 bits and TL0PICIDX


@dataclass(frozen=True, slots=True)
class Pictures:
    """How far VP8 picture ids and TL0PICIDX are shifted."""

    shift: int
    tl0: int

    def rewrite(self, payload: bytes) -> bytes:
        """The payload with its ids shifted."""
        if (
            len(payload) > 5
            and payload[0] & 0x80
            and payload[1] & 0xC0 == 0xC0
            and payload[2] & 0x80
        ):
            # Both ids, the wide one first: as nearly always, and every packet of every subscriber passes here.
            picture_id, tl0 = _IDS.unpack_from(payload, 2)
            ids = _IDS.pack(0x8000 | (picture_id + self.shift) & _VP8_MASK, (tl0 + self.tl0) & 0xFF)
            return payload[:2] + ids + payload[5:]
        at = parse_vp8(payload)
        if at is None or at.picture_id is None:
            return payload
        tl0 = payload[at.tl0_at] if at.tl0_at else 0
        return rewrite_vp8(
            payload, at, (at.picture_id + self.shift) & _VP8_MASK, (tl0 + self.tl0) & 0xFF
        )

    def without_one(self) -> Pictures:
        """The shift of what follows a picture that is left out."""
        return Pictures((self.shift - 1) & _VP8_MASK, self.tl0)

    @classmethod
    def after(cls, last: bytes, first: bytes) -> Pictures:
        """The shift by which `first` follows `last`, a payload as it was sent (may be empty)."""
        picture, tl0 = _ids(last)
        new_picture, new_tl0 = _ids(first)
        return cls((picture + 1 - new_picture) & _VP8_MASK, (tl0 + 1 - new_tl0) & 0xFF)


def _ids(payload: bytes) -> tuple[int, int]:
    at = parse_vp8(payload)
    if at is None:
        return 0, 0
    return at.picture_id or 0, payload[at.tl0_at] if at.tl0_at else 0


@dataclass(frozen=True, slots=True)
class Span:
    """A run of packets that were shifted by the same distances.

    Attributes:
        stream: Where they come from.
        first: The outgoing number of the first.
        shift: Added to incoming numbers.
        later: Added to incoming timestamps.
        pictures: How their payloads are rewritten; None if they are not.
    """

    stream: IncomingStream
    first: int
    shift: int
    later: int
    pictures: Pictures | None


class Numbering:
    """Maps incoming sequence numbers to outgoing ones, and back for repetitions.

    Attributes:
        shift: Added to the number of a packet that is newer than all before.
    """

    def __init__(self) -> None:
        self.shift = 0
        self._start = random.getrandbits(
            15
        )  # the upper half is left for late ones, as RFC 3711 advises
        self._spans: deque[Span] = deque(maxlen=_SPANS)

    @property
    def current(self) -> Span | None:
        """The newest span."""
        return self._spans[-1] if self._spans else None

    def enter(
        self,
        stream: IncomingStream,
        number: int,
        after: int | None,
        later: int,
        pictures: Pictures | None,
    ) -> None:
        """Go on with another stream, or the same after a pause.

        Args:
            stream: It.
            number: Of its first packet.
            after: The newest incoming number of the stream before; None at the start.
            later: Added to timestamps.
            pictures: How payloads are rewritten.
        """
        first = self._start if after is None else (after + 1 + self.shift) & 0xFFFF
        self._push(Span(stream, first, (first - number) & 0xFFFF, later, pictures))

    def skip(self, number: int, pictures: Pictures | None) -> int:
        """Leave out the newest packet and close the gap; what follows is rewritten as said. Returns the new `shift`."""
        span = self._spans[-1]
        first = (number + span.shift) & 0xFFFF
        shift = (span.shift - 1) & 0xFFFF
        self._push(Span(span.stream, first, shift, span.later, pictures))
        return self.shift

    def renew(self, newest: int) -> None:
        """To be called now and then with the newest incoming number."""
        span = self._spans[-1]
        if (newest + span.shift - span.first) & 0xFFFF >= _RENEW:
            self._push(replace(span, first=(newest + 1 + span.shift) & 0xFFFF))

    def retime(self, newest: int, later: int) -> None:
        """From after the incoming number `newest` on something else is added to timestamps."""
        span = self._spans[-1]
        self._push(replace(span, first=(newest + 1 + span.shift) & 0xFFFF, later=later))

    def outgoing(self, number: int) -> tuple[int, Span] | None:
        """The number under which a late packet of the current stream goes out, and its span; None if it must not."""
        stream = self._spans[-1].stream
        end: int | None = None
        for span in reversed(self._spans):
            if span.stream is not stream:
                return None
            out = (number + span.shift) & 0xFFFF
            if (out - span.first) & 0xFFFF < 0x8000:
                taken = end is not None and (out - end) & 0xFFFF < 0x8000
                return None if taken else (out, span)
            end = span.first
        return None

    def span_of(self, out: int) -> Span | None:
        """The span in which the outgoing number `out` was given; None if that is long ago."""
        for span in reversed(self._spans):
            if (out - span.first) & 0xFFFF < 0x8000:
                return span
        return None

    def _push(self, span: Span) -> None:
        spans = self._spans
        if spans and spans[-1].first == span.first:
            spans.pop()  # nothing was sent in it
        while spans and (span.first - spans[0].first) & 0xFFFF > _REACH:
            spans.popleft()
        spans.append(span)
        self.shift = span.shift
