"""Fewer pictures a second: what is left out leaves no gap, and nothing that goes on needs what was left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engage_tui.server.forward import Subscription
from engage_tui.server.incoming import IncomingStream
from engage_tui.server.temporal import ANY, Tempo
from engage_tui.wire import rtp
from tests.unit.server.media import Wire, packet, stream, subscription, track
from tests.unit.server.test_layered import vp9

PATTERN = ((0, False), (2, True), (1, True), (2, False))
"""Temporal layers of libvpx' three, and which pictures need the lowest one only."""

NEEDS = ((-4,), (-1,), (-2,), (-3, -1, -2))
"""Which pictures each needs, counted from itself."""

FPS = 20


class Encoder:
    """VP8 with three temporal layers, two packets a picture.

    Attributes:
        pictures: How many were made.
        lose: Called with a picture's number and a packet's place in it; true keeps the packet back.
    """

    def __init__(self, to: IncomingStream, start: int = 65530, first_id: int = 32760) -> None:
        self.to, self.start, self.first_id = to, start, first_id
        self.pictures = 0
        self.late: list[rtp.RtpPacket] = []
        self.lose: Callable[[int, int], bool] = lambda *_: False

    def send(self, count: int, *, key: bool = False) -> None:
        for _ in range(count):
            for place in range(2):
                made = self.packet(self.pictures, place, key=key)
                if self.lose(self.pictures, place):
                    self.late.append(made)
                else:
                    self.to.receive(made, self.now)
            self.pictures += 1
            key = False

    def deliver_late(self) -> None:
        for each in self.late:
            self.to.receive(each, self.now)
        self.late.clear()

    @property
    def now(self) -> float:
        return 100 + self.pictures / FPS

    def packet(self, number: int, place: int, *, key: bool = False) -> rtp.RtpPacket:
        temporal, sync = PATTERN[number % 4]
        picture_id = (self.first_id + number) & 0x7FFF
        head = bytes((0x80 | (0x10 if place == 0 else 0), 0xE0))
        head += (0x8000 | picture_id).to_bytes(2, "big") + bytes((number // 4 & 0xFF,))
        head += bytes((temporal << 6 | sync << 5,))
        body = bytes((0 if key else 1,)) + number.to_bytes(4, "big")
        marker = rtp.MARKER if place else 0
        return packet(self.start + 2 * number + place, head + body, number * 90000 // FPS, marker)


def source(payload: bytes) -> int:
    """The number of the picture that a packet is of."""
    return int.from_bytes(payload[-4:], "big")


def seen(wire: Wire) -> list[int]:
    """The pictures that came whole, in their order."""
    parts: dict[int, int] = {}
    for each in wire.packets:
        parts[source(each.payload)] = parts.get(source(each.payload), 0) + 1
    return sorted(number for number, count in parts.items() if count == 2)


def check_decodable(numbers: list[int], keys: set[int]) -> None:
    """Everything that a picture needs came too."""
    have = set(numbers)
    for number in numbers:
        if number not in keys:
            assert {number + back for back in NEEDS[number % 4]} <= have, number


def check_seamless(wire: Wire) -> None:
    """Numbers, picture ids and TL0PICIDX of what came follow each other, as those of one plain stream."""
    packets = sorted(wire.packets, key=lambda p: (p.sequence - wire.packets[0].sequence) & 0xFFFF)
    before: tuple[int, int, int, int] | None = None
    for each in packets:
        at = rtp.parse_vp8(each.payload)
        assert at is not None
        assert at.picture_id is not None
        now = each.sequence, at.picture_id, each.payload[at.tl0_at], source(each.payload)
        if before is not None:
            assert (now[0] - before[0]) & 0xFFFF == 1
            assert (now[1] - before[1]) & 0x7FFF == (now[3] != before[3])
            assert (now[2] - before[2]) & 0xFF == (at.temporal == 0 and now[3] != before[3])
        before = now


def call(rids: str = "", fps: int = 0) -> tuple[Encoder, Subscription, Wire, Wire]:
    up, down = Wire(), Wire()
    origin = track(rids=rids)
    incoming = stream(origin, up, rids[:1])
    incoming.arrived = 100.0
    receiver = subscription(origin, down)
    ask(receiver, fps)
    return Encoder(incoming), receiver, up, down


def ask(receiver: Subscription, fps: int, now: float = 100.0) -> None:
    receiver.wish.fps = fps
    receiver.reselect(now)


def test_the_rates_of_layers_are_measured() -> None:
    encoder, *_ = call()
    assert encoder.to.tempo.layer_for(5) == ANY  # not known yet
    encoder.send(5 * FPS)
    assert encoder.to.tempo.rates == pytest.approx([5, 5, 10], abs=0.6)
    wanted = {0: ANY, 5: 0, 6: 1, 10: 1, 11: 1, 15: 2, 20: 2, 30: ANY}
    assert {fps: encoder.to.tempo.layer_for(fps) for fps in wanted} == wanted


def test_a_pause_does_not_count_as_slowness() -> None:
    tempo = Tempo()
    for number in range(60):
        tempo.count(0, 100 + number / FPS)
    tempo.count(0, 200)
    assert tempo.rates == pytest.approx([FPS], rel=0.1)


@pytest.mark.parametrize("rids", ["", "q"], ids=["one stream", "simulcast"])
@pytest.mark.parametrize(("fps", "share"), [(5, 4), (10, 2), (20, 1)])
def test_fewer_pictures_without_a_gap(rids: str, fps: int, share: int) -> None:
    encoder, receiver, _, down = call(rids, fps)
    encoder.send(4 * FPS, key=True)
    receiver.tick(encoder.now)
    begun = encoder.pictures
    encoder.send(8 * FPS)
    came = seen(down)
    assert len([n for n in came if n >= begun]) == 8 * FPS // share
    check_decodable(came, {0})
    check_seamless(down)


def test_more_pictures_again_as_soon_as_a_layer_can_be_begun() -> None:
    encoder, receiver, up, down = call(fps=5)
    encoder.send(4 * FPS, key=True)
    receiver.tick(encoder.now)
    encoder.send(FPS + 1)
    ask(receiver, 0, encoder.now)
    asked, begun = up.plis, encoder.pictures
    encoder.send(FPS)
    receiver.tick(encoder.now)
    assert len([n for n in seen(down) if n >= begun]) >= FPS - 6  # two turns of the pattern
    check_decodable(seen(down), {0})
    check_seamless(down)
    assert up.plis == asked, "nobody needs a keyframe for that"


def test_a_keyframe_opens_what_never_says_that_it_may_be_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{__name__}.PATTERN", tuple((layer, False) for layer, _ in PATTERN))
    encoder, receiver, up, down = call(fps=5)
    encoder.send(4 * FPS, key=True)
    receiver.tick(encoder.now)
    encoder.send(FPS)
    ask(receiver, 0, encoder.now)
    asked = up.plis
    for plis in (0, 0, 1):
        encoder.send(FPS)
        receiver.tick(encoder.now)
        assert up.plis == asked + plis
    key = encoder.pictures
    encoder.send(FPS, key=True)
    assert [n for n in seen(down) if n >= key] == list(range(key, key + FPS))
    check_seamless(down)


@settings(deadline=None, max_examples=60)
@given(
    st.sets(st.tuples(st.integers(4, 40), st.integers(0, 1)), max_size=25),
    st.sampled_from([5, 10]),
    st.integers(1, 30),
)
def test_what_was_lost_is_missing_until_it_comes(
    lost: set[tuple[int, int]], fps: int, after: int
) -> None:
    """Whatever is lost of a stream with layers left out: what can be filled is filled, and nothing comes twice."""
    encoder, receiver, _, down = call(fps=fps)
    encoder.to.tempo.rates = [5.0, 5.0, 10.0]
    ask(receiver, fps)
    encoder.send(1, key=True)
    encoder.lose = lambda picture, place: (picture, place) in lost
    while encoder.pictures < 60:
        encoder.send(after)
        encoder.deliver_late()
    sequences = [each.sequence for each in down.packets]
    assert len(set(sequences)) == len(sequences)
    came = seen(down)
    by_id: dict[int | None, int] = {}
    for each in down.packets:
        at = rtp.parse_vp8(each.payload)
        assert at is not None
        if source(each.payload) in came:
            assert by_id.setdefault(at.picture_id, source(each.payload)) == source(each.payload)
    wanted = [n for n in range(60) if n % (4 if fps == 5 else 2) == 0]
    assert [n for n in came if n in wanted] == wanted
    check_decodable(wanted, {0})


def test_repetitions_are_what_was_sent() -> None:
    encoder, receiver, _, down = call("q", fps=10)
    encoder.send(4 * FPS, key=True)
    receiver.tick(encoder.now)
    encoder.send(FPS)
    sent = down.packets[-16:]
    receiver.repeat([each.sequence for each in sent], encoder.now)
    assert down.packets[-16:] == sent


def test_another_layer_goes_on_where_the_pictures_were_left_out() -> None:
    up, down = Wire(), Wire()
    origin = track(rids="qf")
    small, large = stream(origin, up, "q", 1), stream(origin, up, "f", 2)
    receiver = subscription(origin, down)
    receiver.wish.fps = 5
    small.arrived = 100.0
    receiver.reselect(100.0)
    slow = Encoder(small)
    slow.send(4 * FPS, key=True)
    receiver.tick(slow.now)
    slow.send(FPS + 3)  # ends with pictures that are left out
    fast = Encoder(large, 400, 77)
    fast.pictures = slow.pictures // 4 * 4
    large.arrived = fast.now
    receiver.reselect(fast.now)
    fast.send(FPS, key=True)
    ids = []
    for each in down.packets[::2]:
        at = rtp.parse_vp8(each.payload)
        assert at is not None
        ids.append(at.picture_id or 0)
    assert all((now - before) & 0x7FFF == 1 for before, now in zip(ids, ids[1:], strict=False))


def test_temporal_layers_of_vp9() -> None:
    up, down = Wire(), Wire()
    incoming = stream(track(codec="VP9"), up)
    receiver = subscription(incoming.track, down)
    ask(receiver, 10)

    def send(count: int, start: int) -> None:
        for number in range(start, start + count):
            plain = vp9(0, key=number == 0)
            opens = 0x10 if number % 2 == 0 else 0
            payload = plain[:1] + bytes((number % 2 << 5 | opens,)) + plain[2:]
            made = packet(number, payload, number * 90000 // FPS, rtp.MARKER)
            incoming.receive(made, 100 + number / FPS)

    send(4 * FPS, 0)
    receiver.tick(100 + 4)
    before = len(down.packets)
    send(FPS, 4 * FPS)
    assert len(down.packets) - before == FPS // 2
    ask(receiver, 0, 105)
    send(FPS, 5 * FPS)
    assert len(down.packets) - before == FPS // 2 + FPS
    steps = [(p.sequence - down.packets[0].sequence) & 0xFFFF for p in down.packets]
    assert steps == list(range(len(steps)))


def test_pictures_with_short_ids_all_go_on() -> None:
    up, down = Wire(), Wire()
    incoming = stream(track(), up)
    receiver = subscription(incoming.track, down)
    ask(receiver, 5)
    for number in range(6 * FPS):
        head = bytes((0x90, 0xA0, number & 0x7F, number % 2 << 6, 1 if number else 0))
        incoming.receive(packet(number, head, number * 4500, rtp.MARKER), 100 + number / FPS)
        if number == 4 * FPS:
            receiver.tick(104)
    assert len(down.packets) == 6 * FPS
