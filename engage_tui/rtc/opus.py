"""Opus: decoding to mono with concealment of losses, and encoding.

PyAV's wheels carry libopus but show no way to its packet loss concealment, so the decoder calls the library itself.
Where the library cannot be found, PyAV decodes and losses are silent.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import logging
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt

_log = logging.getLogger(__name__)

SAMPLE_RATE = 48_000
FRAME = 960
"""Samples of the 20 ms frames that we send, and that are assumed of others until their first packet."""

SHORT_FRAME = 480
"""Samples of the 10 ms frames that we send where little delay counts more than few packets."""

MAX_FRAME = 5760
"""Samples of the longest packet, 120 ms."""

Mono = npt.NDArray[np.float32]
Pcm = npt.NDArray[np.int16]


_VOIP = 2048
_SET_BITRATE, _SET_DTX = 4002, 4016
_MAX_PACKET = 1275  # bytes of one frame (RFC 6716 3.4)
_NOTHING = 2  # bytes up to which an encoder with DTX says that nothing need be sent


class Encoder(Protocol):
    """Encodes 20 ms stereo blocks."""

    def encode(self, samples: Pcm) -> list[bytes]:
        """The packets of int16 samples of shape ``(960, 2)``; none where nothing need be sent."""


class Decoder(Protocol):
    """Decodes one stream of Opus packets into mono."""

    def decode(self, payload: bytes) -> Mono:
        """The packet's samples, -1 to 1; empty if it is broken."""

    def conceal(self, samples: int) -> Mono:
        """`samples` (a multiple of 120) in place of a packet that did not come."""


@functools.cache
def library() -> ctypes.CDLL | None:
    """libopus: the one inside PyAV's wheel, else the system's, else None."""
    package = Path(av.__file__).parent
    found = [
        *package.parent.glob("av.libs/libopus*"),  # Linux and Windows wheels
        *package.glob(".dylibs/libopus*"),  # macOS wheels
    ]
    names = [str(path) for path in found]
    if system := ctypes.util.find_library("opus"):
        names.append(system)
    for name in names:
        try:
            opus = ctypes.CDLL(name)
            opus.opus_decoder_create.restype = ctypes.c_void_p
            opus.opus_decoder_create.argtypes = [ctypes.c_int32, ctypes.c_int, ctypes.c_void_p]
            opus.opus_decode_float.argtypes = [
                ctypes.c_void_p,
                ctypes.c_char_p,
                ctypes.c_int32,
                ctypes.c_void_p,
                ctypes.c_int,
                ctypes.c_int,
            ]
            opus.opus_decoder_destroy.argtypes = [ctypes.c_void_p]
            opus.opus_encoder_create.restype = ctypes.c_void_p
            opus.opus_encoder_create.argtypes = [
                ctypes.c_int32,
                ctypes.c_int,
                ctypes.c_int,
                ctypes.c_void_p,
            ]
            opus.opus_encode.argtypes = [
                ctypes.c_void_p,
                ctypes.c_void_p,
                ctypes.c_int,
                ctypes.c_void_p,
                ctypes.c_int32,
            ]
            # Variadic: only the fixed arguments are declared, as some platforms pass the others differently.
            opus.opus_encoder_ctl.argtypes = [ctypes.c_void_p, ctypes.c_int]
            opus.opus_encoder_destroy.argtypes = [ctypes.c_void_p]
        except (OSError, AttributeError) as error:
            _log.warning("libopus at %s cannot be used: %s", name, error)
            continue
        return opus
    _log.warning("no libopus for loss concealment; losses will be silent")
    return None


class LibopusDecoder:
    """Mono decoder on libopus itself; one thread at a time."""

    def __init__(self, opus: ctypes.CDLL) -> None:
        self._opus = opus
        self._handle: int | None = opus.opus_decoder_create(SAMPLE_RATE, 1, None)
        self._buffer = np.zeros(MAX_FRAME, np.float32)

    def decode(self, payload: bytes) -> Mono:
        """The packet's samples, -1 to 1; empty if it is broken."""
        return self._call(payload, len(payload), MAX_FRAME)

    def conceal(self, samples: int) -> Mono:
        """`samples` (a multiple of 120) extrapolated from what came before, fading within 80 ms."""
        return self._call(None, 0, min(samples, MAX_FRAME))

    def _call(self, payload: bytes | None, size: int, samples: int) -> Mono:
        count = self._opus.opus_decode_float(
            self._handle, payload, size, self._buffer.ctypes.data, samples, 0
        )
        return self._buffer[: max(0, count)].copy()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._opus.opus_decoder_destroy(self._handle)
            self._handle = None


