"""Rooms by signalling alone: join, publish, mute, metadata, permissions, leaving."""

from __future__ import annotations

import json
from typing import Any

import pytest
from livekit.protocol import models, rtc

from engage_tui.server import client as server_client
from engage_tui.server.app import RunningServer
from engage_tui.server.publisher import MAX_PENDING
from tests.embedded import access_token
from tests.integration.signal_client import SignalClient, signalling
from tests.waiting import until

Reason = rtc.RequestResponse.Reason


def add_track(cid: str = "c1", **changes: object) -> rtc.SignalRequest:
    request = rtc.AddTrackRequest(
        cid=cid, name="mic", type=models.TrackType.AUDIO, source=models.TrackSource.MICROPHONE
    )
    for name, value in changes.items():
        setattr(request, name, value)
    return rtc.SignalRequest(add_track=request)


def publisher_offer(cid: str = "c1", *, direction: str = "sendonly", ssrc: int = 4711) -> str:
    return "\r\n".join(
        [
            "v=0",
            "o=- 1 1 IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE 0 1",
            "a=ice-ufrag:abcd",
            "a=ice-pwd:abcdefghijklmnopqrstuvwx",
            "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
            "a=mid:0",
            "a=sctp-port:5000",
            "m=audio 9 UDP/TLS/RTP/SAVPF 63 111",
            "a=mid:1",
            f"a={direction}",
            "a=rtpmap:63 red/48000/2",
            "a=rtpmap:111 opus/48000/2",
            "a=extmap:7 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            "a=extmap:8 urn:nobody:knows",
            f"a=msid:- {cid}",
            f"a=ssrc:{ssrc} cname:x",
            "",
        ]
    )


async def publish(client: SignalClient, cid: str = "c1") -> models.TrackInfo:
    await client.send(add_track(cid))
    published = await client.get("track_published", lambda m: m.track_published.cid == cid)
    await client.send(
        rtc.SignalRequest(
            offer=rtc.SessionDescription(type="offer", sdp=publisher_offer(cid), id=7)
        )
    )
    await client.get("answer")
    return published.track_published.track


async def test_the_first_message_is_a_complete_join(server: RunningServer) -> None:
    query = "&sdk=js&client_protocol=2&capabilities=CAP_PACKET_TRAILER,CAP_UNHEARD_OF"
    async with signalling(server, "ada", query=query) as ada, signalling(server, "bob") as bob:
        await bob.get("offer")
        assert bob.kinds()[0] == "join"
        join = bob.received[0].join
        assert join.room.name == "hall"
        assert join.room.sid.startswith("RM_")
        assert join.participant.sid.startswith("PA_")
        assert (join.ping_interval, join.ping_timeout) == (5, 15)
        assert join.subscriber_primary
        assert join.fast_publish
        assert {codec.mime for codec in join.enabled_publish_codecs} == {
            "audio/opus",
            "audio/red",
            "video/VP8",
            "video/H264",
            "video/VP9",
            "video/AV1",
        }
        other = join.other_participants[0]
        assert (other.identity, other.client_protocol, list(other.capabilities)) == (
            "ada",
            2,
            [models.ClientInfo.Capability.CAP_PACKET_TRAILER],
        )
        await ada.get("update", lambda m: m.update.participants[0].identity == "bob")
        offer = bob.all("offer")[0].offer
        assert "m=application" in offer.sdp
        assert "a=ice-lite" in offer.sdp


