"""A call whose signalling comes doubled, late and among nonsense."""

from __future__ import annotations

import random

import pytest
from livekit.protocol import rtc

from engage_tui import (
    ConnectionState,
    PublishError,
    Space,
    create_local_audio_track,
    create_local_video_track,
)
from engage_tui.rtc.peer import Peer
from engage_tui.rtc.signaling import SignalClient
from tests.integration.meeting import meet
from tests.nonsense import fill
from tests.servers import TestServer
from tests.waiting import until

# What may come again at any time without meaning anything new.
REPEATED = ("offer", "answer", "trickle", "update", "track_published", "speakers_changed")
STRANGE = ("speakers_changed", "room_moved", "stream_state_update", "subscription_response", "mute")


async def test_everything_is_said_twice_and_old_things_again(
    any_server: TestServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, take, said = (
        random.Random(5),
        SignalClient._take,
        dict[SignalClient, list[rtc.SignalResponse]](),
    )

    def stutter(client: SignalClient, message: rtc.SignalResponse) -> None:
        take(client, message)
        if message.WhichOneof("message") not in REPEATED:
            return
        take(client, message)
        earlier = said.setdefault(client, [])
        if earlier:
            take(client, rng.choice(earlier[-20:]))
        strange = rtc.SignalResponse()
        part = getattr(strange, rng.choice(STRANGE))
        part.SetInParent()
        fill(part, rng, ("", "PA_nobody", "TR_nothing", "x"))
        take(client, strange)
        take(client, rtc.SignalResponse())
        earlier.append(message)

    monkeypatch.setattr(SignalClient, "_take", stutter)
    async with meet(any_server, room_name, subscribe="all") as m:
        local = m.ada.local_participant
        for _ in range(2):
            voice = await local.publish_track(await create_local_audio_track("test"))
            await local.publish_track(await create_local_video_track("test"))
            await until(lambda: len(m.ada_of_bob.tracks) == 2)
            await until(lambda: all(p.stats.frames > 5 for p in m.ada_of_bob.tracks.values()), 10)
            assert len(m.bob.participants) == 1
            await voice.mute()
            await until(lambda: any(p.is_muted for p in m.ada_of_bob.tracks.values()))
            await local.unpublish_tracks([each.track for each in local.get_tracks() if each.track])
            await until(lambda: not m.ada_of_bob.tracks)
        assert m.ada.state is m.bob.state is ConnectionState.CONNECTED
    assert sum(map(len, said.values())) > 20


async def test_a_codec_that_the_server_rejects_is_told_and_others_still_go(
    room_server: TestServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Peer.apply_answer

    async def without_vp8(peer: Peer, sdp: str) -> None:
        await apply(peer, sdp.replace(" VP8/90000", " AV2/90000"))

    async with Space() as space:
        room = space.join_room(room_server.url, room_server.token("ada", room_name))
        await room.connected()
        monkeypatch.setattr(Peer, "apply_answer", without_vp8)
        video = await create_local_video_track("test")
        with pytest.raises(PublishError, match="no VP8"):
            await room.local_participant.publish_track(video)
        await video.stop()
        await room.local_participant.publish_track(await create_local_audio_track("test"))
        assert [p.kind for p in room.local_participant.get_tracks()] == ["audio"]


async def test_an_answer_to_an_offer_that_was_never_made_is_nobodys(
    any_server: TestServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, lies = SignalClient._take, list[int]()

    def lie(client: SignalClient, message: rtc.SignalResponse) -> None:
        if message.WhichOneof("message") == "answer":
            lies.append(message.answer.id + 77)
            wrong = rtc.SessionDescription(type="answer", sdp="v=0 of something else", id=lies[-1])
            take(client, rtc.SignalResponse(answer=wrong))
        take(client, message)

    monkeypatch.setattr(SignalClient, "_take", lie)
    async with meet(any_server, room_name, subscribe="all") as m:
        await m.ada.local_participant.publish_track(await create_local_video_track("test"))
        await until(lambda: m.ada_of_bob.tracks)
        await until(lambda: all(p.stats.frames > 5 for p in m.ada_of_bob.tracks.values()), 10)
    assert len(lies) > 2
