"""What the local participant sends to the others besides tracks."""

from __future__ import annotations

from collections.abc import Sequence

from livekit.protocol import models

from engage_tui.errors import ConnectError, RefusedError
from engage_tui.sdk.enums import DataPacketKind
from engage_tui.sdk.local_profile import NOT_ALLOWED, LocalProfile, LocalRoomPort
from engage_tui.wire import data


class LocalMessages(LocalProfile):
    """Ourselves as a sender of messages."""

    def __init__(self, info: models.ParticipantInfo, room: LocalRoomPort) -> None:
        super().__init__(info, room)
        self._reliable_number = 0

    async def publish_data(
        self,
        payload: bytes | str,
        kind: DataPacketKind = DataPacketKind.RELIABLE,
        *,
        destination: Sequence[str] = (),
        topic: str = "",
    ) -> None:
        """Send a message to everybody, or to the identities in `destination`.

        Text on the topic ``lk.chat`` travels as a text stream, which LiveKit's web clients show as chat.

        Raises:
            ConnectError: There is no connection, or the message is too long.
            RefusedError: The token does not allow it.
        """
        if not self.permissions.can_publish_data:
            raise RefusedError("The token does not allow sending data.", NOT_ALLOWED)
        connection = await self._local_room.settled()
        peer = connection.publisher
        if peer is None:
            raise ConnectError("The room is not connected.", "Join it first.")
        reliable = kind is DataPacketKind.RELIABLE
        label = data.RELIABLE if reliable else data.LOSSY
        await peer.data_ready(label)
        if isinstance(payload, str) and topic == data.CHAT_TOPIC and reliable:
            packets = data.text_stream(payload, topic=topic, destinations=destination)
        else:
            raw = payload.encode() if isinstance(payload, str) else payload
            packets = [
                data.user_packet(raw, reliable=reliable, topic=topic, destinations=destination)
            ]
        for packet in packets:
            if reliable:
                self._reliable_number += 1
                packet.sequence = self._reliable_number
            encoded = packet.SerializeToString()
            if len(encoded) > data.MAX_PACKET:
                raise ConnectError(
                    f"A message of {len(encoded)} bytes is too long.",
                    f"At most {data.MAX_PACKET} bytes travel in one.",
                )
            peer.send_data(label, encoded)
