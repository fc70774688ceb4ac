"""The options ``--bed`` and ``--sound``: files that play to oneself, all around or at a place in the room."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import click

from engage_tui.engine.messages import SoundStart
from engage_tui.errors import MediaFileError, UsageError

FARTHEST = 100.0
"""Metres from one's seat at which a sound may be."""

_FORM = "Write --sound FILE@X,Y or FILE@X,Y,Z: metres to your right, ahead of you and up."

bed_option = click.option(
    "--bed", metavar="FILE", multiple=True, help="Play a file to yourself, all around you."
)
sound_option = click.option(
    "--sound",
    metavar="FILE@X,Y[,Z]",
    multiple=True,
    help="Play a file to yourself at a place: metres right, ahead, up.",
)


def wanted(beds: Sequence[str], sounds: Sequence[str]) -> tuple[SoundStart, ...]:
    """What the options ask for, each file looked into before anything starts.

    Raises:
        UsageError: A place means nothing, or a file is missing, unreadable, or has as many channels as do not fit.
    """
    found = [SoundStart(_path(bed)) for bed in beds] + [_placed(each) for each in sounds]
    if len(found) > _most():
        raise UsageError(f"There can be {_most()} sounds at a time, not {len(found)}.")
    for each in found:
        _check(each)
    return tuple(found)


def _placed(option: str) -> SoundStart:
    path, at, place = option.rpartition("@")
    try:
        numbers = [float(each) for each in place.split(",")] if at else []
    except ValueError:
        numbers = []
    if not path or len(numbers) not in (2, 3):
        raise UsageError(f"--sound does not know where {option!r} is.", _FORM)
    if not all(math.isfinite(each) and abs(each) <= FARTHEST for each in numbers):
        raise UsageError(f"--sound {option!r} is too far.", f"Stay within {FARTHEST:g} m.")
    x, y, *z = numbers
    return SoundStart(_path(path), (x, y, z[0] if z else 0.0))


def _path(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _check(sound: SoundStart) -> None:
    from engage_tui.engine.sounds import check

    try:
        check(sound.path, bed=sound.point is None)
    except MediaFileError as error:  # named on the command line, it is a wrong use of it
        raise UsageError(error.message, error.hint) from error


def _most() -> int:
    from engage_tui.engine.sounds import MOST

    return MOST
