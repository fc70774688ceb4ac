"""LiveKit's numbers as Engage's enums, and back."""

from __future__ import annotations

from livekit.protocol import models, rtc

from engage_tui.sdk.enums import (
    ConnectionQuality,
    DisconnectReason,
    StreamState,
    TrackKind,
    TrackSource,
    VideoQuality,
)

_SOURCES: dict[int, TrackSource] = {
    models.CAMERA: TrackSource.CAMERA,
    models.MICROPHONE: TrackSource.MICROPHONE,
    models.SCREEN_SHARE: TrackSource.SCREEN_SHARE,
    models.SCREEN_SHARE_AUDIO: TrackSource.SCREEN_SHARE_AUDIO,
}
_SOURCE_NUMBERS = {
    TrackSource.CAMERA: models.CAMERA,
    TrackSource.MICROPHONE: models.MICROPHONE,
    TrackSource.SCREEN_SHARE: models.SCREEN_SHARE,
    TrackSource.SCREEN_SHARE_AUDIO: models.SCREEN_SHARE_AUDIO,
}
_QUALITIES: dict[int, ConnectionQuality] = {
    models.POOR: ConnectionQuality.POOR,
    models.GOOD: ConnectionQuality.GOOD,
    models.EXCELLENT: ConnectionQuality.EXCELLENT,
    models.LOST: ConnectionQuality.LOST,
}
_LAYERS = {
    VideoQuality.LOW: models.LOW,
    VideoQuality.MEDIUM: models.MEDIUM,
    VideoQuality.HIGH: models.HIGH,
    VideoQuality.OFF: models.OFF,
}
_SUPPORTED = frozenset({"audio/opus", "audio/red", "video/vp8", "video/h264"})


def kind_of(number: int) -> TrackKind:
    """The kind for a `TrackType`."""
    if number == models.AUDIO:
        return TrackKind.AUDIO
    return TrackKind.VIDEO if number == models.VIDEO else TrackKind.UNKNOWN


def kind_number(kind: TrackKind) -> models.TrackType:
    """The `TrackType` of a kind."""
    return models.AUDIO if kind is TrackKind.AUDIO else models.VIDEO


def source_of(number: int) -> TrackSource:
    """The source for LiveKit's number."""
    return _SOURCES.get(number, TrackSource.UNKNOWN)


def source_number(source: TrackSource) -> models.TrackSource:
    """LiveKit's number of a source."""
    return _SOURCE_NUMBERS.get(source, models.UNKNOWN)


def quality_number(quality: VideoQuality) -> models.VideoQuality:
    """LiveKit's number of a simulcast layer's rank."""
    return _LAYERS[quality]


def quality_of(number: int) -> ConnectionQuality:
    """The connection quality for LiveKit's number."""
    return _QUALITIES.get(number, ConnectionQuality.UNKNOWN)


def reason_of(number: int) -> DisconnectReason:
    """The disconnect reason for LiveKit's number; those we do not know become `UNKNOWN_REASON`."""
    try:
        return DisconnectReason(number)
    except ValueError:
        return DisconnectReason.UNKNOWN_REASON


def stream_state_of(number: int) -> StreamState:
    """The stream state for LiveKit's number."""
    return StreamState.PAUSED if number == rtc.PAUSED else StreamState.ACTIVE


def can_decode(mime_type: str) -> bool:
    """Whether we can receive a codec; an unannounced one is given a try."""
    return not mime_type or mime_type.lower() in _SUPPORTED
