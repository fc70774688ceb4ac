"""A room and what its connection brings: tracks to be received, messages, streams and positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engage_tui.sdk.data_inbox import DataInbox
from engage_tui.sdk.enums import DataPacketKind, ParticipantEvent, RoomEvent
from engage_tui.sdk.events import Handler
from engage_tui.sdk.remote_participant import RemoteParticipant
from engage_tui.sdk.room_devices import OutputPort, RoomDevices
from engage_tui.wire import position
from engage_tui.wire.data import CHAT_TOPIC, RELIABLE, Stream

if TYPE_CHECKING:
    from engage_tui.rtc.receiver import Receiver
    from engage_tui.sdk.options import RoomOptions
    from engage_tui.sdk.participant import Participant


class RoomIntake(RoomDevices):
    """The side of a `Room` that takes media and data from the connection (`ConnectionOwner`)."""

    def __init__(self, space: OutputPort, url: str, options: RoomOptions) -> None:
        super().__init__(space, url, options)
        self._receivers: dict[str, Receiver] = {}
        self._inbox = DataInbox()
        self._stream_handlers: dict[str, Handler] = {}

    def on_receiver(self, receiver: Receiver) -> None:
        """See `ConnectionOwner`."""
        self._receivers[receiver.track_sid] = receiver
        _, publication = self.find_publication(receiver.track_sid)
        if publication is not None and publication.is_desired:
            publication._received(receiver)

    def on_receiver_gone(self, receiver: Receiver) -> None:
        """See `ConnectionOwner`."""
        if self._receivers.get(receiver.track_sid) is not receiver:
            return
        del self._receivers[receiver.track_sid]
        _, publication = self.find_publication(receiver.track_sid)
        if publication is not None:
            publication._dropped()

    def on_buffer_status(self, label: str, is_low: bool) -> None:
        """See `ConnectionOwner`."""
        kind = DataPacketKind.RELIABLE if label == RELIABLE else DataPacketKind.LOSSY
        self.emit(RoomEvent.DC_BUFFER_STATUS_CHANGED, is_low, kind)

    def on_data(self, label: str, payload: bytes) -> None:
        """See `ConnectionOwner`."""
        packet = self._inbox.take(label, payload)
        if packet is None or (self._local is not None and self._local._rpc.take(packet)):
            return
        participant = self._by_sid(packet.participant_sid)
        if participant is None:
            participant = self.get_participant_by_identity(packet.participant_identity)
        kind = DataPacketKind.RELIABLE if label == RELIABLE else DataPacketKind.LOSSY
        match packet.WhichOneof("value"):
            case "user" if packet.user.topic == position.TOPIC:
                placement = position.decode(packet.user.payload)
                if placement is not None and isinstance(participant, RemoteParticipant):
                    participant._synchronised(placement)
            case "user":
                self._received(packet.user.payload, participant, kind, packet.user.topic)
            case "chat_message":  # as older web clients send it
                words = packet.chat_message.message.encode()
                self._received(words, participant, kind, CHAT_TOPIC)
            case _:
                stream = self._inbox.stream(packet)
                if stream is not None:
                    self._stream_received(stream, participant, kind)

    def _stream_received(
        self, stream: Stream, participant: Participant[Any] | None, kind: DataPacketKind
    ) -> None:
        handler = self._stream_handlers.get(stream.topic)
        if handler is not None:
            self.call(handler, stream, participant)
        else:
            self._received(stream.content, participant, kind, stream.topic)

    def _received(
        self, payload: bytes, sender: Participant[Any] | None, kind: DataPacketKind, topic: str
    ) -> None:
        if sender is not None:
            sender.emit(ParticipantEvent.DATA_RECEIVED, payload, kind)
        self.emit(RoomEvent.DATA_RECEIVED, payload, sender, kind, topic)

    def register_stream_handler(self, topic: str, handler: Handler) -> None:
        """Have streams on `topic` given whole to `handler(stream, participant)` instead of ``DATA_RECEIVED``.

        Args:
            topic: The streams' topic.
            handler: Gets a `Stream` (kind, name, type, attributes, content) and who sent it; may be a coroutine
                function.
        """
        self._stream_handlers[topic] = handler

    def unregister_stream_handler(self, topic: str) -> None:
        """Have streams on `topic` reported as ``DATA_RECEIVED`` again."""
        self._stream_handlers.pop(topic, None)
