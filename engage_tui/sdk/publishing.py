"""The two steps before a track of ours is published: announced, then offered; several can be offered together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livekit.protocol import models

from engage_tui.errors import ConnectError, PublishError
from engage_tui.sdk.announcement import announcement, layers_of
from engage_tui.sdk.enums import TrackKind
from engage_tui.sdk.local_track import LocalAudioTrack, LocalTrack
from engage_tui.sdk.options import TrackPublishOptions

if TYPE_CHECKING:
    from engage_tui.rtc.peer import Peer
    from engage_tui.rtc.sender import AudioSender
    from engage_tui.rtc.video_sender import VideoSender
    from engage_tui.sdk.connection import Connection


@dataclass(frozen=True, slots=True)
class Prepared:
    """A track that the server knows by name, and that the next offer carries.

    Attributes:
        info: What the server says of it.
        sender: Sends it, once the offer is answered.
        peer: The connection on which it does.
    """

    track: LocalTrack
    options: TrackPublishOptions
    info: models.TrackInfo
    sender: AudioSender | VideoSender
    peer: Peer

    @property
    def refusal(self) -> PublishError | None:
        """Why the answer does not take it, if it does not."""
        if not self.peer.refuses(self.sender):
            return None
        return PublishError(
            f"The server takes no {self.sender.codec} from us.", "Publish it in another codec."
        )

    async def take_back(self) -> None:
        """Send it no more; its section turns inactive with the next offer."""
        self.track._connect(None)
        await self.peer.remove_sender(self.sender)


async def prepare(
    connection: Connection, track: LocalTrack, options: TrackPublishOptions
) -> Prepared:
    """Announce a track and make its sender; `Connection.negotiate` then offers it.

    Raises:
        ConnectError: There is no connection, or it ends meanwhile.
        PublishError: The server does not allow it.
    """
    peer = connection.publisher
    if peer is None:
        raise ConnectError("The room is not connected.", "Join it first.")
    layers = layers_of(track, options)
    request = announcement(track, options, layers)
    info = await connection.announce(request)
    sender: AudioSender | VideoSender
    if track.kind is TrackKind.AUDIO:
        low_latency = isinstance(track, LocalAudioTrack) and track.low_latency
        sender = peer.add_audio_sender(request.cid, low_latency=low_latency)
    else:
        sender = peer.add_video_sender(
            request.cid,
            codec=options.video_codec,
            bitrate=options.bitrate,
            layers=layers,
        )
    track._connect(sender)
    return Prepared(track, options, info, sender, peer)
