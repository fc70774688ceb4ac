"""Laws of the wire: writing and reading are inverse; no bytes of a peer raise anything but our own error."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from engage_tui.wire.sdp import Codec, Description, SdpError, Section
from engage_tui.wire.token import Grants

words = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_", min_size=1, max_size=12)
numbers = st.integers(0, 2**32 - 1)
codecs = st.builds(
    Codec,
    payload_type=st.integers(96, 127),
    name=st.sampled_from(["VP8", "H264", "opus", "rtx"]),
    clock_rate=st.sampled_from([48000, 90000]),
    channels=st.sampled_from([None, 2]),
    parameters=st.dictionaries(words, words, max_size=3),
    feedback=st.lists(st.sampled_from(["nack", "nack pli", "ccm fir"]), unique=True),
)
sections = st.builds(
    Section,
    kind=st.sampled_from(["audio", "video"]),
    mid=words,
    port=st.sampled_from([0, 9]),
    direction=st.sampled_from(["sendonly", "recvonly", "inactive", "sendrecv"]),
    codecs=st.lists(codecs, min_size=1, max_size=4, unique_by=lambda codec: codec.payload_type),
    extensions=st.dictionaries(st.integers(1, 14), words, max_size=3),
    ssrcs=st.lists(numbers, unique=True, max_size=3),
    msid=st.none() | st.tuples(words, words),
    ice_ufrag=words,
    ice_pwd=words,
    fingerprint=words,
    setup=st.sampled_from(["actpass", "active", "passive"]),
)


@given(st.lists(sections, max_size=4, unique_by=lambda section: section.mid), st.booleans())
def test_a_description_reads_back(parts: list[Section], lite: bool) -> None:
    written = str(Description(sections=parts, ice_lite=lite))

    assert str(Description.parse(written)) == written


@given(
    st.text(max_size=400)
    | st.lists(
        st.sampled_from(
            [
                "m=audio 9 UDP/TLS/RTP/SAVPF 111",
                "m=video 0 X",
                "a=rtpmap:111",
                "a=ssrc:",
                "a=ssrc-group:FID",
                "a=extmap:1",
                "a=rid:q",
                "a=msid:",
                "a=fmtp:x y",
                "o=",
                "a=candidate:",
                "a=sctp-port:",
                "m=",
            ]
        )
    ).map("\n".join)
)
def test_no_text_raises_anything_but_our_own_error(text: str) -> None:
    with contextlib.suppress(SdpError):
        str(Description.parse(text))


@given(
    st.builds(
        Grants,
        room=words,
        room_join=st.booleans(),
        can_publish=st.booleans(),
        can_subscribe=st.booleans(),
        can_publish_data=st.none() | st.booleans(),
        can_publish_sources=st.lists(words, max_size=3).map(tuple),
        hidden=st.booleans(),
        can_update_own_metadata=st.booleans(),
    )
)
def test_grants_read_back(grants: Grants) -> None:
    assert Grants.from_claim(grants.to_claim()) == grants
