"""One connection of a call: our own offers and answers, and the tracks that they bring and send.

LiveKit's v0 path has two: on the publisher's we offer and send, on the subscriber's we answer and receive. On its v1
path one carries both directions: it is the publisher's, and offers sections to receive in too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engage_tui.errors import ConnectError
from engage_tui.rtc import sections
from engage_tui.rtc.audio_receiver import AudioReceiver
from engage_tui.rtc.bundle import Bundle, PeerRole, ignore
from engage_tui.rtc.feedback import FeedbackPath
from engage_tui.rtc.opus import FRAME, SHORT_FRAME
from engage_tui.rtc.receiver import Receiver
from engage_tui.rtc.sender import AudioSender, Sender
from engage_tui.rtc.video_receiver import VideoReceiver
from engage_tui.rtc.video_sender import ONE_LAYER, Layer, VideoSender
from engage_tui.wire.sdp import Codec, Description, Section

if TYPE_CHECKING:
    from engage_tui.rtc.receiver import Stream

__all__ = ["MAX_SECTIONS", "Peer", "PeerRole"]

MAX_SECTIONS = 512
"""Sections of one description; a server that wants more is not followed."""

FIRST_SECTIONS = 3
"""Sections of each kind that the first offer of a shared connection has to receive in, as LiveKit's clients do."""


@dataclass(slots=True)
class _Slot:
    """One section of ours, kept for ever and used again when its track has gone."""

    mid: str
    kind: str
    codecs: list[Codec] = field(default_factory=list)
    sender: AudioSender | VideoSender | None = None
    offered: AudioSender | VideoSender | None = None  # as in our last offer
    layered: bool = False  # carries simulcast, or did
    receives: bool = False  # for a track of the server's


