"""What crosses between a front end and the engine; frozen msgspec structs, msgpack on the socket.

Down: `Start`, `Intent`, `Watch`, `Credit`. Up, three streams with one rule each: `State` (replaced by key, merged
while the socket is full), `Levels`, `Statistics` and `Picture` (newest wins), and the numbered, bounded and ordered
`Notice`, `Event`, `Outcome`; last of all `Left`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engage_tui.engine.view import CallView, LobbyView, PersonView, PublicationStats

# -- down ------------------------------------------------------------------------------------------------------------


class SoundStart(msgspec.Struct, frozen=True, array_like=True):
    """A sound of the person's own that plays from the join on.

    Attributes:
        path: The file.
        point: Metres from the person's seat to the right, ahead and up; None: all around, as a bed.
    """

    path: str
    point: tuple[float, float, float] | None = None


class Start(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The first message: everything the engine needs, secrets included (never in arguments).

    Attributes:
        url: ``ws://…`` or ``wss://…``; may be empty when the lobby asks for it.
        token: An access token; empty: made from `api_key` and `api_secret`.
        camera: SRC as on the command line: ``default``, a name or index, ``file:PATH``, ``test``, ``off``.
        subscribe: ``none``, ``microphone``, ``all``, or sources separated by commas.
        lobby: Open previews and wait for the intent ``join`` instead of joining at once.
        events: Send every SDK event up as `Event` (line mode, log panel).
        required: Which of ``camera,microphone,screen,speaker`` end the join with their exit code when they cannot
            be opened, instead of a warning (what the person named on the command line).
        duration: Leave by itself so many seconds after the join; 0: never.
        spatial: ``off``, ``stereo`` or ``binaural``: for which ears the others are placed.
        sounds: What plays to the person alone.
        low_latency: Small blocks and packets, for little delay.
    """

    url: str = ""
    room: str = ""
    identity: str = ""
    name: str = ""
    token: str = ""
    api_key: str = ""
    api_secret: str = ""
    camera: str = "off"
    microphone: str = "off"
    screen: str = "off"
    speaker: str = "default"
    subscribe: str = "microphone"
    lobby: bool = False
    events: bool = True
    required: str = ""
    duration: float = 0.0
    spatial: str = "binaural"
    low_latency: bool = False
    sounds: tuple[SoundStart, ...] = ()


class Intent(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A wish of the person, by name (see `actions.INTENTS`); answered by one `Outcome`."""

    id: int
    name: str
    arguments: dict[str, Any] = {}


class Watch(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A tile wants pictures of a publication at its own size.

    Attributes:
        tile: The tile's number, chosen by the screen.
        key: `PublicationView.key`, ``preview`` for the lobby's camera, or empty to stop.
        width: Wanted pixels; the picture comes with the source's aspect inside this box, never enlarged beyond it.
        height: Wanted pixels.
        frame_rate: The most pictures a second.
    """

    tile: int
    key: str
    width: int = 0
    height: int = 0
    frame_rate: float = 15.0


class Credit(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The screen has painted picture `number` of `tile`, and can take the next."""

    tile: int
    number: int


# -- up --------------------------------------------------------------------------------------------------------------


class State(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """What changed; None and missing keys mean "as before"."""

    number: int
    call: CallView | None = None
    lobby: LobbyView | None = None
    people: dict[str, PersonView] = {}
    gone: tuple[str, ...] = ()


class Levels(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Loudness by identity, 0 to 1 (perceptual: 0 is -60 dBFS, 1 is 0 dBFS); the lobby's meter is ``preview``."""

    levels: dict[str, float]


class Statistics(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Counters of every publication, once a second and once before `Left`."""

    publications: tuple[PublicationStats, ...]


class Picture(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A picture for a tile.

    Attributes:
        stamp: `time.monotonic()` of the frame's arrival or capture; a picture that is seconds old is dropped.
        pixels: RGB24 rows, ``width * height * 3`` bytes.
    """

    tile: int
    number: int
    key: str
    width: int
    height: int
    stamp: float
    pixels: bytes


class Notice(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A line for people: log, chat, warning.

    Attributes:
        kind: ``log``, ``chat``, ``warning`` or ``error``.
        sender: Identity of who wrote a chat line; else empty.
        time: Unix time, seconds.
    """

    number: int
    kind: str
    text: str
    time: float
    sender: str = ""


class Event(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An SDK event, as data.

    Attributes:
        event: The `RoomEvent`'s value (``trackSubscribed``), or a participant event the room does not re-emit.
        time: Unix time, seconds.
        detail: Further fields (``status``, ``quality``, ``text``, ``topic``, ``speakers``…), JSON values only.
    """

    number: int
    event: str
    time: float
    participant: str | None = None
    sid: str | None = None
    kind: str | None = None
    source: str | None = None
    detail: dict[str, Any] = {}


class Outcome(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The answer to an intent; `error` is None when it was done."""

    id: int
    error: str | None = None
    hint: str = ""


class Joined(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The room was joined (again)."""

    identity: str
    sid: str
    room: str
    server: str


class Left(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The last message: the call is over.

    Attributes:
        reason: ``client_initiated``, ``duplicate_identity``, ``participant_removed``, … or ``error``.
        exit_code: What the command returns.
    """

    reason: str
    exit_code: int
    message: str = ""
    hint: str = ""


Down = Start | Intent | Watch | Credit
Up = State | Levels | Statistics | Picture | Notice | Event | Outcome | Joined | Left
