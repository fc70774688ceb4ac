"""The mixer: every voice pulled in step with the sound card, metered, placed, summed, and kept from clipping.

It runs on the output's thread (a card's, or a clock's without one). Voices are added and removed from any thread;
nothing here knows asyncio.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engage_tui.errors import EngageError
from engage_tui.media.levels import Meter
from engage_tui.media.source import BLOCK, AudioFrame
from engage_tui.media.speaker import AudioOutput, TimerOutput
from engage_tui.spatial.pan import pan_gains

_log = logging.getLogger(__name__)

Mono = npt.NDArray[np.float32]
Stereo = npt.NDArray[np.float32]
Pull = Callable[[int], Mono]
"""Takes a number of samples, returns float32 ``(samples,)``, -1 to 1; must not block."""
Tap = Callable[[AudioFrame], None]

_RAMP = (np.arange(1, BLOCK + 1, dtype=np.float32) / BLOCK)[:, None]
_COSTS = 6000  # blocks whose cost is remembered: the last minute


@dataclass(frozen=True, slots=True)
class MixerStats:
    """How the mixing went since the output was started.

    Attributes:
        output: The output's name.
        blocks: Blocks of 10 ms that the output asked for.
        underruns: How often the ring was empty when a block was due.
        depth: Blocks that the ring keeps now.
        voices: Voices in the mix.
        cost: Median seconds that a block took over the last minute.
        cost_max: The most seconds that a block took over the last minute.
    """

    output: str
    blocks: int
    underruns: int
    depth: int
    voices: int
    cost: float
    cost_max: float


class Limiter:
    """Keeps a sum of voices within full scale.

    Below the threshold sound passes untouched. Above it the gain falls within a millisecond and recovers in about
    0.3 s; what the fall leaves above the threshold is rounded off instead of cut.
    """

    threshold = 0.9

    def __init__(self) -> None:
        self._gain = 1.0

    def process(self, block: Stereo) -> Stereo:
        """Return the block, or a limited copy; float32 ``(samples, 2)``, within -1 to 1."""
        peak = float(np.abs(block).max(initial=0.0))
        wanted = min(1.0, self.threshold / peak) if peak > 0 else 1.0
        before = self._gain
        if wanted >= before:
            wanted = min(wanted, before + 0.03)  # the recovery: the same share each block
        if before == 1.0 and wanted == 1.0:
            return block
        self._gain = wanted
        ramp = min(len(block), BLOCK // 10) if wanted < before else len(block)
        gains = np.full((len(block), 1), wanted, np.float32)
        gains[:ramp, 0] = np.linspace(before, wanted, ramp, dtype=np.float32)
        limited = block * gains
        over = np.abs(limited) - self.threshold
        if float(over.max(initial=0.0)) > 0:
            room = 1 - self.threshold
            rounded = self.threshold + room * np.tanh(over / room)
            limited = np.where(over > 0, np.sign(limited) * rounded, limited)
        return limited.astype(np.float32, copy=False)


class Voice:
    """One voice in the mix.

    Attributes:
        meter: Levels of the voice as decoded, before gain and place.
    """

    def __init__(self, key: Hashable, pull: Pull, gain: float, azimuth: float) -> None:
        self.meter = Meter()
        self.taps: tuple[Tap, ...] = ()
        self._key = key
        self._pull = pull
        self._gain, self._azimuth = gain, azimuth
        self._wanted = self._gains()
        self._applied = self._wanted
        self._pull_failed = self._tap_failed = False

    def place(self, gain: float | None = None, azimuth: float | None = None) -> None:
        """Change gain (linear) or azimuth (degrees, 90 right); glides there over the next block."""
        self._gain = self._gain if gain is None else gain
        self._azimuth = self._azimuth if azimuth is None else azimuth
        self._wanted = self._gains()

    def add_to(self, mix: Stereo, samples: int) -> None:
        """Pull the next block, meter it, hand it to the taps, and add it to `mix`."""
        block = self._read(samples)
        if block is None:
            block = np.zeros(samples, np.float32)
        self.meter.add(block)
        if self.taps:
            self._tell(block)
        before, after = self._applied, self._wanted
        if before is after:
            mix += block[:, None] * after
        else:
            mix += block[:, None] * (before + (after - before) * _RAMP[:samples])
            self._applied = after

    def _gains(self) -> Stereo:
        left, right = pan_gains(self._azimuth)
        return np.array([[left * self._gain, right * self._gain]], np.float32)

    def _read(self, samples: int) -> Mono | None:
        try:
            block = np.asarray(self._pull(samples), np.float32)
            if block.shape != (samples,):
                raise ValueError(f"a voice gave {block.shape} instead of {(samples,)}")
        except Exception:  # noqa: BLE001 - border: a voice must not silence the others
            if not self._pull_failed:
                self._pull_failed = True
                _log.exception("voice %s failed; it is silent", self._key)
            return None
        return block if np.isfinite(block).all() else None

    def _tell(self, block: Mono) -> None:
        pcm = np.clip(np.rint(block * 32767), -32768, 32767).astype(np.int16)[:, None]
        frame = AudioFrame(pcm, time.monotonic())
        for tap in self.taps:
            try:
                tap(frame)
            except Exception:  # noqa: BLE001 - border: a listener's code on the mixing thread
                if not self._tap_failed:
                    self._tap_failed = True
                    _log.exception("a listener of voice %s failed", self._key)


class Mixer:
    """Mixes voices into an output.

    Args:
        output: Where the mix goes and what clocks it; a `TimerOutput` when None.
        on_output_lost: Called on the mixing thread when the device is gone; voices go on by the clock.
    """

    def __init__(
        self,
        output: AudioOutput | None = None,
        on_output_lost: Callable[[EngageError], None] | None = None,
    ) -> None:
        self._output: AudioOutput = output or TimerOutput()
        self._on_lost = on_output_lost
        self._lock = (
            threading.Lock()
        )  # guards the dictionary's replacement, never held while mixing
        self._switching = threading.Lock()
        self._voices: dict[Hashable, Voice] = {}
        self._limiter = Limiter()
        self._meter = Meter()
        self._running = False
        self._costs = np.zeros(_COSTS, np.float32)
        self._count = 0

    @property
    def output(self) -> AudioOutput:
        """Where the mix goes."""
        return self._output

    @property
    def meter(self) -> Meter:
        """Levels of the mix."""
        return self._meter

    def add_voice(self, key: Hashable, pull: Pull, gain: float = 1.0, azimuth: float = 0.0) -> None:
        """Mix a voice in, replacing another of the same key.

        Args:
            key: What names the voice to the other methods.
            pull: Called on the mixing thread every 10 ms; what it raises is logged once and heard as silence.
            gain: Linear.
            azimuth: Degrees, 0 ahead, 90 right.
        """
        voice = Voice(key, pull, gain, azimuth)
        with self._lock:
            self._voices = {**self._voices, key: voice}

    def remove_voice(self, key: Hashable) -> None:
        """Leave a voice out from the next block on (a pull may still be under way); unknown keys are ignored."""
        with self._lock:
            self._voices = {each: voice for each, voice in self._voices.items() if each != key}

    def set_gain(self, key: Hashable, gain: float) -> None:
        """Change a voice's gain (linear); unknown keys are ignored."""
        if (voice := self._voices.get(key)) is not None:
            voice.place(gain=gain)

    def set_azimuth(self, key: Hashable, azimuth: float) -> None:
        """Change a voice's direction (degrees, 0 ahead, 90 right); unknown keys are ignored."""
        if (voice := self._voices.get(key)) is not None:
            voice.place(azimuth=azimuth)

    def voice_meter(self, key: Hashable) -> Meter | None:
        """The levels of a voice before gain and place; None when there is no such voice."""
        voice = self._voices.get(key)
        return None if voice is None else voice.meter

    def add_tap(self, key: Hashable, tap: Tap) -> None:
        """Hand each block of a voice, mono int16 before gain, to `tap` on the mixing thread; it must not block."""
        with self._lock:
            if (voice := self._voices.get(key)) is not None:
                voice.taps = (*voice.taps, tap)

    def remove_tap(self, key: Hashable, tap: Tap) -> None:
        """Undo `add_tap`; unknown ones are ignored."""
        with self._lock:
            if (voice := self._voices.get(key)) is not None:
                voice.taps = tuple(each for each in voice.taps if each != tap)

    @property
    def stats(self) -> MixerStats:
        """How the mixing goes."""
        output = self._output
        costs = self._costs[: min(self._count, _COSTS)]
        return MixerStats(
            output.label,
            output.blocks,
            output.underruns,
            output.depth,
            len(self._voices),
            float(np.median(costs)) if len(costs) else 0.0,
            float(costs.max(initial=0.0)),
        )

    def block_costs(self) -> npt.NDArray[np.float32]:
        """Seconds that each of the last blocks took, in no order (for measurements)."""
        return self._costs[: min(self._count, _COSTS)].copy()

    def start(self) -> None:
        """Start mixing; idempotent. Blocks while the device opens.

        Raises:
            DeviceError: The output cannot be opened; nothing runs then.
        """
        with self._switching:
            if not self._running:
                self._start(self._output)
                self._running = True

    def stop(self) -> None:
        """Stop mixing and free the device; returns when no voice is pulled any more. Idempotent."""
        with self._switching:
            if self._running:
                self._output.stop()
                self._running = False

    def set_output(self, output: AudioOutput) -> None:
        """Change where the mix goes, while it runs or before. Blocks while the device opens.

        Raises:
            DeviceError: The new output cannot be opened. The mix then runs by the clock, unheard.
        """
        with self._switching:
            if self._running:
                self._output.stop()
                try:
                    self._start(output)
                except EngageError:
                    self._output = TimerOutput()
                    self._start(self._output)
                    raise
            self._output = output

    def render(self, samples: int) -> Stereo:
        """Mix the next block; called by the output on its thread. Never raises.

        Args:
            samples: At most `BLOCK`.

        Returns:
            float32 ``(samples, 2)``, -1 to 1.
        """
        started = time.perf_counter()
        mix = np.zeros((samples, 2), np.float32)
        for voice in self._voices.values():
            voice.add_to(mix, samples)
        mix = self._limiter.process(mix)
        self._meter.add(mix)
        self._costs[self._count % _COSTS] = time.perf_counter() - started
        self._count += 1
        return mix

    def _start(self, output: AudioOutput) -> None:
        self._count = 0
        output.start(self.render, self._on_lost)
