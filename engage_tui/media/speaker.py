"""Where the mix goes: a sound card, or nowhere at the same pace. Either clocks the thread that mixes.

An output owns that thread and calls `render` on it, block by block (10 ms, or 5). With a card the thread keeps a few
blocks waiting in the sound system's own ring, and writes the next as soon as one was taken: a ring of ours in front of
it, emptied by a callback, would make every voice wait in both and hide no more delay than the longer of them.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from engage_tui.errors import DeviceError, EngageError
from engage_tui.media import portaudio
from engage_tui.media.playing import PLAYING, Playing
from engage_tui.media.priority import raise_thread
from engage_tui.media.source import BLOCK, SAMPLE_RATE

_log = logging.getLogger(__name__)

Stereo = npt.NDArray[np.float32]
Render = Callable[[int], Stereo]
"""Takes a number of samples, returns float32 ``(samples, 2)``, -1 to 1."""

LOW_BLOCK = BLOCK // 2
"""Samples of a block in low-latency mode: 5 ms."""

_DEPTH, _DEEPEST = (
    2,
    4,
)  # blocks that wait: what hides 20 ms of delay, and what is tried after misses
_PATIENCE = 3  # times that a full ring runs dry before a longer one is asked for, which costs a gap
_DRY = 32  # samples, at and below which the sound system's ring is empty: some tell it one short
_CALM = 30.0  # seconds without a miss after which a block less waits; twice as many each time that was too few …
_CALMEST = 600.0  # … up to these
_SETTLING = 0.5  # seconds after the start in which sound servers ask for several blocks at once
_AHEAD = 1.0  # seconds of sound beyond the clock, at which a device that takes everything at once has to wait
_FILLING = 0.5  # seconds after the start in which the size of the ring shows
_LATEST = 0.25  # seconds behind which the clock gives up catching up: the machine was suspended
_LOST = 2.0  # seconds in which a card takes nothing, after which it counts as gone
_NAP = 0.001  # seconds between two looks at the ring when a block should be taken soon


class AudioOutput(ABC):
    """Something that asks for the mix, block by block, until it is stopped.

    Attributes:
        label: The output's name for people.
        blocks: Blocks asked for since the start.
        underruns: Times a block was not ready when it was due (the first half second, in which sound servers fill
            their own buffers, is not counted).
        depth: Blocks kept ready.
        block: Samples of a block.

    Args:
        block: `BLOCK`, or `LOW_BLOCK`.
    """

    label: str = ""

    def __init__(self, block: int = BLOCK) -> None:
        self.block = block
        self._seconds = block / SAMPLE_RATE
        self.blocks = 0
        self.underruns = 0
        self.depth = _DEPTH
        self._stop = threading.Event()
        self._awake = threading.Event()
        self._is_silent: Callable[[], bool] = bool  # False: never
        self._thread: threading.Thread | None = None

    def start(
        self,
        render: Render,
        on_lost: Callable[[EngageError], None] | None = None,
        is_silent: Callable[[], bool] = bool,
    ) -> None:
        """Begin to call `render` on a thread of the output's own.

        Args:
            render: Must not raise.
            on_lost: Called once on that thread when the device is gone (it must not call `stop`). `render` is
                then called further, by the clock, into nothing, so that voices keep flowing until another output
                is chosen.
            is_silent: Whether `render` would give silence until `wake` is called; an output that nobody hears does not
                ask for it then. Called on that thread.

        Raises:
            DeviceError: The device is absent or busy, or its library is missing.
        """
        self.stop()
        self._stop.clear()
        self._is_silent = is_silent
        self.blocks = self.underruns = 0
        self._open()
        self._thread = threading.Thread(
            target=self._run, args=(render, on_lost), name="mixer", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop asking, and free the device; returns when `render` is called no more. Idempotent."""
        self._stop.set()
        self._awake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._close()

    def wake(self) -> None:
        """There may be something to hear again; from any thread."""
        self._awake.set()

    @abstractmethod
    def _run(self, render: Render, on_lost: Callable[[EngageError], None] | None) -> None:
        """Call `render` until `_stop` is set."""

    def _open(self) -> None:  # noqa: B027 - a clock has none
        """Open the device."""

    def _close(self) -> None:  # noqa: B027 - a clock has none
        """Free the device."""

    def _pace(self, render: Render, take: Callable[[Stereo], None] | None = None) -> None:
        """Call `render` by the monotonic clock until `_stop` is set."""
        due = started = time.monotonic()
        while not self._stop.is_set():
            if take is None and self._rest():
                due = time.monotonic()
            due += self._seconds
            delay = due - time.monotonic()
            if delay > 0 and self._stop.wait(delay):
                return
            block = render(self.block)
            if take is not None:
                take(block)
            self.blocks += 1
            late = time.monotonic() - due
            if (
                late > self.depth * self._seconds
            ):  # a ring filled by this thread would have been empty
                self.underruns += time.monotonic() - started > _SETTLING
            if late > _LATEST:
                due += late

    def _rest(self) -> bool:
        """Wait while there is only silence, which nobody would hear; returns whether there was any waiting."""
        if not self._is_silent():
            return False
        self._awake.clear()
        # Looked at again: what came before the clearing has called `wake` in vain.
        if not self._is_silent() or self._stop.is_set():
            return False
        self._awake.wait()
        return True


