"""A scripted engine: it records what the screen asks for, and tells it what a test says.

`FakeEngine` answers every intent at once unless told otherwise; `hall()` is a room worth looking at.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import msgspec

from engage_tui.engine.link import EngineLink, Link, local_pair
from engage_tui.engine.messages import (
    Credit,
    Down,
    Intent,
    Joined,
    Left,
    Levels,
    Outcome,
    Picture,
    Start,
    State,
    Statistics,
    Up,
    Watch,
)
from engage_tui.engine.view import (
    CallView,
    DevicesView,
    DeviceView,
    HearingView,
    LobbyView,
    Moved,
    PersonView,
    Phase,
    PlaceView,
    PublicationStats,
    PublicationView,
    Subscription,
    ToggleView,
)
from engage_tui.sdk.enums import (
    AudioConnectionMode,
    ConnectionQuality,
    MediaDeviceKind,
    TrackKind,
    TrackSource,
)

_KINDS = {
    TrackSource.MICROPHONE: TrackKind.AUDIO,
    TrackSource.SCREEN_SHARE_AUDIO: TrackKind.AUDIO,
    TrackSource.CAMERA: TrackKind.VIDEO,
    TrackSource.SCREEN_SHARE: TrackKind.VIDEO,
}


class FakeEngine:
    """The engine's end of a link within the test's process.

    Attributes:
        received: Every message from the screen, in order.
        failures: The error with which an intent of this name is answered.
        silent: Names of intents that get no answer yet.
    """

    def __init__(self) -> None:
        self.received: list[Down] = []
        self.failures: dict[str, tuple[str, str]] = {}
        self.silent: set[str] = set()
        self.closed = False
        self.on_intent: Callable[[Intent], None] = lambda intent: None
        self._numbers = 0
        self._up: EngineLink | None = None

    def link(self) -> Link:
        """The screen's end; called inside the running loop."""
        front, self._up = local_pair()
        self._up.listen(self._on_message, self._on_closed)
        return front

    def close(self) -> int:
        """Nothing to wait for."""
        return 0

    def send(self, *messages: Up) -> None:
        """Tell the screen."""
        assert self._up is not None, "the app has not asked for its link yet"
        for message in messages:
            self._up.send(message)

    def state(self, **parts: Any) -> None:
        """Send a `State` of these parts."""
        self._numbers += 1
        self.send(State(self._numbers, **parts))

    def vanish(self) -> None:
        """Be gone without a word."""
        assert self._up is not None
        self._up.close()

    def intents(self, name: str = "") -> list[Intent]:
        """The intents received so far, all or those called `name`."""
        found = [each for each in self.received if isinstance(each, Intent)]
        return [each for each in found if not name or each.name == name]

    def asked(self, count: int, name: str = "") -> Callable[[], bool]:
        """A condition to wait for: that many intents were received."""
        return lambda: len(self.intents(name)) == count

    def watches(self) -> list[Watch]:
        """What tiles have asked for."""
        return [each for each in self.received if isinstance(each, Watch)]

    def credits(self) -> list[Credit]:
        """Pictures that were painted."""
        return [each for each in self.received if isinstance(each, Credit)]

    @property
    def start(self) -> Start:
        """The first message."""
        first = self.received[0]
        assert isinstance(first, Start)
        return first

    def _on_message(self, message: Down) -> None:
        self.received.append(message)
        if not isinstance(message, Intent) or message.name in self.silent:
            return
        error, hint = self.failures.get(message.name, (None, ""))
        self.send(Outcome(message.id, error, hint))
        if error is None:
            self.on_intent(message)
            if message.name == "leave":
                self.send(Left("client_initiated", 0))
                self.vanish()

    def _on_closed(self) -> None:
        self.closed = True


# -- people ----------------------------------------------------------------------------------------------------------


def publication(
    who: str,
    source: TrackSource,
    *,
    name: str = "",
    local: bool = False,
    muted: bool = False,
    subscription: Subscription = Subscription.ON,
    size: tuple[int, int] = (640, 360),
    error: str = "",
) -> PublicationView:
    """A publication as the engine would describe it."""
    kind = _KINDS[source]
    video = kind is TrackKind.VIDEO
    return PublicationView(
        key=f"{who}/{source.value}/{name}",
        sid=f"TR_{who}_{source.value}",
        kind=kind,
        source=source,
        name=name,
        local=local,
        muted=muted,
        subscription=subscription,
        error=error,
        width=size[0] if video else 0,
        height=size[1] if video else 0,
        codec="vp8" if video else "opus",
    )


def person(
    identity: str, *publications: PublicationView, local: bool = False, **more: Any
) -> PersonView:
    """A participant with these publications."""
    more.setdefault("quality", ConnectionQuality.EXCELLENT)
    return PersonView(
        identity=identity,
        name=more.pop("name", identity),
        sid=f"PA_{identity}",
        local=local,
        publications=publications,
        **more,
    )


