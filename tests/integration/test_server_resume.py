"""Sessions that outlive their WebSocket: resumed, told what they missed, or sent to join anew."""

from __future__ import annotations

import pytest
from livekit.protocol import models, rtc

from engage_tui.server import client as server_client
from engage_tui.server import permissions
from engage_tui.server.app import RunningServer
from engage_tui.server.client import Client
from engage_tui.wire.sdp import Description
from engage_tui.wire.token import verify_token
from tests.embedded import access_token
from tests.integration.signal_client import SignalClient, signalling
from tests.integration.test_server_rooms import Reason, add_track, publish
from tests.waiting import until


async def test_resuming_what_is_gone_is_answered_with_a_rejoin(server: RunningServer) -> None:
    async with signalling(server, "ada", query="&reconnect=1&sid=PA_gone") as ada:
        leave = (await ada.get("leave")).leave
        assert ada.kinds() == ["leave"]
        assert (leave.action, leave.reason) == (
            rtc.LeaveRequest.RECONNECT,
            models.STATE_MISMATCH,
        )


def resumed(session: SignalClient) -> str:
    """The query of a resume of this session."""
    return f"&reconnect=1&sid={session.received[0].join.participant.sid}"


async def test_a_session_is_resumed_on_a_new_socket(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada, signalling(server, "bob") as bob:
        track = await publish(ada)
        first = Description.parse((await ada.get("offer")).offer.sdp)
        query = resumed(ada)
        async with signalling(server, "ada", query=query) as again:
            offer = (await again.get("offer")).offer
            assert again.kinds()[:3] == ["reconnect", "update", "room_update"]
            assert set(again.participants) == {"ada", "bob"}
            assert [t.sid for t in again.participants["ada"].tracks] == [track.sid]
            # Fresh credentials restart ICE; the fingerprint stays, for DTLS goes on.
            second = Description.parse(offer.sdp)
            assert second.sections[0].ice_ufrag != first.sections[0].ice_ufrag
            assert second.sections[0].fingerprint == first.sections[0].fingerprint
            await until(lambda: ada.closed is not None, what="the old socket to be closed")
            state = rtc.SyncState(publish_tracks=[rtc.TrackPublishedResponse(track=track)])
            await again.send(rtc.SignalRequest(sync_state=state))
            await again.alive()
            assert server.rooms["hall"].clients["ada"].sid == again.participants["ada"].sid
        assert bob.participants["ada"].state != models.ParticipantInfo.DISCONNECTED


async def test_a_resumed_client_with_unknown_tracks_joins_anew(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada:
        await ada.get("join")
        async with signalling(server, "ada", query=resumed(ada)) as again:
            unknown = rtc.TrackPublishedResponse(track=models.TrackInfo(sid="TR_unknown"))
            await again.send(rtc.SignalRequest(sync_state=rtc.SyncState(publish_tracks=[unknown])))
            leave = (await again.get("leave")).leave
            assert leave.action == rtc.LeaveRequest.RECONNECT


@pytest.mark.usefixtures("quick_clock")
async def test_who_falls_silent_is_asked_to_resume(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_client, "_SILENCE", 0.2)
    async with signalling(server, "ada") as ada:
        await ada.get("join")
        client = server.rooms["hall"].clients["ada"]
        client.info.state = models.ParticipantInfo.ACTIVE
        client.subscriber.transport.state = "connected"
        leave = (await ada.get("leave")).leave
        assert (leave.action, leave.can_reconnect) == (rtc.LeaveRequest.RESUME, True)
        await until(lambda: ada.closed == 1000)
        client.subscriber.transport.state = "new"
        async with signalling(server, "ada", query=resumed(ada)) as again:
            await again.get("reconnect")
            await again.alive()


@pytest.mark.usefixtures("quick_clock")
async def test_a_fresh_token_comes_before_the_old_one_ends(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_client, "_TOKEN_LIFE", 0.2)
    token = access_token("ada", metadata="m", can_update_own_metadata=True)
    async with signalling(server, token=token) as ada:
        fresh = verify_token((await ada.get("refresh_token")).refresh_token, server.config.keys)
        old = verify_token(token, server.config.keys)
        assert (fresh.identity, fresh.grants, fresh.metadata) == (
            old.identity,
            old.grants,
            old.metadata,
        )


async def test_who_resumes_hears_who_left(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada, signalling(server, "cleo") as cleo:
        await ada.get("join")
        async with signalling(server, "bob") as bob:
            await bob.get("join")
            query = resumed(ada)
            await ada.socket.close()
            await bob.send(rtc.SignalRequest(leave=rtc.LeaveRequest()))
            await cleo.send(rtc.SignalRequest(leave=rtc.LeaveRequest()))
            await until(lambda: list(server.rooms["hall"].clients) == ["ada"])
        async with signalling(server, "cleo"), signalling(server, "ada", query=query) as again:
            await again.get("room_update")
            states = {who: info.state for who, info in again.participants.items()}
            assert states["bob"] == models.ParticipantInfo.DISCONNECTED
            assert states["cleo"] == models.ParticipantInfo.JOINED, "she came back"


def permit(client: Client, *, publish: bool) -> None:
    permission = models.ParticipantPermission(can_subscribe=True, can_publish=publish)
    permissions.change(client, permission)
    client.announce()


async def test_permissions_change_while_the_session_goes_on(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada, signalling(server, "bob") as bob:
        track = await publish(ada)
        await until(lambda: "ada" in bob.participants and bob.participants["ada"].tracks)
        client = server.rooms["hall"].clients["ada"]
        permit(client, publish=False)
        gone = (await ada.get("track_unpublished")).track_unpublished
        assert gone.track_sid == track.sid
        await until(lambda: not bob.participants["ada"].tracks)
        assert not bob.participants["ada"].permission.can_publish
        await ada.send(add_track("c2"))
        refused = (await ada.get("request_response")).request_response
        assert refused.reason == Reason.NOT_ALLOWED
        permit(client, publish=True)
        await ada.send(add_track("c3"))
        await ada.get("track_published", lambda m: m.track_published.cid == "c3")
