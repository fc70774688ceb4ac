"""A publisher's stream: what is missing is asked for, within bounds."""

from __future__ import annotations

from engage_tui.server.arrivals import Arrivals
from engage_tui.server.speakers import LevelMeter
from engage_tui.wire import rtcp
from tests.unit.server.media import KEY, Wire, packet, stream, track


def test_lost_video_is_asked_for_until_it_comes_or_is_given_up() -> None:
    up = Wire()
    incoming = stream(track(), up)
    incoming.receive(packet(65534, KEY), 100.0)
    incoming.receive(packet(2), 100.0)
    assert up.nacked == [65535, 0, 1]
    incoming.tick(100.01)
    assert len(up.nacked) == 3  # give it the time of a round trip
    incoming.receive(packet(0), 100.02)
    for step in range(1, 40):
        incoming.tick(100 + step * 0.1)
    assert up.nacked.count(0) == 1
    assert up.nacked.count(65535) == 6


def test_a_pause_is_no_loss() -> None:
    up = Wire()
    incoming = stream(track(), up)
    incoming.receive(packet(0, KEY), 100.0)
    incoming.receive(packet(5000), 105.0)
    assert up.nacked == []


def test_a_broken_stream_asks_for_a_keyframe_instead_of_everything() -> None:
    up = Wire()
    incoming = stream(track(), up)
    incoming.receive(packet(0, KEY), 100.0)
    for sequence in (150, 300, 450):
        incoming.receive(packet(sequence), 100.0)
    assert up.plis == 1


def test_keyframe_requests_are_throttled_and_repeated_until_one_comes() -> None:
    up = Wire()
    incoming = stream(track(), up)
    for step in range(10):  # several people join within a moment
        incoming.request_keyframe(100 + step * 0.01)
    assert up.plis == 1
    for step in range(1, 12):
        incoming.tick(100 + step * 0.05)
    assert up.plis == 2  # the ones that came too early
    for step in range(12, 52):
        incoming.tick(100 + step * 0.05)
    assert up.plis == 4  # nothing came: each second
    incoming.receive(packet(1, KEY), 103.0)
    incoming.tick(110.0)
    assert up.plis == 4


def test_receiver_reports_count() -> None:
    up = Wire()
    incoming = stream(track("audio", "opus"), up)
    assert incoming.reception(100.0) is None
    for sequence in [*range(65530, 65536), *range(0, 4)]:
        if sequence not in (65532, 2):
            incoming.receive(packet(sequence, b"s"), 100.0)
    incoming.report = rtcp.SenderReport(11, 0x0000AAAABBBB0000, 0), 99.5
    block = incoming.reception(100.0)
    assert block is not None
    assert (block.lost, block.highest, block.fraction_lost) == (2, 65536 + 3, 256 * 2 // 10)
    assert (block.last_report, block.delay) == (0xAAAABBBB, 32768)
    again = incoming.reception(101.0)
    assert again is not None
    assert (again.lost, again.fraction_lost) == (2, 0)


def test_arrivals_go_round_and_are_sent_in_time() -> None:
    up = Wire()
    arrivals = Arrivals(up.send_rtcp)
    arrivals.flush(1)
    assert up.reports == []
    for step in range(4):
        arrivals.add((65534 + step) & 0xFFFF, 10 + step / 1000)
    arrivals.flush(1)
    first = up.reports[0].body
    assert (int.from_bytes(first[8:10], "big"), int.from_bytes(first[10:12], "big")) == (65534, 4)
    for number in range(2, 70):
        arrivals.add(number, 11.0)
    assert len(up.reports) == 2  # did not wait for the clock
    arrivals.add(30_000, 12.0)  # a jump spans no feedback
    arrivals.flush(1)
    last = up.reports[-1].body
    assert int.from_bytes(last[10:12], "big") == 1


def test_speech_is_told_when_it_changes() -> None:
    meter = LevelMeter()
    for _ in range(20):
        meter.add(20)
    assert meter.close_window()
    assert meter.level == 0.125
    for _ in range(20):
        meter.add(20)
    assert not meter.close_window()
    for level in [20] * 3 + [127] * 17:  # a click is no speech
        meter.add(level)
    assert meter.close_window()
    assert meter.level == 0
    assert not meter.close_window()


def test_arrivals_are_told_ten_times_a_second() -> None:
    up = Wire()
    arrivals = Arrivals(up.send_rtcp)
    for step in range(40):  # two seconds of the server's clock
        arrivals.add(step, 100 + step * 0.05)
        arrivals.tick(1, 100 + step * 0.05)
    assert 18 <= len(up.reports) <= 20
