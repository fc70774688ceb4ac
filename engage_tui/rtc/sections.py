"""Media sections as we offer and answer them: which codecs we take, and what a section says of a stream.

Pure functions over `wire.sdp`; no connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtpCodecParameters,
    RTCRtpDecodingParameters,
    RTCRtpHeaderExtensionParameters,
    RTCRtpReceiveParameters,
    RTCRtpSendParameters,
)

from engage_tui.rtc.receiver import Stream
from engage_tui.wire.sdp import AUDIO_LEVEL, MID, REPAIRED_RID, RID, Codec, Section

CNAME = "engage"
_TAKEN = {"audio": {"opus": 48_000}, "video": {"vp8": 90_000, "h264": 90_000}}
_FEEDBACK = ("nack", "nack pli", "ccm fir")
_OPUS = Codec(111, "opus", 48_000, 2, {"minptime": "10", "useinbandfec": "1"})
_RED = Codec(63, "red", 48_000, 2, {"": "111/111"})
_VIDEO = {
    "VP8": Codec(96, "VP8", 90_000, None, {}, list(_FEEDBACK)),
    "H264": Codec(
        108,
        "H264",
        90_000,
        None,
        {
            "level-asymmetry-allowed": "1",
            "packetization-mode": "1",
            "profile-level-id": "42e01f",
        },
        list(_FEEDBACK),
    ),
}
_H264_FORMATS = (
    (108, "42e01f", "1"),
    (102, "42001f", "1"),
    (106, "4d001f", "1"),
    (125, "42e01f", "0"),
)
_EXTENSIONS = {"audio": {1: MID, 2: AUDIO_LEVEL}, "video": {1: MID}}
_LAYER_EXTENSIONS = {3: RID, 4: REPAIRED_RID}


def takeable(section: Section) -> list[Codec]:
    """The codecs of an offered section that we can decode, each with its retransmission format.

    Redundant audio comes first where it is offered, so that the sender prefers it.
    """
    taken = [
        replace(codec, feedback=[each for each in codec.feedback if each in _FEEDBACK])
        for codec in section.codecs
        if _TAKEN.get(section.kind, {}).get(codec.name.lower()) == codec.clock_rate
    ]
    numbers = {str(codec.payload_type) for codec in taken}
    repairs = [
        codec
        for codec in section.codecs
        if codec.is_a("rtx") and codec.parameters.get("apt") in numbers
    ]
    redundant = [
        codec
        for codec in section.codecs
        if codec.is_a("red") and set(codec.parameters.get("", "").split("/")) & numbers
    ]
    return redundant + taken + repairs


def stream_of(section: Section, codecs: Sequence[Codec]) -> Stream | None:
    """The stream that an offered section brings, or None where it brings none that we can take."""
    if not codecs or section.port == 0 or section.direction not in ("sendonly", "sendrecv"):
        return None
    repairs = {members[1] for _, members in section.ssrc_groups if len(members) == 2}
    ssrc = next((each for each in section.ssrcs if each not in repairs), None)
    group, track = section.msid or ("", "")
    participant, _, named = group.partition("|")
    return Stream(
        mid=section.mid,
        kind=section.kind,
        ssrc=ssrc,
        repair_ssrc=None if ssrc is None else section.repair_of(ssrc),
        codecs=tuple((codec.payload_type, codec.name) for codec in codecs),
        participant_sid=participant,
        track_sid=named if named.startswith("TR") else track,
    )


def answer_to(section: Section, codecs: list[Codec], *, live: bool) -> Section:
    """Our answer to an offered section, without transport attributes.

    A section that was withdrawn or has no codec that we know is rejected; one that brings nothing is kept inactive.
    """
    if section.kind == "application":
        return Section("application", mid=section.mid, sctp_port=5000, max_message_size=65535)
    if not codecs or section.port == 0:
        return Section(
            section.kind,
            mid=section.mid,
            port=0,
            direction="inactive",
            formats=section.formats,
            codecs=section.codecs,
        )
    return Section(
        section.kind,
        mid=section.mid,
        direction="recvonly" if live else "inactive",
        codecs=codecs,
    )


def accepted_codecs(offered: Sequence[Codec], answer: Section) -> list[Codec]:
    """What of our offered codecs an answered section takes, under its numbers; none where it rejects the section."""
    if answer.port == 0:
        return []
    known = [(codec.name.lower(), codec.clock_rate) for codec in offered]
    taken = [c for c in answer.codecs if (c.name.lower(), c.clock_rate) in known]
    # Repairs and redundancy of something else are nothing to begin with.
    return taken if any(codec.name.lower() not in ("rtx", "red") for codec in taken) else []


def offered_codecs(kind: str, name: str) -> list[Codec]:
    """What we offer to send: one codec, with redundancy for sound and retransmissions for video."""
    if kind == "audio":
        return [_RED, _OPUS]
    codec = _VIDEO[name]
    return [codec, _repair_of(codec)]


class SentTrack(Protocol):
    """What a description says of a track that we send."""

    @property
    def cid(self) -> str:
        """Our name for it."""

    @property
    def rids(self) -> Sequence[str]:
        """The names of its simulcast layers, the smallest first; empty without simulcast."""

    @property
    def ssrcs(self) -> tuple[int, int] | None:
        """The SSRCs of media and retransmissions; None with several layers, which their packets name."""


def offered_section(
    mid: str,
    kind: str,
    codecs: list[Codec],
    track: SentTrack | None,
    *,
    layered: bool = False,
    shared: bool = False,
) -> Section:
    """A section in which we send a track, or nothing without one; no transport attributes.

    One in which nothing is sent is open to receive, though nobody will send: livekit-server (pion) ends a section for
    good when two offers in a row call it inactive, and nothing published in it afterwards arrives. Where the server
    would take it for one to fill (v1), it promises to send instead.

    Args:
        mid: Of the section.
        kind: ``audio`` or ``video``.
        codecs: What we can send.
        track: What is sent.
        layered: Whether the section carries simulcast.
        shared: Whether the connection also receives.
    """
    idle = "sendonly" if shared else "recvonly"
    section = Section(kind, mid=mid, direction=idle, codecs=codecs)
    section.extensions = dict(_EXTENSIONS[kind]) | (_LAYER_EXTENSIONS if layered else {})
    if track is None:
        return section
    section.direction = "sendonly"
    section.msid = ("-", track.cid)
    section.rids = [(rid, "send") for rid in track.rids]
    if section.rids:
        section.simulcast = "send " + ";".join(track.rids)
    elif track.ssrcs is not None:
        section.ssrcs = list(track.ssrcs) if kind == "video" else [track.ssrcs[0]]
        section.ssrc_groups = [("FID", track.ssrcs)] if kind == "video" else []
    return section


def receiving_section(mid: str, kind: str) -> Section:
    """A section in which we take whatever track the server puts there; no transport attributes.

    It names the layers of simulcast too, although nothing comes with them: livekit-server (pion) takes from the first
    section of a kind what it understands in all of them.
    """
    section = Section(kind, mid=mid, direction="recvonly", codecs=received_codecs(kind))
    layers = _LAYER_EXTENSIONS if kind == "video" else {}
    section.extensions = dict(_EXTENSIONS[kind]) | layers
    return section


def received_codecs(kind: str) -> list[Codec]:
    """What we offer to receive: all that `takeable` takes, under the numbers that LiveKit's clients use."""
    if kind == "audio":
        return [_RED, _OPUS]
    codecs = [_VIDEO["VP8"]]
    for number, profile, mode in _H264_FORMATS:
        parameters = _VIDEO["H264"].parameters | {
            "profile-level-id": profile,
            "packetization-mode": mode,
        }
        codecs.append(replace(_VIDEO["H264"], payload_type=number, parameters=parameters))
    return codecs + [_repair_of(codec) for codec in codecs]


