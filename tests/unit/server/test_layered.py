"""Layers within one stream, redundant audio, and payloads that nobody but the ends can read."""

from __future__ import annotations

import pytest
from livekit.protocol import models

from engage_tui.server.forward import Subscription
from engage_tui.server.incoming import IncomingStream
from engage_tui.server.published import PublishedTrack
from engage_tui.wire import red, rtp
from tests.unit.server.media import KEY, Wire, packet, stream, subscription, track


def vp9(spatial: int, *, key: bool = False, starts: bool = True, ends: bool = True) -> bytes:
    flags = 0x20 | (0 if key else 0x40) | (0x08 if starts else 0) | (0x04 if ends else 0)
    return bytes((flags, spatial << 1, 1)) + b"picture"


def layered() -> tuple[PublishedTrack, IncomingStream, Subscription, Wire, Wire]:
    up, down = Wire(), Wire()
    source = track(codec="VP9")
    for quality in (0, 1, 2):
        source.info.layers.add(quality=models.VideoQuality.ValueType(quality), bitrate=1000)
    incoming = stream(source, up)
    return source, incoming, subscription(source, down), up, down


class Encoder:
    """Sends whole pictures of three layers."""

    def __init__(self, incoming: IncomingStream) -> None:
        self.number, self.time = 65530, 0
        self._incoming = incoming

    def picture(self, *, key: bool = False) -> None:
        self.time += 3000
        for spatial in range(3):
            self.number += 1
            marker = rtp.MARKER if spatial == 2 else 0
            sent = packet(self.number, vp9(spatial, key=key), self.time, marker)
            self._incoming.receive(sent, 100.0)


def spatial(wire: Wire, since: int) -> list[int]:
    return [each.payload[1] >> 1 for each in wire.packets[since:]]


def test_layers_go_down_at_once_and_up_with_a_keyframe() -> None:
    _, incoming, receiver, up, down = layered()
    encoder = Encoder(incoming)
    encoder.picture()
    assert down.packets == []
    encoder.picture(key=True)
    assert spatial(down, 0) == [0, 1, 2]
    receiver.wish.quality = models.VideoQuality.LOW
    encoder.picture()
    encoder.picture()
    assert spatial(down, 3) == [0, 0]
    receiver.allow(1, 100.0)
    receiver.wish.quality = models.VideoQuality.HIGH
    asked = up.plis
    encoder.picture()
    assert spatial(down, 5) == [0]
    incoming.tick(102.0)
    assert up.plis > asked
    encoder.picture(key=True)
    encoder.picture()
    assert spatial(down, 6) == [0, 1, 0, 1]
    steps = [(p.sequence - down.packets[0].sequence) & 0xFFFF for p in down.packets]
    assert steps == list(range(10))  # what is left out leaves no gap
    marked = [bool(p.marker) for p in down.packets]
    assert marked == [False, False, True, True, True, True, False, True, False, True]


def test_a_repetition_ends_its_picture_too() -> None:
    _, incoming, receiver, _, down = layered()
    receiver.wish.quality = models.VideoQuality.LOW
    encoder = Encoder(incoming)
    encoder.picture(key=True)
    encoder.picture()
    sent = list(down.packets)
    receiver.repeat([each.sequence for each in sent], 101.0)
    assert down.packets[2:] == sent


def test_late_packets_of_a_layer_that_is_left_out_stay_out() -> None:
    _, incoming, receiver, _, down = layered()
    receiver.wish.quality = models.VideoQuality.LOW
    incoming.receive(packet(10, vp9(0, key=True), 3000), 100.0)
    incoming.receive(packet(13, vp9(0), 6000), 100.0)
    incoming.receive(packet(11, vp9(1, key=True), 3000), 100.0)
    assert spatial(down, 0) == [0, 0]


def av1(number: int, spatial: int, *, key: bool = False) -> rtp.RtpPacket:
    """A packet that is all of a layer's part of a picture; one that begins with a keyframe tells of two layers."""
    made = packet(number, b"\x10layer", 0 if key else 3000, rtp.MARKER * spatial)
    bits = f"11{spatial:06b}" + "0" * 16
    if key and not spatial:
        bits += "10000" + "000000" + "00000" + "1011"
    bits += "0" * (-len(bits) % 8)
    made.descriptor = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return made


def test_the_layers_of_an_av1_picture_are_one_unit_as_far_as_they_are_sent() -> None:
    down = Wire()
    source = track(codec="AV1")
    incoming = stream(source, Wire())
    receiver = subscription(source, down)
    incoming.receive(av1(1, 0, key=True), 100.0)
    incoming.receive(av1(2, 1, key=True), 100.0)
    bound = [(0, b"\x50layer"), (rtp.MARKER, b"\xa0\0layer")]
    assert [(each.marker, each.payload) for each in down.packets] == bound
    receiver.repeat([each.sequence for each in down.packets], 100.1)
    assert [(each.marker, each.payload) for each in down.packets[2:]] == bound
    receiver.wish.quality = models.VideoQuality.LOW
    incoming.receive(av1(3, 0), 100.2)
    incoming.receive(av1(4, 1), 100.2)
    assert [(each.marker, each.payload) for each in down.packets[4:]] == [
        (rtp.MARKER, b"\x10layer")
    ]


@pytest.mark.parametrize("takes", [True, False])
def test_redundant_audio_goes_to_those_who_take_it(takes: bool) -> None:
    up, down = Wire(), Wire()
    source = track("audio", "opus")
    source.payload_type, source.redundant_type = 111, 63
    incoming = stream(source, up)
    receiver = subscription(source, down)
    receiver.redundant, receiver.payload_type = takes, 63 if takes else 111
    wrapped = red.build(111, [(960, b"before")], b"now")
    sent = packet(5, wrapped, 960)
    sent.payload_type = 63
    incoming.receive(sent, 100.0)
    plain = packet(6, b"bare", 1920)
    plain.payload_type = 111
    incoming.receive(plain, 100.0)
    got = [each.payload for each in down.packets]
    if takes:
        assert got[0] == wrapped
        assert [block.payload for block in red.parse(got[1])] == [b"bare"]
        assert {each.payload_type for each in down.packets} == {63}
    else:
        assert got == [b"now", b"bare"]
        assert {each.payload_type for each in down.packets} == {111}


@pytest.mark.parametrize(
    ("kind", "codec"), [("audio", "opus"), ("video", "VP8"), ("video", "H264")]
)
def test_encrypted_frames_pass_untouched(kind: str, codec: str) -> None:
    """What the ends encrypt leaves the first bytes readable; the rest is noise to us, and stays as it is."""
    up, down = Wire(), Wire()
    source = track(kind, codec)
    source.info.encryption = models.Encryption.GCM
    incoming = stream(source, up)
    subscription(source, down)
    noise = bytes(range(256)) * 4
    head = {"opus": b"", "VP8": KEY[:2], "H264": b"\x65"}[codec]
    for number in range(3):
        incoming.receive(packet(number, head + noise), 100.0)
    assert [each.payload for each in down.packets] == [head + noise] * 3
