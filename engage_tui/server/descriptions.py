"""The server's side of session descriptions: which codecs it forwards, and how its sections look."""

from __future__ import annotations

from collections.abc import Sequence

from engage_tui.server.channels import MAX_MESSAGE, SCTP_PORT
from engage_tui.server.mux import UdpMux
from engage_tui.server.transport import PeerTransport
from engage_tui.wire import sdp
from engage_tui.wire.sdp import Codec, Section

PUBLISH_CODECS = ("audio/opus", "audio/red", "video/VP8", "video/H264", "video/VP9", "video/AV1")
"""What we forward: announced at the join."""

_VIDEO_FEEDBACK = ["nack", "nack pli", "ccm fir"]
_SENT_FEEDBACK = [*_VIDEO_FEEDBACK, "goog-remb"]  # … and from subscribers what their link carries
_BASELINE = {"packetization-mode": "1", "level-asymmetry-allowed": "1"}
_H264_PROFILES = ("42e01f", "42001f")  # constrained baseline and baseline: everybody decodes them
_SUBSCRIBED = {
    "opus": Codec(111, "opus", 48000, 2, {"minptime": "10", "useinbandfec": "1"}),
    "VP8": Codec(96, "VP8", 90000, None, {}, _SENT_FEEDBACK),
    "H264": Codec(
        108, "H264", 90000, None, _BASELINE | {"profile-level-id": "42e01f"}, _SENT_FEEDBACK
    ),
    "VP9": Codec(98, "VP9", 90000, None, {"profile-id": "0"}, _SENT_FEEDBACK),
    "AV1": Codec(35, "AV1", 90000, None, {}, _SENT_FEEDBACK),
}
_RED = 63  # the payload type of redundant audio in our offers
_ACCEPTED_EXTENSIONS = {
    "audio": (sdp.MID, sdp.AUDIO_LEVEL),
    "video": (sdp.MID, sdp.RID, sdp.TRANSPORT_CC, sdp.DEPENDENCY_DESCRIPTOR),
}


def complete(section: Section, mux: UdpMux, transport: PeerTransport, setup: str) -> Section:
    """Write the transport's attributes into a section."""
    section.ice_ufrag, section.ice_pwd = transport.ufrag, transport.password
    section.fingerprint = mux.certificate.fingerprint
    section.setup = setup
    section.candidates = mux.candidates
    section.end_of_candidates = True
    if section.kind == "application":
        section.sctp_port, section.max_message_size = SCTP_PORT, MAX_MESSAGE
    return section


def subscribed_codec(name: str) -> Codec:
    """The codec as it is offered to subscribers.

    Raises:
        KeyError: We do not forward it.
    """
    return _SUBSCRIBED[name]


def offered_redundancy() -> Codec:
    """Redundant audio around `subscribed_codec` ``opus``, as it is offered to subscribers."""
    inner = _SUBSCRIBED["opus"].payload_type
    return Codec(_RED, "red", 48000, 2, {"": f"{inner}/{inner}"})


def redundancy(section: Section, codec: Codec) -> Codec | None:
    """The redundant format (RED) of a section that carries `codec`, if it has one."""
    for each in section.codecs:
        if each.is_a("red") and each.parameters.get("", "").split("/")[0] == str(
            codec.payload_type
        ):
            return each
    return None


def forwardable(section: Section) -> list[Codec]:
    """The codecs of a publisher's section that we forward, in its order of preference."""
    return [codec for codec in section.codecs if _canonical(codec)]


def choose_codec(offered: Sequence[Codec], wanted: str) -> Codec | None:
    """The one to answer with: the wanted name if it is there, else the publisher's first."""
    matching = [codec for codec in offered if codec.is_a(wanted)] or list(offered)
    if matching and matching[0].is_a("H264"):
        profiles = {_profile(codec): codec for codec in reversed(matching) if codec.is_a("H264")}
        return next(profiles[each] for each in _H264_PROFILES if each in profiles)
    return matching[0] if matching else None


