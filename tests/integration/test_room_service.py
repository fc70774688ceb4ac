"""RoomService by LiveKit's own API client: the same calls on our server and on a real one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from livekit import api
from livekit.protocol import models

from engage_tui import DisconnectReason, RoomEvent, RoomOptions, Space, create_local_audio_track
from engage_tui.sdk.room import Room
from engage_tui.wire.token import Grants
from tests.integration.signal_client import joining
from tests.servers import TestServer
from tests.waiting import until


@pytest.fixture
async def lkapi(any_server: TestServer) -> AsyncIterator[api.LiveKitAPI]:
    made = api.LiveKitAPI(any_server.http_url, any_server.key, any_server.secret, failover=False)
    try:
        yield made
    finally:
        await made.aclose()


@asynccontextmanager
async def refusal(code: str, status: int, words: str = "") -> AsyncIterator[None]:
    with pytest.raises(api.ServerError) as caught:
        yield
    assert (caught.value.code, caught.value.status) == (code, status), caught.value
    assert words in caught.value.message


async def joined(space: Space, server: TestServer, identity: str, room: str) -> Room:
    made = space.join_room(server.url, server.token(identity, room), RoomOptions(subscribe="all"))
    await made.connected()
    return made


def ending(room: Room) -> asyncio.Task[tuple[Any, ...]]:
    return asyncio.get_running_loop().create_task(room.wait_for(RoomEvent.DISCONNECTED))


async def test_rooms_are_made_listed_changed_and_deleted(
    lkapi: api.LiveKitAPI, room_name: str
) -> None:
    made = await lkapi.room.create_room(
        api.CreateRoomRequest(
            name=room_name,
            empty_timeout=120,
            departure_timeout=7,
            max_participants=3,
            metadata="hello",
        )
    )
    assert made.sid.startswith("RM_")
    assert (made.name, made.empty_timeout, made.departure_timeout, made.max_participants) == (
        room_name, 120, 7, 3,
    )  # fmt: skip
    again = await lkapi.room.create_room(api.CreateRoomRequest(name=room_name))
    assert (again.sid, again.metadata, again.empty_timeout) == (made.sid, "hello", 120)
    listed = await lkapi.room.list_rooms(api.ListRoomsRequest(names=[room_name, "none"]))
    assert [room.sid for room in listed.rooms] == [made.sid]
    everything = await lkapi.room.list_rooms(api.ListRoomsRequest())
    assert made.sid in {room.sid for room in everything.rooms}
    changed = await lkapi.room.update_room_metadata(
        api.UpdateRoomMetadataRequest(room=room_name, metadata="other")
    )
    assert (changed.sid, changed.metadata) == (made.sid, "other")
    await lkapi.room.delete_room(api.DeleteRoomRequest(room=room_name))
    listed = await lkapi.room.list_rooms(api.ListRoomsRequest(names=[room_name]))
    assert list(listed.rooms) == []


async def test_what_is_not_there_is_said(lkapi: api.LiveKitAPI, room_name: str) -> None:
    service = lkapi.room
    someone = api.RoomParticipantIdentity(room=room_name, identity="nobody")
    async with refusal("not_found", 404, "room"):
        await service.delete_room(api.DeleteRoomRequest(room=room_name))
    async with refusal("not_found", 404, "room"):
        await service.update_room_metadata(
            api.UpdateRoomMetadataRequest(room=room_name, metadata="x")
        )
    assert not (
        await service.list_participants(api.ListParticipantsRequest(room=room_name))
    ).participants
    await service.create_room(api.CreateRoomRequest(name=room_name))
    for call in (service.get_participant, service.remove_participant):
        async with refusal("not_found", 404, "participant"):
            await call(someone)


async def test_people_are_listed_changed_muted_and_removed(
    any_server: TestServer, lkapi: api.LiveKitAPI, room_name: str
) -> None:
    async with Space() as first, Space() as second:
        ada = await joined(first, any_server, "ada", room_name)
        bob = await joined(second, any_server, "bob", room_name)
        local = await ada.local_participant.publish_track(await create_local_audio_track("test"))
        (seen,) = bob.participants.values()
        await until(lambda: any(p.stats.frames > 3 for p in seen.tracks.values()), 10)
        service = lkapi.room
        who: dict[str, Any] = {"room": room_name, "identity": "ada"}
        people = await service.list_participants(api.ListParticipantsRequest(room=room_name))
        assert {p.identity for p in people.participants} == {"ada", "bob"}
        info = await service.get_participant(api.RoomParticipantIdentity(**who))
        assert (info.sid, info.state) == (ada.local_participant.sid, models.ParticipantInfo.ACTIVE)
        assert [track.sid for track in info.tracks] == [local.track_sid]

        changed = await service.update_participant(
            api.UpdateParticipantRequest(
                **who, name="Ada L.", metadata="m", attributes={"hand": "up"}
            )
        )
        assert (changed.name, changed.metadata, dict(changed.attributes)) == (
            "Ada L.", "m", {"hand": "up"},
        )  # fmt: skip
        await until(lambda: (seen.name, seen.metadata) == ("Ada L.", "m"))

        muted = await service.mute_published_track(
            api.MuteRoomTrackRequest(**who, track_sid=local.track_sid, muted=True)
        )
        assert (muted.track.sid, muted.track.muted) == (local.track_sid, True)
        await until(lambda: local.is_muted, what="the publisher to obey")
        await until(lambda: all(p.is_muted for p in seen.tracks.values()))
        async with refusal("failed_precondition", 412, "remote unmute not enabled"):
            await service.mute_published_track(
                api.MuteRoomTrackRequest(**who, track_sid=local.track_sid, muted=False)
            )

        left = ending(ada)
        await service.remove_participant(api.RoomParticipantIdentity(**who))
        assert await left == (DisconnectReason.PARTICIPANT_REMOVED,)
        await until(lambda: not bob.participants)
        left = ending(bob)
        await service.delete_room(api.DeleteRoomRequest(room=room_name))
        assert await left == (DisconnectReason.ROOM_DELETED,)


async def test_subscriptions_and_permissions_change_live(
    any_server: TestServer, lkapi: api.LiveKitAPI, room_name: str
) -> None:
    async with Space() as first, Space() as second:
        ada = await joined(first, any_server, "ada", room_name)
        bob = await joined(second, any_server, "bob", room_name)
        local = await ada.local_participant.publish_track(await create_local_audio_track("test"))
        (seen,) = bob.participants.values()
        await until(lambda: any(p.stats.frames > 3 for p in seen.tracks.values()), 10)
        (heard,) = seen.tracks.values()
        for wanted in (False, True):
            await lkapi.room.update_subscriptions(
                api.UpdateSubscriptionsRequest(
                    room=room_name, identity="bob", track_sids=[local.track_sid], subscribe=wanted
                )
            )
            before = heard.stats.frames
            await until(lambda w=wanted, b=before: (heard.stats.frames > b + 10) or not w, 10)  # type: ignore[misc]
        permission = models.ParticipantPermission(
            can_subscribe=True, can_publish=False, can_publish_data=True
        )
        info = await lkapi.room.update_participant(
            api.UpdateParticipantRequest(room=room_name, identity="ada", permission=permission)
        )
        assert not info.permission.can_publish
        await until(lambda: not seen.tracks, 10, "the track to be taken")
        info = await lkapi.room.get_participant(
            api.RoomParticipantIdentity(room=room_name, identity="ada")
        )
        assert list(info.tracks) == []


async def test_data_reaches_whom_it_is_meant_for(
    any_server: TestServer, lkapi: api.LiveKitAPI, room_name: str
) -> None:
    async with Space() as first, Space() as second:
        rooms = [
            await joined(space, any_server, name, room_name)
            for space, name in ((first, "ada"), (second, "bob"))
        ]
        got: list[tuple[str, bytes, str | None]] = []
        for room in rooms:
            room.on(
                RoomEvent.DATA_RECEIVED,
                lambda payload, *rest, name=room.local_participant.identity, **_: got.append(
                    (name, bytes(payload), rest[-1])
                ),
            )
        wanted = {("bob", b"one"), ("ada", b"all"), ("bob", b"all")}
        for _ in range(
            10
        ):  # a server drops what it is given for somebody whose channel is not open yet
            await lkapi.room.send_data(
                api.SendDataRequest(
                    room=room_name,
                    data=b"one",
                    kind=models.DataPacket.RELIABLE,
                    destination_identities=["bob"],
                    topic="t",
                )
            )
            await lkapi.room.send_data(
                api.SendDataRequest(room=room_name, data=b"all", kind=models.DataPacket.RELIABLE)
            )
            with contextlib.suppress(AssertionError):
                await until(lambda: {each[:2] for each in got} >= wanted, 1.0)
                break
        assert {each[:2] for each in got} == wanted


async def test_where_we_say_more_than_livekit_server(room_server: TestServer) -> None:
    """It takes any metadata, finds nothing wrong with muting no track, and is silent about data for no room."""
    hall: dict[str, Any] = {"room": "hall"}
    async with (
        api.LiveKitAPI(
            room_server.http_url, room_server.key, room_server.secret, failover=False
        ) as made,
        joining(room_server.url, room_server.token("ada")) as ada,
    ):
        await ada.get("join")
        service, packet = made.room, models.DataPacket.LOSSY
        async with refusal("not_found", 404, "room"):
            await service.send_data(api.SendDataRequest(room="none", data=b"x", kind=packet))
        async with refusal("invalid_argument", 400, "bytes"):
            await service.send_data(api.SendDataRequest(**hall, data=bytes(70_000), kind=packet))
        async with refusal("not_found", 404, "track"):
            await service.mute_published_track(
                api.MuteRoomTrackRequest(**hall, identity="ada", track_sid="TR_none", muted=True)
            )
        for change in (
            service.update_room_metadata(
                api.UpdateRoomMetadataRequest(**hall, metadata="x" * 70_000)
            ),
            service.update_participant(
                api.UpdateParticipantRequest(**hall, identity="ada", metadata="x" * 70_000)
            ),
            service.update_participant(
                api.UpdateParticipantRequest(
                    **hall, identity="ada", attributes={str(n): "x" for n in range(300)}
                )
            ),
            service.create_room(api.CreateRoomRequest(name="")),
            service.create_room(api.CreateRoomRequest(name="r" * 257)),
        ):
            async with refusal("invalid_argument", 400):
                await change


# -- grants, encodings, bad calls: over plain HTTP

Call = tuple[int, dict[str, Any]]


async def call(
    server: TestServer, method: str, body: dict[str, Any], grants: Grants | None
) -> Call:
    headers = {"Content-Type": "application/json"}
    if grants is not None:
        headers["Authorization"] = f"Bearer {server.token('admin', grants=grants)}"
    async with aiohttp.ClientSession() as session:
        url = f"{server.http_url}/twirp/livekit.RoomService/{method}"
        async with session.post(url, data=json.dumps(body), headers=headers) as answer:
            return answer.status, json.loads(await answer.text())


NEEDS = {
    "CreateRoom": "room_create",
    "ListRooms": "room_list",
    "DeleteRoom": "room_create",
    "UpdateRoomMetadata": "room_admin",
    "ListParticipants": "room_admin",
    "GetParticipant": "room_admin",
    "RemoveParticipant": "room_admin",
    "MutePublishedTrack": "room_admin",
    "UpdateParticipant": "room_admin",
    "UpdateSubscriptions": "room_admin",
    "SendData": "room_admin",
}


async def test_each_method_needs_its_grant(any_server: TestServer, room_name: str) -> None:
    for method, needed in NEEDS.items():
        body = {"room": room_name, "name": room_name, "identity": "ada", "names": []}
        everything: dict[str, Any] = {"room_create": True, "room_list": True, "room_admin": True}
        less = Grants(room=room_name, room_join=True, **(everything | {needed: False}))
        for grants in (None, less, Grants(room=room_name, room_join=True)):
            status, answer = await call(any_server, method, body, grants)
            assert (status, answer["code"]) == (401, "unauthenticated"), (method, answer)
            assert answer["msg"] == "permissions denied"
        if needed == "room_admin":
            elsewhere = Grants(room="another", room_admin=True)
            status, answer = await call(any_server, method, body, elsewhere)
            assert status == 401, (method, answer)
        if any_server.kind == "livekit":
            continue  # it waits seconds for a room that is not there
        enough: dict[str, Any] = {needed: True}
        status, answer = await call(any_server, method, body, Grants(room=room_name, **enough))
        assert status != 401, (method, answer)


async def test_json_is_spoken(any_server: TestServer, room_name: str) -> None:
    grants = Grants(room_create=True, room_list=True)
    body = {"name": room_name, "emptyTimeout": 77, "unheard_of": 1}
    status, made = await call(any_server, "CreateRoom", body, grants)
    assert status == 200
    assert made["name"] == room_name
    assert made["empty_timeout"] == 77
    status, listed = await call(any_server, "ListRooms", {"names": [room_name]}, grants)
    assert [room["sid"] for room in listed["rooms"]] == [made["sid"]]


async def test_calls_that_are_none(any_server: TestServer) -> None:
    base = f"{any_server.http_url}/twirp/livekit.RoomService"
    token = any_server.token("admin", grants=Grants(room_list=True))
    headers = {"Authorization": f"Bearer {token}"}
    cases = [
        ("GET", "ListRooms", "application/json", b"{}", 404, "bad_route"),
        ("POST", "Nonsense", "application/json", b"{}", 404, "bad_route"),
        ("POST", "ListRooms", "text/plain", b"{}", 404, "bad_route"),
        ("POST", "ListRooms", "application/json", b"{", 400, "malformed"),
        ("POST", "ListRooms", "application/json", b"[" * 100_000, 400, "malformed"),
        ("POST", "ListRooms", "application/protobuf", b"\xff\xff", 400, "malformed"),
    ]
    async with aiohttp.ClientSession(headers=headers) as session:
        for verb, method, kind, body, status, code in cases:
            async with session.request(
                verb, f"{base}/{method}", data=body, headers={"Content-Type": kind}
            ) as answer:
                assert answer.status == status, (method, kind)
                assert json.loads(await answer.text())["code"] == code
        async with session.post(
            f"{base}/ListRooms",
            data=b"",
            headers={"Content-Type": "application/protobuf", "Authorization": "Bearer x"},
        ) as answer:
            assert answer.status == 401