async def test_publishing_is_announced_answered_and_ended(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada, signalling(server, "bob") as bob:
        track = await publish(ada)
        answer = ada.all("answer")[0].answer
        assert answer.id == 7
        assert answer.mid_to_track_id == {"1": track.sid}
        assert "a=recvonly" in answer.sdp
        assert "ssrc-audio-level" in answer.sdp
        for absent in ("red/48000", "urn:nobody:knows"):
            assert absent not in answer.sdp
        await until(lambda: "ada" in bob.participants and bob.participants["ada"].tracks)
        seen = bob.participants["ada"].tracks[0]
        assert (seen.sid, seen.mime_type, seen.source) == (
            track.sid,
            "audio/opus",
            models.TrackSource.MICROPHONE,
        )
        await ada.send(rtc.SignalRequest(mute=rtc.MuteTrackRequest(sid=track.sid, muted=True)))
        await until(lambda: bob.participants["ada"].tracks[0].muted)
        before = bob.participants["ada"].version
        offer = publisher_offer(direction="inactive")
        await ada.send(rtc.SignalRequest(offer=rtc.SessionDescription(type="offer", sdp=offer)))
        await until(lambda: not bob.participants["ada"].tracks)
        assert bob.participants["ada"].version > before


async def test_a_late_joiner_sees_what_is_there(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada:
        track = await publish(ada)
        async with signalling(server, "late") as late:
            join = (await late.get("join")).join
            assert [t.sid for t in join.other_participants[0].tracks] == [track.sid]


REFUSED_TRACKS: dict[str, tuple[dict[str, Any], rtc.SignalRequest, rtc.RequestResponse.Reason]] = {
    "no publishing": ({"can_publish": False}, add_track(), Reason.NOT_ALLOWED),
    "other source": ({"can_publish_sources": ("camera",)}, add_track(), Reason.NOT_ALLOWED),
    "data as a track": ({}, add_track(type=models.TrackType.DATA), Reason.UNSUPPORTED_TYPE),
    "unknown source": (
        {"can_publish_sources": ("camera",)},
        add_track(source=99),
        Reason.NOT_ALLOWED,
    ),
    "no client id": ({}, add_track(cid=""), Reason.INVALID_REQUEST),
}


@pytest.mark.parametrize("case", REFUSED_TRACKS)
async def test_tracks_that_are_refused(server: RunningServer, case: str) -> None:
    grants, request, reason = REFUSED_TRACKS[case]
    token = access_token("ada", **grants)
    async with signalling(server, token=token) as ada:
        await ada.send(request)
        response = (await ada.get("request_response")).request_response
        assert response.reason == reason
        assert response.add_track.cid == request.add_track.cid
        assert not ada.all("track_published")


async def test_a_codec_that_is_not_forwarded_is_refused(server: RunningServer) -> None:
    request = rtc.AddTrackRequest(cid="c1", type=models.TrackType.VIDEO)
    request.simulcast_codecs.add(codec="h265", cid="c1")
    async with signalling(server) as ada:
        await ada.send(rtc.SignalRequest(add_track=request))
        response = (await ada.get("request_response")).request_response
        assert response.reason == Reason.UNSUPPORTED_TYPE


async def test_announced_tracks_are_bounded(server: RunningServer) -> None:
    async with signalling(server) as ada:
        for number in range(MAX_PENDING + 1):
            await ada.send(add_track(f"c{number}"))
        response = (await ada.get("request_response")).request_response
        assert response.reason == Reason.LIMIT_EXCEEDED
        assert len(ada.all("track_published")) == MAX_PENDING


async def test_metadata_needs_its_grant(server: RunningServer) -> None:
    update = rtc.UpdateParticipantMetadata(
        name="Ada L.", metadata="m", attributes={"hand": "up", "old": ""}, request_id=5
    )
    token = access_token("ada", can_update_own_metadata=True)
    async with signalling(server, token=token) as ada, signalling(server, "bob") as bob:
        await ada.send(rtc.SignalRequest(update_metadata=update))
        response = (await ada.get("request_response")).request_response
        assert (response.request_id, response.reason) == (5, Reason.OK)
        await until(lambda: bob.participants["ada"].name == "Ada L.")
        assert dict(bob.participants["ada"].attributes) == {"hand": "up"}
        await bob.send(rtc.SignalRequest(update_metadata=update))
        response = (await bob.get("request_response")).request_response
        assert response.reason == Reason.NOT_ALLOWED
        update.metadata = "x" * 70_000
        await ada.send(rtc.SignalRequest(update_metadata=update))
        await ada.get(
            "request_response", lambda m: m.request_response.reason == Reason.LIMIT_EXCEEDED
        )


async def test_hidden_participants_are_not_shown(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada:
        async with signalling(server, token=access_token("ghost", hidden=True)) as ghost:
            await ghost.alive()
            async with signalling(server, "bob") as bob:
                join = (await bob.get("join")).join
                assert [p.identity for p in join.other_participants] == ["ada"]
                assert join.room.num_participants == 2
        await ada.alive()
        assert "ghost" not in ada.participants


@pytest.mark.usefixtures("quick_clock")
async def test_leaving_is_told(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.open_room("hall").info.departure_timeout = 0
    monkeypatch.setattr(server_client, "SIGNAL_GRACE", 0.2)
    async with signalling(server, "bob") as bob:
        async with signalling(server, "ada") as ada:
            await ada.send(rtc.SignalRequest(leave=rtc.LeaveRequest()))
            await until(lambda: ada.closed is not None)
        await until(lambda: bob.participants["ada"].state == models.ParticipantInfo.DISCONNECTED)
        assert bob.participants["ada"].disconnect_reason == models.CLIENT_INITIATED
    assert list(server.rooms) == ["hall"]  # who comes back soon finds the same room
    server.rooms["hall"].info.departure_timeout = 0
    await until(lambda: server.rooms == {}, what="the empty room to go")


async def test_the_same_identity_replaces_the_session(server: RunningServer) -> None:
    async with (
        signalling(server, "bob") as bob,
        signalling(server, "ada") as first,
        signalling(server, "ada") as second,
    ):
        leave = (await first.get("leave")).leave
        assert (leave.reason, leave.action) == (
            models.DUPLICATE_IDENTITY,
            rtc.LeaveRequest.DISCONNECT,
        )
        await until(lambda: first.closed == 1000)
        own = (await second.get("join")).join.participant.sid
        await until(lambda: bob.participants["ada"].sid == own)
        states = [
            info.state
            for message in bob.all("update")
            for info in message.update.participants
            if info.identity == "ada"
        ]
        assert models.ParticipantInfo.DISCONNECTED not in states


@pytest.mark.usefixtures("quick_clock")
async def test_a_lost_connection_is_forgotten_after_a_grace(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_client, "SIGNAL_GRACE", 0.2)
    async with signalling(server, "bob") as bob:
        async with signalling(server, "ada"):
            await until(lambda: "ada" in bob.participants)
        await until(lambda: bob.participants["ada"].state == models.ParticipantInfo.DISCONNECTED)
        assert bob.participants["ada"].disconnect_reason == models.SIGNAL_CLOSE


@pytest.mark.usefixtures("quick_clock")
async def test_who_never_connects_is_sent_away(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_client, "JOIN_TIMEOUT", 0.2)
    async with signalling(server, "ada") as ada:
        leave = (await ada.get("leave")).leave
        assert leave.reason == models.JOIN_FAILURE
        await until(lambda: ada.closed == 1000)


async def test_stopping_says_goodbye(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada:
        await ada.get("join")
        await server.stop()
        leave = (await ada.get("leave")).leave
        assert (leave.reason, leave.action) == (
            models.SERVER_SHUTDOWN,
            rtc.LeaveRequest.DISCONNECT,
        )
        await until(lambda: ada.closed == 1000)


async def test_pings_are_answered_with_times_in_milliseconds(server: RunningServer) -> None:
    async with signalling(server) as ada:
        await ada.send(rtc.SignalRequest(ping=123))
        await ada.send(rtc.SignalRequest(ping_req=rtc.Ping(timestamp=456)))
        pong = (await ada.get("pong_resp")).pong_resp
        assert pong.last_ping_timestamp == 456
        assert abs(pong.timestamp - (await ada.get("pong")).pong) < 5000
        assert 1e12 < pong.timestamp < 1e13


async def test_permissions_close_a_track_to_others(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada, signalling(server, "bob") as bob:
        track = await publish(ada)
        await ada.send(
            rtc.SignalRequest(
                subscription_permission=rtc.SubscriptionPermission(all_participants=False)
            )
        )
        await ada.alive()
        server.rooms["hall"].clients["bob"].info.state = models.ParticipantInfo.ACTIVE
        request = rtc.UpdateSubscription(track_sids=[track.sid], subscribe=True)
        await bob.send(rtc.SignalRequest(subscription=request))
        update = (await bob.get("subscription_permission_update")).subscription_permission_update
        assert (update.track_sid, update.allowed) == (track.sid, False)
        allowed = rtc.SubscriptionPermission(
            all_participants=False,
            track_permissions=[
                rtc.TrackPermission(participant_identity="bob", track_sids=[track.sid])
            ],
        )
        await ada.send(rtc.SignalRequest(subscription_permission=allowed))
        await bob.get(
            "subscription_permission_update", lambda m: m.subscription_permission_update.allowed
        )


async def test_a_missing_track_cannot_be_subscribed(server: RunningServer) -> None:
    async with signalling(server) as ada:
        request = rtc.UpdateSubscription(track_sids=["TR_none"], subscribe=True)
        await ada.send(rtc.SignalRequest(subscription=request))
        response = (await ada.get("subscription_response")).subscription_response
        assert (response.track_sid, response.err) == ("TR_none", models.SE_TRACK_NOTFOUND)


async def test_a_client_may_speak_json(server: RunningServer) -> None:
    async with signalling(server) as ada:
        await ada.get("offer")
        await ada.socket.send_str(json.dumps({"pingReq": {"timestamp": "77"}}))
        await until(lambda: ada.texts, what="an answer in JSON")
        assert json.loads(ada.texts[0])["pongResp"]["lastPingTimestamp"] == "77"
        await ada.alive()  # binary again
