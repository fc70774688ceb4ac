"""Which codecs a publisher may send, and what our answer takes."""

from __future__ import annotations

import pytest

from engage_tui.server.descriptions import (
    PUBLISH_CODECS,
    answer_section,
    choose_codec,
    forwardable,
    offered_redundancy,
    redundancy,
    subscribed_codec,
)
from engage_tui.wire import sdp
from engage_tui.wire.sdp import Codec, Section


def h264(number: int, profile: str, mode: str = "1") -> Codec:
    parameters = {"packetization-mode": mode, "profile-level-id": profile}
    return Codec(number, "H264", 90000, None, parameters)


def video(*codecs: Codec) -> Section:
    return Section(
        kind="video",
        mid="3",
        direction="sendonly",
        codecs=list(codecs),
        extensions={1: sdp.MID, 2: sdp.RID, 3: sdp.REPAIRED_RID, 4: sdp.TRANSPORT_CC, 5: "urn:x"},
        rids=[("q", "send"), ("f", "send")],
        simulcast="send q;f",
    )


VP8, VP9, RTX = Codec(96, "VP8", 90000), Codec(98, "VP9", 90000), Codec(97, "rtx", 90000)


def test_only_what_is_forwarded_is_taken() -> None:
    offered = video(
        VP9, VP8, RTX, h264(100, "640032"), h264(101, "42e01f", "0"), h264(102, "42e01f")
    )
    assert [codec.payload_type for codec in forwardable(offered)] == [98, 96, 102]
    deep = Codec(100, "VP9", 90000, None, {"profile-id": "2"})
    assert forwardable(video(deep, Codec(45, "AV1", 90000, None, {"profile": "1"}))) == []


@pytest.mark.parametrize(("wanted", "number"), [("VP8", 96), ("h264", 103), ("", 96), ("AV1", 96)])
def test_the_asked_codec_is_chosen(wanted: str, number: int) -> None:
    offered = [VP8, h264(102, "42001F"), h264(103, "42e01f")]
    chosen = choose_codec(offered, wanted)
    assert chosen is not None
    assert chosen.payload_type == number


def test_an_answer_takes_layers_and_known_extensions_and_no_retransmission_stream() -> None:
    answer = answer_section(video(VP8, RTX), [VP8], receive=True)
    text = "\n".join(answer.lines())
    assert "a=recvonly" in text
    assert "a=simulcast:recv q;f" in text
    assert "a=rid:q recv" in text
    assert sorted(answer.extensions) == [1, 2, 4]
    assert "rtx" not in text
    assert answer.codecs[0].feedback == ["nack", "nack pli", "ccm fir", "transport-cc"]


def test_descriptors_of_dependencies_are_taken_with_av1_alone() -> None:
    """With any other codec they would take the place of what receivers read in the payload."""
    for codec, taken in ((Codec(35, "AV1", 90000), True), (VP8, False), (VP9, False)):
        offered = video(codec)
        offered.extensions[6] = sdp.DEPENDENCY_DESCRIPTOR
        answer = answer_section(offered, [codec], receive=True)
        assert (sdp.DEPENDENCY_DESCRIPTOR in answer.extensions.values()) is taken


def test_a_section_without_a_track_is_answered_and_idle() -> None:
    answer = answer_section(video(VP9), [], receive=False)
    assert (answer.direction, answer.mid, answer.port) == ("inactive", "3", 9)
    assert answer.codecs
    assert not answer.rids


def test_silence_may_be_left_out_unless_the_track_forbids_it() -> None:
    opus = Codec(111, "opus", 48000, 2, {"stereo": "1"})
    section = Section(kind="audio", mid="1", direction="sendonly", codecs=[opus])
    assert answer_section(section, [opus], receive=True).codecs[0].parameters["usedtx"] == "1"
    without = answer_section(section, [opus], receive=True, dtx=False).codecs[0].parameters
    assert "usedtx" not in without


def test_what_may_be_published_can_be_subscribed() -> None:
    for mime in PUBLISH_CODECS:
        name = mime.partition("/")[2]
        assert (offered_redundancy() if name == "red" else subscribed_codec(name)).name == name


def test_redundancy_belongs_to_the_codec_inside() -> None:
    opus, other = Codec(111, "opus", 48000, 2), Codec(112, "opus", 48000, 2)
    red = Codec(63, "red", 48000, 2, {"": "111/111"})
    section = Section(kind="audio", codecs=[red, opus, other])
    assert redundancy(section, opus) is red
    assert redundancy(section, other) is None
    assert redundancy(Section(kind="audio", codecs=[offered_redundancy()]), opus) is not None
