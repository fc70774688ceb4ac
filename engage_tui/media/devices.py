"""What sound devices and cameras the machine has, and how a person's word for one becomes a source."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

from engage_tui.errors import DeviceError, EngageError, UsageError
from engage_tui.media.processing import Processing
from engage_tui.media.source import AudioSource, VideoSource

Kind = Literal["audioinput", "audiooutput", "videoinput"]
KINDS: tuple[Kind, ...] = ("audioinput", "audiooutput", "videoinput")
"""The kinds of `Device`, with the values of Engage's `MediaDeviceKind`."""

_WORDS = {"audioinput": "microphone", "audiooutput": "speaker", "videoinput": "camera"}
_LEAST_SIZE = 16
_MOST_PICTURES = 240
_VIDEO4LINUX = Path("/sys/class/video4linux")


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the machine.

    Attributes:
        kind: ``audioinput``, ``audiooutput`` or ``videoinput``.
        device_id: What opens it again: its name, or its index where two have the same name.
        label: Its name for people.
        default: Whether the system takes it when nothing is chosen.
        index: Its number: PortAudio's for sound, the system's for cameras.
    """

    kind: Kind
    device_id: str
    label: str
    default: bool
    index: int


def list_devices(kind: str | None = None) -> list[Device]:
    """The machine's devices, of one kind or all; without sound devices when PortAudio is missing.

    May take 0.1 s: call it in a thread. `devices_problem` says why sound devices are missing.
    """
    devices: list[Device] = []
    if kind in (None, "audioinput", "audiooutput"):
        # Told by devices_problem, so that cameras are listed all the same.
        with contextlib.suppress(DeviceError):
            devices += _sound_devices(anew=True)
    if kind in (None, "videoinput"):
        devices += list_cameras()
    return [device for device in devices if kind in (None, device.kind)]


def devices_problem() -> EngageError | None:
    """Why sound devices cannot be listed, with what to install; None when they can."""
    try:
        _sound_devices()
    except DeviceError as error:
        return error
    return None


def find_device(kind: Kind, wanted: str, devices: Sequence[Device] | None = None) -> Device:
    """The device that a person means by `wanted`.

    Args:
        kind: Which kind of device.
        wanted: ``default``, an index, a name, or a part of a name in any case.
        devices: Where to look; the machine's when None.

    Raises:
        DeviceError: There is none, naming those that exist; or PortAudio is missing.
    """
    if devices is None:
        devices = list_cameras() if kind == "videoinput" else _sound_devices()
        if kind != "videoinput" and not _named(devices, kind, wanted):
            devices = _sound_devices_that_came(kind, wanted) or devices
    matches = _named(devices, kind, wanted)
    if not matches:
        raise _unknown(kind, wanted, [device for device in devices if device.kind == kind])
    return matches[0]


@overload
def open_source(
    kind: Literal["audio"],
    src: str,
    *,
    size: tuple[int, int] = ...,
    frame_rate: float | None = None,
    processing: Processing = ...,
    low_latency: bool = ...,
) -> AudioSource: ...
@overload
def open_source(
    kind: Literal["video"],
    src: str,
    *,
    size: tuple[int, int] = ...,
    frame_rate: float | None = None,
    processing: Processing = ...,
    low_latency: bool = ...,
) -> VideoSource: ...
def open_source(
    kind: Literal["audio", "video"],
    src: str,
    *,
    size: tuple[int, int] = (640, 360),
    frame_rate: float | None = None,
    processing: Processing = Processing(),  # noqa: B008 - frozen
    low_latency: bool = False,
) -> AudioSource | VideoSource:
    """Construct the source that a SRC word names; it is not opened yet.

    Args:
        kind: ``"audio"`` or ``"video"``.
        src: ``default``, a device's name or index, ``file:PATH``, ``test``; for video also ``screen``,
            ``screen:N`` (the Nth monitor, from 1) and the path of a camera.
        size: The wanted size of a camera's or the test's pictures; files keep their own, the screen has its own limit.
        frame_rate: The wanted (camera, test) or highest (screen) pictures a second.
        processing: What is done to a microphone's sound.
        low_latency: Have a microphone deliver in small blocks.

    Raises:
        UsageError: The word means nothing for this kind, or no video is so small or fast. Devices and files are
            looked for by `open`.
    """
    if src.startswith("file:"):
        return _file(kind, src.removeprefix("file:"))
    if src in ("", "off"):
        raise UsageError(f"No {kind} source is chosen.", "Name a device, file:PATH or test.")
    if kind == "audio":
        return _audio(src, processing, low_latency)
    return _video(src, size, frame_rate)


def list_cameras(root: Path = _VIDEO4LINUX) -> list[Device]:
    """The machine's cameras, by number.

    Args:
        root: Where Linux describes its video devices.
    """
    found = _linux_cameras(root) if sys.platform == "linux" else _other_cameras()
    labels = [label for _, label in found]
    return [
        Device(
            "videoinput",
            label if labels.count(label) == 1 else str(index),
            label,
            position == 0,
            index,
        )
        for position, (index, label) in enumerate(found)
    ]


def _file(kind: Literal["audio", "video"], path: str) -> AudioSource | VideoSource:
    from engage_tui.media.files import AudioFileSource, VideoFileSource

    if not path:
        raise UsageError("file: names no file.", "Write file:PATH.")
    return AudioFileSource(path) if kind == "audio" else VideoFileSource(path)


def _audio(src: str, processing: Processing, low_latency: bool) -> AudioSource:
    if src == "test":
        from engage_tui.media.synthetic import ToneSource

        return ToneSource()
    if src == "screen" or src.startswith("screen:"):
        raise UsageError("The screen has no sound.", "Name a microphone, file:PATH or test.")
    from engage_tui.media.microphone import MicrophoneSource

    return MicrophoneSource(src, processing, low_latency=low_latency)


def _video(src: str, size: tuple[int, int], frame_rate: float | None) -> VideoSource:
    if min(size) < _LEAST_SIZE or not 0 < (frame_rate or 1) <= _MOST_PICTURES:
        raise UsageError(
            f"No video has {size[0]}x{size[1]} pixels at {frame_rate or 'any number'} a second.",
            f"At least {_LEAST_SIZE}x{_LEAST_SIZE}, and up to {_MOST_PICTURES} pictures a second.",
        )
    if src == "test":
        from engage_tui.media.synthetic import PatternSource

        return PatternSource(size, frame_rate or 15.0)
    if src == "screen" or src.startswith("screen:"):
        from engage_tui.media.screen import ScreenSource

        number = src.removeprefix("screen").removeprefix(":") or "1"
        if not number.isdecimal():
            raise UsageError(f"{src} names no monitor.", "Write screen, or screen:2.")
        return ScreenSource(int(number), frame_rate=frame_rate or 15.0)
    from engage_tui.media.camera import CameraSource

    return CameraSource(src, size=size, frame_rate=frame_rate or 15.0)


def _named(devices: Sequence[Device], kind: Kind, wanted: str) -> list[Device]:
    able = [device for device in devices if device.kind == kind]
    return _default(able) if wanted == "default" else _matches(able, wanted)


def _sound_devices_that_came(kind: Kind, wanted: str) -> list[Device]:
    """All sound devices, if one that came since PortAudio was started is wanted; else none."""
    from engage_tui.media import portaudio

    if not _named(_sound_devices(anew=True), kind, wanted):
        return []
    portaudio.renew()
    return _sound_devices()


def _sound_devices(*, anew: bool = False) -> list[Device]:
    from engage_tui.media import portaudio

    found, defaults = portaudio.query_anew() if anew else portaudio.query()
    devices: list[Device] = []
    directions: tuple[tuple[Kind, str], ...] = (
        ("audioinput", "max_input_channels"),
        ("audiooutput", "max_output_channels"),
    )
    for (kind, channels), default in zip(directions, defaults, strict=True):
        able = [(index, each["name"]) for index, each in enumerate(found) if each[channels] > 0]
        names = [name for _, name in able]
        devices += [
            Device(
                kind,
                name if names.count(name) == 1 else str(index),
                name,
                index == default,
                index,
            )
            for index, name in able
        ]
    return devices


def _default(able: Sequence[Device]) -> list[Device]:
    chosen = [device for device in able if device.default]
    return chosen or [device for device in able if device.label == "default"] or list(able)


def _matches(able: Sequence[Device], wanted: str) -> list[Device]:
    """The devices that a word names: by number, else by name, else by a part of the name."""
    part = wanted.casefold()
    return (
        [device for device in able if wanted == str(device.index)]
        or [device for device in able if wanted in (device.device_id, device.label)]
        or [device for device in able if part in device.label.casefold()]
    )


def _linux_cameras(root: Path) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for node in root.glob("video[0-9]*"):
        try:
            # A camera has several nodes; the first delivers pictures, the others descriptions of them.
            if int((node / "index").read_text()) == 0:
                found.append(
                    (int(node.name.removeprefix("video")), (node / "name").read_text().strip())
                )
        except (OSError, ValueError):
            continue  # unplugged while we looked
    return sorted(found)


def _other_cameras() -> list[tuple[int, str]]:
    import av

    try:
        devices = av.enumerate_input_devices(
            "avfoundation" if sys.platform == "darwin" else "dshow"
        )
    except (av.FFmpegError, OSError, ValueError):
        return []
    cameras = [device for device in devices if "video" in device.media_types]
    names = [device.description or device.name for device in cameras]
    return [(index, name) for index, name in enumerate(names) if "Capture screen" not in name]


def _unknown(kind: Kind, wanted: str, able: Sequence[Device]) -> DeviceError:
    word = _WORDS[kind]
    if not able:
        return DeviceError(
            f"There is no {word} on this machine.",
            "Use file:PATH or test instead, or off."
            if kind != "audiooutput"
            else "Plug one in, or go on without sound: --speaker off.",
        )
    names = ", ".join(f"{device.index}: {device.label}" for device in able)
    return DeviceError(f"There is no {word} called {wanted}.", f"There is {names}.")
