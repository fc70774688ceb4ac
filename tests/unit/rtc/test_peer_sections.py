"""Which of its sections a publisher uses again, and what a shared connection offers to receive in."""

from __future__ import annotations

from dataclasses import replace

from engage_tui.rtc.peer import MAX_SECTIONS, Peer, PeerRole
from engage_tui.rtc.video_sender import layers_for
from engage_tui.wire.sdp import RID, Description, Section


async def test_a_section_with_layers_is_used_again_once_it_was_offered_empty() -> None:
    publisher = Peer(PeerRole.PUBLISHER)
    layers = layers_for(640, 360)

    async def offered() -> list[tuple[str, str]]:
        offer = Description.parse(await publisher.offer())
        return [(section.mid, section.direction) for section in offer.sections[1:]]

    try:
        first = publisher.add_video_sender("first", layers=layers)
        assert await offered() == [("1", "sendonly")]
        await publisher.remove_sender(first)
        second = publisher.add_video_sender("second", layers=layers)
        assert await offered() == [("1", "recvonly"), ("2", "sendonly")]
        publisher.add_video_sender("third", layers=layers)
        publisher.add_video_sender("small")
        await publisher.remove_sender(second)
        assert await offered() == [("1", "sendonly"), ("2", "recvonly"), ("3", "sendonly")]
        publisher.add_video_sender("fourth", layers=layers)
        assert [direction for _, direction in await offered()] == ["sendonly"] * 3
    finally:
        await publisher.close()


def answered(section: Section) -> Section:
    """What a server answers that sends a track in the section."""
    return replace(
        section, direction="sendonly", ssrcs=[int(section.mid) + 1000], msid=("PA_x|TR_x", "TR_x")
    )


async def test_a_shared_connection_takes_tracks_where_it_offered_to_receive() -> None:
    come: list[str] = []
    gone: list[str] = []
    peer = Peer(
        PeerRole.PUBLISHER,
        shared=True,
        on_receiver=lambda receiver: come.append(receiver.stream.mid),
        on_receiver_gone=lambda receiver: gone.append(receiver.stream.mid),
    )

    async def offered() -> Description:
        return Description.parse(await peer.offer())

    async def answer(offer: Description, *mids: str) -> None:
        sections = [
            answered(each) if each.mid in mids else replace(each, direction="inactive")
            for each in offer.sections
        ]
        for each in sections:
            each.setup = "active"
        await peer.apply_answer(str(Description(sections=sections)))

    try:
        offer = await offered()
        assert [each.kind for each in offer.sections[1:]] == ["audio"] * 3 + ["video"] * 3
        assert {each.direction for each in offer.sections[1:]} == {"recvonly"}
        names = {codec.name for each in offer.sections for codec in each.codecs}
        assert names == {"red", "opus", "VP8", "H264", "rtx"}
        assert RID in offer.sections[4].extensions.values(), "else no simulcast later"
        await answer(offer, "2", "4")
        assert (come, gone) == (["2", "4"], [])

        sender = peer.add_video_sender("cam")
        peer.add_sections(1, 0)
        offer = await offered()
        assert [(each.kind, each.direction) for each in offer.sections[7:]] == [
            ("video", "sendonly"),
            ("audio", "recvonly"),
        ], "none of those to receive in is taken for sending"
        await answer(offer, "2", "8")
        assert (come, gone) == (["2", "4", "8"], ["4"])

        await peer.remove_sender(sender)
        left = (await offered()).sections[7]
        assert (left.direction, left.msid, left.ssrcs) == ("sendonly", None, []), (
            "a server would fill it otherwise"
        )
        peer.add_sections(1 << 31, 1 << 31)
        assert len((await offered()).sections) == MAX_SECTIONS
    finally:
        await peer.close()