class PyavDecoder:
    """Mono decoder through PyAV: no concealment."""

    def __init__(self) -> None:
        self._codec = av.AudioCodecContext.create("libopus", "r")
        self._codec.sample_rate = SAMPLE_RATE
        self._codec.layout = "mono"
        self._codec.format = av.AudioFormat("s16")

    def decode(self, payload: bytes) -> Mono:
        """The packet's samples, -1 to 1; empty if it is broken."""
        try:
            frames = self._codec.decode(av.Packet(payload))
        except av.FFmpegError:
            return np.zeros(0, np.float32)
        parts = [np.asarray(frame.to_ndarray(), np.float32).ravel() / 32768 for frame in frames]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def conceal(self, samples: int) -> Mono:
        """Silence of this length."""
        return np.zeros(samples, np.float32)


def create_decoder() -> Decoder:
    """A decoder for one stream, with concealment if the library is there."""
    opus = library()
    return LibopusDecoder(opus) if opus is not None else PyavDecoder()


class LibopusEncoder:
    """Encoder on libopus itself, which pauses in silence (DTX); one thread at a time."""

    def __init__(self, opus: ctypes.CDLL, bitrate: int = 64_000) -> None:
        self._opus = opus
        self._handle: int | None = opus.opus_encoder_create(SAMPLE_RATE, 2, _VOIP, None)
        self._packet = ctypes.create_string_buffer(_MAX_PACKET)
        for request, value in ((_SET_BITRATE, bitrate), (_SET_DTX, 1)):
            opus.opus_encoder_ctl(self._handle, request, ctypes.c_int32(value))

    def encode(self, samples: Pcm) -> list[bytes]:
        """The packet of int16 samples of shape ``(960, 2)`` or ``(480, 2)``; none in silence but one in 0.4 s."""
        own = np.ascontiguousarray(samples, np.int16)
        size = self._opus.opus_encode(
            self._handle, own.ctypes.data, len(own), self._packet, _MAX_PACKET
        )
        return [self._packet.raw[:size]] if size > _NOTHING else []

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._opus.opus_encoder_destroy(self._handle)
            self._handle = None


def create_encoder(frame: int = FRAME) -> Encoder:
    """An encoder for one stream, with DTX if the library is there.

    Args:
        frame: Samples of its packets: `FRAME` or `SHORT_FRAME`.
    """
    opus = library()
    return LibopusEncoder(opus) if opus is not None else OpusEncoder(frame=frame)


class OpusEncoder:
    """Encodes stereo blocks of 20 or 10 ms through PyAV, one packet each.

    Stereo even for one voice: FFmpeg takes 3 dB off when it makes stereo of mono, while twice the same channel
    costs Opus next to nothing.
    """

    def __init__(self, bitrate: int = 64_000, frame: int = FRAME) -> None:
        codec = av.AudioCodecContext.create("libopus", "w")
        codec.sample_rate = SAMPLE_RATE
        codec.layout = "stereo"
        codec.format = av.AudioFormat("s16")
        codec.bit_rate = bitrate
        codec.time_base = Fraction(1, SAMPLE_RATE)
        codec.options = {
            "application": "voip",
            "frame_duration": str(frame * 1000 // SAMPLE_RATE),
        }
        self._codec = codec
        self._position = 0

    def encode(self, samples: Pcm) -> list[bytes]:
        """The packets of int16 samples, as many as the packets are to have, of shape ``(samples, 2)``."""
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples).reshape(1, -1), format="s16", layout="stereo"
        )
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._position
        frame.time_base = Fraction(1, SAMPLE_RATE)
        self._position += len(samples)
        return [bytes(packet) for packet in self._codec.encode(frame)]
