"""What a renderer remembers of the parts in the mix: rows of arrays, one for each part that has a place."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from engage_tui.spatial.filters import DULL_STEPS
from engage_tui.spatial.hrtf import STEP, Bank, Key, Samples, Spectrum
from engage_tui.spatial.scene import Pose, Source, place

_STEPS = 1 / STEP  # in a degree


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
        self.memory: Memory | None = None


class Memory:
    """What is remembered of one part.

    Attributes:
        owner: Whose it is: a part may go from one renderer to another.
        quiet: Blocks of silence in a row; None: nothing of it sounds any more.
        through: Its gain of the last block, if that went past everything.
        direction: As the ears' filters are asked for it.
        level: Gain of the direct sound.
        dull: Its dullness in `DULL_STEPS`.
        send: Gain into the reverb.
        before: The last three in the last block.
        turned: Whether its direction is another than in the last block.
        begins: Whether nothing of it sounded in the last block, so that there is nothing to fade from.
    """

    __slots__ = (
        "before",
        "begins",
        "direction",
        "dull",
        "level",
        "owner",
        "quiet",
        "seen",
        "send",
        "through",
        "turned",
    )

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.quiet: int | None = None
        self.through: float | None = None
        self.seen: tuple[object, ...] | None = None
        self.direction: Key = (0, 0)
        self.level = self.send = 0.0
        self.dull = 0
        self.before = (0.0, 0, 0.0)
        self.turned = self.begins = False

    def look(self, part: Part, pose: Pose) -> None:
        """Find out how its part is heard now."""
        source, position, gain = part.source.settings, part.source.position, part.gain
        self.before = (self.level, self.dull, self.send)
        self.turned = self.begins = False
        curve = None if source.curve is None else source.curve.value
        sent = None if source.reverb_curve is None else source.reverb_curve.value
        known = self.seen
        if (
            known is not None
            and known[0] is source
            and known[1] is position
            and known[2] is pose
            and known[3] == gain
            and known[4] is curve
            and known[5] is sent
        ):
            return
        self.seen = (source, position, pose, gain, curve, sent)
        azimuth, elevation, direct, send, dullness = place(source, position, pose)
        direction = (round(azimuth * _STEPS), round(elevation * _STEPS))
        self.turned = direction != self.direction
        self.direction = direction
        self.level, self.send = direct * gain, send * gain
        self.dull = math.ceil(dullness * DULL_STEPS)  # what is not quite 0 is no 0

    def begin(self) -> None:
        """Nothing of it sounded before: take what is now for what was then."""
        self.before = (self.level, self.dull, self.send)
        self.turned = self.begins = True

    @property
    def moves(self) -> bool:
        """Whether the direct sound is filtered otherwise than in the last block."""
        before = self.before
        return self.turned or self.level != before[0] or self.dull != before[1]


class Voices:
    """The rows: the parts that sound, one after the other, and the reverb's input as the last of the histories.

    Args:
        block: Samples of a block.
        size: Samples of the Fourier transform.

    Attributes:
        memories: Of the parts that have a row, in order.
        histories: The last `size` samples, ``(rows + 1, size)``.
        work: Room for a product, ``(rows, 2, bins)``.
    """

    def __init__(self, block: int, size: int) -> None:
        self.memories: list[Memory] = []
        self.histories = np.zeros((1, size), np.float32)
        nothing: Spectrum = np.zeros((0, 2, size // 2 + 1), np.complex64)
        self.work = self._filters = self._spare = nothing
        self._block = block
        self._remembered = -(-(size - block) // block)  # blocks that sound is remembered

    def take(self, parts: Iterable[tuple[Part, Memory]], pose: Pose) -> None:
        """Take in the parts' next blocks; what nothing sounds of any more loses its row."""
        sounding = []
        for part, memory in parts:
            memory.look(part, pose)
            if part.block is not None:
                if memory.quiet is None:
                    memory.begin()
                memory.quiet = 0
            elif memory.quiet is not None:
                memory.quiet += 1
                if memory.quiet > self._remembered:
                    memory.quiet = None
            if memory.quiet is not None:
                sounding.append((part, memory))
        memories = [memory for _, memory in sounding]
        if memories != self.memories:
            self._arrange(memories)
        new = self.histories[:, -self._block :]
        for row, (part, _) in zip(new, sounding, strict=False):
            if part.block is None:
                row[:] = 0
            else:
                row[:] = part.block if part.block.ndim == 1 else part.block.mean(axis=1)

    def turn(self, bank: Bank) -> tuple[Spectrum, Spectrum]:
        """The ears' filters of the last block and of this one, ``(rows, 2, bins)`` each."""
        memories, before = self.memories, self._filters
        if not any(memory.turned for memory in memories):
            return before, before
        self._filters, self._spare = self._spare, before
        bank.filters([memory.direction for memory in memories], self._filters)
        for row, memory in enumerate(memories):
            if memory.begins:
                before[row] = self._filters[row]
        return before, self._filters

    def advance(self) -> None:
        """A block has passed."""
        self.histories[:, : -self._block] = self.histories[:, self._block :]

    def _arrange(self, memories: list[Memory]) -> None:
        """Give these parts the rows, in order; what is new begins with nothing."""
        rows = {memory: row for row, memory in enumerate(self.memories)}
        places = [place for place, memory in enumerate(memories) if memory in rows]
        kept = [rows[memories[place]] for place in places]
        histories = np.zeros((len(memories) + 1, self.histories.shape[1]), np.float32)
        histories[places], histories[-1] = self.histories[kept], self.histories[-1]
        filters = np.zeros((len(memories), *self._filters.shape[1:]), np.complex64)
        filters[places] = self._filters[kept]
        self.memories, self.histories, self._filters = memories, histories, filters
        self._spare, self.work = np.zeros_like(filters), np.zeros_like(filters)
