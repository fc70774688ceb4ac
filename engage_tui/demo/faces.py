"""The faces of the demo: drawn, moving, and published like any camera."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engage_tui.demo.paint import Canvas, Colour
from engage_tui.media.source import VideoFrame
from engage_tui.media.worker import Pacer, ThreadedSource

SIZE = (320, 180)
"""Pixels of a face's picture; enough for any tile of text, and cheap to encode."""

FRAME_RATE = 15.0
"""Pictures a second."""

_BLINK_EVERY = 3.7
_BLINK = 0.16


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody looks like.

    Attributes:
        style: How hair, scarf or cap is drawn: a key of `_BEHIND` and `_ABOVE`.
        phase: Seconds by which this face's movements differ from the others'.
    """

    skin: Colour
    hair: Colour
    shirt: Colour
    top: Colour
    bottom: Colour
    iris: Colour
    lips: Colour
    style: Literal["curls", "scarf", "beard", "cap"]
    phase: float


LOOKS: dict[str, Look] = {
    "mira": Look(
        (166, 104, 68), (44, 24, 22), (250, 200, 70), (24, 132, 140), (8, 66, 88),
        (52, 30, 20), (150, 48, 52), "curls", 0.0,
    ),
    "noor": Look(
        (228, 182, 146), (206, 66, 92), (150, 36, 70), (86, 74, 168), (36, 28, 92),
        (60, 84, 56), (186, 70, 78), "scarf", 1.3,
    ),
    "jonas": Look(
        (248, 208, 184), (196, 98, 34), (54, 92, 160), (96, 154, 74), (34, 84, 52),
        (58, 112, 164), (178, 84, 80), "beard", 2.1,
    ),
    "sam": Look(
        (206, 150, 106), (36, 30, 34), (64, 66, 78), (240, 150, 62), (172, 70, 40),
        (50, 34, 24), (160, 78, 70), "cap", 3.2,
    ),
}  # fmt: skip
"""Everybody's look by identity."""


@dataclass(frozen=True, slots=True)
class _Pose:
    """Where a head is at one moment; places are given relative to its centre, upright."""

    canvas: Canvas
    x: float
    y: float
    tilt: float
    turn: float

    def ellipse(
        self,
        dx: float,
        dy: float,
        rx: float,
        ry: float,
        colour: Colour,
        *,
        angle: float = 0.0,
        opacity: float = 1.0,
        soft: float = 1.0,
        hole: float = 0.0,
        depth: float = 0.0,
    ) -> None:
        """An ellipse that moves with the head; `depth` 1 follows a turn like the nose, -1 like the nape."""
        dx += self.turn * depth
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        self.canvas.ellipse(
            self.x + dx * cos - dy * sin,
            self.y + dx * sin + dy * cos,
            rx,
            ry,
            colour,
            angle=self.tilt + angle,
            opacity=opacity,
            soft=soft,
            hole=hole,
        )


def shade(colour: Colour, by: float) -> Colour:
    """`colour` darker (below 1) or lighter (above 1)."""
    red, green, blue = (min(255, int(each * by)) for each in colour)
    return (red, green, blue)


def draw(canvas: Canvas, look: Look, now: float, mouth: float) -> None:
    """Draw one picture.

    Args:
        canvas: Of `SIZE`; its old content is drawn over.
        look: Whose face.
        now: Seconds on any clock that runs steadily.
        mouth: How far the mouth is open, 0 to 1.
    """
    time_ = now + look.phase * 7.0
    pose = _Pose(
        canvas,
        x=160 + 7 * math.sin(time_ * 0.61) + 2 * math.sin(time_ * 1.7),
        y=94 + 2.5 * math.sin(time_ * 0.83) - 3 * mouth,
        tilt=0.07 * math.sin(time_ * 0.47 + 1.0) + 0.02 * math.sin(time_ * 1.9),
        turn=7 * math.sin(time_ * 0.37),
    )
    _shoulders(canvas, look, pose)
    _BEHIND[look.style](pose, look)
    _head(pose, look)
    _eyes(pose, look, time_, mouth)
    _mouth(pose, look, mouth)
    _ABOVE[look.style](pose, look)


