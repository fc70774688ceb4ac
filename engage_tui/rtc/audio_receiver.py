"""An incoming voice: packets in on the event loop, samples out on the mixer's thread.

The clock is the mixer's: each pull takes what is due, whatever the network does.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from aiortc.rtp import RtpPacket

from engage_tui.rtc.opus import Mono, create_decoder
from engage_tui.rtc.playout import MAX_PACKETS, Playout
from engage_tui.rtc.receiver import Feedback, Receiver, Stream
from engage_tui.wire import red
from engage_tui.wire.sdp import Codec


class AudioReceiver(Receiver):
    """An incoming Opus track, plain or with redundancy (RED)."""

    def __init__(
        self, stream: Stream, codecs: Sequence[Codec], feedback: Feedback, feedback_ssrc: int
    ) -> None:
        super().__init__(stream, codecs, feedback, feedback_ssrc)
        self.codec = "opus"
        self._opus_types = {codec.payload_type for codec in codecs if codec.is_a("opus")}
        # Bounded: the oldest packet is dropped when nobody pulls.
        self._inbox: deque[tuple[int, int, bytes, float, int]] = deque(maxlen=MAX_PACKETS)
        self._playout = Playout(create_decoder())
        self._pulling = threading.Lock()

    def take(self, packet: RtpPacket, codec: Codec, now: float) -> None:
        """Hand a packet over to the mixer's thread."""
        reception = self._reception
        redundant = codec.is_a("red")
        if reception is None or not (redundant or codec.is_a("opus")):
            return
        place = reception.place(packet.sequence_number)
        if place is None:
            return
        reception.measure(packet.timestamp, now)
        stamp = packet.timestamp
        if not redundant:
            if packet.payload:
                self._inbox.append((place, stamp, packet.payload, now, 0))
            return
        for block in red.parse(packet.payload):
            if block.payload and block.payload_type in self._opus_types:
                earlier = (stamp - block.offset) & 0xFFFFFFFF
                self._inbox.append((place - block.age, earlier, block.payload, now, block.age))

    def pull(self, samples: int) -> Mono:
        """The next samples for the ear, always this many; silence where there is nothing.

        Args:
            samples: 480 for the 10 ms in which the mixer works.

        Returns:
            float32 of shape ``(samples,)``, mono, -1 to 1. Called by one thread at a time.
        """
        playout = self._playout
        with self._pulling:
            try:
                while self._inbox:
                    playout.add(*self._inbox.popleft())
                return playout.pull(samples, time.monotonic())
            finally:
                self._frames = playout.frames

    @property
    def delay(self) -> float:
        """Seconds of sound that wait in the buffer."""
        return self._playout.level / 48_000
