"""Sound and pictures stay in step: what packets and sender reports tell a subscriber is when things were captured.

A publisher with one wall clock, and a clock with an offset of its own for the sound and for each layer of its camera.
Packets take their time to the server, another one each. At any moment the subscriber ties timestamps to wall time by
the last report that it got of a track. Pictures that were captured before one that it has do not count: after a
switch to a layer that takes longer there are a few, and they are shown as soon as they come.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from engage_tui.server.forward import Subscription
from engage_tui.server.incoming import IncomingStream
from engage_tui.wire import rtcp
from tests.unit.server.media import Wire, packet, stream, subscription, track

STEP = 0.02
"""Seconds that it may be off: the goal."""

WALL = 3_900_000_000.0
"""Wall time (NTP) when the publisher's clock began."""


class Source:
    """One stream of the publisher: captured every `every` seconds.

    Attributes:
        delay: Seconds that a packet takes at least; what is on top of that is drawn by lot.
        quiet: Nothing is sent.
        reports: It sends sender reports.
    """

    def __init__(self, to: IncomingStream, every: float, delay: float, wobble: float) -> None:
        self.to, self.every, self.delay, self.wobble = to, every, delay, wobble
        self.quiet = False
        self.reports = True
        self.rate = to.track.clock_rate
        self._offset = random.getrandbits(32)
        self._number = random.getrandbits(16)
        self._next = self._reported = 0.0
        self._arrived = 0.0
        self._key = True

    def timestamp(self, captured: float) -> int:
        return (self._offset + round(captured * self.rate)) & 0xFFFFFFFF

    def due(self, now: float) -> Iterable[tuple[float, float]]:
        """Capture times, and when their packets reach the server, up to `now`."""
        while self._next <= now:
            captured = self._next
            self._next += self.every
            self._arrived = max(
                self._arrived, captured + self.delay + random.uniform(0, self.wobble)
            )
            if not self.quiet:
                yield captured, self._arrived

    def deliver(self, captured: float, arrived: float) -> None:
        """A packet reaches the server; its payload says when it was captured."""
        video = self.to.track.video
        # Every picture may be begun with: the test is about time, not about keyframes.
        head = b"\x90\xe0\x80\x05\x07\x20\x00" if video else b""
        stamp = str(captured).encode().rjust(24)
        self._number += 1
        self.to.receive(packet(self._number, head + stamp, self.timestamp(captured)), arrived)
        if self.reports and arrived - self._reported >= 1:
            self._reported = arrived
            instant = (
                arrived - self.delay
            )  # a report speaks of the moment it is made, not of a picture
            ntp = int((WALL + instant) * 2**32)
            report = rtcp.SenderReport(self.to.ssrc, ntp, self.timestamp(instant))
            self.to.take_report(report, arrived)


