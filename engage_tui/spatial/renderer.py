"""The renderer: voices and their places in, two channels out, block by block, on the mixing thread.

Overlap-save: each voice is transformed once, multiplied by its filter (direction, dullness, gain), and added to the
others as a spectrum, so that the inverse transforms are few whatever the number of voices. A voice that moved is
multiplied by its old and new filter, and a raised cosine over the block leads from one to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from engage_tui.spatial.filters import LOW_PASS_TAPS, LowPasses, PanBank
from engage_tui.spatial.hrtf import Bank, KemarBank, Samples, Spectrum
from engage_tui.spatial.reverb import Convolver, reflections, tail
from engage_tui.spatial.scene import Listener, Placement, Source, place

Mode = Literal["off", "stereo", "binaural"]
"""``off``: everybody in the middle, the same at both ears, however far; ``stereo``: two loudspeakers; ``binaural``:
headphones."""

_MIDDLE = np.sqrt(0.5)  # gain of each channel for what stands in the middle
_NOTHING = np.zeros((2, 1))  # the room's answer where nothing has a place
_CHARACTERS = 9  # degrees of the externalizer's character told apart


class Room:
    """What sounds around everybody; any thread may set it.

    Attributes:
        reverb: Amount, 0 to 1.
        externalizer: Amount, 0 to 1.
        character: Of the externalizer, 0 warm to 1 airy.
    """

    def __init__(self) -> None:
        self.reverb = 1.0
        self.externalizer = 0.0
        self.character = 0.5


class Part:
    """A source's part in the mix: the source, the samples of this block, and what the renderer remembers of it.

    Attributes:
        source: What is set of it.
        gain: Linear, on top of the source's own (a person's volume).
        block: The next samples, ``(samples,)`` or ``(samples, 2)``; None: silence.
    """

    def __init__(self, source: Source, gain: float = 1.0) -> None:
        self.source = source
        self.gain = gain
        self.block: Samples | None = None
        self.memory: _Memory | None = None


class _Memory:
    """What a renderer knows of a part from the last block."""

    __slots__ = ("before", "filters", "moves", "old_send", "owner", "seen", "send", "through")

    def __init__(self, owner: Renderer, bins: int) -> None:
        self.owner = owner
        self.seen: tuple[object, ...] | None = None
        self.before: Samples | None = None
        self.filters = np.zeros((4, bins), np.complex64)  # old left and right, new left and right
        self.moves = False
        self.send = self.old_send = 0.0
        self.through: float | None = None


class Renderer:
    """Renders parts for one listener.

    Args:
        mode: How directions are heard.
        listener: Whose ears.
        room: Reverberation and externalizer.
        block: Samples of a block, at 48 kHz.
    """

    def __init__(self, mode: Mode, listener: Listener, room: Room, block: int = 480) -> None:
        self.mode = mode
        self.block = block
        self._listener = listener
        self._room = room
        self._size = 2 * block
        while self._size - block + 1 < LOW_PASS_TAPS + KemarBank.longest:
            self._size += block
        self._bins = self._size // 2 + 1
        self._bank: Bank = (KemarBank if mode == "binaural" else PanBank)(self._size)
        self._low_passes = LowPasses(self._size)
        self._fade = (0.5 - 0.5 * np.cos(np.pi * np.arange(block) / block)).astype(np.float32)
        self._reverb = Convolver(tail() if mode != "off" else _NOTHING, block, self._size)
        self._sent = np.zeros(self._size - block, np.float32)
        self._amount = room.reverb
        self._externalizer = Externalizer(block, self._size)

    def render(self, parts: Sequence[Part]) -> Samples:
        """Mix the parts' blocks.

        Returns:
            float32 ``(block, 2)``, not limited.
        """
        mix = np.zeros((self.block, 2), np.float32)
        placed = []
        for part in parts:
            memory = part.memory
            if memory is None or memory.owner is not self:
                memory = part.memory = _Memory(self, self._bins)
            if part.source.settings.direct_through or self.mode == "off":
                self._pass_through(part, memory, mix)
            elif self._update(part, memory):
                placed.append((part, memory))
        bus = self._sends(placed)
        spatial = None
        if placed or bus is not None or self._reverb.sounds:
            spatial = self._spatial(placed, bus)
            mix += spatial.T
        outside = self._externalizer.process(spatial, self._room)
        if outside is not None:
            mix += outside.T
        return mix

    def _pass_through(self, part: Part, memory: _Memory, mix: Samples) -> None:
        """Add a part without any place."""
        memory.before = memory.seen = None
        wanted = part.source.settings.gain * part.gain
        before = wanted if memory.through is None else memory.through
        memory.through = wanted
        block = part.block
        if block is None:
            return
        if before != wanted:
            gain = before + (wanted - before) * self._fade
            block = block * (gain if block.ndim == 1 else gain[:, None])
        elif wanted != 1:
            block = block * np.float32(wanted)
        mix += block[:, None] * np.float32(_MIDDLE) if block.ndim == 1 else block

    def _update(self, part: Part, memory: _Memory) -> bool:
        """Bring a part's filters up to date; returns whether it sounds at all."""
        source, position, pose = part.source.settings, part.source.position, self._listener.pose
        if part.block is not None and part.block.ndim == 2:
            part.block = part.block.mean(axis=1)
        memory.through = None
        if memory.moves:
            memory.filters[:2] = memory.filters[2:]
            memory.moves = False
        memory.old_send = memory.send
        curve = None if source.curve is None else source.curve.value
        reverb_curve = None if source.reverb_curve is None else source.reverb_curve.value
        known = memory.seen
        if (
            known is None
            or known[0] is not source
            or known[1] is not position
            or known[2] is not pose
            or known[3] != part.gain
            or known[4] is not curve
            or known[5] is not reverb_curve
        ):
            placement = place(source, position, pose)
            self._fill(memory.filters[2:], placement, part.gain)
            memory.send = placement.send * part.gain
            memory.seen = (source, position, pose, part.gain, curve, reverb_curve)
            memory.moves = known is not None
            if known is None:
                memory.filters[:2] = memory.filters[2:]
                memory.old_send = memory.send
        return part.block is not None or memory.before is not None

    def _fill(self, filters: Spectrum, placement: Placement, gain: float) -> None:
        azimuth, elevation, direct, _, dullness = placement
        direction = self._bank.filters(azimuth, elevation)
        level = np.float32(direct * gain)
        if dullness:
            np.multiply(direction, self._low_passes(dullness), out=filters)
            np.multiply(filters, level, out=filters)
        else:
            np.multiply(direction, level, out=filters)

    def _sends(self, placed: list[tuple[Part, _Memory]]) -> Samples | None:
        """What goes into the reverb; None: nothing."""
        before, amount = self._amount, self._room.reverb
        self._amount = amount
        bus: Samples | None = None
        for part, memory in placed:
            old, new = memory.old_send * before, memory.send * amount
            if part.block is None or old == new == 0:
                continue
            gain = np.float32(new) if old == new else old + (new - old) * self._fade
            bus = part.block * gain if bus is None else bus + part.block * gain
        return bus

    def _spatial(self, placed: list[tuple[Part, _Memory]], bus: Samples | None) -> Samples:
        """Everything that goes through a spectrum: the direct sound and the reverb, ``(2, block)``."""
        spectra = np.fft.rfft(self._histories(placed, bus))
        total = np.zeros((4, self._bins), np.complex64)
        moving = [n for n, (_, memory) in enumerate(placed) if memory.moves]
        still = [n for n, (_, memory) in enumerate(placed) if not memory.moves]
        if moving:
            filters = np.stack([placed[n][1].filters for n in moving])
            np.multiply(filters, spectra[moving, None], out=filters)
            filters.sum(axis=0, out=total)
        if still:
            filters = np.stack([placed[n][1].filters[:2] for n in still])
            np.multiply(filters, spectra[still, None], out=filters)
            alike = filters.sum(axis=0)
            total[:2] += alike
            total[2:] += alike
        wet = self._reverb.process(spectra[-1:] if bus is not None or self._sent.any() else None)
        if wet is not None:
            total[:2] += wet
            total[2:] += wet
        if not moving:
            return self._back(total[:2])
        both = self._back(total)
        before, after = both[:2], both[2:]
        after -= before
        after *= self._fade
        after += before
        return after

    def _back(self, spectrum: Spectrum) -> Samples:
        out = np.fft.irfft(spectrum, self._size)[:, -self.block :]
        return np.asarray(out, np.float32)

    def _histories(self, placed: list[tuple[Part, _Memory]], bus: Samples | None) -> Samples:
        """The last samples of each part with its new block at the end; last of all those of the reverb."""
        kept = self._size - self.block
        histories = np.zeros((len(placed) + 1, self._size), np.float32)
        for row, (part, memory) in zip(histories, placed, strict=False):
            if memory.before is not None:
                row[:kept] = memory.before
            if part.block is not None:
                row[kept:] = part.block
            elif not row[self.block :].any():
                memory.before = (
                    None  # the silence goes through the filter too; then nothing is left
                )
                continue
            memory.before = row[self.block :]
        histories[-1, :kept] = self._sent
        if bus is not None:
            histories[-1, kept:] = bus
        self._sent = histories[-1, self.block :]
        return histories


