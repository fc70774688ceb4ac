"""A sound file held whole in memory, at 48 kHz with its own channels."""

from __future__ import annotations

import itertools

import av
import numpy as np

from engage_tui.errors import MediaFileError
from engage_tui.media.files import decode, open_file, unreadable
from engage_tui.media.source import SAMPLE_RATE, Pcm

LONGEST = 30 * 60
"""Seconds: a longer file would take more memory than a call should (346 MB in stereo at half an hour)."""

MOST_CHANNELS = 16


def clip_channels(path: str) -> int:
    """How many channels the first sound stream of a file has, by its head alone.

    Raises:
        MediaFileError: It is missing, unreadable, holds no sound, or has too many channels.
    """
    with open_file(path, "audio") as container:
        return _channels(path, container.streams.audio[0].codec_context.channels)


def _channels(path: str, channels: int) -> int:
    if not 1 <= channels <= MOST_CHANNELS:
        raise MediaFileError(f"{path} has {channels} channels.", "Choose a file with 1 to 16.")
    return channels


def load_clip(path: str) -> Pcm:
    """Decode the first sound stream of a file; damaged packets are left out.

    Args:
        path: The file; any rate and format that FFmpeg reads.

    Returns:
        int16 ``(samples, channels)`` at 48 kHz.

    Raises:
        MediaFileError: It is missing, unreadable, holds no sound, has too many channels, or is longer than `LONGEST`.
    """
    blocks: list[Pcm] = []
    samples = 0
    with open_file(path, "audio") as container:
        stream = container.streams.audio[0]
        channels = _channels(path, stream.codec_context.channels)
        resampler = av.AudioResampler(format="s16", layout=stream.layout, rate=SAMPLE_RATE)
        try:
            for frame in itertools.chain(decode(container, stream), [None]):  # None: what is left
                if frame is not None:
                    frame.pts = None
                for out in resampler.resample(frame):
                    pcm = out.to_ndarray().astype(np.int16, copy=False).reshape(-1, channels)
                    blocks.append(pcm)
                    samples += len(pcm)
                if samples > LONGEST * SAMPLE_RATE:
                    raise MediaFileError(
                        f"{path} is longer than {LONGEST // 60} minutes.", "Choose a shorter file."
                    )
        except (av.FFmpegError, OSError, ValueError) as error:
            raise unreadable(path, error) from error
    if not samples:
        raise unreadable(path, "nothing in it can be decoded")
    return np.concatenate(blocks)
