"""The renderer: voices and their places in, two channels out, block by block, on the mixing thread.

Overlap-save: each voice is transformed once, multiplied by its filter (direction, dullness, gain), and added to the
others as a spectrum, so that the inverse transforms are few whatever the number of voices. A voice that moved is
multiplied by its old and new filter, and a raised cosine over the block leads from one to the other. Everything is done
for all voices at once, since one array operation costs more to start than a voice does in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from engage_tui.spatial.filters import LOW_PASS_TAPS, LowPasses, PanBank
from engage_tui.spatial.hrtf import Bank, KemarBank, Samples, Spectrum
from engage_tui.spatial.reverb import Convolver, reflections, tail
from engage_tui.spatial.scene import Listener
from engage_tui.spatial.voices import (
    Memory,
    Part,
    Voices,
)

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
        self._bank: Bank = (KemarBank if mode == "binaural" else PanBank)(self._size)
        self._low_passes = LowPasses(self._size)
        self._fade = (0.5 - 0.5 * np.cos(np.pi * np.arange(block) / block)).astype(np.float32)
        self._reverb = Convolver(tail() if mode != "off" else _NOTHING, block, self._size)
        self._amount = room.reverb
        self._externalizer = Externalizer(block, self._size)
        self._voices = Voices(block, self._size)

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
                memory = part.memory = Memory(self)
            if part.source.settings.direct_through or self.mode == "off":
                memory.quiet = None
                self._pass_through(part, memory, mix)
            else:
                memory.through = None
                placed.append((part, memory))
        self._voices.take(placed, self._listener.pose)
        spatial = self._spatial()
        if spatial is not None:
            mix += spatial.T
        outside = self._externalizer.process(spatial, self._room)
        if outside is not None:
            mix += outside.T
        return mix

    def _pass_through(self, part: Part, memory: Memory, mix: Samples) -> None:
        """Add a part without any place."""
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

    def _spatial(self) -> Samples | None:
        """Everything that goes through a spectrum: the direct sound and the reverb, ``(2, block)``; None: silence."""
        voices = self._voices
        self._send()
        rows, histories = len(voices.memories), voices.histories
        answers = bool(histories[-1].any())
        if not rows and not answers and not self._reverb.sounds:
            return None
        total = np.zeros((2, 2, self._size // 2 + 1), np.complex64)  # old and new, left and right
        moves, wet = False, None
        if rows or answers:
            spectra: Spectrum = np.fft.rfft(histories if answers else histories[:-1])  # type: ignore[assignment]
            if rows:
                moves = self._direct(spectra[:rows], total)
            voices.advance()
            wet = self._reverb.process(spectra[-1:] if answers else None)
        else:
            wet = self._reverb.process(None)
        if wet is not None:
            total += wet
        if not moves:
            return self._back(total[1])
        both = self._back(total)
        old, new = both
        return np.asarray(old + (new - old) * self._fade)

    def _send(self) -> None:
        """Put what goes into the reverb at the end of its history."""
        voices = self._voices
        earlier, self._amount = self._amount, self._room.reverb
        old = [memory.before[2] * earlier for memory in voices.memories]
        new = [memory.send * self._amount for memory in voices.memories]
        blocks = voices.histories[:, -self.block :]
        if not any(old) and not any(new):
            blocks[-1] = 0
            return
        before, after = np.array((old, new), np.float32) @ blocks[:-1]
        if old != new:
            after -= before
            after *= self._fade
            after += before
        blocks[-1] = after

    def _direct(self, spectra: Spectrum, total: Spectrum) -> bool:
        """Write the direct sound into `total`; returns whether old and new differ."""
        voices = self._voices
        memories, work = voices.memories, voices.work
        earlier, filters = voices.turn(self._bank)
        dull = [memory.dull for memory in memories]
        dulled = spectra * self._low_passes.spectra(dull) if any(dull) else spectra
        now = np.array([memory.level for memory in memories], np.complex64)
        np.multiply((dulled * now[:, None])[:, None], filters, out=work)
        np.add.reduce(work, axis=0, out=total[1])
        if not any(memory.moves for memory in memories):
            return False
        before = [memory.before[1] for memory in memories]
        if before != dull:
            dulled = spectra * self._low_passes.spectra(before)
        then = np.array([memory.before[0] for memory in memories], np.complex64)
        np.multiply((dulled * then[:, None])[:, None], earlier, out=work)
        np.add.reduce(work, axis=0, out=total[0])
        return True

    def _back(self, spectrum: Spectrum) -> Samples:
        out = np.fft.irfft(spectrum, self._size)[..., -self.block :]
        return np.asarray(out, np.float32)


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
