"""The mixer: every voice pulled in step with the sound card, metered, placed, summed, and kept from clipping.

It runs on the output's thread (a card's, or a clock's without one). Voices are added and removed from any thread;
nothing here knows asyncio.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engage_tui.errors import EngageError
from engage_tui.media.levels import Meter
from engage_tui.media.source import AudioFrame
from engage_tui.media.speaker import AudioOutput, TimerOutput
from engage_tui.sdk.limiter import Limiter
from engage_tui.spatial.renderer import Mode, Renderer, Room
from engage_tui.spatial.scene import Listener, Source, SourceSettings
from engage_tui.spatial.voices import Part

_log = logging.getLogger(__name__)

Block = npt.NDArray[np.float32]
Stereo = npt.NDArray[np.float32]
Pull = Callable[[int], Block]
"""Takes a number of samples, returns float32 ``(samples,)`` or ``(samples, 2)``, -1 to 1; must not block."""
Tap = Callable[[AudioFrame], None]

_MIDDLE = SourceSettings(direct_through=True)  # of a voice without a place
_COSTS = 6000  # blocks whose cost is remembered: the last minute


@dataclass(frozen=True, slots=True)
class MixerStats:
    """How the mixing went since the output was started.

    Attributes:
        output: The output's name.
        blocks: Blocks that the output asked for.
        underruns: How often nothing waited in the device any more when a block came.
        depth: Blocks that are kept waiting in the device now.
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


class Playable(Protocol):
    """Something that sounds: a voice, or a bed of several loudspeakers."""

    def parts(self, samples: int) -> Sequence[Part]:
        """Its parts in the scene with their next blocks; called on the mixing thread, must neither block nor raise."""