class TimerOutput(AudioOutput):
    """No device: the monotonic clock paces the mix, and stands still while that is silent and nobody takes it.

    Args:
        take: Gets every block, on the output's thread (for recordings and tests).
        block: As `AudioOutput`.
    """

    def __init__(self, take: Callable[[Stereo], None] | None = None, block: int = BLOCK) -> None:
        super().__init__(block)
        self.label = "no speaker"
        self._take = take

    def _run(self, render: Render, on_lost: Callable[[EngageError], None] | None) -> None:  # noqa: ARG002
        self._pace(render, self._take)


class SpeakerOutput(AudioOutput, portaudio.User):
    """A sound card by PortAudio.

    Args:
        device: ``default``, an index, a name or a part of it.
        playing: Is told every block, for echo cancellers.
        block: As `AudioOutput`.
    """

    def __init__(
        self, device: str = "default", playing: Playing = PLAYING, block: int = BLOCK
    ) -> None:
        super().__init__(block)
        portaudio.User.__init__(self)
        self._playing = playing
        self.label = device
        self._device = device
        self._stretch = 1  # of the ring: 2 once a short one ran dry too often
        self._misses = 0  # with as much ahead as the ring takes
        self._calm = _CALM
        self._eased = False  # a block less waits since the last miss

    def _open(self) -> None:
        self.begin()

    def _open_stream(self) -> Any:
        from engage_tui.media import devices

        device = devices.find_device("audiooutput", self._device)
        self.label = self._playing.label = device.label
        self.depth = _DEPTH
        return portaudio.open_stream(
            "RawOutputStream",
            device.label,
            device=device.index,
            samplerate=SAMPLE_RATE,
            channels=2,
            dtype="float32",
            blocksize=self.block,
            latency=(_DEEPEST - 1) * self._seconds * self._stretch,  # PortAudio adds a third
        )

    def _close(self) -> None:
        self._playing.label = ""
        self.finish()

    def _run(self, render: Render, on_lost: Callable[[EngageError], None] | None) -> None:
        given = raise_thread()
        _log.info("%s: priority %s", self.label, given or "as everything else")
        if not self._feed(render):
            self._go_on_without(render, on_lost)

    def _feed(self, render: Render) -> bool:
        """Keep `depth` blocks waiting in the device until `_stop` is set; False: the device is gone."""
        silence = np.zeros((self.block, 2), np.float32)
        started = calm_since = wrote = began = time.monotonic()
        lasts_until, capacity = float("inf"), 0
        while not self._stop.is_set():
            room = self._room()
            now = time.monotonic()
            if room is None:
                return False
            if now - started < _FILLING:  # later, what ran dry may tell of more room than there is
                capacity = max(capacity, room)
            ahead = self.blocks * self._seconds - (now - began)
            if capacity - room > (self.depth - 1) * self.block or ahead > _AHEAD:
                if now - wrote > _LOST and ahead <= _AHEAD:
                    return False
                # A block is taken about every block's length; asked at once, it would only say no.
                early = wrote + self._seconds - time.monotonic() - 2 * _NAP
                self._stop.wait(max(_NAP, early))
                continue
            first = self.blocks < _DEPTH  # silence, or the first voices would be asked for a burst
            block = np.ascontiguousarray(silence if first else render(self.block), np.float32)
            waiting = capacity - (self._room() or 0)
            now = time.monotonic()
            dry = waiting <= _DRY and now > lasts_until and now - started > _SETTLING
            if dry:
                calm_since = now
                if self._miss(capacity):
                    started = wrote = time.monotonic()
                    lasts_until, capacity = float("inf"), 0
                    continue
            elif now - calm_since > self._calm and self.depth > _DEPTH * self._stretch:
                self.depth, calm_since, self._eased = self.depth - 1, now, True
            with self._using:
                if not portaudio.write(self._stream, block):
                    return False
            self._playing.write(block)
            self.blocks += 1
            wrote = time.monotonic()
            lasts_until = wrote + (waiting + self.block) / SAMPLE_RATE
            if dry:  # told last: a slow disk must not make the gap longer
                _log.info("%s: ran dry; %d blocks are kept ahead now", self.label, self.depth)
        return True

    def _miss(self, capacity: int) -> bool:
        """Keep a block more ahead; returns whether the device was opened anew, with a longer ring."""
        self.underruns += 1
        if self._eased:  # it was too early: a machine that stalls now and then would stall for ever
            self._calm, self._eased = min(2 * self._calm, _CALMEST), False
        if self.depth < min(_DEEPEST * self._stretch, capacity // self.block):
            self.depth += 1
            return False
        self._misses += 1
        if self._misses < _PATIENCE or self._stretch > 1:
            return False
        _log.info("%s: this machine is busy; more is kept ahead", self.label)
        self._stretch = 2
        portaudio.reopen(self)
        self.depth = _DEEPEST
        return True

    def _room(self) -> int | None:
        with self._using:
            return portaudio.room(self._stream)

    def _go_on_without(self, render: Render, on_lost: Callable[[EngageError], None] | None) -> None:
        error: DeviceError = portaudio.gone(self.label)
        _log.warning("%s", error)
        self._close()  # a dead stream would keep the device list from being read anew
        if on_lost is not None:
            try:
                on_lost(error)
            except Exception:  # noqa: BLE001 - border: the owner's handler
                _log.exception("the handler for a lost speaker failed")
        self._pace(render)


def open_output(device: str | None, *, low_latency: bool = False) -> AudioOutput:
    """The output that a word names, not started yet.

    Args:
        device: None or ``off``: no device, the clock; else as `SpeakerOutput`.
        low_latency: Blocks of 5 ms instead of 10.
    """
    block = LOW_BLOCK if low_latency else BLOCK
    if device in (None, "off"):
        return TimerOutput(block=block)
    return SpeakerOutput(device, block=block)
