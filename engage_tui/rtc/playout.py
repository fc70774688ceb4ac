"""The buffer between a voice's packets and the mixer: order, losses, pauses, and a delay that follows the network.

No threads, no clock but the one that is handed in.
"""

from __future__ import annotations

import numpy as np

from engage_tui.rtc import periods
from engage_tui.rtc.delay import DelayEstimate
from engage_tui.rtc.opus import FRAME, SAMPLE_RATE, Decoder, Mono
from engage_tui.rtc.reception import signed_difference

MAX_PACKETS = 64
"""Packets kept for the mixer, at least 1.2 s; the oldest are dropped."""

CONCEALED = 5760
"""Samples that are concealed in a row before silence sets in: 120 ms; the decoder fades by itself."""

CHUNK = 480
"""Samples concealed at a time when nothing is known of the packet that is late."""

SLACK = 360
"""Samples by which playing may be late before a period is cut."""

EARLY = 120
"""Samples by which playing may be early before a period is repeated: what is early soon runs dry."""

JUMP = 9600
"""Samples (200 ms) of lateness that are worked off at once, by leaving packets out."""

PACE = 0.06
"""Seconds between two changes of the sound's length."""

QUIET = 0.004
"""Root mean square, of full scale, below which a correction of any length is not heard."""

DTX_BYTES = 2
"""Longest Opus packet that says "nothing follows"."""

_MAX_LOST = 32