class Peer(Bundle):
    """One connection of a call.

    Args:
        role: `PUBLISHER` offers and sends, `SUBSCRIBER` answers and receives.
        shared: The publisher's receives too.
        on_receiver: Called with each new incoming track, before its first packet.
        on_receiver_gone: Called when an incoming track is no longer announced, and for all at `close`.
        on_data: As `Bundle`.
        on_buffer: As `Bundle`.
        on_closed: As `Bundle`.
        on_silence: As `Bundle`.
    """

    def __init__(
        self,
        role: PeerRole,
        *,
        shared: bool = False,
        on_receiver: Callable[[Receiver], None] | None = None,
        on_receiver_gone: Callable[[Receiver], None] | None = None,
        on_data: Callable[[str, bytes], None] | None = None,
        on_buffer: Callable[[str, bool], None] | None = None,
        on_closed: Callable[[str], None] | None = None,
        on_silence: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(
            role,
            on_data=on_data,
            on_buffer=on_buffer,
            on_closed=on_closed,
            on_silence=on_silence,
        )
        self._on_receiver = on_receiver or ignore
        self._on_receiver_gone = on_receiver_gone or ignore
        self._slots = [_Slot("0", "application")]
        self._shared = shared
        if shared:
            self.add_sections(FIRST_SECTIONS, FIRST_SECTIONS)
        self._receivers: dict[str, Receiver] = {}
        self._refused: set[Sender] = set()  # by the last answer
        self._feedback = FeedbackPath(self._dtls, lambda: self._receivers.values())

    def _media_begin(self) -> None:
        self._tasks.spawn(self._feedback.send_waiting(), "feedback")
        self._tasks.spawn(self._feedback.send_reports(), "reports")

    async def _media_end(self) -> None:
        for mid in list(self._receivers):
            self._drop(mid)
        for slot in self._slots:
            if slot.sender is not None:
                await slot.sender.close()

    # -- receiving ---------------------------------------------------------------------------------

    async def answer(self, sdp: str) -> str:
        """Take the server's offer and answer it; at any time, also while the connection is being made.

        Raises:
            SdpError: The offer cannot be understood.
        """
        offer = Description.parse(sdp)
        if len(offer.sections) > MAX_SECTIONS:
            raise ConnectError("The server offers too many media sections.")
        await self._take_transport(offer)
        answers = []
        for section in offer.sections:
            codecs = sections.takeable(section)
            stream = sections.stream_of(section, codecs)
            self._assign(section.mid, stream, codecs)
            answers.append(sections.answer_to(section, codecs, live=stream is not None))
        for mid in set(self._receivers) - {section.mid for section in offer.sections}:
            self._drop(mid)
        return self._describe(answers, setup="active")

    def _assign(self, mid: str, stream: Stream | None, codecs: list[Codec]) -> None:
        """Have a section's stream received by a receiver of its own; a new stream gets a new one."""
        current = self._receivers.get(mid)
        if current is not None and current.stream == stream:
            return
        if current is not None:
            self._drop(mid)
        if stream is None:
            return
        kind = AudioReceiver if stream.kind == "audio" else VideoReceiver
        receiver = kind(stream, codecs, self._feedback.send, self._feedback.ssrc)
        receiver.round_trip = self._feedback.round_trip.seconds
        self._receivers[mid] = receiver
        self._dtls._register_rtp_receiver(  # noqa: SLF001
            receiver,
            sections.receive_parameters(stream, codecs),
        )
        self._tell(self._on_receiver, receiver)

    def _drop(self, mid: str) -> None:
        receiver = self._receivers.pop(mid)
        self._dtls._unregister_rtp_receiver(receiver)  # noqa: SLF001
        receiver.close()
        self._tell(self._on_receiver_gone, receiver)

    @property
    def track_sids(self) -> set[str]:
        """What comes in, or is about to."""
        return {receiver.track_sid for receiver in self._receivers.values()}

    def add_sections(self, audios: int, videos: int) -> None:
        """Have the next offer of a shared connection name so many more sections to receive in."""
        for kind, count in (("audio", audios), ("video", videos)):
            for _ in range(min(count, MAX_SECTIONS - len(self._slots))):
                self._slots.append(_Slot(str(len(self._slots)), kind, receives=True))

    # -- sending -----------------------------------------------------------------------------------

    def add_audio_sender(self, cid: str, *, low_latency: bool = False) -> AudioSender:
        """Prepare to send sound as the track `cid`; it flows once the next offer is answered.

        Args:
            cid: Our name for the track.
            low_latency: Packets of 10 ms instead of 20.
        """
        sender = AudioSender(cid, self._dtls, SHORT_FRAME if low_latency else FRAME)
        self._place(sender)
        return sender

    def add_video_sender(
        self,
        cid: str,
        *,
        codec: str = "vp8",
        bitrate: int = 0,
        layers: Sequence[Layer] = ONE_LAYER,
    ) -> VideoSender:
        """Prepare to send pictures as the track `cid`; they flow once the next offer is answered.

        Args:
            cid: Our name for the track.
            codec: ``vp8`` or ``h264``.
            bitrate: Bits a second of the largest layer; 0 chooses by the picture's size.
            layers: The sizes to send, the smallest first.
        """
        sender = VideoSender(cid, self._dtls, codec=codec, bitrate=bitrate, layers=layers)
        self._place(sender)
        return sender

    async def remove_sender(self, sender: Sender) -> None:
        """Stop sending a track; its section turns inactive with the next offer, and is used again."""
        for slot in self._slots:
            if slot.sender is sender:
                slot.sender = None
        await sender.close()

    async def offer(self, *, restart: bool = False) -> str:
        """The next offer: data channels first, then a section for each track there ever was, or may be.

        Args:
            restart: Restart ICE: new sockets and credentials below the same keys; media go on meanwhile.
        """
        if restart and self._up.is_set():
            await self._ice.restart(controlling=True)
        await self._ice.gather(controlling=True)
        own = []
        for slot in self._slots:
            if slot.kind == "application":
                own.append(
                    Section("application", mid=slot.mid, sctp_port=5000, max_message_size=65535)
                )
                continue
            if slot.receives:
                own.append(sections.receiving_section(slot.mid, slot.kind))
                continue
            sender = slot.offered = slot.sender
            own.append(
                sections.offered_section(
                    slot.mid,
                    slot.kind,
                    slot.codecs,
                    sender,
                    layered=slot.layered,
                    shared=self._shared,
                )
            )
        return self._describe(own, setup="actpass")

    async def apply_answer(self, sdp: str) -> None:
        """Take the server's answer to our last offer; accepted tracks start once the connection stands.

        Raises:
            SdpError: The answer cannot be understood.
        """
        answer = Description.parse(sdp)
        await self._take_transport(answer)
        accepted: list[tuple[AudioSender | VideoSender, Section]] = []
        self._refused.clear()
        for slot in self._slots:
            section = answer.section(slot.mid)
            if slot.receives and section is not None:
                taken = sections.takeable(section)
                self._assign(slot.mid, sections.stream_of(section, taken), taken)
            if slot.offered is None or section is None:
                continue
            codecs = sections.accepted_codecs(slot.codecs, section)
            if codecs:
                accepted.append((slot.offered, replace(section, codecs=codecs)))
            else:
                self._refused.add(slot.offered)
        self._tasks.spawn(self._start_senders(accepted), "start_senders")

    def refuses(self, sender: Sender) -> bool:
        """Whether the last answer rejected a track, or takes it only in codecs that we did not offer."""
        return sender in self._refused

    async def _start_senders(
        self, accepted: list[tuple[AudioSender | VideoSender, Section]]
    ) -> None:
        await self._up.wait()
        for sender, section in accepted:
            if section.direction in ("recvonly", "sendrecv") and not self._failure:
                rids = [rid for rid, direction in section.rids if direction == "recv"]
                await sender.start(sections.send_parameters(section), rids)

    def _place(self, sender: AudioSender | VideoSender) -> None:
        codecs = sections.offered_codecs(sender.kind, sender.codec)
        layered = bool(sender.rids)
        free = (
            s for s in self._slots if s.kind == sender.kind and s.sender is None and not s.receives
        )
        alike = (s for s in free if s.codecs[0].is_a(codecs[0].name) and s.layered == layered)
        # livekit-server (pion) takes the next track's layers for the last one's, by their names, unless an offer in
        # between had none.
        slot = next((s for s in alike if not layered or s.offered is None), None)
        if slot is None:
            slot = _Slot(str(len(self._slots)), sender.kind, codecs, layered=layered)
            self._slots.append(slot)
        slot.sender = sender
