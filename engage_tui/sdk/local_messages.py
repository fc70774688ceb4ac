"""What the local participant sends to the others besides tracks: packets, streams, calls, its position."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from livekit.protocol import models

from engage_tui.errors import ConnectError, RefusedError
from engage_tui.sdk.enums import DataPacketKind
from engage_tui.sdk.local_profile import NOT_ALLOWED, LocalProfile, LocalRoomPort
from engage_tui.sdk.rpc import Method, Rpc
from engage_tui.spatial import vectors
from engage_tui.wire import data, position

POSITION_INTERVAL = 0.1
"""Seconds between two position packets while moving."""

POSITION_REPEAT = 2.0
"""Seconds after which the position is sent again, for who came late or missed it."""


class LocalMessages(LocalProfile):
    """Ourselves as a sender of messages."""

    def __init__(self, info: models.ParticipantInfo, room: LocalRoomPort) -> None:
        super().__init__(info, room)
        self._reliable_number = 0
        self._rpc = Rpc(self._send_reliable, room.tasks)
        self._placement: position.Placement | None = None
        self._placed = asyncio.Event()

    # -- packets and streams -----------------------------------------------------------------------

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
        reliable = kind is DataPacketKind.RELIABLE
        if isinstance(payload, str) and topic == data.CHAT_TOPIC and reliable:
            await self.send_text(payload, topic=topic, destination=destination)
            return
        raw = payload.encode() if isinstance(payload, str) else payload
        packet = data.user_packet(raw, reliable=reliable, topic=topic, destinations=destination)
        await self._send_packets([packet], data.RELIABLE if reliable else data.LOSSY)

    async def send_text(
        self,
        text: str,
        *,
        topic: str = data.CHAT_TOPIC,
        destination: Sequence[str] = (),
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Send text of any length as a text stream; raises as `publish_data`."""
        stream = data.Stream("text", topic, text.encode(), attributes=attributes or {})
        await self._send_packets(data.stream_packets(stream, destination), data.RELIABLE)

    async def send_bytes(
        self,
        content: bytes,
        *,
        name: str = "",
        topic: str = "",
        mime_type: str = "application/octet-stream",
        destination: Sequence[str] = (),
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Send a file or other bytes as a byte stream, as fast as leaves room for others; raises as `publish_data`."""
        stream = data.Stream("bytes", topic, content, mime_type, name, attributes or {})
        await self._send_packets(data.stream_packets(stream, destination), data.RELIABLE)

    # -- remote procedure calls --------------------------------------------------------------------

    async def perform_rpc(
        self, destination_identity: str, method: str, payload: str = "", timeout: float = 15.0
    ) -> str:
        """Call a method that another participant registered; returns its answer.

        Raises:
            RpcError: It failed; its `code` says why.
        """
        return await self._rpc.perform(destination_identity, method, payload, timeout)

    def register_rpc_method(self, name: str, method: Method) -> None:
        """Answer other participants' calls of `name`; an `RpcError` that it raises reaches the caller."""
        self._rpc.register(name, method)

    def unregister_rpc_method(self, name: str) -> None:
        """Answer calls of `name` no more."""
        self._rpc.unregister(name)

    # -- position ----------------------------------------------------------------------------------

    def set_position(self, x: float, y: float, z: float) -> None:
        """Say where we are, in metres; sent to the others if the space synchronises positions.

        This is not the listener's position. In the space's coordinate system.

        Raises:
            UsageError: A coordinate is not finite, or beyond a thousand kilometres.
        """
        before = self._placement
        orientation = before.orientation if before is not None else position.IDENTITY
        inward = self._room.axes.inward(vectors.place(x, y, z))
        self._place(position.Placement((inward.x, inward.y, inward.z), orientation))

    def set_orientation_quaternion(self, x: float, y: float, z: float, w: float) -> None:
        """Say where we look, as a unit quaternion; it matters to who hears us with a directivity.

        Raises:
            UsageError: It is not finite, or has not length 1.
        """
        before = self._placement
        place = before.position if before is not None else (0.0, 0.0, 0.0)
        turn = self._room.axes.inward_rotation(vectors.rotation(x, y, z, w))
        self._place(position.Placement(place, (turn.x, turn.y, turn.z, turn.w)))

    def _place(self, placement: position.Placement) -> None:
        if placement != self._placement:
            self._placement = placement
            self._placed.set()

    async def _share_position(self) -> None:
        """Send the position on change, and now and then without one; until cancelled."""
        while True:
            try:
                async with asyncio.timeout(POSITION_REPEAT):
                    await self._placed.wait()
            except TimeoutError:
                pass  # time to say it again
            self._placed.clear()
            if self._placement is not None and self.permissions.can_publish_data:
                payload = position.encode(self._placement)
                try:
                    await self.publish_data(payload, DataPacketKind.LOSSY, topic=position.TOPIC)
                except ConnectError:
                    await asyncio.sleep(POSITION_REPEAT)  # the room is being joined again
            await asyncio.sleep(POSITION_INTERVAL)

    # -- below -------------------------------------------------------------------------------------

    async def _send_reliable(self, packet: models.DataPacket) -> None:
        await self._send_packets([packet], data.RELIABLE)

    async def _send_packets(self, packets: Iterable[models.DataPacket], label: str) -> None:
        if not self.permissions.can_publish_data:
            raise RefusedError("The token does not allow sending data.", NOT_ALLOWED)
        connection = await self._local_room.settled()
        peer = connection.publisher
        if peer is None:
            raise ConnectError("The room is not connected.", "Join it first.")
        await peer.data_ready(label)
        for packet in packets:
            if label == data.RELIABLE:
                # A long stream waits for its turn; a single packet leaves at once.
                if packet.WhichOneof("value") == "stream_chunk":
                    await peer.data_drained(label)
                self._reliable_number += 1
                packet.sequence = self._reliable_number
            encoded = packet.SerializeToString()
            if len(encoded) > data.MAX_PACKET:
                raise ConnectError(
                    f"A message of {len(encoded)} bytes is too long.",
                    f"At most {data.MAX_PACKET} bytes travel in one; send_bytes takes any length.",
                )
            peer.send_data(label, encoded)