def backdrop(look: Look) -> Canvas:
    """What stands behind a face: a gradient with soft lights."""
    canvas = Canvas(*SIZE)
    canvas.fade(look.top, look.bottom)
    light = shade(look.top, 1.45)
    for index, (x, y, radius) in enumerate(
        ((38, 40, 30), (286, 58, 40), (70, 132, 18), (262, 150, 24))
    ):
        shift = 9 * math.sin(look.phase * 3 + index * 2)
        canvas.ellipse(x + shift, y - shift, radius, radius, light, opacity=0.22, soft=10)
    return canvas


def _shoulders(canvas: Canvas, look: Look, pose: _Pose) -> None:
    x = 160 + (pose.x - 160) * 0.45
    canvas.ellipse(x, 218, 112, 62, shade(look.shirt, 0.72))
    canvas.ellipse(x, 222, 106, 60, look.shirt)
    canvas.ellipse((x + pose.x) / 2, 160, 25, 34, shade(look.skin, 0.74))


def _head(pose: _Pose, look: Look) -> None:
    if look.style != "scarf":
        for side in (-1, 1):
            pose.ellipse(side * 52, 6, 10, 15, shade(look.skin, 0.82), depth=-0.4)
    pose.ellipse(0, 0, 52, 66, shade(look.skin, 0.84))
    pose.ellipse(-3, -2, 48, 62, look.skin, soft=5)
    for side in (-1, 1):
        pose.ellipse(side * 27, 24, 13, 9, (226, 96, 84), opacity=0.3, soft=8, depth=0.7)
    pose.ellipse(0, 14, 8, 12, shade(look.skin, 0.8), depth=1.3, soft=3)
    pose.ellipse(-2, 9, 5, 10, shade(look.skin, 1.12), depth=1.3, soft=3, opacity=0.8)


def _eyes(pose: _Pose, look: Look, now: float, mouth: float) -> None:
    open_ = (
        1.0 if now % _BLINK_EVERY > _BLINK and (now + 1.1) % (_BLINK_EVERY * 2.3) > _BLINK else 0.12
    )
    # The eyes rest on one point for a while and then jump, as eyes do.
    step = math.floor(now / 2.3)
    gaze_x, gaze_y = 3.2 * math.sin(step * 2.4), 1.6 * math.sin(step * 1.7 + 1)
    brow = shade(look.hair, 0.8) if look.style != "scarf" else (70, 44, 36)
    for side in (-1, 1):
        pose.ellipse(side * 21, -6, 14, 11.5 * open_ + 0.6, shade(look.skin, 0.7), depth=1.0)
        pose.ellipse(side * 21, -6, 12.5, 10.5 * open_, (250, 250, 248), depth=1.0)
        if open_ == 1.0:
            pose.ellipse(side * 21 + gaze_x, -5 + gaze_y, 7, 7.4, look.iris, depth=1.0)
            pose.ellipse(side * 21 + gaze_x, -5 + gaze_y, 3.6, 3.8, (16, 12, 12), depth=1.0)
            pose.ellipse(side * 21 + gaze_x - 2.5, -8 + gaze_y, 2, 2, (255, 255, 255), depth=1.0)
        pose.ellipse(side * 22, -24 - 3 * mouth, 13, 3.4, brow, angle=side * 0.14, depth=1.0)


def _mouth(pose: _Pose, look: Look, mouth: float) -> None:
    y = 40.0
    if mouth < 0.06:
        # A smile: an ellipse of lips with its upper part covered by skin.
        pose.ellipse(0, y - 1, 20, 7, look.lips, depth=1.0)
        pose.ellipse(0, y - 5, 21, 7, look.skin, depth=1.0)
        return
    height = 4 + 13 * mouth
    pose.ellipse(0, y, 19 - 3 * mouth, height + 2.5, look.lips, depth=1.0)
    pose.ellipse(0, y, 15.5 - 3 * mouth, height - 0.5, (62, 14, 20), depth=1.0)
    pose.ellipse(0, y - height * 0.62, 11 - 2 * mouth, height * 0.26, (246, 244, 238), depth=1.0)
    pose.ellipse(0, y + height * 0.6, 9, height * 0.32, (204, 84, 88), depth=1.0)


def _curls_behind(pose: _Pose, look: Look) -> None:
    for step in range(11):
        angle = math.pi * (0.86 + step * 0.128)
        pose.ellipse(
            62 * math.cos(angle), -14 + 58 * math.sin(angle), 23, 23, look.hair, depth=-0.6
        )
    pose.ellipse(0, -14, 66, 60, look.hair, depth=-0.6)
    for side in (-1, 1):
        pose.ellipse(side * 56, 22, 19, 24, look.hair, depth=-0.6)


