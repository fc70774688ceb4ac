"""What the local participant says of itself, and who may have its tracks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from livekit.protocol import models, rtc

from engage_tui.errors import RefusedError
from engage_tui.sdk.local_publication import LocalTrackPublication
from engage_tui.sdk.participant import Participant, RoomPort

if TYPE_CHECKING:
    from engage_tui.sdk.connection import Connection

NOT_ALLOWED = "Ask for a token that allows it."
"""What to do about a missing grant."""


class LocalRoomPort(RoomPort, Protocol):
    """What the local participant needs of the room beyond the others' needs."""

    async def settled(self) -> Connection:
        """The connection, once a running reconnect has ended.

        Raises:
            ConnectError: The room is not connected.
        """


@dataclass(frozen=True, slots=True)
class ParticipantTrackPermission:
    """What one participant may subscribe of ours.

    Attributes:
        participant_identity: Who.
        allow_all: All our tracks, those to come too.
        allowed_track_sids: If not all, these.
    """

    participant_identity: str
    allow_all: bool = False
    allowed_track_sids: tuple[str, ...] = ()


class LocalProfile(Participant[LocalTrackPublication]):
    """Ourselves as the others see us."""

    def __init__(self, info: models.ParticipantInfo, room: LocalRoomPort) -> None:
        super().__init__(info, room)
        self._local_room = room
        self._permitted: tuple[bool, tuple[ParticipantTrackPermission, ...]] = (True, ())

    async def set_name(self, name: str) -> None:
        """Change the name for people; an empty one changes nothing, as LiveKit has it.

        Raises:
            RefusedError: The token does not allow it, or the server finds it too long.
            ConnectError: There is no connection, or no answer.
        """
        await self._update(rtc.UpdateParticipantMetadata(name=name))

    async def set_metadata(self, metadata: str) -> None:
        """Change the application's free text; raises as `set_name`, and an empty one changes nothing."""
        await self._update(rtc.UpdateParticipantMetadata(metadata=metadata))

    async def set_attributes(self, attributes: Mapping[str, str]) -> None:
        """Change some of the application's fields; an empty value removes one. Raises as `set_name`."""
        await self._update(rtc.UpdateParticipantMetadata(attributes=dict(attributes)))

    async def _update(self, request: rtc.UpdateParticipantMetadata) -> None:
        if not self.permissions.can_update_metadata:
            raise RefusedError(
                "The token does not allow changing one's own name and metadata.", NOT_ALLOWED
            )
        connection = await self._local_room.settled()
        response = await connection.request(rtc.SignalRequest(update_metadata=request))
        if response.reason == rtc.RequestResponse.NOT_ALLOWED:
            raise RefusedError("The server does not allow changing name and metadata.", NOT_ALLOWED)
        if response.reason != rtc.RequestResponse.OK:
            reason = rtc.RequestResponse.Reason.Name(response.reason).lower().replace("_", " ")
            raise RefusedError(
                f"The server refuses the change ({reason}).", "Try something shorter."
            )

    def set_track_subscription_permissions(
        self,
        all_participants_allowed: bool,
        participant_track_permissions: Iterable[ParticipantTrackPermission] = (),
    ) -> None:
        """Say who may subscribe our tracks; holds for this session and, with new SIDs, after a rejoin.

        Args:
            all_participants_allowed: No restriction; the list is then ignored.
            participant_track_permissions: Whom to let; everybody else gets nothing.
        """
        self._permitted = all_participants_allowed, tuple(participant_track_permissions)
        self._send_permitted()

    def _permit_again(self, new_sids: Mapping[str, str]) -> None:
        """The tracks have new SIDs: say again who may have them."""
        everybody, permissions = self._permitted
        if everybody:
            return
        self._permitted = (
            everybody,
            tuple(
                replace(
                    each,
                    allowed_track_sids=tuple(
                        new_sids.get(sid, sid) for sid in each.allowed_track_sids
                    ),
                )
                for each in permissions
            ),
        )
        self._send_permitted()

    def _send_permitted(self) -> None:
        everybody, permissions = self._permitted
        request = rtc.SignalRequest()
        request.subscription_permission.all_participants = everybody
        for each in permissions:
            request.subscription_permission.track_permissions.add(
                participant_identity=each.participant_identity,
                all_tracks=each.allow_all,
                track_sids=each.allowed_track_sids,
            )
        self.send(request)
