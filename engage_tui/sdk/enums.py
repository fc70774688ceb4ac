"""Engage's enumerations. Imports nothing else of ours, so that every layer may use them.

Values are Engage's strings where they are public (atmoky Engage API reference), else LiveKit JS v1's.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class TrackKind(StrEnum):
    """`Track.Kind`: what a track carries."""

    AUDIO = "audio"
    VIDEO = "video"
    UNKNOWN = "unknown"


class TrackSource(StrEnum):
    """`Track.Source`: where a track comes from."""

    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN_SHARE = "screen_share"
    SCREEN_SHARE_AUDIO = "screen_share_audio"
    UNKNOWN = "unknown"


class ConnectionState(StrEnum):
    """Where a room's connection stands."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"


class ConnectionQuality(StrEnum):
    """How well a participant's connection works, as the server judges it."""

    EXCELLENT = "excellent"
    GOOD = "good"
    POOR = "poor"
    LOST = "lost"
    UNKNOWN = "unknown"


class DisconnectReason(IntEnum):
    """Why a room was left; the numbers are LiveKit's."""

    UNKNOWN_REASON = 0
    CLIENT_INITIATED = 1
    DUPLICATE_IDENTITY = 2
    SERVER_SHUTDOWN = 3
    PARTICIPANT_REMOVED = 4
    ROOM_DELETED = 5
    STATE_MISMATCH = 6
    JOIN_FAILURE = 7
    MIGRATION = 8
    SIGNAL_CLOSE = 9
    ROOM_CLOSED = 10
    USER_UNAVAILABLE = 11
    USER_REJECTED = 12
    SIP_TRUNK_FAILURE = 13
    CONNECTION_TIMEOUT = 14
    MEDIA_FAILURE = 15
    AGENT_ERROR = 16


class SubscriptionStatus(StrEnum):
    """How far a subscription has come."""

    UNSUBSCRIBED = "unsubscribed"
    DESIRED = "desired"
    SUBSCRIBED = "subscribed"


class PermissionStatus(StrEnum):
    """Whether the publisher lets us subscribe."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "not_allowed"


class StreamState(StrEnum):
    """Whether a subscribed stream flows, or the server paused it for want of bandwidth."""

    ACTIVE = "active"
    PAUSED = "paused"
    UNKNOWN = "unknown"


class VideoQuality(IntEnum):
    """Which simulcast layer is wanted."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    OFF = 3


class DataPacketKind(IntEnum):
    """How a data packet travels."""

    RELIABLE = 0
    LOSSY = 1


class MediaDeviceKind(StrEnum):
    """What a device of the machine does."""

    AUDIO_INPUT = "audioinput"
    AUDIO_OUTPUT = "audiooutput"
    VIDEO_INPUT = "videoinput"


class MediaDeviceFailure(StrEnum):
    """Why a device could not be opened."""

    PERMISSION_DENIED = "PermissionDenied"
    NOT_FOUND = "NotFound"
    DEVICE_IN_USE = "DeviceInUse"
    OTHER = "Other"


class AudioConnectionMode(StrEnum):
    """Who decides whether a participant's microphone is connected to the listener."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class PositionMode(StrEnum):
    """What a position is relative to."""

    SCENE_LOCKED = "scenelocked"
    HEAD_LOCKED = "headlocked"


class RenderingMode(StrEnum):
    """Whether something has a place, or goes straight to the output."""

    SPATIALIZED = "spatialized"
    DIRECT_THROUGH = "directThrough"


class CoordinateSystem(StrEnum):
    """What a program's axes mean, see `engage_tui.spatial.coordinates`."""

    OPENGL = "opengl"
    UNITY = "unity"
    ATMOKY = "atmoky"


class AudioBedFormat(StrEnum):
    """Channels of an audio bed: L R; L R C LFE Ls Rs; W Y Z X (AmbiX, SN3D)."""

    STEREO = "stereo"
    SURROUND51 = "surround51"
    AMBISONICS1 = "ambisonics1"


class SpatialMode(StrEnum):
    """For which ears the mix is."""

    OFF = "off"
    """Everybody in the middle, the same on both sides, however far: for one ear or one loudspeaker."""

    STEREO = "stereo"
    """Two loudspeakers."""

    BINAURAL = "binaural"
    """Headphones."""


