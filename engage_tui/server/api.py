"""LiveKit's RoomService: rooms and participants managed over HTTP by whoever holds a key."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web
from livekit.protocol import models, rtc
from livekit.protocol import room as api

from engage_tui.server import permissions
from engage_tui.server.client import Client
from engage_tui.server.requests import (
    MAX_ATTRIBUTES,
    MAX_METADATA,
    MAX_NAME,
    MAX_WANTED,
    attributes_fit,
    merge_attributes,
    set_subscribed,
)
from engage_tui.server.room import Room
from engage_tui.server.twirp import Method, Service, TwirpError
from engage_tui.wire.data import LOSSY, MAX_PACKET, RELIABLE
from engage_tui.wire.token import Claims

if TYPE_CHECKING:
    from engage_tui.server.app import RunningServer

_log = logging.getLogger(__name__)

_NO_ROOM = "requested room does not exist"
_NO_PARTICIPANT = "participant does not exist"
_MAX_TIMEOUT = 30 * 24 * 3600  # seconds; a room that waits longer is a mistake

Answer = Any  # the protobuf class that the method's name implies


class RoomService:
    """The methods of ``livekit.RoomService`` on one server.

    Each checks the token's grants: making and deleting rooms needs ``roomCreate``, listing them ``roomList``, the
    rest ``roomAdmin`` for that very room.
    """

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._service = Service(
            {
                "CreateRoom": _creating(api.CreateRoomRequest, self._create_room),
                "ListRooms": Method(api.ListRoomsRequest, self._list_rooms),
                "DeleteRoom": _creating(api.DeleteRoomRequest, self._delete_room),
                "UpdateRoomMetadata": self._admin(
                    api.UpdateRoomMetadataRequest, self._update_room_metadata
                ),
                "ListParticipants": self._admin(
                    api.ListParticipantsRequest, self._list_participants
                ),
                "SendData": self._admin(api.SendDataRequest, self._send_data),
                "GetParticipant": self._person(api.RoomParticipantIdentity, _get_participant),
                "RemoveParticipant": self._person(api.RoomParticipantIdentity, _remove_participant),
                "MutePublishedTrack": self._person(api.MuteRoomTrackRequest, _mute_published_track),
                "UpdateParticipant": self._person(
                    api.UpdateParticipantRequest, _update_participant
                ),
                "UpdateSubscriptions": self._person(
                    api.UpdateSubscriptionsRequest, _update_subscriptions
                ),
                "ForwardParticipant": Method(api.ForwardParticipantRequest, _unimplemented),
                "MoveParticipant": Method(api.MoveParticipantRequest, _unimplemented),
                "PerformRpc": Method(api.PerformRpcRequest, _unimplemented),
            },
            server.config.keys,
        )

    def add_routes(self, application: web.Application) -> None:
        """Serve the methods under LiveKit's paths."""
        application.router.add_route(
            "*", "/twirp/livekit.RoomService/{method}", self._service.handle
        )

    # -- rooms

    def _create_room(self, request: api.CreateRoomRequest) -> models.Room:
        if not request.name:
            raise TwirpError("invalid_argument", "no room name")
        if len(request.name) > MAX_NAME:
            raise TwirpError(
                "invalid_argument", f"room name length exceeds limits: max length {MAX_NAME}"
            )
        _check_metadata(request.metadata)
        limits = self._server.config.limits
        if request.name not in self._server.rooms and len(self._server.rooms) >= limits.rooms:
            raise TwirpError(
                "resource_exhausted",
                f"node has exceeded its configured limit of {limits.rooms} rooms",
            )
        room = self._server.open_room(request.name)
        info = room.info
        info.empty_timeout = min(request.empty_timeout, _MAX_TIMEOUT) or info.empty_timeout
        info.departure_timeout = (
            min(request.departure_timeout, _MAX_TIMEOUT) or info.departure_timeout
        )
        info.max_participants = request.max_participants or info.max_participants
        if request.metadata:
            info.metadata = request.metadata
            room.tell_info()
        return info

    def _list_rooms(self, claims: Claims, request: Any) -> api.ListRoomsResponse:
        if not claims.grants.room_list:
            raise _denied()
        names = set(request.names)
        rooms = self._server.rooms.values()
        return api.ListRoomsResponse(
            rooms=[room.info for room in rooms if not names or room.info.name in names]
        )

    def _delete_room(self, request: api.DeleteRoomRequest) -> api.DeleteRoomResponse:
        self._server.close_room(self._find(request.room), models.DisconnectReason.ROOM_DELETED)
        return api.DeleteRoomResponse()

    def _update_room_metadata(self, request: api.UpdateRoomMetadataRequest) -> models.Room:
        room = self._find(request.room)
        _check_metadata(request.metadata)
        room.info.metadata = request.metadata
        room.tell_info()
        return room.info

    def _list_participants(
        self, request: api.ListParticipantsRequest
    ) -> api.ListParticipantsResponse:
        room = self._server.rooms.get(request.room)
        clients = [] if room is None else room.clients.values()
        return api.ListParticipantsResponse(participants=[client.info for client in clients])

    def _send_data(self, request: api.SendDataRequest) -> api.SendDataResponse:
        room = self._find(request.room)
        if len(request.data) > MAX_PACKET:
            raise TwirpError("invalid_argument", f"data has at most {MAX_PACKET} bytes")
        sids = set(request.destination_sids)
        targets = {client.identity for client in room.clients.values() if client.sid in sids}
        targets |= set(request.destination_identities)
        if sids and not targets:
            return (
                api.SendDataResponse()
            )  # nobody of those is here; an empty set would mean everybody
        packet = models.DataPacket(
            kind=request.kind,
            destination_identities=request.destination_identities,
            user=models.UserPacket(
                payload=request.data,
                destination_identities=request.destination_identities,
                nonce=request.nonce,
            ),
        )
        if request.HasField("topic"):
            packet.user.topic = request.topic
        label = LOSSY if request.kind == models.DataPacket.LOSSY else RELIABLE
        room.deliver(label, packet, targets)
        return api.SendDataResponse()

    # -- the grants, and who is meant

    def _find(self, name: str) -> Room:
        if (room := self._server.rooms.get(name)) is None:
            raise TwirpError("not_found", _NO_ROOM)
        return room

    def _admin(self, request: Callable[[], Any], call: Callable[[Any], Answer]) -> Method:
        def checked(claims: Claims, message: Any) -> Answer:
            _check_admin(claims, message.room)
            return call(message)

        return Method(request, checked)

    def _person(self, request: Callable[[], Any], call: Callable[[Client, Any], Answer]) -> Method:
        def checked(claims: Claims, message: Any) -> Answer:
            _check_admin(claims, message.room)
            room = self._server.rooms.get(message.room)
            client = None if room is None else room.clients.get(message.identity)
            if client is None:
                raise TwirpError("not_found", _NO_PARTICIPANT)
            return call(client, message)

        return Method(request, checked)