def hall() -> dict[str, PersonView]:
    """Five people in every state that a row can have, round a table."""
    mic, camera, screen = TrackSource.MICROPHONE, TrackSource.CAMERA, TrackSource.SCREEN_SHARE
    people = (
        person(
            "ada",
            publication("ada", mic, local=True),
            publication("ada", camera, local=True, size=(1280, 720)),
            local=True,
            place=PlaceView(),
        ),
        person(
            "mira",
            publication("mira", mic),
            publication("mira", camera),
            publication("mira", screen, subscription=Subscription.OFF, size=(1920, 1080)),
            speaking=True,
            audio_connected=True,
            joined_at=1.0,
            place=PlaceView(-0.95, 0.69, 72),
        ),
        person(
            "noor",
            publication("noor", mic, muted=True),
            publication("noor", camera, subscription=Subscription.PENDING),
            connection_mode=AudioConnectionMode.ALWAYS,
            joined_at=2.0,
            place=PlaceView(-0.59, 1.81, 144),
        ),
        person(
            "kaito",
            publication("kaito", mic, subscription=Subscription.OFF),
            publication(
                "kaito", camera, subscription=Subscription.FAILED, error="no codec in common"
            ),
            connection_mode=AudioConnectionMode.NEVER,
            joined_at=3.0,
            place=PlaceView(1.2, 2.4, 216, Moved.BY_YOU),
        ),
        person(
            "sam",
            joining=True,
            joined_at=4.0,
            quality=ConnectionQuality.UNKNOWN,
            place=PlaceView(0.95, 0.69, 288),
        ),
    )
    return {each.identity: each for each in people}


def call(**changes: Any) -> CallView:
    """A call that goes well."""
    usual = CallView(
        phase=Phase.CONNECTED,
        room="hall",
        server="ws://127.0.0.1:7880",
        identity="ada",
        round_trip_ms=18,
        invite="engage-tui join hall --url ws://127.0.0.1:7880",
        joined_at=1000.0,
        microphone=ToggleView(on=True, label="Built-in microphone"),
        camera=ToggleView(on=True, label="FaceTime HD"),
        speaker="Headphones",
        hearing=HearingView(seating="circle", connected=1, microphones=3, limit=8),
        equipment=DevicesView(lobby().devices, "0", "1", "2"),
    )
    return msgspec.structs.replace(usual, **changes)


def lobby(**changes: Any) -> LobbyView:
    """A lobby with two of everything."""
    usual = LobbyView(
        devices=(
            DeviceView(MediaDeviceKind.VIDEO_INPUT, "0", "FaceTime HD", default=True),
            DeviceView(MediaDeviceKind.VIDEO_INPUT, "test", "Test pattern"),
            DeviceView(MediaDeviceKind.AUDIO_INPUT, "1", "Built-in microphone", default=True),
            DeviceView(MediaDeviceKind.AUDIO_INPUT, "test", "Test tone (440 Hz)"),
            DeviceView(MediaDeviceKind.AUDIO_OUTPUT, "2", "Headphones", default=True),
            DeviceView(MediaDeviceKind.AUDIO_OUTPUT, "3", "Built-in speakers"),
        ),
        camera=ToggleView(on=True),
        microphone=ToggleView(on=True),
        camera_id="0",
        microphone_id="1",
        speaker_id="2",
    )
    return msgspec.structs.replace(usual, **changes)


def statistics(people: dict[str, PersonView], second: float = 1.0) -> Statistics:
    """Counters for everything that flows."""
    rows = []
    for someone in people.values():
        for each in someone.publications:
            flows = each.subscription is Subscription.ON and not each.muted
            video = each.kind is TrackKind.VIDEO
            rate = (38_000.0 if video else 4_100.0) * flows
            rows.append(
                PublicationStats(
                    key=each.key,
                    sid=each.sid,
                    participant=someone.identity,
                    local=each.local,
                    kind=each.kind,
                    source=each.source,
                    name=each.name,
                    subscribed=flows,
                    muted=each.muted,
                    bytes=int(rate * second),
                    bytes_per_second=rate,
                    frames_per_second=15.0 * (flows and video),
                )
            )
    return Statistics(tuple(rows))


def levels(second: float) -> Levels:
    """Voices that rise and fall."""
    return Levels(
        {
            "ada": 0.3 + 0.25 * math.sin(second * 3),
            "mira": 0.6 + 0.3 * math.sin(second * 5),
            "preview": 0.5 + 0.3 * math.sin(second * 4),
        }
    )


def picture(watch: Watch, number: int, second: float) -> Picture:
    """A moving gradient of the size that the tile wants."""
    import numpy as np

    width, height = max(2, watch.width), max(2, watch.height)
    x = np.linspace(0, 1, width)[None, :]
    y = np.linspace(0, 1, height)[:, None]
    planes = (
        0.5 + 0.5 * np.sin(6 * x + second * 2 + y * 0),
        0.4 + 0.3 * np.cos(5 * y + second + x * 0),
        0.6 + 0.4 * np.sin(4 * (x + y) + len(watch.key)),
    )
    pixels = (np.stack(planes, axis=2) * 200).astype(np.uint8)
    return Picture(watch.tile, number, watch.key, width, height, time.monotonic(), pixels.tobytes())


def joined() -> Joined:
    """The room was joined."""
    return Joined("ada", "PA_ada", "hall", "ws://127.0.0.1:7880")
