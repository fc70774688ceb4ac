"""Fewer pictures a second, for who asked for fewer: the upper temporal layers of a stream are left out.

Of temporal layers each lives on the lower ones only, so leaving the upper ones out is possible at any picture. Taking
one more is possible where a picture says that it needs no earlier one of its layer, and at keyframes.
"""

from __future__ import annotations

from engage_tui.wire.rtp import RtpPacket, parse_vp8

ANY = 7
"""A temporal layer that no stream exceeds."""

_MEASURE = 1.0  # seconds of one measurement of the frame rates
_PAUSE = 3.0  # a measurement that took longer was interrupted
_SMOOTH = 0.5  # the share of a new measurement
_ENOUGH = 0.85  # of the wanted rate: rates waver, and every second picture of 29 is still "15"
_LOOKS = 2  # browsers let a layer begin every eighth picture, one layer after the other
_REMEMBERED = 32  # pictures whose packets may still come


class Tempo:
    """How many pictures a second the temporal layers of a stream bring.

    Attributes:
        rates: Pictures a second of each layer by itself; empty until measured.
    """

    def __init__(self) -> None:
        self.rates: list[float] = []
        self._counts = [0] * (ANY + 1)
        self._began = 0.0

    def count(self, temporal: int, now: float) -> None:
        """A picture of that layer begins at monotonic time `now`."""
        elapsed = now - self._began
        if elapsed >= _MEASURE:
            if elapsed < _PAUSE:
                self._measured(elapsed)
            self._counts, self._began = [0] * (ANY + 1), now
        self._counts[min(temporal, ANY)] += 1

    def layer_for(self, fps: float) -> int:
        """The highest layer that is needed for so many pictures a second; `ANY` for all, or while nothing is known."""
        total = 0.0
        for layer, rate in enumerate(self.rates):
            total += rate
            if fps > 0 and total >= _ENOUGH * fps:
                return layer
        return ANY

    def _measured(self, elapsed: float) -> None:
        present = max((n for n, count in enumerate(self._counts) if count), default=0)
        rates = [count / elapsed for count in self._counts[: present + 1]]
        if len(rates) == len(self.rates):
            before = zip(self.rates, rates, strict=True)
            rates = [old + (new - old) * _SMOOTH for old, new in before]
        self.rates = rates


class Pace:
    """Which pictures one subscriber gets.

    Args:
        codec: ``VP8``, ``VP9`` or ``AV1``; other streams show no temporal layers.

    Attributes:
        most: The highest temporal layer that is wanted.
        layer: … and that is taken now.
    """

    def __init__(self, codec: str) -> None:
        self.most = self.layer = ANY
        self._lacking = False  # a picture was wanted and left out since the last look …
        self._looks = 0  # … and at so many looks in a row
        self._codec = codec
        self._judged: dict[int, bool] = {}  # by timestamp

    def takes(self, packet: RtpPacket, *, late: bool) -> bool:
        """Whether a packet goes on.

        Args:
            packet: With something in it.
            late: A newer one came before. If nothing of its picture came before, then its place was kept free.
        """
        known = self._judged.get(packet.timestamp)
        if known is None:
            known = late or self._judge(packet)
            if len(self._judged) >= _REMEMBERED:
                del self._judged[next(iter(self._judged))]
            self._judged[packet.timestamp] = known
        return known

    def lacked(self) -> bool:
        """Whether wanted pictures are left out for long, for want of a beginning; called once a second."""
        self._looks = self._looks + 1 if self._lacking else 0
        self._lacking = False
        return self._looks > _LOOKS

    def _judge(self, packet: RtpPacket) -> bool:
        """A picture begins."""
        temporal, opens = temporal_place(self._codec, packet)
        if packet.keyframe or self.most < self.layer:
            self.layer = self.most
        elif self.most > self.layer and opens:
            if self._codec == "VP9":
                # From here on nothing above needs what came before.
                if temporal <= self.layer:
                    self.layer = self.most
            elif temporal == self.layer + 1:
                self.layer = temporal
        if temporal > self.layer:
            self._lacking = self._lacking or temporal <= self.most
            return False
        return True


def temporal_place(codec: str, packet: RtpPacket) -> tuple[int, bool]:
    """The temporal layer of a packet's picture, and whether a receiver may begin a layer with it."""
    if codec != "VP8":
        return packet.temporal, packet.opens
    at = parse_vp8(packet.payload)
    if at is None or (at.picture_id is not None and not at.picture_id_wide):
        return 0, False  # ids of 7 bits are not rewritten, and a gap in them would stop a receiver
    return at.temporal, at.sync
