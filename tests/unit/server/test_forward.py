"""One subscription: what goes out is a single steady stream, whatever comes in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models

from engage_tui.server.forward import Subscription
from engage_tui.wire import rtcp, rtp
from tests.unit.server.media import INTER, KEY, Wire, packet, stream, subscription, track


def numbers(wire: Wire) -> list[int]:
    """Sequence numbers sent, counted from the first."""
    return [(p.sequence - wire.packets[0].sequence) & 0xFFFF for p in wire.packets]


def test_video_starts_with_a_keyframe_which_is_asked_for() -> None:
    up, down = Wire(), Wire()
    source = track()
    incoming_stream = stream(source, up)
    receiver = subscription(source, down)
    assert up.plis == 1
    incoming_stream.receive(packet(5), 100.1)
    assert down.packets == []
    incoming_stream.receive(packet(6, KEY, marker=rtp.MARKER), 100.2)
    incoming_stream.receive(packet(7), 100.3)
    assert [p.payload for p in down.packets] == [KEY, INTER]
    assert [p.marker for p in down.packets] == [rtp.MARKER, 0]
    assert {(p.ssrc, p.payload_type) for p in down.packets} == {(receiver.ssrc, 96)}
    assert numbers(down) == [0, 1]


def test_who_comes_just_after_a_keyframe_is_given_what_came_since() -> None:
    up = Wire()
    source = track()
    incoming_stream = stream(source, up)
    subscription(source, Wire())
    for number, payload in enumerate((KEY, INTER, INTER)):
        incoming_stream.receive(packet(5 + number, payload, 3000 * number), 100.1)
    asked = up.plis
    late = Wire()
    subscription(source, late, 100.4)
    assert [each.payload for each in late.packets] == [KEY, INTER, INTER]
    incoming_stream.receive(packet(8, INTER, 9000), 100.5)
    assert numbers(late) == [0, 1, 2, 3]
    assert up.plis == asked


def test_a_keyframe_that_came_before_its_receiver_is_sent_once_more() -> None:
    up, down = Wire(), Wire()
    source = track()
    incoming_stream = stream(source, up)
    receiver = subscription(source, down)
    for number, payload in enumerate((KEY, INTER)):
        incoming_stream.receive(packet(5 + number, payload, 3000 * number), 100.1)
    asked = up.plis
    receiver.request_keyframe(100.2)
    assert [each.payload for each in down.packets] == [KEY, INTER, KEY, INTER]
    assert numbers(down) == [0, 1, 0, 1]
    assert up.plis == asked
    receiver.request_keyframe(100.7)
    assert len(down.packets) == 4
    assert up.plis == asked + 1


@given(st.sampled_from(["old", "lost", "long", "annotated"]))
def test_what_is_old_long_lost_in_part_or_annotated_is_not_repeated_to_who_comes(why: str) -> None:
    up = Wire()
    source = track()
    if why == "annotated":
        source.info.packet_trailer_features.append(models.PacketTrailerFeature.PTF_FRAME_ID)
    incoming_stream = stream(source, up)
    subscription(source, Wire())
    incoming_stream.receive(packet(5, KEY), 100.1)
    for number in range(7 if why == "lost" else 6, 80 if why == "long" else 9):
        incoming_stream.receive(packet(number, INTER, 3000), 100.1)
    asked = up.plis
    late = Wire()
    came = 100.9 if why == "old" else 100.59
    subscription(source, late, came)
    incoming_stream.tick(100.9)
    assert late.packets == []
    assert up.plis > asked


def test_nothing_flows_before_the_connection_stands() -> None:
    up, down = Wire(), Wire()
    source = track()
    incoming_stream = stream(source, up)
    down.connected = False
    receiver = subscription(source, down)
    receiver.foresee(100.0)
    assert up.plis == 1, "asked for in advance"
    incoming_stream.receive(packet(5, KEY), 100.1)
    assert down.packets == []
    down.connected = True
    receiver.reselect(100.2)
    assert [each.payload for each in down.packets] == [KEY]
    assert up.plis == 1


def test_sound_starts_at_once() -> None:
    up, down = Wire(), Wire()
    source = track("audio", "opus")
    incoming_stream = stream(source, up)
    subscription(source, down)
    incoming_stream.receive(packet(5, b"sound"), 100.0)
    assert len(down.packets) == 1
    assert up.plis == 0


def test_padding_leaves_no_gap_and_loss_does() -> None:
    up, down = Wire(), Wire()
    source = track()
    incoming_stream = stream(source, up)
    subscription(source, down)
    incoming_stream.receive(packet(65533, KEY), 100.0)
    for sequence, payload in ((65534, b""), (65535, INTER), (1, INTER), (2, b""), (3, INTER)):
        incoming_stream.receive(packet(sequence, payload), 100.0)
    assert numbers(down) == [0, 1, 3, 4]  # 0 was lost
    incoming_stream.receive(packet(0, b"late"), 100.1)
    assert numbers(down)[-1] == 2
    assert down.packets[-1].payload == b"late"


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.sampled_from(["sent", "lost", "padding"]), min_size=1, max_size=60),
)
def test_numbers_keep_their_distance(start: int, fates: list[str]) -> None:
    up, down = Wire(), Wire()
    source = track()
    incoming_stream = stream(source, up)
    subscription(source, down)
    incoming_stream.receive(packet(start, KEY), 100.0)
    expected, at = [0], 0
    for step, fate in enumerate(fates, start=1):
        at += fate != "padding"
        if fate == "sent":
            expected.append(at)
        if fate != "lost":
            incoming_stream.receive(packet(start + step, INTER * (fate == "sent")), 100.0)
    assert numbers(down) == expected


def test_a_layer_switch_goes_on_without_a_gap() -> None:
    up, down = Wire(), Wire()
    source = track(rids="qf")
    small, large = stream(source, up, "q", 1), stream(source, up, "f", 2)
    small.arrived = 100.0
    receiver = subscription(source, down, 100.0)
    small.receive(packet(10, b"\x90\xe0\x80\x05\x07\x20\x00k", 1000), 100.0)
    small.receive(packet(11, b"\x90\xe0\x80\x06\x08\x20\x01i", 4000), 100.0)
    large.arrived = 100.0
    receiver.reselect(100.0)  # the large layer appeared
    large.receive(packet(900, b"\x90\xe0\x81\x00\x64\x20\x01i", 777_000), 100.0)
    assert len(down.packets) == 2  # no keyframe yet: the small layer goes on
    large.receive(packet(901, b"\x90\xe0\x81\x01\x65\x20\x00k", 780_000), 100.1)
    small.receive(packet(12, b"\x90\xe0\x80\x07\x09\x20\x01i", 7000), 100.1)
    large.receive(packet(900, b"\x90\xe0\x81\x00\x64\x20\x01i", 777_000), 100.1)  # late
    large.receive(packet(902, b"\x90\xe0\x81\x02\x66\x20\x01i", 783_000), 100.1)
    assert numbers(down) == [0, 1, 2, 3]
    times = [p.timestamp - down.packets[0].timestamp & 0xFFFFFFFF for p in down.packets]
    assert times == [0, 3000, 3000 + 9000, 3000 + 9000 + 3000]
    pictures = [rtp.parse_vp8(p.payload) for p in down.packets]
    first = pictures[0]
    assert first is not None
    assert first.picture_id is not None
    steps = [((p.picture_id or 0) - first.picture_id) & 0x7FFF for p in pictures if p is not None]
    assert steps == [0, 1, 2, 3]
    levels = [p.payload[4] for p in down.packets]
    assert [(level - levels[0]) & 0xFF for level in levels] == [0, 1, 2, 3]
    assert small.takers == []


def test_without_simulcast_the_payload_is_left_alone() -> None:
    up, down = Wire(), Wire()
    source = track()
    incoming_stream = stream(source, up)
    subscription(source, down)
    payload = b"\x90\xe0\x81\x02\x66\x20\x00k"
    incoming_stream.receive(packet(1, payload), 100.0)
    assert down.packets[0].payload == payload


def test_a_muted_track_is_not_forwarded() -> None:
    up, down = Wire(), Wire()
    source = track("audio", "opus")
    incoming_stream = stream(source, up)
    receiver = subscription(source, down)
    incoming_stream.receive(packet(1), 100.0)
    assert source.mute(True, 100.0)
    assert not source.mute(True, 100.0)
    incoming_stream.receive(packet(2), 100.1)
    receiver.tick(100.2)
    incoming_stream.receive(packet(3), 100.3)
    assert len(down.packets) == 1
    assert source.mute(False, 100.4)
    incoming_stream.receive(packet(4), 100.5)
    assert numbers(down) == [0, 1]


def test_disabled_and_enabled_again() -> None:
    up, down = Wire(), Wire()
    source = track()
    incoming_stream = stream(source, up)
    receiver = subscription(source, down)
    incoming_stream.receive(packet(1, KEY), 100.0)
    receiver.wish.disabled = True
    receiver.reselect(100.0)
    incoming_stream.receive(packet(2), 100.1)
    assert len(down.packets) == 1
    receiver.wish.disabled = False
    receiver.reselect(105.0)
    assert up.plis == 2
    incoming_stream.receive(packet(300), 105.1)
    incoming_stream.receive(packet(301, KEY), 105.2)
    assert numbers(down) == [0, 1]


def test_nacks_are_answered_within_bounds() -> None:
    up, down = Wire(), Wire()
    source = track()
    incoming_stream = stream(source, up)
    receiver = subscription(source, down)
    for sequence in range(20):
        incoming_stream.receive(packet(sequence, KEY + bytes([sequence])), 100.0)
    wanted = down.packets[3]
    receiver.repeat([wanted.sequence, (wanted.sequence + 5000) & 0xFFFF], 100.0)
    assert down.packets[20:] == [wanted]
    receiver.repeat([wanted.sequence], 100.05)
    assert len(down.packets) == 21  # it is on its way
    for now in range(101, 120):
        receiver.repeat([wanted.sequence], float(now))
    assert len(down.packets) == 23  # three times at most
    for _ in range(30):
        receiver.repeat([p.sequence for p in down.packets[:20]], 200.0)
    assert len(down.packets) <= 20 + 65  # and a share of the stream


def test_reports_speak_of_the_forwarded_stream() -> None:
    up, down = Wire(), Wire()
    source = track("audio", "opus")
    incoming_stream = stream(source, up)
    receiver = subscription(source, down)
    incoming_stream.receive(packet(1, b"sound", 5000), 100.0)
    incoming_stream.report = rtcp.SenderReport(11, 0xABCDEF0123456789, 5960), 100.0
    receiver.tick(101.0)
    report = rtcp.parse_sender_report(down.reports[0].body)
    assert report is not None
    assert (report.ssrc, report.ntp) == (receiver.ssrc, 0xABCDEF0123456789)
    assert (report.rtp - down.packets[0].timestamp) & 0xFFFFFFFF == 960


def test_a_repetition_is_what_was_sent_before_a_switch() -> None:
    up, down = Wire(), Wire()
    source = track(rids="qf")
    small, large = stream(source, up, "q", 1), stream(source, up, "f", 2)
    small.arrived = 100.0
    receiver = subscription(source, down, 100.0)
    small.receive(packet(10, b"\x90\xe0\x80\x05\x07\x20\x00k", 1000), 100.0)
    small.receive(packet(11, b""), 100.0)
    small.receive(packet(12, b"\x90\xe0\x80\x06\x08\x20\x01i", 4000), 100.0)
    large.arrived = 100.0
    receiver.reselect(100.0)
    large.receive(packet(901, b"\x90\xe0\x81\x01\x65\x20\x00k", 780_000), 100.1)
    sent = list(down.packets)
    receiver.repeat([each.sequence for each in sent], 100.2)
    assert down.packets[len(sent) :] == sent


def test_a_burst_goes_on_as_one() -> None:
    up, down = Wire(), Wire()
    source = track()
    incoming_stream = stream(source, up)
    subscription(source, down)
    incoming_stream._touched = lambda _: None
    incoming_stream.receive(packet(5), 100.0)
    for number in range(6, 10):
        incoming_stream.receive(packet(number, KEY if number == 6 else INTER), 100.0)
    assert down.packets == []
    incoming_stream.hand_on()
    assert numbers(down) == [0, 1, 2, 3]
    assert down.packets[0].payload == KEY
    incoming_stream.hand_on()
    assert len(down.packets) == 4


def heard(
    receiver: Subscription, highest: int, fraction: float, now: float
) -> tuple[int, float, float | None]:
    block = rtcp.Reception(receiver.ssrc, round(256 * fraction), 0, highest & 0xFFFF, 0, 0, 0)
    return receiver.reports.heard(block, receiver.source, now)


def test_what_the_publisher_lost_is_not_lost_on_the_subscribers_way() -> None:
    down = Wire()
    source = track()
    incoming_stream = stream(source, Wire())
    receiver = subscription(source, down)
    incoming_stream.receive(packet(0, KEY), 100.0)
    first = down.packets[0].sequence
    heard(receiver, first, 0.0, 100.0)
    for number in range(1, 100):
        if not 40 <= number < 60:  # they never came
            incoming_stream.receive(packet(number), 100.0)
    assert receiver.repeat([(first + number) & 0xFFFF for number in range(30, 50)], 100.1) == 10
    expected, lost, _ = heard(receiver, first + 100, 0.25, 100.2)
    assert (expected, round(lost)) == (100, 5)
    _, lost, _ = heard(receiver, first + 200, 0.25, 100.4)
    assert round(lost) == 25, "excused once"


def test_that_holds_when_another_layer_came_in_between() -> None:
    down = Wire()
    source = track(rids="qh")
    small, large = stream(source, Wire(), "q", 11), stream(source, Wire(), "h", 12)
    large.receive(packet(0, KEY), 100.0)
    receiver = subscription(source, down)
    large.receive(packet(1, KEY), 100.0)
    first = down.packets[0].sequence
    heard(receiver, first, 0.0, 100.0)
    large.receive(packet(50), 102.0)  # after an outage
    small.receive(packet(7, KEY), 102.0)
    receiver.allow(0, 102.0)
    small.receive(packet(8, KEY), 102.1)
    assert receiver.source is small
    _, lost, _ = heard(receiver, first + 60, 0.8, 102.2)
    assert lost < 1
