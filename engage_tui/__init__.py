"""Engage in Python: join LiveKit rooms, publish and subscribe tracks, hear and see people.

Every public name can be imported from here and is loaded when it is first used::

    from engage_tui import RoomEvent, Space
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engage_tui.errors import (
        AuthError,
        ConnectError,
        DeviceError,
        DeviceErrors,
        EngageError,
        MediaFileError,
        PublishError,
        RefusedError,
        UsageError,
    )
    from engage_tui.media.source import AudioFrame, VideoFrame
    from engage_tui.sdk.audio_bed import AudioBed
    from engage_tui.sdk.audio_connection_manager import AudioConnectionManager
    from engage_tui.sdk.audio_file import AudioFile, AudioInput
    from engage_tui.sdk.audio_listener import AudioListener
    from engage_tui.sdk.audio_object import AudioObject
    from engage_tui.sdk.create_tracks import (
        create_local_audio_track,
        create_local_screen_tracks,
        create_local_tracks,
        create_local_video_track,
    )
    from engage_tui.sdk.device_manager import DeviceManager
    from engage_tui.sdk.distance_model import DistanceModel, DistanceModelDataPoints
    from engage_tui.sdk.enums import (
        AudioBedFormat,
        AudioConnectionMode,
        ConnectionQuality,
        ConnectionState,
        CoordinateSystem,
        DataPacketKind,
        DisconnectReason,
        MediaDeviceKind,
        ParticipantEvent,
        PermissionStatus,
        PositionMode,
        RenderingMode,
        RoomEvent,
        SpatialMode,
        StreamState,
        SubscriptionStatus,
        TrackEvent,
        TrackKind,
        TrackSource,
        VideoQuality,
    )
    from engage_tui.sdk.local_participant import LocalParticipant
    from engage_tui.sdk.local_profile import ParticipantTrackPermission
    from engage_tui.sdk.local_publication import LocalTrackPublication
    from engage_tui.sdk.local_track import LocalAudioTrack, LocalTrack, LocalVideoTrack
    from engage_tui.sdk.options import (
        AudioCaptureOptions,
        CreateLocalTracksOptions,
        RoomOptions,
        ScreenShareCaptureOptions,
        TrackPublishOptions,
        VideoCaptureOptions,
    )
    from engage_tui.sdk.participant import Participant, ParticipantPermission
    from engage_tui.sdk.publication import TrackPublication
    from engage_tui.sdk.remote_participant import RemoteParticipant
    from engage_tui.sdk.remote_publication import RemoteTrackPublication
    from engage_tui.sdk.room import Room
    from engage_tui.sdk.rpc import Invocation, RpcError
    from engage_tui.sdk.space import Space
    from engage_tui.sdk.track import (
        RemoteAudioTrack,
        RemoteTrack,
        RemoteVideoTrack,
        Track,
        TrackStats,
    )
    from engage_tui.spatial.directivity import Cone
    from engage_tui.spatial.distance import DistanceModelDataPoint
    from engage_tui.spatial.vectors import Quaternion, Vector3D
    from engage_tui.wire.data import Stream
    from engage_tui.wire.position import Placement
    from engage_tui.wire.token import Grants, create_token

_HOMES = {
    "errors": (
        "AuthError",
        "ConnectError",
        "DeviceError",
        "DeviceErrors",
        "EngageError",
        "MediaFileError",
        "PublishError",
        "RefusedError",
        "UsageError",
    ),
    "media.source": ("AudioFrame", "VideoFrame"),
    "sdk.audio_bed": ("AudioBed",),
    "sdk.audio_connection_manager": ("AudioConnectionManager",),
    "sdk.audio_file": ("AudioFile", "AudioInput"),
    "sdk.audio_listener": ("AudioListener",),
    "sdk.audio_object": ("AudioObject",),
    "sdk.device_manager": ("DeviceManager",),
    "sdk.distance_model": ("DistanceModel", "DistanceModelDataPoints"),
    "sdk.enums": (
        "AudioBedFormat",
        "AudioConnectionMode",
        "ConnectionQuality",
        "ConnectionState",
        "CoordinateSystem",
        "DataPacketKind",
        "DisconnectReason",
        "MediaDeviceKind",
        "ParticipantEvent",
        "PermissionStatus",
        "RoomEvent",
        "StreamState",
        "SubscriptionStatus",
        "TrackEvent",
        "TrackKind",
        "TrackSource",
        "VideoQuality",
        "PositionMode",
        "RenderingMode",
        "SpatialMode",
    ),
    "sdk.local_participant": ("LocalParticipant",),
    "sdk.local_profile": ("ParticipantTrackPermission",),
    "sdk.create_tracks": (
        "create_local_audio_track",
        "create_local_screen_tracks",
        "create_local_tracks",
        "create_local_video_track",
    ),
    "sdk.local_track": ("LocalAudioTrack", "LocalTrack", "LocalVideoTrack"),
    "sdk.options": (
        "AudioCaptureOptions",
        "CreateLocalTracksOptions",
        "RoomOptions",
        "ScreenShareCaptureOptions",
        "TrackPublishOptions",
        "VideoCaptureOptions",
    ),
    "sdk.participant": ("Participant", "ParticipantPermission"),
    "sdk.remote_participant": ("RemoteParticipant",),
    "sdk.local_publication": ("LocalTrackPublication",),
    "sdk.publication": ("TrackPublication",),
    "sdk.remote_publication": ("RemoteTrackPublication",),
    "sdk.room": ("Room",),
    "sdk.rpc": ("Invocation", "RpcError"),
    "sdk.space": ("Space",),
    "sdk.track": ("RemoteAudioTrack", "RemoteTrack", "RemoteVideoTrack", "Track", "TrackStats"),
    "spatial.directivity": ("Cone",),
    "spatial.distance": ("DistanceModelDataPoint",),
    "spatial.vectors": ("Quaternion", "Vector3D"),
    "wire.data": ("Stream",),
    "wire.position": ("Placement",),
    "wire.token": ("Grants", "create_token"),
}
_PLACES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "__version__",
    "AudioBed",
    "AudioBedFormat",
    "AudioCaptureOptions",
    "AudioConnectionManager",
    "AudioConnectionMode",
    "AudioFile",
    "AudioFrame",
    "AudioInput",
    "AudioListener",
    "AudioObject",
    "AuthError",
    "Cone",
    "ConnectError",
    "ConnectionQuality",
    "ConnectionState",
    "CoordinateSystem",
    "CreateLocalTracksOptions",
    "DataPacketKind",
    "DeviceError",
    "DeviceErrors",
    "DeviceManager",
    "DisconnectReason",
    "DistanceModel",
    "DistanceModelDataPoint",
    "DistanceModelDataPoints",
    "EngageError",
    "Grants",
    "Invocation",
    "LocalAudioTrack",
    "LocalParticipant",
    "LocalTrack",
    "LocalTrackPublication",
    "LocalVideoTrack",
    "MediaDeviceKind",
    "MediaFileError",
    "Participant",
    "ParticipantEvent",
    "ParticipantPermission",
    "ParticipantTrackPermission",
    "PermissionStatus",
    "PositionMode",
    "Placement",
    "PublishError",
    "Quaternion",
    "RefusedError",
    "RemoteAudioTrack",
    "RemoteParticipant",
    "RemoteTrack",
    "RemoteTrackPublication",
    "RemoteVideoTrack",
    "RenderingMode",
    "Room",
    "RoomEvent",
    "RoomOptions",
    "RpcError",
    "ScreenShareCaptureOptions",
    "Space",
    "SpatialMode",
    "Stream",
    "StreamState",
    "SubscriptionStatus",
    "Track",
    "TrackEvent",
    "TrackKind",
    "TrackPublication",
    "TrackPublishOptions",
    "TrackSource",
    "TrackStats",
    "UsageError",
    "Vector3D",
    "VideoCaptureOptions",
    "VideoFrame",
    "VideoQuality",
    "create_local_audio_track",
    "create_local_screen_tracks",
    "create_local_tracks",
    "create_local_video_track",
    "create_token",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("engage-tui")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
