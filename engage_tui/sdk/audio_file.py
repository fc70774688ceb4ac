"""Sounds of one's own: what an audio object or a bed can play."""

from __future__ import annotations

import asyncio
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from engage_tui.errors import UsageError
from engage_tui.media.source import SAMPLE_RATE, Pcm

Samples = npt.NDArray[np.float32]


@runtime_checkable
class AudioInput(Protocol):
    """Something that gives sound, block by block.

    Attributes:
        channels: How many it gives.
    """

    @property
    def channels(self) -> int:
        """How many channels it gives; 0 while it has none yet."""

    def pull(self, samples: int) -> Samples | None:
        """The next block, float32 ``(samples, channels)``, -1 to 1; None: silence.

        Called on the mixing thread every 10 ms; must not block. What it raises is logged once and heard as silence.
        """


class AudioFile:
    """A sound file in memory; the input of any number of objects and beds of one space, which play it together.

    Any rate, channel count and length up to half an hour: ``await load(path)``, then `play`.
    """

    def __init__(self) -> None:
        self._pcm: Pcm | None = None
        self._position = 0
        self._playing = False
        self._loop = False

    @property
    def channels(self) -> int:
        """Channels of the file; 0 before it is loaded."""
        return 0 if self._pcm is None else int(self._pcm.shape[1])

    @property
    def duration(self) -> float:
        """Seconds; 0 before it is loaded."""
        return 0.0 if self._pcm is None else len(self._pcm) / SAMPLE_RATE

    @property
    def position(self) -> float:
        """Seconds from the start at which it plays next."""
        return self._position / SAMPLE_RATE

    @property
    def is_playing(self) -> bool:
        """Whether it plays; False again at its end."""
        return self._playing

    async def load(self, path: str) -> None:
        """Read a file; it then stands at its beginning, not playing.

        Raises:
            MediaFileError: It is missing, unreadable, holds no sound, or is too long.
        """
        from engage_tui.media.clip import load_clip

        pcm = await asyncio.to_thread(load_clip, path)
        self._playing = False
        self._position = 0
        self._pcm = pcm

    def set_loop(self, loop: bool) -> None:
        """Begin again at the end, without a gap."""
        self._loop = loop

    def get_loop(self) -> bool:
        """Whether it begins again at the end."""
        return self._loop

    def play(self) -> None:
        """Play on from where it stands.

        Raises:
            UsageError: Nothing was loaded.
        """
        if self._pcm is None:
            raise UsageError("There is nothing to play.", "Await load(path) first.")
        self._playing = True

    def pause(self) -> None:
        """Stop where it stands."""
        self._playing = False

    def stop(self) -> None:
        """Stop, and stand at the beginning."""
        self._playing = False
        self._position = 0

    def pull(self, samples: int) -> Samples | None:
        """See `AudioInput`."""
        pcm = self._pcm
        if pcm is None or not self._playing:
            return None
        at = self._position
        piece = pcm[at : at + samples]
        while len(piece) < samples and self._loop:
            piece = np.concatenate([piece, pcm[: samples - len(piece)]])
        if len(piece) < samples:
            missing = np.zeros((samples - len(piece), pcm.shape[1]), np.int16)
            piece = np.concatenate([piece, missing])
            self._playing, self._position = False, 0
        else:
            self._position = (at + samples) % len(pcm) if self._loop else at + samples
        return piece.astype(np.float32) * np.float32(1 / 32768)
