"""Offers as other ends write them: what we take of each, and how we answer the rest."""

from __future__ import annotations

import pytest

from engage_tui.rtc.sections import accepted_codecs, answer_to, offered_codecs, stream_of, takeable
from engage_tui.wire.sdp import Codec, Description, Section

# libwebrtc: a section for each codec family, repairs of each, FEC that we do not know, both address families.
LIBWEBRTC = """v=0
o=- 7236471234 3 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110
a=candidate:1 1 udp 2122194687 192.0.2.2 33006 typ host generation 0 network-id 1
a=candidate:2 1 udp 2122265343 fd00::2 38326 typ host generation 0 network-id 2
a=candidate:3 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active generation 0
a=ice-ufrag:TyI7
a=ice-pwd:QJqHBSyt7TiPW20GEjTyBuxD
a=ice-options:trickle
a=fingerprint:sha-256 AB:5A
a=setup:actpass
a=mid:0
a=sendrecv
a=msid:PA_x|TR_voice TR_voice
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=ssrc:11 cname:c
m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 45 46 98 99 119 120 121
a=ice-ufrag:TyI7
a=ice-pwd:QJqHBSyt7TiPW20GEjTyBuxD
a=fingerprint:sha-256 AB:5A
a=setup:actpass
a=mid:1
a=sendonly
a=msid:PA_x|TR_face TR_face
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=rtpmap:45 AV1/90000
a=rtpmap:46 rtx/90000
a=fmtp:46 apt=45
a=rtpmap:98 VP9/90000
a=rtpmap:99 rtx/90000
a=fmtp:99 apt=98
a=rtpmap:119 red/90000
a=rtpmap:120 rtx/90000
a=fmtp:120 apt=119
a=rtpmap:121 ulpfec/90000
a=ssrc-group:FID 21 22
a=ssrc:21 cname:c
a=ssrc:22 cname:c
"""

# pion, below livekit-server: lite, transport at the session, sources with their msid, an ended section.
PION = """v=0
o=- 1183743 1712 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 11:22
a=ice-lite
a=extmap-allow-mixed
a=group:BUNDLE 0 1 2
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=setup:actpass
a=mid:0
a=sendrecv
a=sctp-port:5000
a=ice-ufrag:abcd
a=ice-pwd:abcdabcdabcdabcdabcdabcd
m=audio 9 UDP/TLS/RTP/SAVPF 63 111
a=mid:1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:111 opus/48000/2
a=ssrc:31 cname:PA_y|TR_voice
a=ssrc:31 msid:PA_y|TR_voice TR_voice
a=ssrc:31 mslabel:PA_y|TR_voice
a=sendonly
m=video 9 UDP/TLS/RTP/SAVPF 96
a=mid:2
a=rtpmap:96 VP8/90000
a=inactive
"""

# Firefox: two SSRCs a section without groups, its own fingerprint form, sections that only receive.
FIREFOX = """v=0
o=mozilla...THIS_IS_SDPARTA-99.0 5 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:sha-256 33:44
a=group:BUNDLE 0 1
a=ice-options:trickle
m=audio 9 UDP/TLS/RTP/SAVPF 109 9
a=recvonly
a=ice-ufrag:1a2b3c4d
a=ice-pwd:0123456789abcdef0123456789abcdef
a=mid:0
a=rtpmap:109 opus/48000/2
m=video 9 UDP/TLS/RTP/SAVPF 120 124
a=sendrecv
a=mid:1
a=msid:{d7a1} {e8b2}
a=rtpmap:120 VP8/90000
a=rtpmap:124 rtx/90000
a=fmtp:124 apt=120
a=ssrc:41 cname:{x}
a=ssrc:42 cname:{x}
a=ssrc-group:FID 41 42
"""


@pytest.mark.parametrize(
    ("sdp", "taken"),
    [
        (LIBWEBRTC, [([63, 111], 11, "recvonly"), ([96, 103, 97, 104], 21, "recvonly")]),
        (PION, [([], None, ""), ([63, 111], 31, "recvonly"), ([96], None, "inactive")]),
        (FIREFOX, [([109], None, "inactive"), ([120, 124], 41, "recvonly")]),
    ],
    ids=["libwebrtc", "pion", "firefox"],
)
def test_what_we_take_of_it(sdp: str, taken: list[tuple[list[int], int | None, str]]) -> None:
    offer = Description.parse(sdp)
    assert all(section.fingerprint for section in offer.sections)
    answers = []
    for section, (numbers, ssrc, direction) in zip(offer.sections, taken, strict=True):
        codecs = takeable(section)
        stream = stream_of(section, codecs)
        assert [codec.payload_type for codec in codecs] == numbers
        assert (stream.ssrc if stream else None) == ssrc
        answer = answer_to(section, codecs, live=stream is not None)
        if direction:
            assert answer.direction == direction
        answers.append(answer)
    again = Description.parse(str(Description(sections=answers)))
    assert [each.mid for each in again.sections] == [each.mid for each in offer.sections]


@pytest.mark.parametrize(
    ("codec", "usable"),
    [
        (Codec(111, "opus", 48_000, 2), True),
        (Codec(111, "OPUS", 48_000), True),
        (Codec(111, "opus", 0, 2), False),
        (Codec(111, "opus", 90_000, 2), False),
        (Codec(111, "G722", 8_000), False),
    ],
)
def test_a_codec_at_another_rate_is_not_ours(codec: Codec, usable: bool) -> None:
    assert bool(takeable(Section("audio", codecs=[codec]))) is usable


@pytest.mark.parametrize(
    ("port", "names", "accepted"),
    [
        (9, ["VP8", "rtx"], ["VP8", "rtx"]),
        (9, ["H264", "VP8"], ["VP8"]),
        (9, ["H264", "rtx"], []),
        (9, ["rtx"], []),
        (9, [], []),
        (0, ["VP8"], []),
    ],
)
def test_an_answer_takes_what_we_offered_or_nothing(
    port: int, names: list[str], accepted: list[str]
) -> None:
    answered = [Codec(96 + number, name, 90_000) for number, name in enumerate(names)]
    section = Section("video", port=port, codecs=answered)
    taken = accepted_codecs(offered_codecs("video", "VP8"), section)
    assert [codec.name for codec in taken] == accepted
