"""Data tracks by signalling: published, wanted, passed on under the subscriber's handle, taken back."""

from __future__ import annotations

import pytest
from livekit.protocol import rtc

from engage_tui.server import data_tracks
from engage_tui.server.app import RunningServer
from engage_tui.wire.data import DATA_TRACK
from tests.embedded import access_token
from tests.integration.signal_client import SignalClient, signalling
from tests.waiting import until

Reason = rtc.RequestResponse.Reason


def announcement(handle: int = 7, name: str = "points") -> rtc.SignalRequest:
    request = rtc.PublishDataTrackRequest(pub_handle=handle, name=name)
    return rtc.SignalRequest(publish_data_track_request=request)


def interest(track_sid: str, *, wanted: bool = True) -> rtc.SignalRequest:
    update = rtc.UpdateDataSubscription.Update(track_sid=track_sid, subscribe=wanted)
    return rtc.SignalRequest(update_data_subscription=rtc.UpdateDataSubscription(updates=[update]))


async def published(client: SignalClient) -> str:
    await client.send(announcement())
    response = await client.get("publish_data_track_response")
    return response.publish_data_track_response.info.sid


async def test_a_frame_reaches_who_wants_it_under_its_own_handle(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with signalling(server, "ada") as ada, signalling(server, "bob") as bob:
        sid = await published(ada)
        await until(lambda: "ada" in bob.participants and bob.participants["ada"].data_tracks)
        assert bob.participants["ada"].data_tracks[0].name == "points"
        await bob.send(interest(sid))
        handles = (await bob.get("data_track_subscriber_handles")).data_track_subscriber_handles
        ((handle, entry),) = handles.sub_handles.items()
        assert (entry.publisher_identity, entry.track_sid) == ("ada", sid)

        clients = server.rooms["hall"].clients
        sent: list[tuple[str, bytes]] = []
        monkeypatch.setattr(clients["bob"].subscriber, "send", lambda *a: sent.append(a))
        packet = b"\x10\x00\x00\x07" + bytes(8) + b"payload"
        for number in range(2):
            clients["ada"]._on_data(DATA_TRACK, packet)
            clients["ada"]._on_data(
                DATA_TRACK, packet[:2] + b"\0\x09" + packet[4:]
            )  # no such track
            clients["ada"]._on_data(DATA_TRACK, packet[:11])
            assert sent == [(DATA_TRACK, packet[:2] + handle.to_bytes(2, "big") + packet[4:])] * (
                number == 0
            )
            await bob.send(interest(sid, wanted=False))
            await until(lambda: len(bob.all("data_track_subscriber_handles")) == 2)
            sent.clear()

        await bob.send(interest(sid))
        await until(lambda: sid in clients["bob"].data_tracks.wanted)
        gone = rtc.UnpublishDataTrackRequest(pub_handle=7)
        for _ in range(2):
            await ada.send(rtc.SignalRequest(unpublish_data_track_request=gone))
        await ada.get("unpublish_data_track_response")
        refused = (await ada.get("request_response")).request_response
        assert refused.reason == Reason.INVALID_HANDLE
        await until(lambda: not bob.participants["ada"].data_tracks)
        assert clients["bob"].data_tracks.wanted == {}


async def test_data_tracks_that_are_refused(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada:
        await published(ada)
        cases = {
            Reason.DUPLICATE_HANDLE: announcement(7, "other"),
            Reason.DUPLICATE_NAME: announcement(8),
            Reason.INVALID_HANDLE: announcement(70_000, "other"),
            Reason.INVALID_NAME: announcement(9, ""),
        }
        for request in cases.values():
            await ada.send(request)
        await until(lambda: len(ada.all("request_response")) == len(cases))
        reasons = [m.request_response.reason for m in ada.all("request_response")]
        assert reasons == list(cases)
        for number in range(100, 140):
            await ada.send(announcement(number, str(number)))
        await ada.get(
            "request_response", lambda m: m.request_response.reason == Reason.LIMIT_EXCEEDED
        )
        assert len(server.rooms["hall"].clients["ada"].data_tracks.published) == 32
    async with signalling(server, token=access_token("bob", can_publish=False)) as bob:
        await bob.send(announcement())
        refused = (await bob.get("request_response")).request_response
        assert refused.reason == Reason.NOT_ALLOWED


def test_handles_are_given_once_and_not_without_end() -> None:
    tracks = data_tracks.DataTracks()
    for number in range(300):
        tracks.want(f"DTR_{number}")
    assert len(tracks.wanted) == len(set(tracks.wanted.values())) == 128
    tracks._last = 0xFFFF
    tracks.wanted.pop("DTR_5")
    tracks.want("DTR_new")
    assert tracks.wanted["DTR_new"] == 6, "the only one of the first that is free"
