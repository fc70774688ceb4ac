"""What the people of the demo say and do, and when; pure data.

One timetable in seconds, repeated for as long as somebody watches. `voices` speaks the lines, `people` follows the
cues, and `make_voices` turns the texts into the clips that are shipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Do(StrEnum):
    """Something that a demo person does."""

    JOIN = "join"
    LEAVE = "leave"
    MUTE = "mute"
    UNMUTE = "unmute"
    CAMERA_OFF = "camera off"
    CAMERA_ON = "camera on"
    SHARE = "share"
    STOP_SHARING = "stop sharing"
    SAY = "say"


@dataclass(frozen=True, slots=True)
class Voice:
    """How a person sounds.

    Attributes:
        name: A voice of espeak-ng, variant included.
        pitch: 0 to 99, 50 is the voice's own.
        words_per_minute: How fast.
    """

    name: str
    pitch: int
    words_per_minute: int


@dataclass(frozen=True, slots=True)
class Cue:
    """One moment of the timetable.

    Attributes:
        at: Seconds since the round began.
        who: The person's identity.
        what: What to do.
        clip: For `Do.SAY` the clip's name, ``who-clip.ogg`` in the voices folder.
        text: What the clip says.
    """

    at: float
    who: str
    what: Do
    clip: str = ""
    text: str = ""


CAST: dict[str, Voice] = {
    "mira": Voice("en-gb+f2", 52, 158),
    "noor": Voice("en-us+f4", 40, 168),
    "jonas": Voice("en-gb-scotland+m3", 34, 152),
    "sam": Voice("en-us+m7", 58, 172),
}
"""Everybody, in the order in which they came."""

AT_ONCE = ("mira", "noor", "jonas")
"""Who is in the room before the round begins."""

ROUND = 92.0
"""Seconds after which the timetable starts again."""

TIMETABLE: tuple[Cue, ...] = (
    Cue(
        1.5,
        "mira",
        Do.SAY,
        "welcome",
        "Welcome to Engage! This is a real call, inside your terminal.",
    ),
    Cue(6.5, "noor", Do.SAY, "face", "Hello! My face is a drawing, but the video is real."),
    Cue(8.0, "sam", Do.JOIN),
    Cue(
        11.0,
        "jonas",
        Do.SAY,
        "opus",
        "And my voice is Opus, like in any browser. Press M, to talk to us.",
    ),
    Cue(
        17.0,
        "sam",
        Do.SAY,
        "late",
        "Hi everybody, sorry I'm late. My packets took the scenic route.",
    ),
    Cue(22.0, "mira", Do.SAY, "share", "No problem, Sam. Look, I'll share my screen."),
    Cue(24.5, "mira", Do.SHARE),
    Cue(26.4, "jonas", Do.SAY, "bye", "I have to go for a moment. See you soon!"),
    Cue(30.2, "jonas", Do.LEAVE),
    Cue(
        31.0,
        "sam",
        Do.SAY,
        "rows",
        "Pick a row with J and K, and press S, to see it, or to stop it.",
    ),
    Cue(36.5, "noor", Do.SAY, "dark", "I'm switching my camera off now. You still hear me."),
    Cue(40.5, "noor", Do.CAMERA_OFF),
    Cue(
        41.5,
        "mira",
        Do.SAY,
        "chart",
        "This chart counts the words that were said, and the ones that were meant.",
    ),
    Cue(47.0, "noor", Do.CAMERA_ON),
    Cue(48.0, "noor", Do.SAY, "light", "And here I am again."),
    Cue(50.0, "jonas", Do.JOIN),
    Cue(51.5, "jonas", Do.SAY, "back", "I'm back. What did I miss?"),
    Cue(54.5, "sam", Do.SAY, "miss", "A chart. It went up."),
    Cue(56.5, "noor", Do.MUTE),
    Cue(57.5, "noor", Do.SAY, "muted", "And nobody hears what I really think of that chart."),
    Cue(62.0, "mira", Do.SAY, "unmute", "Noor, you are muted."),
    Cue(64.5, "noor", Do.UNMUTE),
    Cue(65.5, "noor", Do.SAY, "sorry", "Oh! I said, it's a beautiful chart."),
    Cue(
        69.0,
        "jonas",
        Do.SAY,
        "browser",
        "Anyone can join from a browser, a phone, or another terminal.",
    ),
    Cue(74.5, "sam", Do.SAY, "lines", "Or from ten lines of Python."),
    Cue(
        77.5,
        "mira",
        Do.SAY,
        "stop",
        "That's all from my screen. Press Q, when you have seen enough.",
    ),
    Cue(82.5, "mira", Do.STOP_SHARING),
    Cue(83.5, "noor", Do.SAY, "again", "We're happy to start again, as often as you like."),
)
"""Everything that happens, in order of time; nobody speaks while somebody else does.

Sam stays from the first round on: a cue that finds its wish already granted changes nothing.
"""


def clip_name(cue: Cue) -> str:
    """The file name of what `cue` says."""
    return f"{cue.who}-{cue.clip}.ogg"