class Call:
    """A publisher's sound and layered camera, and one subscriber of both, on a clock of their own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.down = {"audio": Wire(), "video": Wire()}
        sound, camera = track("audio", "opus"), track(rids="qf")
        self.sources = [
            Source(stream(sound, Wire()), 0.02, 0.01, 0.02),
            Source(stream(camera, Wire(), "q", 1), 0.05, 0.03, 0.04),
            Source(stream(camera, Wire(), "f", 2), 0.05, 0.08, 0.15),
        ]
        for source in self.sources:
            source._next = source._reported = self.now
            source.to.arrived = self.now
        self.subscriptions: dict[str, Subscription] = {}
        for kind, of in (("audio", sound), ("video", camera)):
            self.subscriptions[kind] = subscription(of, self.down[kind], self.now)
        self._ties: dict[str, rtcp.SenderReport] = {}
        self._taken = {"audio": [0, 0], "video": [0, 0]}
        self._newest = {"audio": 0.0, "video": 0.0}
        self.errors: dict[str, list[float]] = {"audio": [], "video": []}

    def run(self, seconds: float) -> None:
        """Go on; what the subscriber learns of each packet's capture time is compared with the truth."""
        end = self.now + seconds
        while self.now < end:
            self.now += 0.25
            arrivals = [
                (arrived, captured, source)
                for source in self.sources
                for captured, arrived in source.due(self.now)
            ]
            for arrived, captured, source in sorted(arrivals, key=lambda each: each[0]):
                source.deliver(captured, arrived)
                self.judge()
            if self.now % 1 == 0:
                for each in self.subscriptions.values():
                    each.tick(self.now)
                self.judge()

    def judge(self) -> None:
        for kind, wire in self.down.items():
            taken = self._taken[kind]
            for part in wire.reports[taken[0] :]:
                if part.kind == rtcp.SENDER_REPORT:
                    tie = rtcp.parse_sender_report(part.body)
                    assert tie is not None
                    self._ties[kind] = tie
            for each in wire.packets[taken[1] :]:
                captured = float(each.payload[-24:])
                newer = captured > self._newest[kind]
                self._newest[kind] = max(self._newest[kind], captured)
                if not newer or (known := self._ties.get(kind)) is None:
                    continue
                ticks = ((each.timestamp - known.rtp + 2**31) & 0xFFFFFFFF) - 2**31
                rate = 48000 if kind == "audio" else 90000
                learned = known.ntp / 2**32 + ticks / rate - WALL
                self.errors[kind].append(learned - captured)
            taken[:] = len(wire.reports), len(wire.packets)

    def worst(self) -> float:
        """The largest distance between what the two tracks say of the same moment, since the last call."""
        sound, pictures = self.errors["audio"], self.errors["video"]
        assert sound
        assert pictures
        result = max(max(sound) - min(pictures), max(pictures) - min(sound))
        sound.clear()
        pictures.clear()
        return result

    def watch(self, quality: int) -> None:
        self.subscriptions["video"].wish.quality = quality
        self.subscriptions["video"].reselect(self.now)


@pytest.fixture(autouse=True)
def the_same_lots() -> None:
    random.seed(5)


@pytest.fixture
def call() -> Call:
    made = Call()
    made.run(5)
    made.worst()
    return made


def test_from_the_start() -> None:
    call = Call()
    call.run(10)
    assert call.worst() <= STEP


def test_after_each_switch_of_layers(call: Call) -> None:
    for quality in (0, 1, 0, 1, 0):
        call.watch(quality)
        call.run(3)
        assert call.worst() <= STEP


def test_a_layer_that_begins_later_is_in_step_with_its_first_report(call: Call) -> None:
    full = call.sources[2]
    call.watch(0)
    call.run(3)
    full.quiet = True
    full.to.report = None  # as if it had never been sent
    full.reports = False
    call.run(3)
    call.watch(1)
    full.quiet = False
    call.run(2)
    full.reports = True
    call.run(2)
    call.worst()
    call.run(3)
    assert call.worst() <= STEP


@pytest.mark.parametrize("which", [0, 1, 2], ids=["sound", "small", "full"])
def test_after_a_mute(call: Call, which: int) -> None:
    if which == 1:
        call.watch(0)
        call.run(2)
    of = call.sources[which].to.track
    for _ in range(3):
        of.mute(True, call.now)
        for source in call.sources:
            if source.to.track is of:
                source.quiet = True
        call.run(2.5)
        for source in call.sources:
            source.quiet = False
        call.run(0.5)  # what is sent before the server knows
        of.mute(False, call.now)
        call.run(2.5)
        assert call.worst() <= STEP


def test_after_nobody_looked(call: Call) -> None:
    receiver = call.subscriptions["video"]
    receiver.wish.disabled = True
    receiver.reselect(call.now)
    call.run(3)
    receiver.wish.disabled = False
    receiver.reselect(call.now)
    call.run(3)
    assert call.worst() <= STEP


def test_timestamps_never_go_back(call: Call) -> None:
    for quality in (0, 1, 0, 1):
        call.watch(quality)
        call.run(1.5)
    times = [each.timestamp for each in call.down["video"].packets]
    steps = [(now - before) & 0xFFFFFFFF for before, now in zip(times, times[1:], strict=False)]
    assert all(0 < step < 90000 for step in steps)
