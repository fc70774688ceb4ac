"""Which offered sections are taken, and how ours look."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from engage_tui.rtc import sections
from engage_tui.rtc.ice import parse_candidate
from engage_tui.wire.sdp import AUDIO_LEVEL, MID, REPAIRED_RID, RID, Codec, Section

VP8 = Codec(96, "VP8", 90_000, None, {}, ["goog-remb", "nack", "nack pli", "ccm fir"])
VP8_RTX = Codec(97, "rtx", 90_000, None, {"apt": "96"})
VP9 = Codec(98, "VP9", 90_000)
VP9_RTX = Codec(99, "rtx", 90_000, None, {"apt": "98"})
OPUS = Codec(111, "opus", 48_000, 2)
RED = Codec(63, "red", 48_000, 2, {"": "111/111"})


def offered(kind: str, *codecs: Codec, direction: str = "sendonly", port: int = 9) -> Section:
    return Section(
        kind,
        mid="3",
        port=port,
        direction=direction,
        codecs=list(codecs),
        formats=[str(codec.payload_type) for codec in codecs],
        ssrcs=[22, 11] if kind == "video" else [11],
        ssrc_groups=[("FID", (11, 22))] if kind == "video" else [],
        msid=("PA_ada|TR_cam", "TR_cam"),
    )


@pytest.mark.parametrize(
    ("section", "wanted"),
    [
        (offered("video", VP9, VP9_RTX, VP8, VP8_RTX), [96, 97]),
        (offered("video", VP9, VP9_RTX), []),
        (offered("audio", OPUS, RED), [63, 111]),
        (Section("application", mid="0"), []),
    ],
)
def test_what_we_can_decode_is_taken_with_its_repairs(section: Section, wanted: list[int]) -> None:
    assert [codec.payload_type for codec in sections.takeable(section)] == wanted


def test_a_stream_is_named_by_its_msid_and_its_media_ssrc() -> None:
    section = offered("video", VP8, VP8_RTX)
    stream = sections.stream_of(section, sections.takeable(section))
    assert stream is not None
    assert (stream.ssrc, stream.repair_ssrc) == (11, 22)
    assert (stream.participant_sid, stream.track_sid) == ("PA_ada", "TR_cam")


@pytest.mark.parametrize(
    ("msid", "wanted"),
    [
        (("PA_ada|camera", "TR_cam"), ("PA_ada", "TR_cam")),
        (("PA_ada", "TR_cam"), ("PA_ada", "TR_cam")),
        (None, ("", "")),
    ],
)
def test_other_forms_of_the_msid(msid: tuple[str, str] | None, wanted: tuple[str, str]) -> None:
    section = offered("audio", OPUS)
    section.msid = msid
    stream = sections.stream_of(section, [OPUS])
    assert stream is not None
    assert (stream.participant_sid, stream.track_sid) == wanted


@pytest.mark.parametrize(
    ("section", "direction", "port", "formats"),
    [
        (offered("video", VP8, VP8_RTX, VP9), "recvonly", 9, "96 97"),
        (offered("video", VP8, direction="inactive"), "inactive", 9, "96"),
        (offered("video", VP8, direction="recvonly"), "inactive", 9, "96"),
        (offered("video", VP9, VP9_RTX), "inactive", 0, "98 99"),
        (offered("audio", OPUS, port=0), "inactive", 0, "111"),
    ],
)
def test_sections_are_answered_taken_inactive_or_rejected(
    section: Section, direction: str, port: int, formats: str
) -> None:
    codecs = sections.takeable(section)
    stream = sections.stream_of(section, codecs)
    answer = sections.answer_to(section, codecs, live=stream is not None)
    lines = list(answer.lines())
    assert lines[0] == f"m={section.kind} {port} UDP/TLS/RTP/SAVPF {formats}"
    assert (answer.mid, answer.direction) == ("3", direction)
    assert not any("goog-remb" in line for line in lines)
    assert answer.extensions == {}


@dataclass(frozen=True)
class Sent:
    """A track as a section describes it."""

    cid: str
    ssrcs: tuple[int, int] | None
    rids: tuple[str, ...] = ()


def test_layers_are_offered_by_name() -> None:
    codecs = sections.offered_codecs("video", "VP8")
    video = sections.offered_section(
        "2", "video", codecs, Sent("cam", None, ("q", "h")), layered=True
    )
    lines = list(video.lines())
    assert "a=rid:q send" in lines
    assert "a=simulcast:send q;h" in lines
    assert {MID, RID, REPAIRED_RID} == set(video.extensions.values())
    assert (video.ssrcs, video.msid) == ([], ("-", "cam"))
    gone = sections.offered_section("2", "video", codecs, None, layered=True)
    assert (gone.rids, gone.simulcast, gone.direction) == ([], "", "recvonly")
    assert gone.extensions == video.extensions


def test_what_we_send_is_offered_with_level_repairs_and_name() -> None:
    audio = sections.offered_section(
        "1", "audio", sections.offered_codecs("audio", "opus"), Sent("mic", (5, 6))
    )
    assert AUDIO_LEVEL in audio.extensions.values()
    assert (audio.direction, audio.msid, audio.ssrcs) == ("sendonly", ("-", "mic"), [5])
    video = sections.offered_section(
        "2", "video", sections.offered_codecs("video", "VP8"), Sent("cam", (5, 6))
    )
    assert video.repair_of(5) == 6
    parameters = sections.send_parameters(video)
    assert [codec.name for codec in parameters.codecs] == ["VP8", "rtx"]
    assert parameters.codecs[1].parameters["apt"] == parameters.codecs[0].payloadType
    empty = sections.offered_section("2", "video", video.codecs, None)
    assert (empty.direction, empty.ssrcs, empty.msid) == ("recvonly", [], None)


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ('{"candidate":"candidate:1 1 udp 2130706431 127.0.0.1 7882 typ host","sdpMid":"0"}', True),
        ('{"candidate":"candidate:1 1 UDP 2130706431 10.0.0.1 7882 typ host"}', True),
        ('{"candidate":"candidate:1 1 tcp 1 10.0.0.1 7881 typ host tcptype passive"}', False),
        ('{"candidate":"candidate:1 2 udp 1 10.0.0.1 7882 typ host"}', False),
        ('{"candidate":"candidate:1 1 udp 1 abc.local 7882 typ host"}', False),
        ('{"candidate":"candidate:1 1 udp 1 10.0.0.1 65536 typ host"}', False),
        ('{"candidate":"candidate:1 1 udp 1 10.0.0.1 0 typ host"}', False),
        ('{"candidate":""}', False),
        ('{"candidate":"candidate:1 1 udp x 10.0.0.1 7882 typ host"}', False),
        ("no json", False),
    ],
)
def test_candidates(text: str, usable: bool) -> None:
    assert (parse_candidate(text) is not None) == usable
