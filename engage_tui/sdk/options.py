"""What can be chosen for a room, for a capture and for a publication."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from engage_tui.sdk.enums import TrackSource

MICROPHONE_BITRATE = 32_000
"""Bits a second of a published voice."""


@dataclass(frozen=True, slots=True)
class RoomOptions:
    """How a room is joined.

    Attributes:
        connect_timeout: Seconds after which connecting gives up.
        subscribe: Sources whose publications are subscribed on sight: a set of them, ``"all"`` or ``"none"``.
            Microphones belong to the audio connection manager and are ignored here.
        microphones: Whether the audio connection manager may connect this room's microphones.
    """

    connect_timeout: float = 10.0
    subscribe: frozenset[TrackSource] | Literal["all", "none"] = frozenset()
    microphones: bool = True

    @classmethod
    def subscribing(cls, words: str) -> RoomOptions:
        """Options for what to subscribe in words: ``none``, ``all``, or sources with commas.

        Raises:
            ValueError: A word is no source.
        """
        if words == "none":
            return cls(subscribe="none", microphones=False)
        if words == "all":
            return cls(subscribe="all")
        return cls(subscribe=frozenset(TrackSource(word) for word in words.split(",") if word))

    def takes(self, source: TrackSource) -> bool:
        """Whether a publication of `source` is subscribed on sight."""
        if source is TrackSource.MICROPHONE or self.subscribe == "none":
            return False
        return self.subscribe == "all" or source in self.subscribe


@dataclass(frozen=True, slots=True)
class AudioCaptureOptions:
    """Which microphone, and what is done to its sound.

    Attributes:
        device_id: ``default``, a device's id or name, ``file:PATH`` or ``test``; the last two are sent untouched.
        echo_cancellation: Remove what the speaker plays; None: unless it plays into headphones.
        noise_suppression: Remove steady noise.
        auto_gain_control: Even out loud and quiet.
        low_latency: Small blocks from the device and packets of 10 ms: about 15 ms less delay, more packets.
    """

    device_id: str = "default"
    echo_cancellation: bool | None = None
    noise_suppression: bool = True
    auto_gain_control: bool = True
    low_latency: bool = False


@dataclass(frozen=True, slots=True)
class VideoCaptureOptions:
    """Which camera, and what is asked of it.

    Attributes:
        device_id: ``default``, a device's id, name or index, ``file:PATH`` or ``test``.
        resolution: Wanted width and height in pixels; a file keeps its own.
        frame_rate: Wanted pictures a second; None: what the device or file offers.
    """

    device_id: str = "default"
    resolution: tuple[int, int] = (640, 360)
    frame_rate: float | None = None


@dataclass(frozen=True, slots=True)
class ScreenShareCaptureOptions:
    """What of the screen is shared.

    Attributes:
        device_id: ``screen``, or ``file:PATH`` and ``test`` as for a camera.
        resolution: The box in pixels into which the screen is fitted.
        frame_rate: Pictures a second; None: the source's own choice.
    """

    device_id: str = "screen"
    resolution: tuple[int, int] = (1280, 720)
    frame_rate: float | None = None


@dataclass(frozen=True, slots=True)
class TrackPublishOptions:
    """How a track is published.

    Attributes:
        name: The publication's name; empty: the track's own.
        source: None: the track's own.
        video_codec: ``vp8`` or ``h264``.
        bitrate: Bits a second of a video at full size; 0: chosen by its size.
        simulcast: Whether a video of some size is also sent small, for those who show it small.
    """

    name: str = ""
    source: TrackSource | None = None
    video_codec: str = "vp8"
    bitrate: int = 0
    simulcast: bool = True


@dataclass(frozen=True, slots=True)
class CreateLocalTracksOptions:
    """Which tracks `create_local_tracks` makes.

    Attributes:
        audio: False: none; True: the default microphone; else a device id or options.
        video: The same for the camera.
    """

    audio: bool | str | AudioCaptureOptions = field(default=True)
    video: bool | str | VideoCaptureOptions = field(default=True)