def answer_section(
    offered: Section, codecs: Sequence[Codec], *, receive: bool, dtx: bool = True
) -> Section:
    """Our answer to a publisher's media section.

    Args:
        offered: The section.
        codecs: What we take, of the offered ones; empty leaves the section idle.
        receive: Whether a track is behind it.
        dtx: Let Opus pause in silence.
    """
    accepted = set(_ACCEPTED_EXTENSIONS.get(offered.kind, ()))
    if not any(codec.is_a("AV1") for codec in codecs):
        # With it libwebrtc leaves the layers and picture ids of VP8 out of the payload, where receivers look for them.
        accepted.discard(sdp.DEPENDENCY_DESCRIPTOR)
    section = Section(
        kind=offered.kind,
        mid=offered.mid,
        direction="recvonly" if receive else "inactive",
        extensions={n: uri for n, uri in offered.extensions.items() if uri in accepted},
    )
    for codec in codecs or offered.codecs[:1]:
        section.codecs.append(_answer_codec(offered, codec, dtx=dtx))
    sent = [rid for rid, direction in offered.rids if direction == "send"]
    if receive and sent:
        section.rids = [(rid, "recv") for rid in sent]
        section.simulcast = "recv " + ";".join(sent)
    return section


def matching_codec(offered: Section, name: str) -> Codec | None:
    """The codec of a client's section under which a track of codec `name` can be sent in it."""
    return choose_codec([codec for codec in offered.codecs if _canonical(codec) == name], name)


def sent_section(offered: Section, codec: Codec, wrapper: Codec | None = None) -> Section:
    """Our answer to a section in which the client receives: one codec, and what it is wrapped in (RED).

    We send no header extensions, but names of layers are accepted all the same: libwebrtc publishes simulcast only if
    every section of the bundle does. Transport-wide feedback is not, so that the client estimates by itself (REMB).
    """
    section = Section(
        kind=offered.kind,
        mid=offered.mid,
        direction="sendonly",
        extensions={n: uri for n, uri in offered.extensions.items() if uri in (sdp.MID, sdp.RID)},
    )
    sent = _answer_codec(offered, codec, dtx=False)
    if offered.kind == "video":
        sent.feedback = list(_SENT_FEEDBACK)
    if wrapper is not None:
        section.codecs.append(_answer_codec(offered, wrapper, dtx=False))
    section.codecs.append(sent)
    return section


def canonical_name(codec: Codec) -> str:
    """``opus``, ``VP8``, ``H264``, ``VP9`` or ``AV1``; empty for what we do not forward."""
    return _canonical(codec)


def _answer_codec(offered: Section, codec: Codec, *, dtx: bool) -> Codec:
    parameters = dict(codec.parameters)
    feedback: list[str] = []
    if codec.is_a("opus"):
        parameters = {"minptime": "10", "useinbandfec": "1"}
        if dtx:
            parameters["usedtx"] = "1"
    elif offered.kind == "video":
        feedback = list(_VIDEO_FEEDBACK)
        if offered.extension_id(sdp.TRANSPORT_CC) is not None:
            feedback.append("transport-cc")
    return Codec(
        codec.payload_type, codec.name, codec.clock_rate, codec.channels, parameters, feedback
    )


def _canonical(codec: Codec) -> str:
    if codec.is_a("opus"):
        return "opus"
    if codec.is_a("VP8"):
        return "VP8"
    if codec.is_a("VP9") and codec.parameters.get("profile-id", "0") == "0":
        return "VP9"
    if codec.is_a("AV1") and codec.parameters.get("profile", "0") == "0":
        return "AV1"
    if (
        codec.is_a("H264")
        and codec.parameters.get("packetization-mode") == "1"
        and _profile(codec) in _H264_PROFILES
    ):
        return "H264"
    return ""


def _profile(codec: Codec) -> str:
    return codec.parameters.get("profile-level-id", "").lower()
