"""An incoming voice: packets in on the event loop, samples out on the mixer's thread.

The buffer holds `TARGET` of sound. Its clock is the mixer's: each pull takes what is due, whatever the network does.
Losses are concealed, mute and DTX are silence, and a backlog after a burst is worked off by cutting single periods.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

import numpy as np
from aiortc.rtp import RtpPacket

from engage_tui.rtc.opus import FRAME, Decoder, Mono, create_decoder
from engage_tui.rtc.receiver import Feedback, Receiver, Stream
from engage_tui.rtc.reception import signed_difference
from engage_tui.wire.sdp import Codec

_log = logging.getLogger(__name__)

TARGET = 2880
"""Samples held back against jitter: 60 ms."""

SLACK = 960
"""Samples above the target that are tolerated before the backlog is worked off."""

JUMP = 9600
"""Samples above the target (200 ms) that are thrown away at once."""

CONCEALED = 2880
"""Samples that are concealed in a row before silence sets in: 60 ms."""

CHUNK = 480
"""Samples concealed at a time when nothing is known of the packet that is late."""

MAX_PACKETS = 64
"""Packets kept for the mixer, at least 1.2 s; the oldest are dropped."""


class AudioReceiver(Receiver):
    """An incoming Opus track."""

    def __init__(
        self, stream: Stream, codecs: Sequence[Codec], feedback: Feedback, feedback_ssrc: int
    ) -> None:
        super().__init__(stream, codecs, feedback, feedback_ssrc)
        # Bounded: the oldest packet is dropped when nobody pulls.
        self._inbox: deque[tuple[int, int, bytes, float]] = deque(maxlen=MAX_PACKETS)
        self._playout = Playout(create_decoder())
        self._pulling = threading.Lock()

    def take(self, packet: RtpPacket, codec: Codec, now: float) -> None:
        """Hand a packet over to the mixer's thread."""
        reception = self._reception
        if reception is None or not codec.is_a("opus"):
            return
        place = reception.place(packet.sequence_number)
        if place is None:
            return
        reception.measure(packet.timestamp, now)
        if packet.payload:
            self._inbox.append((place, packet.timestamp, packet.payload, now))

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


