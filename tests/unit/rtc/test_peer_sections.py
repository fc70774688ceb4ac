"""Which of its sections a publisher uses again."""

from __future__ import annotations

from engage_tui.rtc.peer import Peer, PeerRole
from engage_tui.rtc.video_sender import layers_for
from engage_tui.wire.sdp import Description


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
