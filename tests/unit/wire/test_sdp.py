"""Session descriptions: what real ends write is understood, and what we write reads back the same."""

from __future__ import annotations

import pytest
from aiortc import sdp as aiortc_sdp

from engage_tui.wire.sdp import MAX_SDP, MID, Codec, Description, SdpError, Section

BROWSER_OFFER = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=ice-ufrag:sess
a=ice-pwd:password0123456789012345
a=fingerprint:sha-256 AA:BB
a=setup:actpass
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:0
a=sctp-port:5000
a=max-message-size:262144
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0
a=mid:1
a=ice-ufrag:own1
a=sendonly
a=msid:- mic-cid
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=extmap:2/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=ssrc:77 cname:x
m=video 9 UDP/TLS/RTP/SAVPF 97 96
a=mid:2
a=sendonly
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtcp-fb:* nack pli
a=ssrc-group:FID 5 6
a=ssrc:5 msid:stream cam-cid
a=ssrc:6 msid:stream cam-cid
a=rid:q send
a=rid:f send
a=simulcast:send q;f
"""


def test_reads_what_a_browser_offers() -> None:
    offer = Description.parse(BROWSER_OFFER)

    application, audio, video = offer.sections
    assert offer.bundle == ["0", "1", "2"]
    assert offer.extmap_allow_mixed
    assert (application.sctp_port, application.max_message_size) == (5000, 262144)
    assert application.ice_ufrag == "sess"
    assert audio.ice_ufrag == "own1"
    assert audio.ice_pwd == "password0123456789012345"
    assert audio.msid == ("-", "mic-cid")
    assert [codec.name for codec in audio.codecs] == ["opus", "red", "PCMU"]
    assert audio.codecs[0].parameters == {"minptime": "10", "useinbandfec": "1"}
    assert audio.codecs[1].parameters == {"": "111/111"}
    assert audio.extensions == {2: "urn:ietf:params:rtp-hdrext:ssrc-audio-level"}
    assert [codec.payload_type for codec in video.codecs] == [97, 96]
    assert all(codec.feedback == ["nack pli"] for codec in video.codecs)
    assert video.msid == ("stream", "cam-cid")
    assert video.repair_of(5) == 6
    assert video.repair_of(6) is None
    assert video.rids == [("q", "send"), ("f", "send")]


def test_what_we_write_is_understood_by_another_parser() -> None:
    video = Section(
        "video",
        mid="1",
        direction="sendonly",
        codecs=[
            Codec(96, "VP8", 90000, feedback=["nack", "nack pli"]),
            Codec(97, "rtx", 90000, parameters={"apt": "96"}),
        ],
        extensions={3: MID},
        ssrcs=[11, 12],
        ssrc_groups=[("FID", (11, 12))],
        msid=("PA_a|TR_b", "TR_b"),
        ice_ufrag="user",
        ice_pwd="secret",
        fingerprint="sha-256 AA:BB",
        setup="actpass",
        candidates=["1 1 udp 2130706431 127.0.0.1 7882 typ host"],
    )

    theirs = aiortc_sdp.SessionDescription.parse(str(Description(sections=[video])))

    media = theirs.media[0]
    assert media.rtp.muxId == "1"
    assert media.direction == "sendonly"
    assert media.msid == "PA_a|TR_b TR_b"
    assert [codec.mimeType for codec in media.rtp.codecs] == ["video/VP8", "video/rtx"]
    assert [each.ssrc for each in media.ssrc] == [11, 12]
    assert media.ice is not None
    assert media.ice.usernameFragment == "user"
    assert media.ice_candidates[0].port == 7882


def test_rejected_section_leaves_the_bundle() -> None:
    description = Description(sections=[Section("audio", "0"), Section("video", "1", port=0)])

    assert description.bundle == ["0"]
    assert Description.parse(str(description)).sections[1].port == 0


@pytest.mark.parametrize(
    "text",
    ["m=audio\r\n", "m=audio x y\r\n", "m=video 9 P 96\r\na=rtpmap:x VP8/90000", "o=- a b IN IP4"],
)
def test_malformed_lines_raise_words_not_tracebacks(text: str) -> None:
    with pytest.raises(SdpError, match="malformed"):
        Description.parse(text)


def test_too_long_a_description_is_refused() -> None:
    with pytest.raises(SdpError, match="too long"):
        Description.parse("a=x\n" * (MAX_SDP // 4 + 1))