def _curls_above(pose: _Pose, look: Look) -> None:
    for step in range(6):
        dx = -42 + step * 17
        pose.ellipse(dx, -56 + 0.008 * dx * dx, 15, 15, look.hair, depth=0.2)
    for side in (-1, 1):
        pose.ellipse(side * 55, 30, 5.5, 5.5, (255, 214, 90), depth=-0.2)


def _scarf_behind(pose: _Pose, look: Look) -> None:
    pose.ellipse(0, 4, 70, 84, shade(look.hair, 0.7), depth=-0.5)
    pose.ellipse(-2, 2, 66, 80, look.hair, depth=-0.4, soft=4)
    pose.ellipse(0, 78, 66, 34, look.hair)


def _scarf_above(pose: _Pose, look: Look) -> None:
    pose.ellipse(0, 0, 64, 77, look.hair, hole=0.80)
    pose.ellipse(0, -58, 34, 10, shade(look.hair, 1.2), opacity=0.5, soft=6)
    pose.ellipse(8, 84, 34, 9, shade(look.hair, 0.8), angle=0.15, soft=6)


def _beard_behind(pose: _Pose, look: Look) -> None:
    pose.ellipse(0, -20, 58, 56, look.hair, depth=-0.4)


def _beard_above(pose: _Pose, look: Look) -> None:
    hair = look.hair
    pose.ellipse(-16, -56, 40, 19, hair, angle=-0.28)
    pose.ellipse(22, -56, 34, 16, shade(hair, 1.1), angle=0.34)
    for side in (-1, 1):
        pose.ellipse(side * 44, 34, 11, 30, hair, angle=side * 0.3, depth=0.2)
        pose.ellipse(side * 11, 27, 13, 5, hair, angle=side * 0.25, depth=1.0)
        pose.ellipse(side * 21, -5, 18, 16, (28, 30, 40), hole=0.84, depth=1.0)
    pose.ellipse(0, 64, 38, 17, hair, depth=0.4)
    pose.ellipse(0, -7, 5, 2, (28, 30, 40), depth=1.0)


def _cap_behind(pose: _Pose, look: Look) -> None:
    for side in (-1, 1):
        pose.ellipse(side * 44, -14, 14, 34, look.hair, depth=-0.4)


def _cap_above(pose: _Pose, look: Look) -> None:
    wool: Colour = (52, 92, 176)
    pose.ellipse(0, -52, 55, 36, wool)
    pose.ellipse(-14, -66, 26, 14, shade(wool, 1.25), opacity=0.5, soft=8)
    pose.ellipse(0, -35, 57, 11, shade(wool, 0.75))
    pose.ellipse(0, -90, 12, 12, shade(look.skin, 1.5))


_Part = Callable[[_Pose, Look], None]
_BEHIND: dict[str, _Part] = {
    "curls": _curls_behind,
    "scarf": _scarf_behind,
    "beard": _beard_behind,
    "cap": _cap_behind,
}
_ABOVE: dict[str, _Part] = {
    "curls": _curls_above,
    "scarf": _scarf_above,
    "beard": _beard_above,
    "cap": _cap_above,
}


class FaceCamera(ThreadedSource[VideoFrame]):
    """A camera in front of a drawn face."""

    kind: Literal["video"] = "video"
    is_device = False

    def __init__(self, name: str, loudness: Callable[[], float]) -> None:
        """Set up the camera of `name`, a key of `LOOKS`; the mouth opens by `loudness()`, 0 to 1."""
        super().__init__()
        self.label = f"{name}'s face"
        self.device_id = f"demo:{name}"
        self._look = LOOKS[name]
        self._loudness = loudness

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return SIZE

    @property
    def frame_rate(self) -> float:
        """Pictures a second."""
        return FRAME_RATE

    def _prepare(self) -> None:
        self._canvas = Canvas(*SIZE)
        self._backdrop = backdrop(self._look).pixels

    def _run(self, stop: threading.Event) -> None:
        pacer = Pacer()
        number = 0
        mouth = 0.0
        while not stop.is_set():
            due = pacer.wait(number / FRAME_RATE, stop)
            # A mouth has weight: it opens at once and closes over a few pictures.
            mouth = max(self._loudness(), mouth * 0.6)
            np.copyto(self._canvas.pixels, self._backdrop)
            draw(self._canvas, self._look, due, mouth)
            self.push(VideoFrame(self._canvas.to_frame(), due))
            number += 1