class Externalizer:
    """First reflections added to what the ears get: they take voices out of the head.

    Args:
        block: Samples of a block.
        size: Samples of the Fourier transform.
    """

    def __init__(self, block: int, size: int) -> None:
        self._block, self._size = block, size
        self._fade = (0.5 - 0.5 * np.cos(np.pi * np.arange(block) / block)).astype(np.float32)
        self._convolver: Convolver | None = None
        self._history = np.zeros((2, size - block), np.float32)
        self._step = -1
        self._amount = 0.0

    def process(self, ears: Samples | None, room: Room) -> Samples | None:
        """What is to be added to a block.

        Args:
            ears: ``(2, block)``; None: silence.
            room: How much, and how bright.

        Returns:
            ``(2, block)``; None: nothing.
        """
        before, amount = self._amount, room.externalizer
        self._amount = amount
        if before == amount == 0:
            self._convolver = None
            return None
        step = round(room.character * (_CHARACTERS - 1))
        if self._convolver is None or step != self._step:
            response = reflections(step / (_CHARACTERS - 1))
            self._convolver = Convolver(response, self._block, self._size, channels=2)
            self._step = step
            self._history[:] = 0
        block = np.zeros((2, self._block), np.float32) if ears is None else ears
        samples = np.concatenate([self._history, block], axis=1)
        self._history = samples[:, self._block :]
        wet = self._convolver.process(np.fft.rfft(samples) if samples.any() else None)
        if wet is None:
            return None
        out: Samples = np.fft.irfft(wet, self._size)[:, -self._block :].astype(np.float32)
        return out * (before + (amount - before) * self._fade)