def _creating(request: Callable[[], Any], call: Callable[[Any], Answer]) -> Method:
    def checked(claims: Claims, message: Any) -> Answer:
        if not claims.grants.room_create:
            raise _denied()
        return call(message)

    return Method(request, checked)


def _check_admin(claims: Claims, room: str) -> None:
    if not claims.grants.room_admin or not room or claims.grants.room != room:
        raise _denied()


def _denied() -> TwirpError:
    return TwirpError("unauthenticated", "permissions denied")


def _check_metadata(metadata: str) -> None:
    if len(metadata.encode()) > MAX_METADATA:
        raise TwirpError("invalid_argument", "metadata size exceeds limits")


# -- participants


def _get_participant(client: Client, _request: Any) -> models.ParticipantInfo:
    return client.info


def _remove_participant(client: Client, _request: Any) -> api.RemoveParticipantResponse:
    _log.info("%r is removed from %r", client.identity, client.room.info.name)
    client.leave(models.DisconnectReason.PARTICIPANT_REMOVED, rtc.LeaveRequest.Action.DISCONNECT)
    return api.RemoveParticipantResponse()


def _mute_published_track(
    client: Client, request: api.MuteRoomTrackRequest
) -> api.MuteRoomTrackResponse:
    if not request.muted:
        # Nobody but its owner may open a microphone.
        raise TwirpError("failed_precondition", "remote unmute not enabled")
    track = client.publisher.tracks.get(request.track_sid)
    if track is None:
        raise TwirpError("not_found", "track is not found")
    client.send(rtc.SignalResponse(mute=rtc.MuteTrackRequest(sid=track.sid, muted=True)))
    if track.mute(True, time.monotonic()):
        client.publish_state(track)
    return api.MuteRoomTrackResponse(track=track.info)


def _update_participant(
    client: Client, request: api.UpdateParticipantRequest
) -> models.ParticipantInfo:
    _check_metadata(request.metadata)
    if len(request.name) > MAX_NAME:
        raise TwirpError("invalid_argument", "participant name length exceeds limits")
    if not attributes_fit(client.info, request.attributes):
        raise TwirpError(
            "invalid_argument",
            f"attributes exceed limits: {MAX_ATTRIBUTES} of them, {MAX_METADATA} bytes in all",
        )
    client.info.metadata = request.metadata or client.info.metadata
    client.info.name = request.name or client.info.name
    merge_attributes(client.info, request.attributes)
    if request.HasField("permission"):
        permissions.change(client, request.permission)
    client.announce()
    return client.info


def _update_subscriptions(
    client: Client, request: api.UpdateSubscriptionsRequest
) -> api.UpdateSubscriptionsResponse:
    sids = [*request.track_sids, *(s for p in request.participant_tracks for s in p.track_sids)]
    for track_sid in sids[:MAX_WANTED]:
        set_subscribed(client, track_sid, wanted=request.subscribe)
    return api.UpdateSubscriptionsResponse()


def _unimplemented(_claims: Claims, _request: Any) -> Answer:
    raise TwirpError(
        "unimplemented",
        "this server does not move, forward or call participants; livekit-server may",
    )