def _repair_of(codec: Codec) -> Codec:
    return Codec(codec.payload_type + 1, "rtx", 90_000, None, {"apt": str(codec.payload_type)})


def receive_parameters(stream: Stream, codecs: Sequence[Codec]) -> RTCRtpReceiveParameters:
    """What aiortc's DTLS transport needs to route a stream's packets to its receiver."""
    ssrcs = [each for each in (stream.ssrc, stream.repair_ssrc) if each is not None]
    return RTCRtpReceiveParameters(
        codecs=[_to_aiortc(stream.kind, codec) for codec in codecs],
        muxId=stream.mid,
        encodings=[RTCRtpDecodingParameters(ssrc=ssrc, payloadType=0) for ssrc in ssrcs],
    )


def send_parameters(answer: Section) -> RTCRtpSendParameters:
    """What aiortc's sender needs of the answered section; it sends the first codec."""
    codecs = sorted(answer.codecs, key=lambda codec: not codec.is_a("red"))
    parameters = RTCRtpSendParameters(
        codecs=[_to_aiortc(answer.kind, codec) for codec in codecs],
        headerExtensions=[
            RTCRtpHeaderExtensionParameters(id=number, uri=uri)
            for number, uri in answer.extensions.items()
        ],
        muxId=answer.mid,
    )
    parameters.rtcp.cname = CNAME
    return parameters


def _to_aiortc(kind: str, codec: Codec) -> RTCRtpCodecParameters:
    feedback = []
    for text in codec.feedback:
        name, _, parameter = text.partition(" ")
        feedback.append(RTCRtcpFeedback(name, parameter or None))
    return RTCRtpCodecParameters(
        mimeType=f"{kind}/{codec.name}",
        clockRate=codec.clock_rate,
        channels=codec.channels,
        payloadType=codec.payload_type,
        rtcpFeedback=feedback,
        parameters={
            key: int(value) if key == "apt" and value.isdigit() else value
            for key, value in codec.parameters.items()
        },
    )