class RoomEvent(StrEnum):
    """What a `Room` emits; arguments in `engage_tui.sdk.events`."""

    CONNECTED = "connected"
    CONNECTION_STATE_CHANGED = "connectionStateChanged"
    SIGNAL_CONNECTED = "signalConnected"
    RECONNECTING = "reconnecting"
    RECONNECTED = "reconnected"
    DISCONNECTED = "disconnected"
    PARTICIPANT_CONNECTED = "participantConnected"
    PARTICIPANT_DISCONNECTED = "participantDisconnected"
    PARTICIPANT_METADATA_CHANGED = "participantMetadataChanged"
    PARTICIPANT_NAME_CHANGED = "participantNameChanged"
    PARTICIPANT_ATTRIBUTES_CHANGED = "participantAttributesChanged"
    PARTICIPANT_PERMISSIONS_CHANGED = "participantPermissionsChanged"
    TRACK_PUBLISHED = "trackPublished"
    TRACK_UNPUBLISHED = "trackUnpublished"
    TRACK_SUBSCRIBED = "trackSubscribed"
    TRACK_UNSUBSCRIBED = "trackUnsubscribed"
    TRACK_SUBSCRIPTION_FAILED = "trackSubscriptionFailed"
    TRACK_SUBSCRIPTION_STATUS_CHANGED = "trackSubscriptionStatusChanged"
    TRACK_SUBSCRIPTION_PERMISSION_CHANGED = "trackSubscriptionPermissionChanged"
    TRACK_STREAM_STATE_CHANGED = "trackStreamStateChanged"
    TRACK_MUTED = "trackMuted"
    TRACK_UNMUTED = "trackUnmuted"
    LOCAL_TRACK_PUBLISHED = "localTrackPublished"
    LOCAL_TRACK_UNPUBLISHED = "localTrackUnpublished"
    LOCAL_AUDIO_SILENCE_DETECTED = "localAudioSilenceDetected"
    ACTIVE_SPEAKERS_CHANGED = "activeSpeakersChanged"
    CONNECTION_QUALITY_CHANGED = "connectionQualityChanged"
    ROOM_METADATA_CHANGED = "roomMetadataChanged"
    RECORDING_STATUS_CHANGED = "recordingStatusChanged"
    DATA_RECEIVED = "dataReceived"
    DC_BUFFER_STATUS_CHANGED = "dcBufferStatusChanged"
    MEDIA_DEVICES_CHANGED = "mediaDevicesChanged"
    MEDIA_DEVICES_ERROR = "mediaDevicesError"


class ParticipantEvent(StrEnum):
    """What a participant emits: the room's events without their last argument."""

    TRACK_PUBLISHED = "trackPublished"
    TRACK_UNPUBLISHED = "trackUnpublished"
    TRACK_SUBSCRIBED = "trackSubscribed"
    TRACK_UNSUBSCRIBED = "trackUnsubscribed"
    TRACK_SUBSCRIPTION_FAILED = "trackSubscriptionFailed"
    TRACK_SUBSCRIPTION_STATUS_CHANGED = "trackSubscriptionStatusChanged"
    TRACK_SUBSCRIPTION_PERMISSION_CHANGED = "trackSubscriptionPermissionChanged"
    TRACK_STREAM_STATE_CHANGED = "trackStreamStateChanged"
    TRACK_MUTED = "trackMuted"
    TRACK_UNMUTED = "trackUnmuted"
    LOCAL_TRACK_PUBLISHED = "localTrackPublished"
    LOCAL_TRACK_UNPUBLISHED = "localTrackUnpublished"
    AUDIO_CONNECTED = "audioConnected"
    AUDIO_DISCONNECTED = "audioDisconnected"
    AUDIO_CONNECTION_CHANGED = "audioConnectionChanged"
    CONNECTION_QUALITY_CHANGED = "connectionQualityChanged"
    DATA_RECEIVED = "dataReceived"
    IS_SPEAKING_CHANGED = "isSpeakingChanged"
    POSITION_CHANGED = "positionChanged"
    PARTICIPANT_METADATA_CHANGED = "participantMetadataChanged"
    PARTICIPANT_NAME_CHANGED = "participantNameChanged"
    PARTICIPANT_ATTRIBUTES_CHANGED = "participantAttributesChanged"
    PARTICIPANT_PERMISSIONS_CHANGED = "participantPermissionsChanged"
    MEDIA_DEVICES_ERROR = "mediaDevicesError"


class TrackEvent(StrEnum):
    """What a publication or a track emits."""

    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    SUBSCRIPTION_STATUS_CHANGED = "subscriptionStatusChanged"
    SUBSCRIPTION_FAILED = "subscriptionFailed"
    MUTED = "muted"
    UNMUTED = "unmuted"
    ENDED = "ended"
    RESTARTED = "restarted"