class Playout:
    """The buffer itself: no threads, no clock but the one that is handed in.

    Attributes:
        frames: Packets decoded.
        concealed: Samples made up for losses and late packets.
        cut: Samples left out to catch up.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.frames = 0
        self.concealed = 0
        self.cut = 0
        self._decoder = decoder
        self._packets: dict[int, tuple[int, bytes]] = {}  # sequence -> (time, payload)
        self._next: int | None = None  # the sequence due; None while waiting for the buffer to fill
        self._floor = -1  # the oldest sequence that may still be played
        self._cursor = 0  # the time due, in samples
        self._newest = 0  # the latest time in the buffer
        self._timestamp: int | None = None  # the last RTP timestamp, for unwrapping
        self._time = 0
        self._first_arrival = 0.0
        self._ready: Mono = np.zeros(0, np.float32)
        self._frame = FRAME
        self._run = 0  # samples concealed in a row
        self._lowest = 0  # the lowest level since the last look
        self._pulled = 0  # samples since the last look

    @property
    def level(self) -> int:
        """Samples from the play position to the end of what is buffered."""
        if not self._packets:
            return len(self._ready)
        oldest = min(when for when, _ in self._packets.values())
        start = oldest if self._next is None else self._cursor
        return max(0, self._newest + self._frame - start) + len(self._ready)

    def add(self, sequence: int, timestamp: int, payload: bytes, arrival: float) -> None:
        """Keep a packet, unless its time has passed."""
        when = self._unwrap(timestamp)
        if sequence < self._floor:
            return  # too late: concealed already
        if self._next is not None and abs(when - self._cursor) > 48_000 * 10:
            self._wait()  # a publisher that started over: its clock says nothing about ours
        if not self._packets:
            self._first_arrival = arrival
            self._newest = when
        self._packets[sequence] = (when, payload)
        self._newest = max(self._newest, when)
        if len(self._packets) > MAX_PACKETS:
            del self._packets[min(self._packets)]

    def pull(self, samples: int, now: float) -> Mono:
        """`samples` samples, at the time `now` of `time.monotonic()`."""
        if self._next is None and not self._start(now):
            return np.zeros(samples, np.float32)
        while len(self._ready) < samples:
            if not self._produce():
                break
        self._catch_up(samples)
        block, self._ready = self._ready[:samples], self._ready[samples:]
        if len(block) < samples:
            block = np.concatenate((block, np.zeros(samples - len(block), np.float32)))
        return block

    def _unwrap(self, timestamp: int) -> int:
        if self._timestamp is not None:
            self._time += signed_difference(timestamp, self._timestamp, 32)
        self._timestamp = timestamp
        return self._time

    def _start(self, now: float) -> bool:
        """Begin to play once the buffer is full, or its oldest packet has waited for long enough."""
        if not self._packets:
            return False
        if now - self._first_arrival < TARGET / 48_000 and self.level < TARGET + self._frame:
            return False
        while self.level > TARGET + JUMP and len(self._packets) > 1:
            del self._packets[min(self._packets)]  # a backlog from before anybody listened
        self._next = min(self._packets)
        self._cursor = self._packets[self._next][0]
        self._run, self._pulled, self._lowest = 0, 0, self.level
        return True

    def _wait(self) -> None:
        self._next = None
        self._run = 0
        self._packets.clear()

    def _produce(self) -> bool:
        """Append sound to what is ready; False when there is none and silence sets in."""
        assert self._next is not None
        packet = self._packets.get(self._next)
        if packet is not None and packet[0] <= self._cursor:
            return self._decode(*packet)
        if not self._packets:
            # Late, muted or DTX: the play position stands still, so a late packet is played after all.
            if self._run >= CONCEALED:
                self._next = None
                return False
            return self._conceal(CHUNK)
        following = min(self._packets)
        gap = self._packets[following][0] - self._cursor
        if gap <= 0:
            self._next = self._floor = following  # the lost packets' time has been filled
            return True
        if self._run >= CONCEALED:
            # What is missing is longer than an ear follows: silence in its place, then on.
            self._skip_gap(gap)
            return True
        self._conceal(min(self._frame, max(120, gap // 120 * 120)))
        self._cursor = min(self._cursor + self._frame, self._cursor + gap)
        return True

    def _decode(self, when: int, payload: bytes) -> bool:
        assert self._next is not None
        del self._packets[self._next]
        self._next += 1
        self._floor = self._next
        sound = self._decoder.decode(payload)
        if not len(sound):  # broken
            self._cursor = when + self._frame
            return self._conceal(self._frame)
        self._frame = len(sound)
        self._cursor = when + len(sound)
        self._append(sound)
        self.frames += 1
        self._run = 0
        return True

    def _conceal(self, samples: int) -> bool:
        self._append(self._decoder.conceal(samples))
        self.concealed += samples
        self._run += samples
        return True

    def _skip_gap(self, gap: int) -> None:
        # Silence as long as the gap, but no longer than the delay allows: a pause in which nothing was sent
        # needs no more of it once its end has come.
        wanted = min(gap, max(0, TARGET + self._frame - (self.level - gap)))
        if wanted:
            self._append(np.zeros(wanted, np.float32))
        self._cursor += gap

    def _append(self, sound: Mono) -> None:
        self._ready = np.concatenate((self._ready, sound)) if len(self._ready) else sound

    def _catch_up(self, samples: int) -> None:
        """Bring the delay back to the target when it has been above for half a second."""
        self._lowest = min(self._lowest, self.level - samples)
        self._pulled += samples
        if self.level > TARGET + JUMP and self._packets:
            self._drop_to_target()
        elif self._pulled >= 24_000 or self._lowest > TARGET + 2 * SLACK and self._pulled >= 4800:
            if self._lowest > TARGET + SLACK:
                self._cut_period()
            self._pulled, self._lowest = 0, self.level

    def _drop_to_target(self) -> None:
        while self.level > TARGET + self._frame and len(self._packets) > 1:
            first = min(self._packets)
            del self._packets[first]
            self.cut += self._frame
            self._next = min(self._packets)
            self._cursor = self._packets[self._next][0]
        self._pulled, self._lowest = 0, self.level

    def _cut_period(self) -> None:
        """Leave out 5 to 15 ms where the sound repeats itself, so that no click is heard."""
        while len(self._ready) < 1440 and self._next in self._packets:
            if not self._produce():
                break
        sound = self._ready
        if len(sound) < 960:
            return
        pattern = sound[:240]
        best, best_score = 240, -np.inf
        for lag in range(240, min(720, len(sound) - 240) + 1, 8):
            other = sound[lag : lag + 240]
            score = float(np.dot(pattern, other)) / (1e-9 + float(np.linalg.norm(other)))
            if score > best_score:
                best, best_score = lag, score
        fade = np.linspace(0, 1, 240, dtype=np.float32)
        joint = pattern * (1 - fade) + sound[best : best + 240] * fade
        self._ready = np.concatenate((joint, sound[best + 240 :]))
        self.cut += best
