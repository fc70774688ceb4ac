"""Data packets and text streams."""

from __future__ import annotations

from livekit.protocol import models

from engage_tui.wire import data, position


def test_user_packet_names_its_destinations_in_both_fields() -> None:
    packet = data.user_packet(b"hi", reliable=False, topic="t", destinations=["bob"])

    assert packet.kind == models.DataPacket.LOSSY
    assert list(packet.destination_identities) == ["bob"]
    assert list(packet.user.destination_identities) == ["bob"]
    assert (packet.user.payload, packet.user.topic) == (b"hi", "t")


def test_text_of_any_length_comes_back_whole() -> None:
    text = "grüße " * 6000
    streams = data.Streams()

    packets = data.text_stream(text, topic="lk.chat")
    for packet in packets:
        packet.participant_identity = "ada"
    results = [streams.feed(packet) for packet in packets]

    assert len(packets) > 4
    assert all(packet.ByteSize() < data.MAX_PACKET for packet in packets)
    assert results[:-1] == [None] * (len(packets) - 1)
    assert _words(results[-1]) == ("lk.chat", text)


def test_streams_of_two_senders_do_not_mix() -> None:
    streams = data.Streams()
    packets = data.text_stream("mine")
    for packet in packets:
        packet.participant_identity = "ada"
    streams.feed(packets[0])
    stolen = models.DataPacket()
    stolen.CopyFrom(packets[1])
    stolen.participant_identity = "eve"
    stolen.stream_chunk.content = b"theirs"

    assert streams.feed(stolen) is None
    assert _words([streams.feed(packet) for packet in packets[1:]][-1]) == ("lk.chat", "mine")


def test_a_stream_too_long_or_one_too_many_is_dropped() -> None:
    streams = data.Streams(limit=1, max_bytes=10)
    long = data.text_stream("x" * 11)
    first, second = data.text_stream("a"), data.text_stream("b")

    assert [streams.feed(packet) for packet in long][-1] is None
    streams.feed(first[0])
    streams.feed(second[0])
    assert [streams.feed(packet) for packet in first[1:]][-1] is None
    assert _words([streams.feed(packet) for packet in second[1:]][-1]) == ("lk.chat", "b")


def test_a_byte_stream_keeps_name_type_and_attributes() -> None:
    sent = data.Stream("bytes", "files", b"\0\1" * 20_000, "image/png", "a.png", {"k": "v"}, "id")
    streams = data.Streams()
    results = [streams.feed(packet) for packet in data.stream_packets(sent)]
    assert results[-1] == sent


def test_a_stream_with_a_hole_or_broken_off_is_dropped() -> None:
    packets = data.text_stream("x" * 40_000)
    for kept in (packets[:1] + packets[2:], packets[:2] + packets[3:]):
        streams = data.Streams()
        assert [streams.feed(packet) for packet in kept][-1] is None
    packets[-1].stream_trailer.reason = "cancelled"
    streams = data.Streams()
    assert [streams.feed(packet) for packet in packets][-1] is None


def test_a_position_survives_and_nonsense_does_not() -> None:
    place = position.Placement((1.0, -2.5, 3.0), (0.0, 1.0, 0.0, 0.0))
    assert position.decode(position.encode(place)) == place
    for text in (b"", b"[]", b"{}", b'{"position":[1,2]}', b'{"position":[1,2,NaN]}', b"\xff"):
        assert position.decode(text) is None


def _words(stream: data.Stream | None) -> tuple[str, str] | None:
    return None if stream is None else (stream.topic, stream.content.decode())
