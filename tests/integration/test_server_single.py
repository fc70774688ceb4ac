"""One connection for both directions (v1), by signalling alone: who asks for sections, and which track is in which."""

from __future__ import annotations

from collections.abc import Sequence

from livekit.protocol import models, rtc

from engage_tui.server.app import RunningServer
from engage_tui.server.client import Client
from engage_tui.wire.sdp import Codec, Description, Section
from tests.integration.signal_client import SignalClient, signalling, signalling_single
from tests.integration.test_server_rooms import add_track, publish, publisher_offer
from tests.waiting import until


def offer(kinds: Sequence[str], number: int = 1) -> rtc.SessionDescription:
    """An offer to receive in one section a kind."""
    sections = [Section(kind="application", mid="d", setup="actpass", sctp_port=5000)]
    for place, kind in enumerate(kinds):
        codecs = [Codec(109, "opus", 48000, 2)] if kind == "audio" else [Codec(120, "VP8", 90000)]
        sections.append(Section(kind, f"{kind[0]}{place}", direction="recvonly", codecs=codecs))
    for section in sections:
        section.ice_ufrag, section.ice_pwd = "abcd", "abcdefghijklmnopqrstuvwx"
        section.fingerprint = "sha-256 " + ":".join(["AB"] * 32)
    return rtc.SessionDescription(type="offer", sdp=str(Description(sections)), id=number)


def request(*kinds: str) -> rtc.JoinRequest:
    return rtc.JoinRequest(
        client_info=models.ClientInfo(sdk=models.ClientInfo.SDK.JS, protocol=16),
        connection_settings=rtc.ConnectionSettings(auto_subscribe=True),
        publisher_offer=offer(kinds),
    )


def activate(server: RunningServer, identity: str) -> Client:
    """As if its media connection stood: signalling alone cannot bring it up."""
    client = server.rooms["hall"].clients[identity]
    client.info.state = models.ParticipantInfo.ACTIVE
    client.room.offer_tracks_to(client)
    return client


async def answer(client: SignalClient, number: int) -> rtc.SessionDescription:
    return (await client.get("answer", lambda m: m.answer.id == number)).answer


async def again(client: SignalClient, kinds: Sequence[str], number: int) -> rtc.SessionDescription:
    await client.send(rtc.SignalRequest(offer=offer(kinds, number)))
    return await answer(client, number)


async def test_the_offer_in_the_address_is_answered_after_the_join(server: RunningServer) -> None:
    async with signalling_single(server, request("audio", "video")) as bob:
        first = await answer(bob, 1)
        assert [kind for kind in bob.kinds() if kind != "room_update"] == ["join", "answer"]
        assert not bob.received[0].join.subscriber_primary
        described = Description.parse(first.sdp)
        assert [s.mid for s in described.sections] == ["d", "a0", "v1"]
        assert [s.direction for s in described.sections[1:]] == ["inactive", "inactive"]
        assert described.ice_lite
        assert not bob.all("offer")


async def test_a_track_goes_into_a_section_that_the_client_offered(server: RunningServer) -> None:
    async with (
        signalling(server, "ada") as ada,
        signalling_single(server, request("audio"), "bob") as bob,
    ):
        track = await publish(ada)
        await answer(bob, 1)
        activate(server, "bob")
        required = (await bob.get("media_sections_requirement")).media_sections_requirement
        assert (required.num_audios, required.num_videos) == (0, 0)  # an offer, no more sections
        second = await again(bob, ["audio"], 2)
        assert dict(second.mid_to_track_id) == {"a0": track.sid}
        section = Description.parse(second.sdp).section("a0")
        assert section is not None
        assert section.direction == "sendonly"
        assert [codec.payload_type for codec in section.codecs] == [109]  # the client's number
        own = server.rooms["hall"].clients["ada"].sid
        assert section.msid == (f"{own}|{track.sid}", track.sid)
        subscription = server.rooms["hall"].clients["bob"].subscriber.subscriptions[track.sid]
        assert subscription.started
        assert (section.ssrcs, subscription.payload_type) == ([subscription.ssrc], 109)


async def test_more_sections_are_asked_for_when_there_are_too_few(server: RunningServer) -> None:
    async with (
        signalling(server, "ada") as ada,
        signalling_single(server, request("video"), "bob") as bob,
    ):
        track = await publish(ada)
        await answer(bob, 1)
        client = activate(server, "bob")
        required = (await bob.get("media_sections_requirement")).media_sections_requirement
        assert (required.num_audios, required.num_videos) == (1, 0)
        crossed = await again(bob, ["video"], 2)  # an offer that was under way already
        assert not crossed.mid_to_track_id
        third = await again(bob, ["video", "audio"], 3)
        assert dict(third.mid_to_track_id) == {"a1": track.sid}
        assert client.subscriber.settled
        assert len(bob.all("media_sections_requirement")) == 1


async def test_sections_are_used_again_once_they_were_idle(server: RunningServer) -> None:
    async with signalling_single(server, request("audio", "audio"), "bob") as bob:
        await answer(bob, 1)
        client = activate(server, "bob")
        number = 1
        seen: list[dict[str, str]] = []
        for name in ("c1", "c2", "c3", "c4"):
            async with signalling(server, f"speaker-{name}") as speaker:
                track = await publish(speaker, name)
                await until(lambda: client.subscriber.subscriptions)
                subscription = client.subscriber.subscriptions[track.sid]
                while not subscription.started:
                    number += 1
                    seen.append(
                        dict((await again(bob, ["audio", "audio"], number)).mid_to_track_id)
                    )
                assert seen[-1] in ({"a0": track.sid}, {"a1": track.sid})
                await speaker.send(rtc.SignalRequest(leave=rtc.LeaveRequest()))
                await until(lambda: not client.subscriber.subscriptions)
        assert all(
            m.media_sections_requirement.num_audios == 0
            for m in bob.all("media_sections_requirement")
        )


async def test_publishing_and_receiving_share_the_connection(server: RunningServer) -> None:
    join = request()
    join.add_track_requests.append(add_track("c1").add_track)
    join.publisher_offer.sdp = publisher_offer("c1")
    async with signalling_single(server, join) as ada, signalling(server, "bob") as bob:
        published = (await ada.get("track_published")).track_published
        assert published.cid == "c1"
        assert dict((await answer(ada, 1)).mid_to_track_id) == {"1": published.track.sid}
        join_of_bob = (await bob.get("join")).join
        assert [t.sid for t in join_of_bob.other_participants[0].tracks] == [published.track.sid]
        client = server.rooms["hall"].clients["ada"]
        assert client.subscriber.transport is client.publisher.transport


async def test_a_codec_that_the_client_cannot_take_is_not_asked_for_for_ever(
    server: RunningServer,
) -> None:
    async with (
        signalling(server, "ada") as ada,
        signalling_single(server, request("audio"), "bob") as bob,
    ):
        await publish(ada)
        await answer(bob, 1)
        activate(server, "bob")
        await bob.get("media_sections_requirement")
        for number in range(2, 6):
            without = offer(["audio"], number)
            without.sdp = without.sdp.replace("opus", "G729")
            await bob.send(rtc.SignalRequest(offer=without))
            await answer(bob, number)
        await bob.alive()
        assert len(bob.all("media_sections_requirement")) <= 2