class Playout:
    """Turns packets into a steady stream of samples.

    Attributes:
        frames: Packets decoded.
        concealed: Samples made up for losses and late packets.
        recovered: Packets that came as redundancy of a later one.
        cut: Samples left out to catch up.
        repeated: Samples put in to fall back.
        silent: Samples of silence given out since the first sound, pauses of the sender among them.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.frames = 0
        self.concealed = 0
        self.recovered = 0
        self.cut = 0
        self.repeated = 0
        self.silent = 0
        self._decoder = decoder
        self._delay = DelayEstimate()
        self._packets: dict[int, tuple[int, bytes]] = {}  # sequence -> (time, payload)
        self._lost: dict[int, None] = {}  # the last sequences that were concealed, in order
        self._next: int | None = None  # the sequence due; None in silence
        self._floor = -1  # the oldest sequence that may still be played
        self._cursor = 0  # the time due, in samples
        self._timestamp: int | None = None  # the last RTP timestamp, for unwrapping
        self._time = 0
        self._ready: Mono = np.zeros(0, np.float32)
        self._frame = FRAME
        self._block = CHUNK  # samples of a pull
        self._run = 0  # samples concealed in a row
        self._stretched = 0  # of them, those that stand for nothing that is known to be lost
        self._pausing = False  # the sender said that nothing follows
        self._change_at = 0.0

    @property
    def level(self) -> int:
        """Samples that are buffered; of what the sender's clock says, nothing is believed here."""
        return len(self._packets) * self._frame + len(self._ready)

    def add(
        self, sequence: int, timestamp: int, payload: bytes, arrival: float, age: int = 0
    ) -> None:
        """Keep a packet, unless its time has passed.

        Args:
            sequence: Unwrapped.
            timestamp: RTP, 48 kHz.
            payload: Opus.
            arrival: Seconds of the clock that `pull` is given.
            age: Packets by which a later one brought it; 0 for a packet that came itself.
        """
        when = self._unwrap(timestamp)
        if age:
            if sequence in self._lost or (sequence >= self._floor >= 0 and not self._has(sequence)):
                self._delay.repaired(arrival)
        elif self._delay.add(when, arrival):
            self._packets.clear()
            self._next = None
        if sequence < self._floor or self._has(sequence) and age:
            return
        self.recovered += bool(age)
        self._packets[sequence] = (when, payload)
        if len(self._packets) > MAX_PACKETS:
            del self._packets[min(self._packets)]

    def pull(self, samples: int, now: float) -> Mono:
        """`samples` samples, at the time `now`."""
        self._block = samples
        while len(self._ready) < samples:
            if self._next is None and not self._start(samples, now):
                break
            self._produce(now)
        block, self._ready = self._ready[:samples], self._ready[samples:]
        if len(block) < samples:
            missing = samples - len(block)
            if self.frames:
                self.silent += missing
            block = np.concatenate((block, np.zeros(missing, np.float32)))
        return block

    def _has(self, sequence: int) -> bool:
        return sequence in self._packets

    def _unwrap(self, timestamp: int) -> int:
        if self._timestamp is not None:
            self._time += signed_difference(timestamp, self._timestamp, 32)
        self._timestamp = timestamp
        return self._time

    def _start(self, samples: int, now: float) -> bool:
        """Begin with the oldest packet if it is due within these `samples`; exactly when it is."""
        if not self._packets:
            return False
        due = self._delay.due(now, self._frame, self._block) + len(self._ready)
        first = min(self._packets)
        while len(self._packets) > 1 and self._packets[first][0] + self._frame <= due:
            del self._packets[first]  # what came all at once, or before anybody listened
            self.cut += self._frame if self.frames else 0
            first = min(self._packets)
        when = self._packets[first][0]
        early = int(when - due)
        if early > SAMPLE_RATE:
            del self._packets[
                first
            ]  # a clock that cannot be: waiting for it would be silence for ever
            return False
        if early >= samples - len(self._ready):
            return False
        if early > 0:
            self._append(np.zeros(early, np.float32))
            self.silent += early if self.frames else 0
        self._next = self._floor = first
        self._cursor = when
        self._run = self._stretched = 0
        self._pausing = False
        return True

    def _produce(self, now: float) -> None:
        """Append sound to what is ready, or fall silent."""
        assert self._next is not None
        packet = self._packets.get(self._next)
        if packet is not None and packet[0] <= self._cursor:
            self._decode(*packet, now)
        elif packet is not None or self._run >= CONCEALED:
            self._next = None  # a pause of the sender, or a gap too long for an ear to follow
        elif self._packets:
            self._bridge()
        elif self._pausing:
            self._next = None
        else:
            # Late or lost: the play position stands still, so a late packet is played after all.
            self._conceal(CHUNK)
            self._stretched += CHUNK

    def _bridge(self) -> None:
        """Fill the gap before the oldest packet."""
        assert self._next is not None
        following = min(self._packets)
        gap = self._packets[following][0] - self._cursor
        # What was made up while nothing was known has taken the place of what is now known to be lost.
        passed = max(0, min(self._stretched, gap))
        self._stretched -= passed
        self._cursor += passed
        if gap - passed <= 0:
            self._forget(following)
            return
        step = min(self._frame, max(120, (gap - passed) // 120 * 120))
        self._conceal(step)
        self._cursor += min(step, gap - passed)
        if self._next + 1 < following:
            self._forget(self._next + 1)

    def _forget(self, following: int) -> None:
        """Go on with `following`; remember what was lost before it."""
        assert self._next is not None
        for sequence in range(max(self._next, following - _MAX_LOST), following):
            self._lost[sequence] = None
        while len(self._lost) > _MAX_LOST:
            del self._lost[next(iter(self._lost))]
        self._next = self._floor = following

    def _decode(self, when: int, payload: bytes, now: float) -> None:
        assert self._next is not None
        del self._packets[self._next]
        self._next += 1
        self._floor = self._next
        sound = self._decoder.decode(payload)
        if not len(sound):  # broken
            self._cursor = when + self._frame
            self._conceal(self._frame)
            return
        self._frame = len(sound)
        self._cursor = when + len(sound)
        self._pausing = len(payload) <= DTX_BYTES
        self._run = self._stretched = 0
        self.frames += 1
        self._append(self._corrected(sound, now))

    def _conceal(self, samples: int) -> None:
        self._append(self._decoder.conceal(samples))
        self.concealed += samples
        self._run += samples

    def _append(self, sound: Mono) -> None:
        self._ready = np.concatenate((self._ready, sound)) if len(self._ready) else sound

    def _corrected(self, sound: Mono, now: float) -> Mono:
        """The frame just decoded, shorter or longer where playing is not where it should be."""
        position = self._cursor - len(sound) - len(self._ready)
        late = int(self._delay.due(now, self._frame, self._block) - position)
        if late > JUMP and len(self._packets) > 1:
            self._leave_out(late)
            return sound
        if abs(late) <= EARLY:
            return sound
        if float(np.dot(sound, sound)) < QUIET**2 * len(sound):
            return self._quietly(sound, late)
        if 0 < late <= SLACK or now < self._change_at or len(sound) < periods.NEEDED:
            return sound
        if late > 0 and self.level + len(sound) > self._delay.wanted(now, self._frame, self._block):
            lag = periods.find(sound, late + periods.SHORTEST)
            self.cut += lag
            self._change_at = now + PACE
            return periods.cut(sound, lag)
        if late < 0:
            lag = periods.find(sound, periods.SHORTEST - late)
            self.repeated += lag
            self._change_at = now + PACE
            return periods.repeat(sound, lag)
        return sound

    def _quietly(self, sound: Mono, late: int) -> Mono:
        if late > 0:
            drop = min(late, len(sound))
            self.cut += drop
            return sound[drop:]
        more = min(-late, len(sound))
        self.repeated += more
        return np.concatenate((sound, sound[::-1][:more]))

    def _leave_out(self, late: int) -> None:
        """Skip packets until playing is no later than it should be."""
        while late > self._frame and len(self._packets) > 1:
            first = min(self._packets)
            del self._packets[first]
            self.cut += self._frame
            late -= self._frame
            self._next = self._floor = min(self._packets)
            self._cursor = self._packets[self._next][0]
