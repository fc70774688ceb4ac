"""Beds: sound of several channels around the listener, as loudspeakers that are not there.

Each format names its loudspeakers and how its channels feed them; the loudspeakers go through the same filters as
voices do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engage_tui.errors import UsageError
from engage_tui.spatial.coordinates import FORWARD, RIGHT, UPWARD
from engage_tui.spatial.vectors import Vector3D

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Layout:
    """A format's loudspeakers.

    Attributes:
        channels: How many channels an input of this format has.
        speakers: Directions in the scene's axes, for a listener who has not turned.
        feed: Gain of each channel in each loudspeaker, ``(speakers, channels)``.
    """

    channels: int
    speakers: tuple[Vector3D, ...]
    feed: Matrix


def _at(azimuth: float) -> Vector3D:
    angle = math.radians(azimuth)
    return FORWARD * math.cos(angle) + RIGHT * math.sin(angle)


def _surround() -> Layout:
    """ITU-R BS.775: L, R, C, LFE, Ls, Rs; the bass channel goes to the three in front, 10 dB louder as it is meant."""
    speakers = tuple(_at(each) for each in (-30.0, 30.0, 0.0, -110.0, 110.0))
    feed = np.zeros((5, 6), np.float32)
    for speaker, channel in enumerate((0, 1, 2, 4, 5)):
        feed[speaker, channel] = 1.0
    feed[:3, 3] = 10 ** (10 / 20) / 3
    return Layout(6, speakers, feed)


def _ambisonics() -> Layout:
    """First order as AmbiX has it (W, Y, Z, X; SN3D), on eight loudspeakers at a cube's corners.

    W counts more than a plain decoder would have it (the max-rE weights of the first order), which holds a voice's
    energy together in its direction.
    """
    corners = [
        (FORWARD * front + RIGHT * side + UPWARD * height).normalize()
        for front in (1.0, -1.0)
        for side in (1.0, -1.0)
        for height in (1.0, -1.0)
    ]
    first = 3 * 0.577
    feed = [
        [1.0, first * -RIGHT.dot(each), first * UPWARD.dot(each), first * FORWARD.dot(each)]
        for each in corners
    ]
    # Energy 1 over all loudspeakers for a plane wave, since the eight voices add up as uncorrelated ones do.
    decode = np.array(feed, np.float32)
    wave = decode @ np.array([1, 0, 0, 1], np.float32)
    return Layout(4, tuple(corners), decode / np.sqrt((wave**2).sum()))


LAYOUTS = {
    "stereo": Layout(2, (_at(-30.0), _at(30.0)), np.eye(2, dtype=np.float32)),
    "surround51": _surround(),
    "ambisonics1": _ambisonics(),
}
"""By the format's name."""


def fit(samples: npt.NDArray[np.float32], layout: Layout, name: str) -> npt.NDArray[np.float32]:
    """An input's samples with the layout's number of channels; one channel plays in the middle of a stereo bed.

    Args:
        samples: ``(samples, channels)``.
        layout: The bed's.
        name: The format's name for the error.

    Raises:
        UsageError: The number of channels is another.
    """
    if samples.shape[1] == 1 and name == "stereo":
        return np.repeat(samples, 2, axis=1) * np.float32(math.sqrt(0.5))
    if samples.shape[1] != layout.channels:
        raise UsageError(
            f"A bed of the format {name} takes {layout.channels} channels, not {samples.shape[1]}.",
            "Give a file of the bed's format, or make the space with another audio_bed_format.",
        )
    return samples
