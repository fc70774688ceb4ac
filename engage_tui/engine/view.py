"""What a front end may know of a call: frozen structs, keyed by names that survive a rejoin.

Pure data: no live object, no clock, no socket. `snapshot` builds them from the SDK; `tui` and `plain` draw them.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from engage_tui.sdk.enums import (
    AudioConnectionMode,
    ConnectionQuality,
    MediaDeviceKind,
    SpatialMode,
    TrackKind,
    TrackSource,
)


class Phase(StrEnum):
    """Where the person stands."""

    LOBBY = "lobby"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    LEFT = "left"


class Subscription(StrEnum):
    """The mark of a publication row."""

    OFF = "off"
    PENDING = "pending"
    ON = "on"
    FAILED = "failed"


class PublicationView(msgspec.Struct, frozen=True, array_like=True):
    """One publication, as a row shows it.

    Attributes:
        key: ``identity/source/name``: stays the same when the track's SID changes on a rejoin.
        subscription: For own publications always ON.
        error: Why the last toggle failed; empty when it did not.
        width: Announced width in pixels; 0 if unknown.
        height: Announced height in pixels; 0 if unknown.
        codec: ``opus``, ``vp8``, … in lower case; empty if unknown.
    """

    key: str
    sid: str
    kind: TrackKind
    source: TrackSource
    name: str
    local: bool
    muted: bool
    subscription: Subscription
    error: str = ""
    width: int = 0
    height: int = 0
    codec: str = ""


class Moved(StrEnum):
    """Who moved somebody away from their seat; the newest word counts."""

    NO = "no"
    BY_YOU = "by_you"
    THEMSELVES = "themselves"


class PlaceView(msgspec.Struct, frozen=True, array_like=True):
    """Where somebody is on the map: metres from the person's own seat.

    Attributes:
        x: To the right of who sits there.
        y: Ahead of who sits there.
        facing: Where they look: degrees clockwise from ahead, 0 to 359.
        moved: Whether they left their seat.
    """

    x: float = 0.0
    y: float = 0.0
    facing: int = 0
    moved: Moved = Moved.NO


class PersonView(msgspec.Struct, frozen=True, array_like=True):
    """One participant with all publications, own first.

    Attributes:
        joining: True until the participant's media connection stands.
        audio_connected: Whether the connection manager has connected the microphone.
        joined_at: Unix time in seconds; people are listed in this order, oneself first.
        place: Where they are heard; None before they have a seat.
        volume: Linear gain of their voice, 1 as sent.
    """

    identity: str
    name: str
    sid: str
    local: bool
    publications: tuple[PublicationView, ...] = ()
    joining: bool = False
    speaking: bool = False
    quality: ConnectionQuality = ConnectionQuality.UNKNOWN
    connection_mode: AudioConnectionMode = AudioConnectionMode.AUTO
    audio_connected: bool = False
    joined_at: float = 0.0
    place: PlaceView | None = None
    volume: float = 1.0


class ToggleView(msgspec.Struct, frozen=True, array_like=True):
    """One of the three switches of the control bar.

    Attributes:
        on: What others receive now.
        pending: A change is on its way.
        error: Why the last change failed; empty when it did not.
        label: The device in use, for people.
    """

    on: bool = False
    pending: bool = False
    error: str = ""
    label: str = ""


class ProcessingView(msgspec.Struct, frozen=True, array_like=True):
    """What is done to one's own voice before it is sent.

    Attributes:
        echo: ``auto`` (cancelled unless the speaker is a pair of headphones), ``on`` or ``off``.
        noise: Whether steady noise is suppressed.
        gain: Whether loud and quiet are evened out.
        cancelling: Whether echo is being cancelled now.
        applies: False for files and the test tone, which are sent untouched.
        problem: Why none of it works here; empty when it does.
        talking: Push to talk is held.
    """

    echo: str = "auto"
    noise: bool = True
    gain: bool = True
    cancelling: bool = False
    applies: bool = True
    problem: str = ""
    talking: bool = False


class SoundView(msgspec.Struct, frozen=True, array_like=True):
    """A sound of the person's own: a bed, or something with a place in the room.

    Attributes:
        key: What it is called in intents.
        label: The file's name.
        place: Where it is heard; None: around the person, as a bed.
        volume: Linear gain, 1 as the file has it.
    """

    key: str
    label: str
    place: PlaceView | None = None
    volume: float = 1.0


class DeviceView(msgspec.Struct, frozen=True, array_like=True):
    """One device that can be chosen."""

    kind: MediaDeviceKind
    device_id: str
    label: str
    default: bool = False


class DevicesView(msgspec.Struct, frozen=True, array_like=True):
    """The devices in a call.

    Attributes:
        devices: All that can be chosen, files and patterns of the command line included; empty until looked for.
        camera_id: What is used, or would be: a device's id, ``default``, ``off``, ``file:PATH`` …
        error: Why a list is empty.
    """

    devices: tuple[DeviceView, ...] = ()
    camera_id: str = ""
    microphone_id: str = ""
    speaker_id: str = ""
    error: str = ""


class HearingView(msgspec.Struct, frozen=True, array_like=True):
    """How the person hears the others.

    Attributes:
        spatial: For which ears.
        seating: How people sit: ``circle``, ``table`` or ``row``; empty before the room is joined.
        connected: Microphones that the audio connection manager has connected.
        microphones: All of them.
        limit: How many it connects at once.
        reach: Metres beyond which nobody is heard; 0: unknown.
        sounds: Sounds of the person's own that were started and not stopped.
    """

    spatial: SpatialMode = SpatialMode.BINAURAL
    seating: str = ""
    connected: int = 0
    microphones: int = 0
    limit: int = 0
    reach: float = 0.0
    sounds: tuple[SoundView, ...] = ()


class CallView(msgspec.Struct, frozen=True, array_like=True):
    """The call as a whole.

    Attributes:
        detail: Words for a phase that is not plainly connected ("try 3, next in 2 s"), or why the call ended.
        round_trip_ms: Signalling round trip; negative until measured.
        invite: The command with which somebody else can join; empty if unknown.
        joined_at: Unix time of the join in seconds; 0 before it.
        speaker: The sound output in words ("Built-in", "off", "no sound device: …").
    """

    phase: Phase = Phase.LOBBY
    detail: str = ""
    room: str = ""
    server: str = ""
    identity: str = ""
    round_trip_ms: int = -1
    invite: str = ""
    joined_at: float = 0.0
    microphone: ToggleView = ToggleView()
    camera: ToggleView = ToggleView()
    screen: ToggleView = ToggleView()
    speaker: str = ""
    recording: bool = False
    processing: ProcessingView = ProcessingView()
    hearing: HearingView = HearingView()
    equipment: DevicesView = DevicesView()


class LobbyView(msgspec.Struct, frozen=True, array_like=True):
    """The devices and the preview before joining.

    Attributes:
        devices: All that can be chosen, files and patterns given on the command line included.
        camera: The preview camera: `on` while frames arrive, `error` when it could not open.
        microphone: The same for the microphone.
        devices_error: Why a list is empty ("PortAudio is not installed: apt install libportaudio2").
    """

    devices: tuple[DeviceView, ...] = ()
    camera: ToggleView = ToggleView()
    microphone: ToggleView = ToggleView()
    camera_id: str = ""
    microphone_id: str = ""
    speaker_id: str = ""
    devices_error: str = ""


class PublicationStats(msgspec.Struct, frozen=True, array_like=True):
    """Counters of one publication, once a second.

    Attributes:
        frames: Frames decoded (remote) or sent (local) since the join; None where inapplicable.
        bytes: RTP payload bytes received or sent since the join.
        bytes_per_second: Over the last second.
        frames_per_second: Over the last second.
        rms: Of the last second, 0 to 1 of full scale, decoded mono before gain and space; None for video.
        rms_max: The largest `rms` since the join; None for video.
    """

    key: str
    sid: str
    participant: str
    local: bool
    kind: TrackKind
    source: TrackSource
    name: str
    subscribed: bool
    muted: bool
    frames: int | None = None
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    rms: float | None = None
    rms_max: float | None = None
    bytes_per_second: float = 0.0
    frames_per_second: float = 0.0
