"""OpenAL Soft through ctypes, rendering into memory: the anchor of `tests.bench.spatial`. Needs libopenal1."""

from __future__ import annotations

import ctypes
import ctypes.util
import math
from typing import Any

import numpy as np
import numpy.typing as npt

_STEREO, _FLOAT = 0x1501, 0x1406
_ATTRIBUTES = (
    0x1990,
    _STEREO,
    0x1991,
    _FLOAT,
    0x1007,
    48_000,
    0x1992,
    1,
    0,
)  # channels, type, rate, HRTF
_HRTF, _POSITION, _LOOPING, _BUFFER, _GAIN = 0x1992, 0x1004, 0x1007, 0x1009, 0x100A
_MONO16, _DIRECT_FILTER, _SEND, _DISTANCE_NONE = 0x1101, 0x20005, 0x20006, 0


def available() -> bool:
    """Whether the library is installed."""
    return ctypes.util.find_library("openal") is not None


class OpenAl:
    """A listener with so many looping noises, a low-pass on each, and a reverb that all send into."""

    def __init__(self, voices: int, noise: npt.NDArray[np.float32]) -> None:
        self.al = al = ctypes.CDLL(ctypes.util.find_library("openal"))
        for name in ("alcLoopbackOpenDeviceSOFT", "alcCreateContext", "alGetProcAddress"):
            getattr(al, name).restype = ctypes.c_void_p
        self._device = ctypes.c_void_p(al.alcLoopbackOpenDeviceSOFT(None))
        attributes = (ctypes.c_int * len(_ATTRIBUTES))(*_ATTRIBUTES)
        self._context = ctypes.c_void_p(al.alcCreateContext(self._device, attributes))
        al.alcMakeContextCurrent(self._context)
        status = ctypes.c_int()
        al.alcGetIntegerv(self._device, _HRTF, 1, ctypes.byref(status))
        if not status.value:
            raise RuntimeError("OpenAL Soft renders without HRTF")
        al.alDistanceModel(_DISTANCE_NONE)
        self._out = (ctypes.c_float * (480 * 2))()
        self._sources = (ctypes.c_uint * voices)()
        al.alGenSources(voices, self._sources)
        buffer = self._make("alGenBuffers")
        pcm = (noise * 32767).astype(np.int16).tobytes()
        al.alBufferData(buffer, _MONO16, pcm, len(pcm), 48_000)
        slot, low_pass = self._effects()
        for source in self._sources:
            al.alSourcei(source, _BUFFER, buffer)
            al.alSourcei(source, _LOOPING, 1)
            al.alSourcei(source, _DIRECT_FILTER, low_pass)
            al.alSource3i(source, _SEND, slot, 0, 0)
            al.alSourcef(source, _GAIN, ctypes.c_float(0.3))
            al.alSourcePlay(source)

    def block(self, number: int) -> None:
        """Move everybody and render 10 ms."""
        al = self.al
        for index, source in enumerate(self._sources):
            angle = math.radians(index * 22.5 + number * 0.9)
            place = (math.sin(angle), 0.2, -math.cos(angle))
            al.alSource3f(source, _POSITION, *(ctypes.c_float(each) for each in place))
        al.alcRenderSamplesSOFT(self._device, self._out, 480)

    def close(self) -> None:
        """Free everything."""
        self.al.alcMakeContextCurrent(None)
        self.al.alcDestroyContext(self._context)
        self.al.alcCloseDevice(self._device)

    def _effects(self) -> tuple[int, int]:
        slot, effect = self._make("alGenAuxiliaryEffectSlots"), self._make("alGenEffects")
        self._call("alEffecti", effect, 0x8001, 0x0001)  # type: reverb
        self._call("alAuxiliaryEffectSloti", slot, 0x0001, effect)
        low_pass = self._make("alGenFilters")
        self._call("alFilteri", low_pass, 0x8001, 0x0001)  # type: low-pass
        self._call("alFilterf", low_pass, 0x0002, ctypes.c_float(0.5))
        return slot, low_pass

    def _make(self, name: str) -> int:
        made = ctypes.c_uint()
        self._call(name, 1, ctypes.byref(made))
        return made.value

    def _call(self, name: str, *arguments: Any) -> None:
        address = self.al.alGetProcAddress(name.encode())
        types = [type(each) if not isinstance(each, int) else ctypes.c_int for each in arguments]
        if arguments and not isinstance(arguments[-1], (int, ctypes.c_float)):
            types[-1] = ctypes.c_void_p
        ctypes.CFUNCTYPE(None, *types)(address)(*arguments)