class Voice:
    """One voice in the mix, or an object's sound.

    Attributes:
        meter: Levels of the voice as decoded, before gain and place.
        part: Its part in the scene.
    """

    def __init__(self, key: Hashable, pull: Pull, gain: float, source: Source | None) -> None:
        self.meter = Meter()
        self.taps: tuple[Tap, ...] = ()
        self.part = Part(source or Source(_MIDDLE), gain)
        self._key = key
        self._pull = pull
        self._pull_failed = self._tap_failed = False

    def parts(self, samples: int) -> Sequence[Part]:
        """Pull the next block, meter it, and hand it to the taps."""
        block = self._read(samples)
        silent = block is None or not block.any()
        self.part.block = None if silent else block
        heard = np.zeros(samples, np.float32) if block is None else block
        self.meter.add(heard)
        if self.taps:
            self._tell(heard if heard.ndim == 1 else heard.mean(axis=1))
        return (self.part,)

    def _read(self, samples: int) -> Block | None:
        try:
            block = np.asarray(self._pull(samples), np.float32)
            if block.shape not in ((samples,), (samples, 2)):
                raise ValueError(f"a voice gave {block.shape} instead of {(samples,)}")
        except Exception:  # noqa: BLE001 - border: a voice must not silence the others
            if not self._pull_failed:
                self._pull_failed = True
                _log.exception("voice %s failed; it is silent", self._key)
            return None
        return block if np.isfinite(block).all() else None

    def _tell(self, block: Block) -> None:
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

    Attributes:
        listener: Whose ears the mix is for.
        room: What sounds around everybody.
        on_output_lost: As the argument.
    """

    def __init__(
        self,
        output: AudioOutput | None = None,
        on_output_lost: Callable[[EngageError], None] | None = None,
    ) -> None:
        self.listener = Listener()
        self.room = Room()
        self._output: AudioOutput = output or TimerOutput()
        self.on_output_lost = on_output_lost
        self._lock = (
            threading.Lock()
        )  # guards the dictionary's replacement, never held while mixing
        self._switching = threading.Lock()
        self._voices: dict[Hashable, Voice] = {}
        self._players: dict[Hashable, Playable] = {}  # the voices among them
        self._leaving: list[Playable] = []  # heard for one block more, in which they fade
        self._drawn: dict[int, Any] = {}  # what inputs gave for this block
        self._renderer = Renderer("off", self.listener, self.room)
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

    @property
    def spatial(self) -> Mode:
        """How directions are heard."""
        return self._renderer.mode

    def set_spatial(self, mode: Mode) -> None:
        """Change how directions are heard, from the next block on. Takes some milliseconds: not on the event loop."""
        if mode != self._renderer.mode:
            self._renderer = Renderer(mode, self.listener, self.room, self._renderer.block)

    def add_voice(
        self, key: Hashable, pull: Pull, gain: float = 1.0, source: Source | None = None
    ) -> None:
        """Mix a voice in, replacing another of the same key.

        Args:
            key: What names the voice to the other methods.
            pull: Called on the mixing thread every 10 ms; what it raises is logged once and heard as silence.
            gain: Linear.
            source: Its place and what else is set of it; None: in the middle, as it is.
        """
        voice = Voice(key, pull, gain, source)
        with self._lock:
            self._voices = {**self._voices, key: voice}
            self._replace(key, voice)

    def add_player(self, key: Hashable, player: Playable) -> None:
        """Mix in something of several parts, replacing what had the same key; `remove_voice` takes it out."""
        with self._lock:
            self._replace(key, player)

    def remove_voice(self, key: Hashable) -> None:
        """Let a voice fade within the next block, for which it is pulled once more; unknown keys are ignored."""
        with self._lock:
            self._voices = {each: voice for each, voice in self._voices.items() if each != key}
            self._replace(key, None)

    def _replace(self, key: Hashable, player: Playable | None) -> None:
        """Put a player in another's place, which fades; under the lock."""
        gone = self._players.get(key)
        if gone is not None and gone is not player and self._running:
            self._leaving.append(gone)
        others = {each: one for each, one in self._players.items() if each != key}
        self._players = others if player is None else {**others, key: player}
        self._output.wake()

    def set_gain(self, key: Hashable, gain: float) -> None:
        """Change a voice's gain (linear); unknown keys are ignored."""
        if (voice := self._voices.get(key)) is not None:
            voice.part.gain = gain

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
                self._stop_output()
                self._running = False

    def set_output(self, output: AudioOutput) -> None:
        """Change where the mix goes, while it runs or before. Blocks while the device opens.

        Raises:
            DeviceError: The new output cannot be opened. The mix then runs by the clock, unheard.
        """
        with self._switching:
            if self._running:
                self._stop_output()
                try:
                    self._start(output)
                except EngageError:
                    self._output = TimerOutput(block=output.block)
                    self._start(self._output)
                    raise
            self._output = output
            output.wake()  # for who came while the one before was told

    def render(self, samples: int) -> Stereo:
        """Mix the next block; called by the output on its thread. Never raises.

        Args:
            samples: How many; a change of it costs some milliseconds.

        Returns:
            float32 ``(samples, 2)``, -1 to 1.
        """
        started = time.perf_counter()
        renderer = self._renderer
        if renderer.block != samples:
            renderer = Renderer(renderer.mode, self.listener, self.room, samples)
            self._renderer = renderer
        self._drawn.clear()
        parts = [part for player in self._players.values() for part in player.parts(samples)]
        fading = self._fading(samples)
        mix = self._limiter.process(renderer.render(parts + [part for part, _ in fading]))
        for part, gain in fading:
            part.gain = gain
        self._meter.add(mix)
        self._costs[self._count % _COSTS] = time.perf_counter() - started
        self._count += 1
        return mix

    def draw(self, source: Any, samples: int) -> Any:
        """An input's next block: the same for all that play it, who ask on the mixing thread while they are pulled.

        Args:
            source: An `AudioInput`.
            samples: As for its ``pull``.
        """
        key = id(source)
        if key not in self._drawn:
            self._drawn[key] = source.pull(samples)
        return self._drawn[key]

    def _fading(self, samples: int) -> list[tuple[Part, float]]:
        """The parts that are heard for the last time, at gain 0 from here on, and what their gain was."""
        if not self._leaving:
            return []
        with self._lock:
            leaving, self._leaving = self._leaving, []
        fading = [(part, part.gain) for player in leaving for part in player.parts(samples)]
        for part, _ in fading:
            part.gain = 0.0
        return fading

    def _is_silent(self) -> bool:
        """Whether nobody is in the mix, and for a second nothing was heard, reverberation neither."""
        return not self._players and not self._leaving and self._count > 0 and not self._meter.rms

    def _stop_output(self) -> None:
        output = self._output
        output.stop()
        _log.info("%s: %d blocks, ran dry %d times", output.label, output.blocks, output.underruns)

    def _lost(self, error: EngageError) -> None:
        if self.on_output_lost is not None:
            self.on_output_lost(error)

    def _start(self, output: AudioOutput) -> None:
        self._count = 0
        output.start(self.render, self._lost, self._is_silent)
