"""Stand-ins for what surrounds an SDK object: a room that records, a receiver, a source of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from livekit.protocol import models, rtc

from engage_tui.rtc.receiver import ReceiverStats
from engage_tui.sdk.remote_participant import RemoteParticipant
from engage_tui.spatial.coordinates import OPENGL
from engage_tui.spatial.scene import Source
from engage_tui.tasks import TaskGroup


@dataclass
class FakeReceiver:
    """A media section that stands."""

    track_sid: str
    kind: str = "video"
    stats: ReceiverStats = ReceiverStats()
    sink: Any = None
    decoding: bool = True
    level: float = 0.5

    def pull(self, samples: int) -> npt.NDArray[np.float32]:
        return np.full(samples, self.level, np.float32)


class FakeRoom:
    """The room below a participant: records what is sent and emitted."""

    def __init__(self) -> None:
        self.tasks = TaskGroup("test")
        self.sent: list[rtc.SignalRequest] = []
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        self.voices: dict[Any, float] = {}
        self.places: dict[Any, Source | None] = {}
        self.axes = OPENGL
        self.receivers: dict[str, Any] = {}
        self.may_subscribe = True
        self.changes = 0

    def send(self, request: rtc.SignalRequest) -> None:
        self.sent.append(request)

    def participant_event(self, participant: Any, event: str, arguments: tuple[Any, ...]) -> None:
        self.events.append((str(event), arguments))

    def receiver_of(self, track_sid: str) -> Any:
        return self.receivers.get(track_sid)

    def add_voice(self, track: Any, gain: float, source: Source | None) -> None:
        self.voices[track] = gain
        self.places[track] = source

    def remove_voice(self, track: Any) -> None:
        del self.voices[track]

    def set_voice_gain(self, track: Any, gain: float) -> None:
        self.voices[track] = gain

    def microphones_changed(self) -> None:
        self.changes += 1

    def on_published(self, participant: Any, publication: Any) -> None:
        """Nothing is taken on sight."""

    @property
    def names(self) -> list[str]:
        return [event for event, _ in self.events]

    @property
    def requests(self) -> list[str | None]:
        return [request.WhichOneof("message") for request in self.sent]


def track_info(
    sid: str = "TR_camera",
    source: models.TrackSource = models.CAMERA,
    mime_type: str = "video/VP8",
    **fields: Any,
) -> models.TrackInfo:
    sound = source in (models.MICROPHONE, models.SCREEN_SHARE_AUDIO)
    return models.TrackInfo(
        sid=sid,
        type=models.AUDIO if sound else models.VIDEO,
        source=source,
        mime_type=mime_type,
        **fields,
    )


def person(
    room: FakeRoom, identity: str = "ada", joined: int = 1, *tracks: models.TrackInfo
) -> RemoteParticipant:
    info = models.ParticipantInfo(
        sid=f"PA_{identity}",
        identity=identity,
        joined_at=joined,
        tracks=tracks,
        state=models.ParticipantInfo.ACTIVE,
    )
    participant = RemoteParticipant(info, room)
    participant._update_tracks(info.tracks, announce=False)
    return participant


def microphone(sid: str = "TR_microphone") -> models.TrackInfo:
    return track_info(sid, models.MICROPHONE, "audio/opus")
